"""Kinds that move files: the CPE takes the request, and reports the end by TransferComplete with the command key.

    Download, Upload ──▶ Status 0: done          ScheduleDownload ──▶ TransferComplete
                     └─▶ Status 1 ──▶ TransferComplete (same session, later, after a boot)

The one rule: firmware is done when its version is seen after a boot; where no version was named, when it was
transferred and the device booted.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, field_validator, model_validator

from acs.cwmp.faults import describe
from acs.cwmp.messages import (
    CancelTransfer,
    Download,
    DownloadResponse,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    Message,
    ScheduleDownload,
    TransferComplete,
    Upload,
    UploadResponse,
)
from acs.cwmp.structs import TimeWindowStruct
from acs.cwmp.writing import writable
from acs.services.kinds.base import Arguments, Ending, Kind, Place, PlanContext, Sighting, check_nothing, check_with
from acs.services.plans import OneRequestPlan, Outcome, Plan
from acs.store.records import Json, OperationRecord

FIRMWARE: Final = "1 Firmware Upgrade Image"
#: Short words for the file types of Download (TR-069 Amendment 6, A.3.2.8); any other text is sent as it is.
DOWNLOAD_TYPES: Final[Mapping[str, str]] = {
    "firmware": FIRMWARE,
    "web": "2 Web Content",
    "config": "3 Vendor Configuration File",
    "tone": "4 Tone File",
    "ringer": "5 Ringer File",
}
#: Short words for the file types of Upload (A.4.1.5).
UPLOAD_TYPES: Final[Mapping[str, str]] = {"config": "1 Vendor Configuration File", "log": "2 Vendor Log File"}
#: Modes of a time window (A.4.1.8); a vendor's begins with "X ".
WINDOW_MODES: Final = ("1 At Any Time", "2 Immediately", "3 When Idle", "4 Confirmation Needed")
#: Transfers that a listing names; the standard's limit is 16.
LISTED = 64
Text256 = Annotated[str, Field(max_length=256)]
Delay = Annotated[int, Field(ge=0, le=31 * 86_400)]


class Transfer(Arguments):
    """What every transfer takes: the file's type and place. `file` names a file of our own file server."""

    file_type: Annotated[str, Field(min_length=1, max_length=64)]
    url: Text256 | None = None
    file: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    username: Text256 = ""
    password: Text256 = ""

    @field_validator("file_type", "url", "username", "password")
    @classmethod
    def _can_be_written(cls, text: str | None) -> str | None:
        if text is not None and not writable(text):
            raise ValueError("holds a character that XML cannot carry")
        return text

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None and "://" not in url:
            raise ValueError(f"{url!r} is no URL; write http://host/file, https:// or ftp://")
        return url


class DownloadOf(Transfer):
    """A file to fetch: `file_type` firmware, config, web, tone, ringer or the vendor's own; `url` or `file`.

    `version` is the software version that the device must then show (firmware).
    """

    file_size: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    target_file_name: Text256 = ""
    delay_s: Delay = 0
    version: Annotated[str, Field(max_length=128)] = ""

    @model_validator(mode="after")
    def _has_a_place(self) -> "DownloadOf":
        if (self.url is None) == (self.file is None):
            raise ValueError("give url, or file for one of our own file server")
        return self


class UploadOf(Transfer):
    """A file to send: `file_type` config, log or the standard's full name; `url`, or none for our own file server."""

    delay_s: Delay = 0


class Window(Arguments):
    """Seconds from the request in which the download may happen; `retries` -1 leaves their number to the device."""

    start_s: Delay
    end_s: Delay
    mode: Annotated[str, Field(max_length=64)] = WINDOW_MODES[0]
    message: Text256 = ""
    retries: Annotated[int, Field(ge=-1, le=1000)] = 0

    @model_validator(mode="after")
    def _in_order(self) -> "Window":
        if self.end_s <= self.start_s:
            raise ValueError("end_s must be later than start_s")
        if self.mode not in WINDOW_MODES and not self.mode.startswith("X "):
            raise ValueError(f"mode: write one of {', '.join(WINDOW_MODES)}, or X OUI mode")
        return self


