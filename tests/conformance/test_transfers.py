"""Items 62 to 64, 84 to 91 and 95: files, and what a CPE reports of them."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from acs.errors import InvalidInput
from acs.services.files import NewFile
from acs.store import reports
from acs.store.records import OperationRecord, OperationState
from tests.conformance.acting import Device, device, done
from tests.conformance.checklist import item
from tests.conformance.server import ACTOR, Acs, serving
from tests.conformance.wire import XSI, Answer, fault

PLACE = {"url": "http://192.0.2.1/files/f.bin", "username": "u", "password": "p"}
CONFIG = {"file_type": "config", **PLACE}
NEVER = "0001-01-01T00:00:00Z"


def accepted(status: int = 1, rpc: str = "Download") -> str:
    """The answer to Download or Upload."""
    times = f"<StartTime>{NEVER}</StartTime><CompleteTime>{NEVER}</CompleteTime>"
    return f"<cwmp:{rpc}Response><Status>{status}</Status>{times}</cwmp:{rpc}Response>"


def complete(key: str, code: int = 0, text: str = "") -> str:
    """TransferComplete."""
    return (
        f"<cwmp:TransferComplete><CommandKey>{key}</CommandKey><FaultStruct><FaultCode>{code}</FaultCode>"
        f"<FaultString>{text}</FaultString></FaultStruct><StartTime>2026-01-02T03:04:05Z</StartTime>"
        "<CompleteTime>2026-01-02T03:05:05Z</CompleteTime></cwmp:TransferComplete>"
    )


async def fetching(acs: Acs, **arguments: Any) -> tuple[Device, OperationRecord, str]:
    """A device that took a Download with Status 1; the operation and its CommandKey."""
    acting = await device(acs)
    acting.answers["Download"] = lambda _: accepted()
    operation = await acs.request(acting.cpe, "download", arguments or CONFIG)
    asked = await acting.session()
    return acting, operation, asked[-1].text("CommandKey") or ""


@item(62, "3.7.1.5", "8 DIAGNOSTICS COMPLETE makes the ACS read the results of each diagnostic that it started")
async def test_062_diagnostics_are_read_when_done(acs: Acs) -> None:
    acting = await device(acs)
    ping = "Device.IP.Diagnostics.IPPing."
    results = {"SuccessCount": "4", "FailureCount": "0", "AverageResponseTime": "9", "MinimumResponseTime": "8",
               "MaximumResponseTime": "12"}  # fmt: skip
    acting.tree |= {f"{ping}{name}": (value, "xsd:unsignedInt") for name, value in results.items()}
    acting.tree |= {f"{ping}{name}": ("", "xsd:string") for name in ("DiagnosticsState", "Interface", "Host")}
    acting.tree |= {f"{ping}{name}": ("0", "xsd:unsignedInt") for name in
                    ("NumberOfRepetitions", "Timeout", "DataBlockSize", "DSCP")}  # fmt: skip
    operation = await acs.request(acting.cpe, "diagnose", {"test": "ping", "inputs": {"host": "192.0.2.9"}})
    await acting.session()
    assert any("Requested" in call.texts(".//Value") for call in acting.all("SetParameterValues"))
    assert (await acs.state(operation)).state == OperationState.SENT
    acting.tree[f"{ping}DiagnosticsState"] = ("Complete", "xsd:string")
    await acting.session("8 DIAGNOSTICS COMPLETE")
    ended = await acs.ended(operation)
    assert ended.state == OperationState.SUCCEEDED, ended.detail
    assert "9" in str(ended.result)


@item(63, "3.7.1.5", "3 SCHEDULED with M ScheduleInform ends the request with the same CommandKey")
async def test_063_a_scheduled_inform(acs: Acs) -> None:
    acting = await device(acs)
    operation = await acs.request(acting.cpe, "schedule_inform", {"delay_s": 3600})
    await acting.session()
    key = acting.all("ScheduleInform")[0].text("CommandKey") or ""
    await acting.session("3 SCHEDULED", ("M ScheduleInform", "another"))
    assert (await acs.state(operation)).state == OperationState.SENT
    await acting.session("3 SCHEDULED", ("M ScheduleInform", key))
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@item(64, "3.7.1.5", "several M Download in one Inform are kept each, and each TransferComplete ends its own download")
async def test_064_several_downloads_at_once(acs: Acs) -> None:
    acting, first, one = await fetching(acs)
    second = await acs.request(acting.cpe, "download", {**CONFIG, "file_type": "web"})
    two = (await acting.session())[-1].text("CommandKey") or ""
    await acting.session(
        "7 TRANSFER COMPLETE", ("M Download", one), ("M Download", two), own=(complete(two), complete(one, 9010))
    )
    codes = [(event.code, event.command_key) for event in await acs.events(acting.cpe)]
    assert {("M Download", one), ("M Download", two)} <= set(codes)
    assert (await acs.ended(first)).state == OperationState.FAILED
    assert (await acs.ended(second)).state == OperationState.SUCCEEDED


@item(84, "A.3.2.8", "Download carries every argument within its length, the exact FileType and the true FileSize")
async def test_084_the_arguments_of_download(acs: Acs) -> None:
    acting = await device(acs)
    acting.answers["Download"] = lambda _: accepted()
    types = {
        "firmware": "1 Firmware Upgrade Image",
        "web": "2 Web Content",
        "config": "3 Vendor Configuration File",
        "X 00D09E Sound": "X 00D09E Sound",
    }
    for given, sent in types.items():
        await acs.request(
            acting.cpe,
            "download",
            {"file_type": given, **PLACE, "file_size": 1234, "delay_s": 5, "target_file_name": "t"},
        )
        (asked,) = await acting.session()
        assert [child.tag for child in asked.message] == [
            "CommandKey", "FileType", "URL", "Username", "Password", "FileSize", "TargetFileName", "DelaySeconds",
            "SuccessURL", "FailureURL",
        ]  # fmt: skip
        assert asked.text("FileType") == sent
        assert (asked.text("FileSize"), asked.text("DelaySeconds"), asked.text("TargetFileName")) == ("1234", "5", "t")
        assert 0 < len(asked.text("CommandKey") or "") <= 32
    with pytest.raises(InvalidInput):
        await acs.request(acting.cpe, "download", {"file_type": "config", "url": "http://a/" + "x" * 256})


@item(85, "A.3.2.8", "Status 0 ends the download at once; Status 1 waits for TransferComplete")
async def test_085_status_of_download(acs: Acs) -> None:
    acting = await device(acs)
    acting.answers["Download"] = lambda _: accepted(0)
    assert (await done(acs, acting, "download", **CONFIG)).state == OperationState.SUCCEEDED
    acting, operation, key = await fetching(acs)
    assert (await acs.state(operation)).state == OperationState.SENT
    await acting.session("7 TRANSFER COMPLETE", ("M Download", key), own=(complete(key),))
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@item(86, "A.3.3.2", "every TransferComplete is acknowledged, also one that nobody waits for")
async def test_086_every_transfer_complete_is_answered(acs: Acs) -> None:
    acting = await device(acs)
    for key in ("never-heard-of", "", "x" * 32):
        asked = await acting.session("7 TRANSFER COMPLETE", own=(complete(key), complete(key, 9018)))
        assert not asked, "nothing follows from a transfer that nobody asked for"


@item(87, "A.3.3.2", "a fault in TransferComplete fails the operation with code and text; repetitions change nothing")
async def test_087_a_transfer_fails_once(acs: Acs) -> None:
    acting, operation, key = await fetching(acs)
    report = complete(key, 9018, "checksum")
    await acting.session("7 TRANSFER COMPLETE", ("M Download", key), own=(report, report))
    ended = await acs.ended(operation)
    assert (ended.state, ended.fault_code) == (OperationState.FAILED, 9018)
    assert "checksum" in ended.detail
    await acting.session("7 TRANSFER COMPLETE", ("M Download", key), own=(report, complete(key)))
    assert await acs.state(operation) == ended


@item(88, "A.3.2.8", "firmware has succeeded only when the wanted version runs; without a report it ends by its time")
async def test_088_firmware_is_done_when_it_runs(acs: Acs) -> None:
    firmware = {"file_type": "firmware", **PLACE, "version": "SW2"}
    acting, operation, key = await fetching(acs, **firmware)
    await acting.session("7 TRANSFER COMPLETE", ("M Download", key), own=(complete(key),))
    assert (await acs.state(operation)).state == OperationState.SENT, "SW1 still runs"
    body = acting.cpe.inform("1 BOOT").replace(b">SW1<", b">SW2<")
    acting.cpe.cookie = None
    assert (await acting.cpe.post(body)).rpc == "InformResponse"
    assert (await acting.cpe.post()).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED
    silent = await device(acs)
    silent.answers["Download"] = lambda _: accepted()
    waiting = await acs.app.operations.request(ACTOR, silent.cpe.key, "download", firmware, deadline_s=1)
    await silent.session()
    ended = await acs.ended(waiting)
    assert ended.state == OperationState.FAILED


@pytest.fixture(scope="module")
async def filing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Acs]:
    """A server with a file server beside it."""
    folder = tmp_path_factory.mktemp("files")
    files = {"directory": str(folder / "files"), "host": "127.0.0.1", "port": 0, "auth": "password"}
    async with serving(folder, files=files) as server:
        yield server


async def stream(content: bytes) -> AsyncIterator[bytes]:
    """The pieces of a file."""
    for at in range(0, len(content), 1000):
        yield content[at : at + 1000]


def place(asked: Answer) -> tuple[str, tuple[str, str]]:
    """URL, user name and password of a transfer."""
    return asked.text("URL") or "", (asked.text("Username") or "", asked.text("Password") or "")


@pytest.mark.parametrize("method", ["PUT", "POST"])
@item(89, "A.4.1.5", "an upload comes in by PUT or POST, with its password, and belongs to its operation")
async def test_089_uploads(filing: Acs, method: str) -> None:
    acting = await device(filing)
    acting.answers["Upload"] = lambda _: accepted(rpc="Upload")
    operation = await filing.request(acting.cpe, "upload", {"file_type": "config"})
    asked = (await acting.session())[-1]
    assert asked.text("FileType") == "1 Vendor Configuration File"
    url, login = place(asked)
    content = b"<config>\n" * 100
    async with httpx.AsyncClient() as client:
        refused = await client.request(method, url, content=content)
        assert refused.status_code == 401
        kept = await client.request(method, url, content=content, auth=login)
    assert kept.status_code in (200, 201, 204)
    key = asked.text("CommandKey") or ""
    await acting.session("7 TRANSFER COMPLETE", ("M Upload", key), own=(complete(key),))
    assert (await filing.ended(operation)).state == OperationState.SUCCEEDED
    files = filing.app.northbound.fleet.files
    (upload,) = await files.find(ACTOR, uploads=True, device=acting.cpe.key)
    assert upload.size_bytes == len(content)


@item(90, "3.4.3", "files are served with their true Content-Length and by Range, without redirect or coding")
async def test_090_files_are_served_in_parts(filing: Acs) -> None:
    content = bytes(range(256)) * 40
    files = filing.app.northbound.fleet.files
    new = NewFile("image.bin", file_type="1 Firmware Upgrade Image")
    record = await files.add(ACTOR, new, stream(content), len(content))
    assert record.size_bytes == len(content)
    acting = await device(filing)
    acting.answers["Download"] = lambda _: accepted()
    await filing.request(acting.cpe, "download", {"file_type": "firmware", "file": record.id})
    asked = (await acting.session())[-1]
    assert asked.text("FileSize") == str(len(content))
    url, login = place(asked)
    assert len(url) <= 256
    assert url.endswith("image.bin")
    async with httpx.AsyncClient(auth=login) as client:
        part = await client.get(url, headers={"Range": "bytes=0-99"})
        assert (part.status_code, part.content) == (206, content[:100])
        assert part.headers["Content-Range"] == f"bytes 0-99/{len(content)}"
        rest = await client.get(url, headers={"Range": "bytes=100-"})
        assert hashlib.sha256(part.content + rest.content).digest() == hashlib.sha256(content).digest()
        assert "content-encoding" not in rest.headers
    async with httpx.AsyncClient() as client:
        assert (await client.get(url.replace("/files/", "/files/x"))).status_code in (403, 404)


@item(91, "A.3.3.3", "AutonomousTransferComplete, RequestDownload and DUStateChangeComplete are acknowledged and kept")
async def test_091_reports_are_acknowledged(acs: Acs) -> None:
    acting = await device(acs)
    autonomous = complete("").replace("TransferComplete>", "AutonomousTransferComplete>").replace(
        "<CommandKey></CommandKey>",
        "<AnnounceURL/><TransferURL>http://192.0.2.9/f</TransferURL><IsDownload>1</IsDownload>"
        "<FileType>1 Firmware Upgrade Image</FileType><FileSize>5</FileSize><TargetFileName/>",
    )  # fmt: skip
    wish = (
        "<cwmp:RequestDownload><FileType>3 Vendor Configuration File</FileType><FileTypeArg><ArgStruct><Name>Version"
        "</Name><Value>7</Value></ArgStruct></FileTypeArg></cwmp:RequestDownload>"
    )
    units = "<cwmp:DUStateChangeComplete><Results/><CommandKey>none</CommandKey></cwmp:DUStateChangeComplete>"
    own = units.replace("DUState", "AutonomousDUState").replace("<CommandKey>none</CommandKey>", "")
    await acting.session("10 AUTONOMOUS TRANSFER COMPLETE", "9 REQUEST DOWNLOAD", own=(autonomous, wish, units, own))
    async with acs.app.store.reading() as tx:
        kept = await reports.list_reports(tx, acting.cpe.key)
    assert len(kept) == 4
    assert not acting.all("Download"), "nothing is offered for that wish"


@item(95, "A.4.1.7", "ScheduleDownload has one or two windows, CancelTransfer bears 9021, ChangeDUState says its types")
async def test_095_scheduled_cancelled_and_units(acs: Acs) -> None:
    acting = await device(acs, version=2)
    windows = [{"start_s": 0, "end_s": 60, "retries": 2}, {"start_s": 3600, "end_s": 7200, "mode": "3 When Idle"}]
    operation = await acs.request(acting.cpe, "schedule_download", {**CONFIG, "windows": windows})
    await acting.session()
    (call,) = acting.all("ScheduleDownload")
    assert call.texts(".//MaxRetries") == ["2", "0"]
    assert call.texts(".//WindowStart") == ["0", "3600"]
    with pytest.raises(InvalidInput):
        await acs.request(acting.cpe, "schedule_download", {**CONFIG, "windows": [*windows, windows[0]]})
    acting.answers["CancelTransfer"] = lambda _: fault(9021, "too late")
    ended = await done(acs, acting, "cancel_transfer", operation=operation.id)
    assert (ended.state, ended.fault_code) == (OperationState.FAILED, 9021)
    assert (await acs.state(operation)).state == OperationState.SENT
    changes = [
        {"change": "install", "url": "http://192.0.2.1/u"},
        {"change": "uninstall", "uuid": "12345678-1234-1234-1234-123456789abc"},
    ]
    await acs.request(acting.cpe, "change_du_state", {"changes": changes})
    await acting.session()
    (units,) = acting.all("ChangeDUState")
    kinds = [each.get(f"{{{XSI}}}type") for each in units.message if each.tag == "Operations"]
    assert kinds == ["cwmp:InstallOpStruct", "cwmp:UninstallOpStruct"]
