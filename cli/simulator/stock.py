"""What a CPE holds besides its tree: transfers that wait, deployment units, options. RPCS is how it answers for them.

request ──RPCS──▶ answer now, and perhaps a Deed: a transfer, or changes of units
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from acs.cwmp import messages as m
from acs.cwmp.structs import AllQueuedTransferStruct, OptionStruct, QueuedTransferStruct
from cli.simulator.deeds import Deed, DeedKind, Outcome

RESOURCES_EXCEEDED = 9004
CANCEL_NOT_PERMITTED = 9021
#: transfers that may wait; the standard asks for three (TR-069 A.3.2.8)
MOST_TRANSFERS = 8


class TransferHabit(StrEnum):
    """What a device does with a transfer."""

    #: answers Status 1, transfers after the session, reports
    NORMAL = "normal"
    #: answers Status 0: it was done before the answer
    AT_ONCE = "at-once"
    #: answers Status 1, transfers, and never says so
    SILENT = "silent"


@dataclass(slots=True)
class Waiting:
    """One transfer. State: 1 not started, 2 in progress, 3 finishing."""

    request: m.Download | m.Upload | m.ScheduleDownload
    state: int = 1


@dataclass(slots=True)
class Stock:
    """Transfers by their command key, deployment units by their UUID with their version, options and vouchers."""

    habit: TransferHabit = TransferHabit.NORMAL
    #: names of RPCs that the device does not know
    lacking: frozenset[str] = frozenset()
    transfers: dict[str, Waiting] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    vouchers: int = 0

    def answer(self, request: m.Message) -> Outcome | None:
        """What the CPE says to the request; None when it is none of these."""
        handler = RPCS.get(type(request))
        return None if handler is None else handler(self, request)


def _full() -> Outcome:
    return m.SoapFault(RESOURCES_EXCEEDED, "Resources exceeded: too many transfers", "Server"), None


def _download(stock: Stock, request: m.Message) -> Outcome:
    assert isinstance(request, m.Download)
    if len(stock.transfers) >= MOST_TRANSFERS:
        return _full()
    stock.transfers[request.command_key] = Waiting(request)
    deed = Deed(DeedKind.TRANSFER, request.command_key, request.delay_seconds, request=request)
    return m.DownloadResponse(*_status(stock)), deed


def _upload(stock: Stock, request: m.Message) -> Outcome:
    assert isinstance(request, m.Upload)
    if len(stock.transfers) >= MOST_TRANSFERS:
        return _full()
    stock.transfers[request.command_key] = Waiting(request)
    deed = Deed(DeedKind.TRANSFER, request.command_key, request.delay_seconds, request=request)
    return m.UploadResponse(*_status(stock)), deed


def _status(stock: Stock) -> tuple[int, datetime | None, datetime | None]:
    now = datetime.now(UTC)
    return (0, now, now) if stock.habit is TransferHabit.AT_ONCE else (1, None, None)


def _schedule(stock: Stock, request: m.Message) -> Outcome:
    assert isinstance(request, m.ScheduleDownload)
    if len(stock.transfers) >= MOST_TRANSFERS:
        return _full()
    stock.transfers[request.command_key] = Waiting(request)
    start_s = min((window.window_start for window in request.time_window_list), default=0)
    return m.ScheduleDownloadResponse(), Deed(DeedKind.TRANSFER, request.command_key, start_s, request=request)


def _cancel(stock: Stock, request: m.Message) -> Outcome:
    assert isinstance(request, m.CancelTransfer)
    waiting = stock.transfers.get(request.command_key)
    if waiting is None or waiting.state != 1:
        return m.SoapFault(CANCEL_NOT_PERMITTED, "Cancelation of file transfer not permitted"), None
    del stock.transfers[request.command_key]
    return m.CancelTransferResponse(), None


def _queued(stock: Stock, _request: m.Message) -> Outcome:
    listed = tuple(QueuedTransferStruct(key, waiting.state) for key, waiting in stock.transfers.items())
    return m.GetQueuedTransfersResponse(listed), None


def _all_queued(stock: Stock, _request: m.Message) -> Outcome:
    listed = tuple(
        AllQueuedTransferStruct(
            key, waiting.state, not isinstance(waiting.request, m.Upload), waiting.request.file_type
        )
        for key, waiting in stock.transfers.items()
    )
    return m.GetAllQueuedTransfersResponse(listed), None


def _units(_stock: Stock, request: m.Message) -> Outcome:
    assert isinstance(request, m.ChangeDUState)
    return m.ChangeDUStateResponse(), Deed(DeedKind.UNITS, request.command_key, request=request)


def _options(stock: Stock, _request: m.Message) -> Outcome:
    return m.GetOptionsResponse((OptionStruct("vouchers", stock.vouchers, 1, 1),)), None


def _vouchers(stock: Stock, request: m.Message) -> Outcome:
    assert isinstance(request, m.SetVouchers)
    stock.vouchers += len(request.voucher_list)
    return m.SetVouchersResponse(), None


RPCS: dict[type[m.Message], Callable[[Stock, m.Message], Outcome]] = {
    m.Download: _download,
    m.Upload: _upload,
    m.ScheduleDownload: _schedule,
    m.CancelTransfer: _cancel,
    m.GetQueuedTransfers: _queued,
    m.GetAllQueuedTransfers: _all_queued,
    m.ChangeDUState: _units,
    m.GetOptions: _options,
    m.SetVouchers: _vouchers,
}