class ScheduleOf(DownloadOf):
    """A file to fetch within one or two windows that do not overlap."""

    windows: Annotated[list[Window], Field(min_length=1, max_length=2)]

    @model_validator(mode="after")
    def _apart(self) -> "ScheduleOf":
        first, *others = sorted(self.windows, key=lambda window: window.start_s)
        if self.delay_s or any(first.end_s > other.start_s for other in others):
            raise ValueError("windows must not overlap, and delay_s has no meaning beside them")
        return self


class OperationOf(Arguments):
    """The id of the operation whose transfer is cancelled."""

    operation: Annotated[str, Field(min_length=1, max_length=32)]


def _plan_download(operation: OperationRecord, context: PlanContext) -> Plan:
    given, place = operation.arguments, _place(operation, context)
    request = Download(
        operation.command_key,
        download_type(operation),
        place.url,
        place.username,
        place.password,
        _int(given.get("file_size")) or place.size_bytes,
        str(given.get("target_file_name", "")),
        _int(given.get("delay_s")),
    )
    return OneRequestPlan(request, lambda answer: _download_taken(answer, operation))


def _plan_upload(operation: OperationRecord, context: PlanContext) -> Plan:
    given, place = operation.arguments, _place(operation, context)
    file_type = str(given["file_type"])
    request = Upload(
        operation.command_key,
        UPLOAD_TYPES.get(file_type, file_type),
        place.url,
        place.username,
        place.password,
        _int(given.get("delay_s")),
    )
    return OneRequestPlan(request, _upload_taken)


def _plan_schedule(operation: OperationRecord, context: PlanContext) -> Plan:
    given, place = operation.arguments, _place(operation, context)
    windows = given["windows"]
    assert isinstance(windows, list)
    request = ScheduleDownload(
        operation.command_key,
        download_type(operation),
        place.url,
        place.username,
        place.password,
        _int(given.get("file_size")) or place.size_bytes,
        str(given.get("target_file_name", "")),
        tuple(_window(Window.model_validate(window)) for window in windows),
    )
    return OneRequestPlan(request, lambda _answer: Outcome(True, "the device will fetch it in its window", waits=True))


def _window(window: Window) -> TimeWindowStruct:
    return TimeWindowStruct(window.start_s, window.end_s, window.mode, window.message, window.retries)


def _place(operation: OperationRecord, context: PlanContext) -> Place:
    given = operation.arguments
    if context.place is not None:
        return context.place
    return Place(str(given.get("url", "")), str(given.get("username", "")), str(given.get("password", "")))


def download_type(operation: OperationRecord) -> str:
    """The file type of a download as it is sent."""
    file_type = str(operation.arguments["file_type"])
    return DOWNLOAD_TYPES.get(file_type, file_type)


def _download_taken(answer: Message, operation: OperationRecord) -> Outcome:
    assert isinstance(answer, DownloadResponse)
    if answer.status == 1:
        return Outcome(True, "the device fetches it, and reports the end", waits=True)
    if operation.arguments.get("version"):
        return Outcome(True, "applied, says the device; its version is awaited", {"transferred": True}, waits=True)
    return Outcome(True, "fetched and applied", {"status": answer.status})


def _upload_taken(answer: Message) -> Outcome:
    assert isinstance(answer, UploadResponse)
    if answer.status == 1:
        return Outcome(True, "the device sends it, and reports the end", waits=True)
    return Outcome(True, "sent", {"status": answer.status})


def _told(operation: OperationRecord, report: Message, sighting: Sighting) -> Outcome | None:
    """What a TransferComplete says of its operation; None: transferred, but the firmware was not seen to run."""
    if not isinstance(report, TransferComplete):
        return None
    fault = report.fault_struct
    result: dict[str, Json] = {
        "started_at": report.start_time.isoformat() if report.start_time else None,
        "completed_at": report.complete_time.isoformat() if report.complete_time else None,
    }
    if fault.fault_code != 0:
        detail = f"the transfer failed: {describe(fault.fault_code, fault.fault_string)}"
        return Outcome(False, detail, result, fault.fault_code, fault.fault_string)
    if not is_firmware(operation):
        return Outcome(True, "transferred", result)
    seen = _runs(operation, sighting, transferred=True)
    return seen and Outcome(seen.succeeded, seen.detail, result)


