"""Factory reset, rows, attributes, names, what models lack and bear: operations in sessions of a CPE on a real port."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    FactoryReset,
    GetOptions,
    GetOptionsResponse,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterValues,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
    SetParameterAttributes,
    SetParameterAttributesResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    SetVouchers,
    SetVouchersResponse,
    SoapFault,
    Upload,
)
from acs.cwmp.structs import OptionStruct, ParameterAttributeStruct, QueuedTransferStruct
from acs.errors import InvalidInput
from acs.store import trees
from acs.store.records import OperationRecord, OperationState
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped

TABLE = "Device.NAT.PortMapping."
UPLOAD = {"file_type": "log", "url": "http://files.example/put"}


@pytest.fixture
async def cpe(server: Running) -> Cpe:
    cpe = Cpe(server.port)
    cpe.values = {f"Device.Test.Item.{n}.Value": (str(n), "xsd:unsignedInt") for n in range(40)}
    await cpe.session(("1 BOOT", ""))
    return cpe


async def asked(server: Running, cpe: Cpe, kind: str, arguments: dict[str, Any], **named: Any) -> OperationRecord:
    operation = await server.operations.request(ACTOR, cpe.key, kind, arguments, **named)
    await cpe.until_quiet(("2 PERIODIC", ""))
    return await server.now(operation)


async def known(server: Running, cpe: Cpe) -> dict[str, tuple[str, str]]:
    async with server.store.reading() as tx:
        tree = await trees.read(tx, cpe.key)
    assert tree is not None
    return dict(tree.values)


def count(cpe: Cpe, kind: type[Message]) -> int:
    return sum(isinstance(message, kind) for message in cpe.asked)


async def test_a_factory_reset_is_done_when_the_device_comes_back_reset(server: Running, cpe: Cpe) -> None:
    operation = await asked(server, cpe, "factory_reset", {})
    assert operation.state is OperationState.SENT
    await cpe.rebooted()
    await cpe.session()
    done = await server.now(operation)
    assert (done.state, done.detail) == (OperationState.SUCCEEDED, "the CPE was reset")
    assert (cpe.resets, count(cpe, FactoryReset)) == (1, 1)


async def test_a_factory_reset_whose_answer_was_lost_is_not_sent_twice(server: Running, cpe: Cpe) -> None:
    cpe.answers_reboot = False
    operation = await server.operations.request(ACTOR, cpe.key, "factory_reset", {})
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await cpe.rebooted()
    await cpe.session()
    assert (await server.now(operation)).state is OperationState.SUCCEEDED
    assert cpe.resets == 1


async def test_a_power_cut_is_no_proof_of_a_reset(server: Running, cpe: Cpe) -> None:
    def power_fails(message: Message) -> Message | None:
        if isinstance(message, FactoryReset):
            raise Dropped
        return None

    cpe.hook = power_fails
    operation = await server.operations.request(ACTOR, cpe.key, "factory_reset", {}, deadline_s=4)
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await asyncio.sleep(0.6)
    cpe.uptime_base_s, cpe.booted_at = 0.0, asyncio.get_running_loop().time()
    await cpe.session(("1 BOOT", ""))
    assert (await server.now(operation)).state is OperationState.UNKNOWN
    done = await server.operations.wait(operation.id, 60)
    assert done.state is OperationState.FAILED
    assert "nothing proved" in done.detail
    assert count(cpe, FactoryReset) == 1


async def test_what_the_model_lacks_is_not_sent_and_remembered(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    methods = GetRPCMethodsResponse(("GetParameterValues", "Reboot"))

    def has_two(message: Message) -> Message | None:
        return methods if isinstance(message, GetRPCMethods) else None

    async with running(config) as server:
        cpe = Cpe(server.port, hook=has_two)
        await cpe.session(("1 BOOT", ""))
        first = await asked(server, cpe, "upload", UPLOAD)
        assert first.state is OperationState.FAILED
        assert "not supported by this model" in first.detail
        assert (count(cpe, GetRPCMethods), count(cpe, Upload)) == (1, 0)
    async with running(config) as server:
        other = Cpe(server.port, serial="TEST0002", hook=has_two)
        await other.session(("1 BOOT", ""))
        assert (await asked(server, other, "schedule_inform", {"delay_s": 5})).state is OperationState.FAILED
        assert not other.asked


async def test_fault_9000_is_remembered_for_the_model_until_its_firmware_changes(server: Running, cpe: Cpe) -> None:
    assert (await asked(server, cpe, "upload", UPLOAD)).fault_code == 9000
    again = await asked(server, cpe, "upload", UPLOAD)
    assert "not supported by this model" in again.detail
    assert count(cpe, Upload) == 1
    cpe.software_version = "sw2"
    assert (await asked(server, cpe, "upload", UPLOAD)).fault_code == 9000
    assert count(cpe, Upload) == 2


async def test_what_is_newer_than_the_devices_version_is_not_sent(server: Running, cpe: Cpe) -> None:
    done = await asked(server, cpe, "all_queued_transfers", {})
    assert done.state is OperationState.FAILED
    assert "CWMP 1.1" in done.detail


async def test_names_and_their_next_level(server: Running, cpe: Cpe) -> None:
    done = await asked(server, cpe, "names", {"path": "Device.Test.", "next_level": True})
    assert done.result == {"names": [{"name": "Device.Test.Item.", "writable": True}], "requests": 1}
    leaf = await asked(server, cpe, "names", {"path": "Device.Test.Item.1.Value"})
    assert leaf.state is OperationState.SUCCEEDED
    sent = [message for message in cpe.asked if isinstance(message, GetParameterNames)]
    assert [message.next_level for message in sent] == [True, False]
    with pytest.raises(InvalidInput, match="next level"):
        await asked(server, cpe, "names", {"path": "Device.Test.Item.1.Value", "next_level": True})


async def test_names_refused_at_once_are_listed_level_by_level(server: Running, cpe: Cpe) -> None:
    def refuses_all_levels(message: Message) -> Message | None:
        deep = isinstance(message, GetParameterNames) and not message.next_level
        return SoapFault(9002, "too much") if deep else None

    cpe.hook = refuses_all_levels
    done = await asked(server, cpe, "names", {"path": "Device.Test."})
    assert isinstance(done.result, dict)
    names = done.result["names"]
    assert isinstance(names, list)
    assert len([each for each in names if isinstance(each, dict) and str(each["name"]).endswith("Value")]) == 40


async def test_attributes_are_read_and_the_unknown_ones_told(server: Running, cpe: Cpe) -> None:
    def reads(message: Message) -> Message | None:
        if not isinstance(message, GetParameterAttributes):
            return None
        if "Device.Wrong" in message.parameter_names:
            return SoapFault(9005, "Invalid parameter name")
        structs = tuple(ParameterAttributeStruct(name, 2, ("Subscriber",)) for name in message.parameter_names)
        return GetParameterAttributesResponse(structs)

    cpe.hook = reads
    done = await asked(server, cpe, "attributes", {"names": ["Device.A", "Device.Wrong", "Device.B"]})
    assert isinstance(done.result, dict)
    assert done.result["attributes"] == {
        name: {"notification": 2, "access_list": ["Subscriber"]} for name in ("Device.A", "Device.B")
    }
    assert "Device.Wrong" in str(done.result["refused"])


async def test_attributes_are_set_and_lightweight_ones_only_where_they_are_known(server: Running, cpe: Cpe) -> None:
    cpe.hook = lambda m: SetParameterAttributesResponse() if isinstance(m, SetParameterAttributes) else None
    wanted = {"attributes": {"Device.A": {"notification": 2}, "Device.B.": {"access_list": []}}}
    assert (await asked(server, cpe, "set_attributes", wanted)).state is OperationState.SUCCEEDED
    (sent,) = [message for message in cpe.asked if isinstance(message, SetParameterAttributes)]
    first, second = sent.parameter_list
    assert (first.notification_change, first.notification, first.access_list_change) == (True, 2, False)
    assert (second.notification_change, second.access_list_change) == (False, True)
    light = await asked(server, cpe, "set_attributes", {"attributes": {"Device.A": {"notification": 4}}})
    assert light.state is OperationState.FAILED
    assert "1.4" in light.detail


class Rows:
    """A CPE's table of port mappings."""

    def __init__(self, cpe: Cpe, *, lose_answer: bool = False) -> None:
        self.cpe = cpe
        self.rows = 2
        self.lose_answer = lose_answer

    def __call__(self, message: Message) -> Message | None:
        match message:
            case AddObject():
                self.rows += 1
                self.cpe.values |= {
                    f"{TABLE}{self.rows}.Enable": ("0", "xsd:boolean"),
                    f"{TABLE}{self.rows}.ExternalPort": ("0", "xsd:unsignedInt"),
                    "Device.ManagementServer.ParameterKey": (message.parameter_key, "xsd:string"),
                }
                if self.lose_answer:
                    self.lose_answer = False
                    raise Dropped
                return AddObjectResponse(self.rows, 0)
            case DeleteObject(object_name=name):
                if not any(each.startswith(name) for each in self.cpe.values):
                    return SoapFault(9005, "Invalid parameter name")
                self.cpe.values = {n: v for n, v in self.cpe.values.items() if not n.startswith(name)}
                return DeleteObjectResponse(0)
        return None


