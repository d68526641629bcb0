"""A restart in the middle of 1 000 open operations of all kinds loses none and repeats none of the disruptive ones.

Some are queued, some left and were never answered, some were answered and wait for their report; then the server goes
without a word, and another one begins on the same store.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    ChangeDUState,
    ChangeDUStateResponse,
    DeleteObject,
    DeleteObjectResponse,
    Download,
    DUStateChangeComplete,
    FactoryReset,
    GetOptions,
    GetOptionsResponse,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
    Reboot,
    ScheduleInform,
    ScheduleInformResponse,
    SetParameterAttributes,
    SetParameterAttributesResponse,
    SetVouchers,
    SetVouchersResponse,
    TransferComplete,
    Upload,
    UploadResponse,
)
from acs.services.clock import utc_now
from acs.services.identifiers import new_id
from acs.services.kinds import KINDS
from acs.store import operations as operation_store
from acs.store.records import FINAL_STATES, OperationRecord, OperationState
from tests.fakes.acs_server import Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped

#: Devices; each has all kinds open at once.
DEVICES = 56
#: Devices that are served at the same time.
AT_ONCE = 14
VALUE = "Device.Test.Value"
PLACE = {"url": "http://files.example/f"}
#: Kind → arguments, in the order in which a device is asked; the last ones disturb.
WANTED: dict[str, dict[str, Any]] = {
    "get": {"names": [VALUE]},
    "set": {"values": {VALUE: "new"}},
    "names": {"path": "Device.Test."},
    "attributes": {"names": [VALUE]},
    "set_attributes": {"attributes": {VALUE: {"notification": 2}}},
    "add_object": {"path": "Device.Rows."},
    "delete_object": {"path": "Device.Rows.1."},
    "refresh": {},
    "get_options": {},
    "set_vouchers": {"vouchers": ["eA=="]},
    "rpc_methods": {},
    "schedule_inform": {"delay_s": 5},
    "upload": {"file_type": "log", **PLACE},
    "change_du_state": {"changes": [{"change": "uninstall", "uuid": "u"}]},
    "download": {"file_type": "config", **PLACE},
    "schedule_download": {"file_type": "web", **PLACE, "windows": [{"start_s": 0, "end_s": 60}]},
    "factory_reset": {},
    "reboot": {},
}
#: RPCs that take effect once or not at all.
DISRUPTIVE = (Reboot, FactoryReset, Download, ChangeDUState, AddObject)
METHODS = GetRPCMethodsResponse(
    (
        "GetRPCMethods", "SetParameterValues", "GetParameterValues", "GetParameterNames", "SetParameterAttributes",
        "GetParameterAttributes", "AddObject", "DeleteObject", "Reboot", "Download", "Upload", "FactoryReset",
        "ScheduleInform", "ChangeDUState", "SetVouchers", "GetOptions",
    )
)  # fmt: skip


class Device:
    """A CPE that breaks off over one of the RPCs, a different one for each device, and counts what it did."""

    def __init__(self, port: int, n: int) -> None:
        self.cpe = Cpe(port, serial=f"T{n:04d}", namespace="urn:dslforum-org:cwmp-1-2", hook=self.answer)
        self.cpe.values = {VALUE: ("old", "xsd:string"), "Device.Rows.1.Leaf": ("x", "xsd:string")}
        self.breaks_at = n % 12
        self.requests = 0
        self.done: Counter[str] = Counter()
        self.broken = False

    def answer(self, message: Message) -> Message | None:
        if isinstance(message, DISRUPTIVE):
            self.done[type(message).__name__] += 1
        answer = self._act(message)
        self.requests += 1
        if self.requests == self.breaks_at and not self.broken:
            self.broken = True
            raise Dropped
        return answer

    def _act(self, message: Message) -> Message | None:
        match message:
            case AddObject(parameter_key=key):
                self.cpe.values |= {
                    "Device.Rows.2.Leaf": ("x", "xsd:string"),
                    "Device.ManagementServer.ParameterKey": (key, "xsd:string"),
                }
                return AddObjectResponse(2, 0)
            case ChangeDUState(command_key=key):
                self.cpe.reports.append(DUStateChangeComplete((), key))
            case Upload(command_key=key):
                self.cpe.reports.append(TransferComplete(key))
            case ScheduleInform(command_key=key):
                self.cpe.events += [("3 SCHEDULED", ""), ("M ScheduleInform", key)]
        answers: dict[type[Message], Message] = {
            GetRPCMethods: METHODS,
            GetParameterAttributes: GetParameterAttributesResponse(()),
            SetParameterAttributes: SetParameterAttributesResponse(),
            DeleteObject: DeleteObjectResponse(0),
            GetOptions: GetOptionsResponse(()),
            SetVouchers: SetVouchersResponse(),
            ScheduleInform: ScheduleInformResponse(),
            Upload: UploadResponse(1),
            ChangeDUState: ChangeDUStateResponse(),
        }
        return answers.get(type(message))

    async def session(self) -> None:
        """One session, well or broken."""
        try:
            await self.cpe.session(("2 PERIODIC", ""))
        except (Dropped, OSError):
            await asyncio.sleep(0)
        await self.cpe.rebooted()


async def together(devices: list[Device]) -> None:
    """One session of each device."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(device: Device) -> None:
        async with gate:
            await device.session()

    await asyncio.gather(*(one(device) for device in devices))