def _seen(operation: OperationRecord, sighting: Sighting) -> Outcome | None:
    """What an Inform says of a firmware download."""
    if not is_firmware(operation):
        return None
    result = operation.result
    transferred = isinstance(result, dict) and bool(result.get("transferred"))
    if not transferred and "7 TRANSFER COMPLETE" in (code for code, _ in sighting.events):
        return None  # its report follows in this session, and says more
    return _runs(operation, sighting, transferred=transferred)


def _runs(operation: OperationRecord, sighting: Sighting, *, transferred: bool) -> Outcome | None:
    wanted = str(operation.arguments.get("version", ""))
    runs = sighting.software_version
    if not wanted:
        return Outcome(True, f"transferred and booted; it runs {runs}") if transferred and sighting.booted else None
    changed = sighting.previous_version is not None and sighting.previous_version != runs
    if runs == wanted and (sighting.booted or changed):
        return Outcome(True, f"the device runs {runs}")
    if transferred and sighting.booted:
        return Outcome(False, f"the file was transferred, but the device booted with {runs}, not with {wanted}")
    return None


def is_firmware(operation: OperationRecord) -> bool:
    """Whether the operation changes the device's firmware."""
    return operation.kind != "upload" and download_type(operation) == FIRMWARE


def _lasts_s(arguments: Mapping[str, Json]) -> float:
    windows = arguments.get("windows")
    ends = (
        [_int(window.get("end_s")) for window in windows if isinstance(window, dict)]
        if isinstance(windows, list)
        else []
    )
    return float(_int(arguments.get("delay_s")) + max(ends, default=0))


def _plan_cancel(operation: OperationRecord, _context: PlanContext) -> Plan:
    key = str(operation.arguments["operation"])
    return OneRequestPlan(CancelTransfer(key), lambda _answer: Outcome(True, "cancelled", cancels=key))


def _plan_queued(_operation: OperationRecord, _context: PlanContext) -> Plan:
    return OneRequestPlan(GetQueuedTransfers(), _queued)


def _queued(answer: Message) -> Outcome:
    assert isinstance(answer, GetQueuedTransfersResponse)
    listed = answer.transfer_list[:LISTED]
    transfers: list[Json] = [{"command_key": each.command_key, "state": each.state} for each in listed]
    return Outcome(True, f"{len(transfers)} transfers", {"transfers": transfers})


def _plan_all_queued(_operation: OperationRecord, _context: PlanContext) -> Plan:
    return OneRequestPlan(GetAllQueuedTransfers(), _all_queued)


def _all_queued(answer: Message) -> Outcome:
    assert isinstance(answer, GetAllQueuedTransfersResponse)
    transfers: list[Json] = [
        {
            "command_key": each.command_key,
            "state": each.state,
            "is_download": each.is_download,
            "file_type": each.file_type,
            "file_size": each.file_size,
            "target_file_name": each.target_file_name,
        }
        for each in answer.transfer_list[:LISTED]
    ]
    return Outcome(True, f"{len(transfers)} transfers", {"transfers": transfers})


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


KINDS = (
    Kind(
        "download",
        check_with(DownloadOf),
        _plan_download,
        Ending.REPORT,
        "Download",
        DownloadOf,
        repeatable=False,
        with_place=True,
        on_inform=_seen,
        on_report=_told,
        lasts_s=_lasts_s,
        secrets=("password",),
    ),
    Kind(
        "upload",
        check_with(UploadOf),
        _plan_upload,
        Ending.REPORT,
        "Upload",
        UploadOf,
        retries=True,
        with_place=True,
        on_report=_told,
        lasts_s=_lasts_s,
        secrets=("password",),
    ),
    Kind(
        "schedule_download",
        check_with(ScheduleOf),
        _plan_schedule,
        Ending.REPORT,
        "ScheduleDownload",
        ScheduleOf,
        repeatable=False,
        with_place=True,
        on_inform=_seen,
        on_report=_told,
        lasts_s=_lasts_s,
        secrets=("password",),
    ),
    Kind("cancel_transfer", check_with(OperationOf), _plan_cancel, rpc="CancelTransfer", arguments=OperationOf),
    Kind("queued_transfers", check_nothing, _plan_queued, rpc="GetQueuedTransfers"),
    Kind("all_queued_transfers", check_nothing, _plan_all_queued, rpc="GetAllQueuedTransfers"),
)