async def test_a_row_is_added_with_its_values_and_deleted(server: Running, cpe: Cpe) -> None:
    cpe.hook = Rows(cpe)
    added = await asked(server, cpe, "add_object", {"path": TABLE, "values": {"ExternalPort": 8080, "Enable": True}})
    assert added.state is OperationState.SUCCEEDED, added
    assert isinstance(added.result, dict)
    assert (added.result["instance"], added.result["path"]) == (3, f"{TABLE}3.")
    assert cpe.values[f"{TABLE}3.ExternalPort"] == ("8080", "xsd:unsignedInt")
    assert (await known(server, cpe))[f"{TABLE}3.Enable"] == ("1", "xsd:boolean")
    deleted = await asked(server, cpe, "delete_object", {"path": f"{TABLE}3."})
    assert deleted.state is OperationState.SUCCEEDED
    assert not any(name.startswith(f"{TABLE}3.") for name in await known(server, cpe))
    again = await asked(server, cpe, "delete_object", {"path": f"{TABLE}3."})
    assert (again.state, again.detail) == (OperationState.SUCCEEDED, f"{TABLE}3. was not there")


async def test_a_row_whose_answer_was_lost_is_found_not_added_again(server: Running, cpe: Cpe) -> None:
    cpe.hook = rows = Rows(cpe, lose_answer=True)
    operation = await server.operations.request(ACTOR, cpe.key, "add_object", {"path": TABLE})
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED, done
    assert isinstance(done.result, dict)
    assert (done.result["instance"], rows.rows) == (3, 3)