async def ask_all(server: Running, devices: list[Device]) -> None:
    """Every kind of every device, written as a request writes it, without a call to each device."""
    now = utc_now()
    async with server.store.transaction() as tx:
        for device in devices:
            for kind, arguments in WANTED.items():
                id = new_id()
                wanted = OperationRecord(
                    id=id,
                    device=device.cpe.key,
                    kind=kind,
                    arguments=KINDS[kind].check(arguments),
                    state=OperationState.QUEUED,
                    command_key=id,
                    created_at=now,
                    deadline_at=now + timedelta(hours=1),
                    actor="test",
                )
                await operation_store.add(tx, wanted)


async def all_operations(server: Running) -> list[OperationRecord]:
    async with server.store.reading() as tx:
        return await operation_store.list_operations(tx, limit=5_000)


@pytest.mark.timeout(120)
async def test_a_restart_among_a_thousand_open_operations(tmp_path: Path) -> None:
    config = config_for(
        tmp_path,
        operations={"settle_s": 0.2, "tick_s": 2.0},
        connection_requests={"retry_s": 600.0},
        cwmp={"limits": {"session_idle_s": 60.0}},
    )
    async with running(config) as server:
        devices = [Device(server.port, n) for n in range(DEVICES)]
        await together(devices)
        for device in devices:
            device.requests = 0
        await ask_all(server, devices)
        await together(devices[: DEVICES // 2])
        states = Counter(operation.state for operation in await all_operations(server))
        assert sum(states.values()) == DEVICES * len(WANTED)
        assert sum(count for state, count in states.items() if state not in FINAL_STATES) > 500
    async with running(config) as server:
        for device in devices:
            device.cpe.port = server.port
        for _ in range(9):
            await together(devices)
            if not [each for each in await all_operations(server) if each.state not in FINAL_STATES]:
                break
            await asyncio.sleep(0.25)
        found = await all_operations(server)
    assert len(found) == DEVICES * len(WANTED)
    left = [each for each in found if each.state not in FINAL_STATES]
    assert all(each.kind in ("download", "change_du_state") and each.attempts == 1 for each in left), left
    assert len(left) <= DEVICES // 6
    failed = [each for each in found if each.state is OperationState.FAILED]
    assert {each.kind for each in failed} <= {"schedule_download"}, failed
    for device in devices:
        assert all(count == 1 for count in device.done.values()), (device.cpe.serial, device.done)
        assert (device.cpe.resets, device.cpe.boots) == (1, 2), device.cpe.serial
