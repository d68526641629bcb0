"""Every kind of operation from the request to its end: our server, the simulator's CPE, a file server, real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.envelope import NS_1_2
from acs.cwmp.structs import DeviceId
from acs.services.kinds import others, reading, restart, setting, transfers
from acs.store.records import OperationRecord, OperationState
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.stock import TransferHabit
from cli.simulator.tree import load
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.file_server import FileServer
from tests.simulator.conftest import FIXED

ROOT = "InternetGatewayDevice."
MAPPINGS = f"{ROOT}WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.PortMapping."
ENABLE = f"{ROOT}ManagementServer.PeriodicInformEnable"


@dataclass
class Place:
    """One server, one CPE, one file server."""

    server: Running
    cpe: Cpe
    files: FileServer

    async def do(self, kind: str, arguments: dict[str, Any], *, timeout_s: float = 15.0) -> OperationRecord:
        operation = await self.server.operations.request(ACTOR, self.cpe.key, kind, arguments, deadline_s=timeout_s)
        return await self.server.operations.wait(operation.id, timeout_s + 2)


@asynccontextmanager
async def placed(folder: Path, *, namespace: str = NS_1_2) -> AsyncIterator[Place]:
    config = config_for(folder, cwmp={"first_contact": {"enabled": True}}, operations={"settle_s": 0.5})
    async with running(config) as server, FileServer(("files", "secret")) as files:
        fixed = FIXED | {"acs_url": f"http://127.0.0.1:{server.port}/", "periodic_s": "1"}
        cpe = Cpe(
            DeviceId("Maker", "00259E", "ONT", "S1"),
            lambda device: load(CpeKind.ONT.value, fixed, device.live),
            "",
            uptime_s=1000,
            habits=Habits(boot_s=0.05, retry_m_s=0.05, namespace=namespace),
        )
        await cpe.start()
        try:
            async with asyncio.timeout(60):
                await cpe.wait_informed()
            yield Place(server, cpe, files)
        finally:
            await cpe.stop()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as place:
        yield place


def ended(operation: OperationRecord) -> tuple[str, OperationState, str]:
    return operation.kind, operation.state, operation.detail


@pytest.mark.timeout(60)
async def test_reading_and_setting(place: Place) -> None:
    got = await place.do("get", {"names": [ENABLE]})
    assert got.state is OperationState.SUCCEEDED, ended(got)
    for kind, arguments in {
        "set": {"values": {ENABLE: False}},
        "names": {"path": f"{ROOT}DeviceInfo."},
        "attributes": {"names": [ENABLE]},
        "set_attributes": {"attributes": {ENABLE: {"notification": 1}}},
        "rpc_methods": {},
        "refresh": {},
    }.items():
        done = await place.do(kind, arguments)
        assert done.state is OperationState.SUCCEEDED, ended(done)
    assert place.cpe.tree.value(ENABLE) in ("0", "false")
    refused = await place.do("set", {"values": {f"{ROOT}DeviceInfo.SoftwareVersion": "x"}})
    assert (refused.state, refused.fault_code) == (OperationState.FAILED, 9003)
    assert "9008" in str(refused.result)


@pytest.mark.timeout(60)
async def test_restarts(place: Place) -> None:
    for kind in ("reboot", "factory_reset"):
        done = await place.do(kind, {})
        assert done.state is OperationState.SUCCEEDED, ended(done)
    assert place.cpe.reboots == 2


@pytest.mark.timeout(60)
async def test_files_go_both_ways(place: Place) -> None:
    url, credentials = place.files.url, {"username": "files", "password": "secret"}
    place.files.files |= {"/fw.bin": b"VERSION V9\n...", "/cfg.txt": f"{ENABLE}=0\n".encode()}
    firmware = {"file_type": "firmware", "url": f"{url}/fw.bin", "version": "V9", **credentials}
    done = await place.do("download", firmware)
    assert done.state is OperationState.SUCCEEDED, ended(done)
    assert place.cpe.tree.value(f"{ROOT}DeviceInfo.SoftwareVersion") == "V9"
    config = await place.do("download", {"file_type": "config", "url": f"{url}/cfg.txt", **credentials})
    assert config.state is OperationState.SUCCEEDED, ended(config)
    upload = await place.do("upload", {"file_type": "config", "url": f"{url}/up", **credentials})
    assert upload.state is OperationState.SUCCEEDED, ended(upload)
    assert f"{ENABLE}=0".encode() in place.files.received["/up"]
    missing = await place.do("download", {"file_type": "web", "url": f"{url}/none", **credentials})
    assert (missing.state, missing.fault_code) == (OperationState.FAILED, 9016)
    closed = await place.do("download", {"file_type": "web", "url": f"{url}/cfg.txt"})
    assert closed.fault_code == 9012
    strange = await place.do("download", {"file_type": "web", "url": "ftp://127.0.0.1/x"})
    assert strange.fault_code == 9013
    windows = [{"start_s": 0, "end_s": 60}]
    later = await place.do(
        "schedule_download", {"file_type": "web", "url": f"{url}/cfg.txt", "windows": windows, **credentials}
    )
    assert later.state is OperationState.SUCCEEDED, ended(later)
    place.cpe.stock.habit = TransferHabit.AT_ONCE
    at_once = await place.do("download", {"file_type": "web", "url": f"{url}/cfg.txt", **credentials})
    assert at_once.state is OperationState.SUCCEEDED, ended(at_once)


@pytest.mark.timeout(60)
async def test_a_device_that_never_reports_runs_into_its_deadline(place: Place) -> None:
    place.cpe.stock.habit = TransferHabit.SILENT
    place.files.files["/x"] = b"x"
    arguments = {"file_type": "web", "url": f"{place.files.url}/x", "username": "files", "password": "secret"}
    done = await place.do("download", arguments, timeout_s=3)
    assert done.state is OperationState.FAILED
    assert "no TransferComplete came" in done.detail
    assert place.files.fetched == ["/x"]


@pytest.mark.timeout(60)
async def test_what_waits_can_be_listed_and_cancelled(place: Place) -> None:
    arguments = {"file_type": "log", "url": f"{place.files.url}/log", "delay_s": 600}
    waiting = await place.server.operations.request(ACTOR, place.cpe.key, "upload", arguments)
    for kind in ("queued_transfers", "all_queued_transfers"):
        listed = await place.do(kind, {})
        assert waiting.command_key in str(listed.result), ended(listed)
    cancelled = await place.do("cancel_transfer", {"operation": waiting.id})
    assert cancelled.state is OperationState.SUCCEEDED, ended(cancelled)
    assert (await place.server.now(waiting)).state is OperationState.CANCELLED
    late = await place.do("cancel_transfer", {"operation": waiting.id})
    assert late.fault_code == 9021


@pytest.mark.timeout(60)
async def test_the_rest(place: Place) -> None:
    informed = await place.do("schedule_inform", {"delay_s": 1})
    assert informed.state is OperationState.SUCCEEDED, ended(informed)
    changes: list[dict[str, Any]] = [
        {"change": "install", "url": f"{place.files.url}/app", "username": "files", "password": "secret", "uuid": "u1"},
        {"change": "update", "uuid": "u1"},
        {"change": "uninstall", "uuid": "u1"},
    ]
    place.files.files["/app"] = b"app"
    done = await place.do("change_du_state", {"changes": changes})
    assert done.state is OperationState.SUCCEEDED, ended(done)
    failed = await place.do("change_du_state", {"changes": changes[2:]})
    assert (failed.state, failed.fault_code) == (OperationState.FAILED, 9028)
    assert (await place.do("set_vouchers", {"vouchers": ["eA=="]})).state is OperationState.SUCCEEDED
    assert "vouchers" in str((await place.do("get_options", {})).result)
    assert place.cpe.stock.vouchers == 1


@pytest.mark.timeout(60)
async def test_rows(place: Place) -> None:
    added = await place.do("add_object", {"path": MAPPINGS, "values": {"ExternalPort": 8080}})
    assert added.state is OperationState.SUCCEEDED, ended(added)
    assert isinstance(added.result, dict)
    row = str(added.result["path"])
    assert place.cpe.tree.value(f"{row}ExternalPort") == "8080"
    deleted = await place.do("delete_object", {"path": row})
    assert deleted.state is OperationState.SUCCEEDED, ended(deleted)
    assert f"{row}ExternalPort" not in place.cpe.tree
    refused = await place.do("add_object", {"path": f"{ROOT}DeviceInfo."})
    assert refused.fault_code == 9005


def test_every_rpc_is_walked_here() -> None:
    families = (restart, reading, setting, transfers, others)
    known = {kind.name for family in families for kind in family.KINDS if not kind.internal}
    text = Path(__file__).read_text("utf-8")
    assert not {name for name in known if f'"{name}"' not in text}
