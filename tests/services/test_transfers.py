"""Downloads, uploads, scheduled Informs and deployment units: taken by the CPE, and reported by it later."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.messages import (
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    CancelTransfer,
    CancelTransferResponse,
    ChangeDUState,
    ChangeDUStateResponse,
    Download,
    DownloadResponse,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Kicked,
    KickedResponse,
    Message,
    RequestDownload,
    RequestDownloadResponse,
    ScheduleDownload,
    ScheduleDownloadResponse,
    ScheduleInform,
    ScheduleInformResponse,
    SoapFault,
    TransferComplete,
    TransferCompleteResponse,
    Upload,
    UploadResponse,
)
from acs.cwmp.structs import FaultStruct, InstallOpStruct, OpResultStruct
from acs.store import reports
from acs.store.records import OperationRecord, OperationState
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped

AT = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
FIRMWARE = {"file_type": "firmware", "url": "http://files.example/fw.bin", "username": "u", "password": "secret!"}
METHODS = (
    "GetRPCMethods", "GetParameterValues", "SetParameterValues", "Upload", "ScheduleInform", "CancelTransfer",
    "ScheduleDownload", "ChangeDUState", "Download", "FactoryReset", "Reboot",
)  # fmt: skip


@pytest.fixture
async def cpe(server: Running) -> Cpe:
    cpe = Cpe(server.port)
    cpe.hook = obedient
    await cpe.session(("1 BOOT", ""))
    return cpe


def obedient(message: Message) -> Message | None:
    """Takes every request, and reports later what must be reported."""
    answers: dict[type[Message], Message] = {
        GetRPCMethods: GetRPCMethodsResponse(METHODS),
        Download: DownloadResponse(1),
        Upload: UploadResponse(1),
        ScheduleDownload: ScheduleDownloadResponse(),
        ScheduleInform: ScheduleInformResponse(),
        ChangeDUState: ChangeDUStateResponse(),
        CancelTransfer: CancelTransferResponse(),
    }
    return answers.get(type(message))


async def asked(server: Running, cpe: Cpe, kind: str, arguments: dict[str, Any], **named: Any) -> OperationRecord:
    operation = await server.operations.request(ACTOR, cpe.key, kind, arguments, **named)
    await cpe.until_quiet(("2 PERIODIC", ""))
    return await server.now(operation)


async def history(server: Running, cpe: Cpe) -> list[reports.ReportRecord]:
    async with server.store.reading() as tx:
        return list(await reports.list_reports(tx, cpe.key))


def complete(operation: OperationRecord, fault: FaultStruct | None = None) -> TransferComplete:
    return TransferComplete(operation.command_key, fault or FaultStruct(), AT, AT)


async def test_a_file_is_done_when_its_transfer_complete_came(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "download", {**FIRMWARE, "file_type": "config"})
    assert operation.state is OperationState.SENT
    assert operation.answered_at is not None
    sent = next(message for message in cpe.asked if isinstance(message, Download))
    assert (sent.command_key, sent.file_type) == (operation.command_key, "3 Vendor Configuration File")
    assert (sent.url, sent.username, sent.password) == (FIRMWARE["url"], "u", "secret!")
    assert "secret!" not in str(operation.arguments)
    cpe.reports = [complete(operation)]
    await cpe.session(("7 TRANSFER COMPLETE", ""), ("M Download", operation.command_key))
    assert isinstance(cpe.told[-1], TransferCompleteResponse)
    assert (await server.now(operation)).state is OperationState.SUCCEEDED
    (report,) = await history(server, cpe)
    assert (report.rpc, report.operation, report.fault_code) == ("TransferComplete", operation.id, 0)


async def test_a_transfer_that_failed_fails_it_with_code_and_text_and_a_repetition_changes_nothing(
    server: Running, cpe: Cpe
) -> None:
    operation = await asked(server, cpe, "download", FIRMWARE)
    cpe.reports = [complete(operation, FaultStruct(9016, "no such file"))] * 2
    await cpe.session(("7 TRANSFER COMPLETE", ""))
    done = await server.now(operation)
    assert (done.state, done.fault_code, done.fault_string) == (OperationState.FAILED, 9016, "no such file")
    assert len(await history(server, cpe)) == 1
    assert [type(told) for told in cpe.told] == [TransferCompleteResponse] * 2


async def test_firmware_is_done_when_its_version_is_seen(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "download", {**FIRMWARE, "version": "sw2"})
    cpe.reports = [complete(operation)]
    await cpe.session(("7 TRANSFER COMPLETE", ""))
    assert (await server.now(operation)).state is OperationState.SENT
    cpe.software_version, cpe.uptime_base_s = "sw2", 0.0
    await cpe.session(("1 BOOT", ""), ("4 VALUE CHANGE", ""))
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED
    assert "sw2" in done.detail


async def test_firmware_that_boots_with_another_version_failed(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "download", {**FIRMWARE, "version": "sw2"})
    cpe.uptime_in_inform = False
    cpe.reports = [complete(operation)]
    await cpe.session(("1 BOOT", ""), ("7 TRANSFER COMPLETE", ""))
    done = await server.now(operation)
    assert done.state is OperationState.FAILED
    assert "sw1" in done.detail
    assert "sw2" in done.detail


async def test_firmware_without_a_version_is_done_after_transfer_and_boot(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "download", FIRMWARE)
    cpe.reports = [complete(operation)]
    await cpe.session(("7 TRANSFER COMPLETE", ""))
    assert (await server.now(operation)).state is OperationState.SENT
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SENT
    cpe.uptime_in_inform = False
    await cpe.session(("1 BOOT", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED


async def test_a_version_seen_is_enough_where_no_transfer_complete_ever_comes(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "download", {**FIRMWARE, "version": "sw2"})
    cpe.software_version, cpe.uptime_in_inform = "sw2", False
    await cpe.session(("1 BOOT", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED


async def test_no_transfer_complete_fails_it_at_its_deadline_with_the_reason(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "download", FIRMWARE, deadline_s=1.5)
    done = await server.operations.wait(operation.id, 60)
    assert done.state is OperationState.FAILED
    assert done.detail == "the CPE took Download, but no TransferComplete came before the deadline"


async def test_status_0_is_the_end(server: Running, cpe: Cpe) -> None:
    cpe.hook = lambda message: DownloadResponse(0, AT, AT) if isinstance(message, Download) else None
    operation = await asked(server, cpe, "download", {**FIRMWARE, "file_type": "web"})
    assert operation.state is OperationState.SUCCEEDED


async def test_a_download_is_never_sent_twice(server: Running, cpe: Cpe) -> None:
    def dies(message: Message) -> Message | None:
        if isinstance(message, Download):
            raise Dropped
        return None

    cpe.hook = dies
    operation = await server.operations.request(ACTOR, cpe.key, "download", FIRMWARE)
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    for _ in range(3):
        await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.UNKNOWN
    assert sum(isinstance(message, Download) for message in cpe.asked) == 1
    cpe.reports = [complete(operation, FaultStruct(9010, ""))]
    await cpe.session(("7 TRANSFER COMPLETE", ""))
    assert (await server.now(operation)).fault_code == 9010


async def test_an_upload_whose_answer_was_lost_is_sent_again(server: Running, cpe: Cpe) -> None:
    lost: list[Message] = []

    def loses_one(message: Message) -> Message | None:
        if isinstance(message, Upload) and not lost:
            lost.append(message)
            raise Dropped
        return obedient(message)

    cpe.hook = loses_one
    arguments = {"file_type": "log", "url": "http://files.example/put"}
    operation = await server.operations.request(ACTOR, cpe.key, "upload", arguments)
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).attempts == 2
    cpe.reports = [TransferComplete("", FaultStruct(), AT, AT)]
    await cpe.session(("7 TRANSFER COMPLETE", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED


async def test_a_full_queue_of_transfers_is_tried_again_later(server: Running, cpe: Cpe) -> None:
    cpe.faults["Upload"] = SoapFault(9004, "queue full")
    cpe.hook = lambda m: obedient(m) if isinstance(m, GetRPCMethods) else None
    operation = await asked(server, cpe, "upload", {"file_type": "log", "url": "http://files.example/put"})
    assert operation.state is OperationState.QUEUED
    assert "refused" in await server.steps(operation)
    cpe.hook = obedient
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SENT


async def test_a_scheduled_inform_is_done_when_it_comes(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "schedule_inform", {"delay_s": 5})
    assert operation.state is OperationState.SENT
    await cpe.session(("3 SCHEDULED", ""), ("M ScheduleInform", operation.command_key))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED


async def test_a_scheduled_download_and_its_cancellation(server: Running, cpe: Cpe) -> None:
    windows = [{"start_s": 60, "end_s": 120}, {"start_s": 200, "end_s": 300, "mode": "3 When Idle", "retries": -1}]
    later = await asked(server, cpe, "schedule_download", {**FIRMWARE, "windows": windows})
    assert later.state is OperationState.FAILED
    assert "CWMP 1.2" in later.detail


async def test_deployment_units_end_with_their_results(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        cpe = Cpe(server.port, namespace="urn:dslforum-org:cwmp-1-2")
        cpe.hook = obedient
        await cpe.session(("1 BOOT", ""))
        changes = [{"change": "install", "url": "http://x/app", "username": "u", "password": "p!"}]
        operation = await asked(server, cpe, "change_du_state", {"changes": changes})
        assert operation.state is OperationState.SENT
        assert "p!" not in str(operation.arguments)
        sent = next(message for message in cpe.asked if isinstance(message, ChangeDUState))
        assert sent.operations == (InstallOpStruct("http://x/app", None, "u", "p!"),)
        result = OpResultStruct("id", "Device.X.1.", "1", "Installed", True, "", AT, AT)
        cpe.reports = [DUStateChangeComplete((result,), operation.command_key)]
        await cpe.session(("11 DU STATE CHANGE COMPLETE", ""))
        assert isinstance(cpe.told[-1], DUStateChangeCompleteResponse)
        assert (await server.now(operation)).state is OperationState.SUCCEEDED
        windows = [{"start_s": 60, "end_s": 120}]
        later = await asked(server, cpe, "schedule_download", {**FIRMWARE, "windows": windows})
        assert later.state is OperationState.SENT
        cancel = await asked(server, cpe, "cancel_transfer", {"operation": later.id})
        assert cancel.state is OperationState.SUCCEEDED
        assert (await server.now(later)).state is OperationState.CANCELLED


async def test_what_nobody_asked_for_is_answered_and_kept(server: Running, cpe: Cpe) -> None:
    cpe.reports = [
        TransferComplete("nobody's", FaultStruct(9010, "x"), AT, AT),
        AutonomousTransferComplete("", "http://x/f", True, "1 Firmware Upgrade Image", 5, "", FaultStruct(), AT, AT),
        RequestDownload("1 Firmware Upgrade Image"),
        Kicked("reboot", "", "", "http://cpe/next"),
    ]
    await cpe.session(("2 PERIODIC", ""))
    assert [type(told) for told in cpe.told] == [
        TransferCompleteResponse, AutonomousTransferCompleteResponse, RequestDownloadResponse, KickedResponse,
    ]  # fmt: skip
    assert len(await history(server, cpe)) == 4
    assert not await server.operations.list(ACTOR, device=cpe.key)


async def test_a_wish_is_granted_where_the_configuration_offers_the_file(tmp_path: Path) -> None:
    files = {"request_download": {"files": {"1 Firmware Upgrade Image": "http://files.example/fw.bin"}}}
    async with running(config_for(tmp_path, operations=files)) as server:
        cpe = Cpe(server.port)
        cpe.hook = obedient
        cpe.reports = [RequestDownload("1 Firmware Upgrade Image"), RequestDownload("2 Web Content")]
        await cpe.session(("9 REQUEST DOWNLOAD", ""))
        (sent,) = [message for message in cpe.asked if isinstance(message, Download)]
        assert sent.url == "http://files.example/fw.bin"