async def test_a_set_with_status_1_is_read_again_later(server: Running, cpe: Cpe) -> None:
    cpe.hook = lambda m: SetParameterValuesResponse(1) if isinstance(m, SetParameterValues) else None
    done = await asked(server, cpe, "set", {"values": {"Device.Test.Item.1.Value": 7}})
    assert done.state is OperationState.SUCCEEDED
    assert "not applied yet" in done.detail
    (later,) = await server.operations.list(ACTOR, device=cpe.key, state=OperationState.QUEUED)
    cpe.values["Device.Test.Item.1.Value"] = ("7", "xsd:unsignedInt")
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(later)).state is OperationState.SUCCEEDED
    assert (await known(server, cpe))["Device.Test.Item.1.Value"][0] == "7"


async def test_an_internal_error_of_a_set_is_tried_again_in_the_next_session(server: Running, cpe: Cpe) -> None:
    cpe.faults["SetParameterValues"] = SoapFault(9002, "busy")
    operation = await asked(server, cpe, "set", {"values": {"Device.Test.Item.1.Value": 7}})
    assert (operation.state, operation.fault_code) == (OperationState.QUEUED, 9002)
    cpe.faults.clear()
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED


async def test_a_device_that_refuses_everything_is_asked_a_few_times_only(server: Running, cpe: Cpe) -> None:
    cpe.hook = lambda message: SoapFault(9002, "Internal error")
    names = [f"Device.Test.Item.{n}.Value" for n in range(40)] * 20
    done = await asked(server, cpe, "get", {"names": [*names, *(f"Device.X.{n}" for n in range(2_000))]})
    assert done.state is OperationState.FAILED
    assert len(cpe.asked) <= 7
    cpe.asked.clear()
    assert (await asked(server, cpe, "refresh", {}, deadline_s=30)).state is OperationState.FAILED
    assert len(cpe.asked) <= 5


async def test_wrong_names_are_told_apart_from_a_device_that_refuses_everything(server: Running, cpe: Cpe) -> None:
    cpe.values["Device.DeviceInfo.SoftwareVersion"] = ("sw1", "xsd:string")
    done = await asked(server, cpe, "get", {"names": [f"Device.No.{n}" for n in range(20)]})
    assert isinstance(done.result, dict)
    assert len(done.result["unknown"]) == 20  # type: ignore[arg-type]
    assert done.result["read"] == 0


async def test_an_alias_or_a_wildcard_goes_only_to_a_device_that_knows_it(server: Running, cpe: Cpe) -> None:
    done = await asked(server, cpe, "get", {"names": ["Device.Test.Item.*.Value"]})
    assert done.state is OperationState.FAILED
    assert "InstanceWildcardsSupported" in done.detail
    assert not cpe.asked
    name = "Device.ManagementServer.InstanceWildcardsSupported"
    cpe.values[name] = ("true", "xsd:boolean")
    await asked(server, cpe, "get", {"names": [name]})
    await asked(server, cpe, "get", {"names": ["Device.Test.Item.*.Value"]})
    assert any(isinstance(m, GetParameterValues) and "*" in m.parameter_names[0] for m in cpe.asked)


async def test_queued_transfers_options_vouchers_and_methods(server: Running, cpe: Cpe) -> None:
    answers: dict[type[Message], Message] = {
        GetRPCMethods: GetRPCMethodsResponse(
            ("GetParameterValues", "GetQueuedTransfers", "GetOptions", "SetVouchers", "GetRPCMethods")
        ),
        GetQueuedTransfers: GetQueuedTransfersResponse((QueuedTransferStruct("k", 2),)),
        GetOptions: GetOptionsResponse((OptionStruct("gold", 7, 1, 1),)),
        SetVouchers: SetVouchersResponse(),
    }
    cpe.hook = lambda message: answers.get(type(message))
    queued = await asked(server, cpe, "queued_transfers", {})
    assert queued.result == {"transfers": [{"command_key": "k", "state": 2}]}
    options = await asked(server, cpe, "get_options", {})
    assert "gold" in str(options.result)
    assert (await asked(server, cpe, "set_vouchers", {"vouchers": ["aGVsbG8="]})).state is OperationState.SUCCEEDED
    (sent,) = [message for message in cpe.asked if isinstance(message, SetVouchers)]
    assert sent.voucher_list == (b"hello",)
    methods = await asked(server, cpe, "rpc_methods", {})
    assert "GetOptions" in str(methods.result)
