"""Operations end to end: requested, done in sessions of a CPE on a real port, their steps and ends."""

import asyncio
from pathlib import Path

import pytest

from acs.cwmp.messages import (
    GetParameterNames,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SetParameterValues,
    SoapFault,
)
from acs.cwmp.soap import Envelope, encode
from acs.cwmp.structs import ParameterValueStruct, SetParameterValuesFault
from acs.errors import Conflict, InvalidInput, NotFound, TooMany
from acs.store import operations as stored
from acs.store import trees
from acs.store.records import OperationRecord, OperationState, SessionCommit, SessionCommitted, StepName
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped, Http


@pytest.fixture
async def cpe(server: Running) -> Cpe:
    cpe = Cpe(server.port)
    cpe.values = {f"Device.Test.Item.{n}.Value": (str(n), "xsd:unsignedInt") for n in range(40)}
    cpe.values["Device.Test.Enable"] = ("true", "xsd:boolean")
    await cpe.session(("1 BOOT", ""))
    return cpe


async def test_a_get_reads_known_names_and_tells_the_unknown_ones(server: Running, cpe: Cpe) -> None:
    names = [*sorted(cpe.values)[:20], "Device.Wrong.One", "Device.Wrong.Two"]
    operation = await server.operations.request(ACTOR, cpe.key, "get", {"names": names})
    async for step in server.operations.watch(operation.id):
        if step.name is StepName.CONNECTION_REQUEST_FAILED:
            break
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED
    assert isinstance(done.result, dict)
    assert sorted(done.result["unknown"]) == ["Device.Wrong.One", "Device.Wrong.Two"]  # type: ignore[arg-type,type-var]
    assert done.result["read"] == 20
    assert await server.steps(operation) == [
        "queued", "connection_request_sent", "connection_request_failed", "session_opened", "rpc_sent",
        "rpc_answered", "succeeded",
    ]  # fmt: skip


async def test_a_refresh_of_a_thousand_parameters_takes_three_posts(server: Running, cpe: Cpe) -> None:
    cpe.values |= {f"Device.Big.{n}.Value": ("x", "xsd:string") for n in range(1000)}
    operation = await server.operations.request(ACTOR, cpe.key, "refresh", {})
    cpe.posts = 0
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED
    assert cpe.posts == 3
    async with server.store.reading() as tx:
        tree = await trees.read(tx, cpe.key)
    assert tree is not None
    assert set(cpe.values) <= set(tree.values)


async def test_a_refresh_is_split_where_the_answer_is_too_large(server: Running, cpe: Cpe) -> None:
    def refuse_the_root(message: Message) -> Message | None:
        if isinstance(message, GetParameterValues) and message.parameter_names == ("Device.",):
            return SoapFault(9004, "Resources exceeded")
        return None

    cpe.hook = refuse_the_root
    operation = await server.operations.request(ACTOR, cpe.key, "refresh", {})
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED, done
    assert any(isinstance(message, GetParameterNames) for message in cpe.asked)
    async with server.store.reading() as tx:
        tree = await trees.read(tx, cpe.key)
    assert tree is not None
    assert set(cpe.values) <= set(tree.values)


async def test_a_cpe_that_breaks_off_is_read_name_by_name_the_next_time(server: Running, cpe: Cpe) -> None:
    class Crash(Exception):
        pass

    def crash(message: Message) -> Message | None:
        if isinstance(message, GetParameterValues) and message.parameter_names[0].endswith("."):
            raise Dropped
        return None

    cpe.hook = crash
    operation = await server.operations.request(ACTOR, cpe.key, "refresh", {})
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED, done
    assert "resent" in await server.steps(operation)


async def test_a_set_uses_the_types_and_the_boolean_form_of_the_cpe(server: Running, cpe: Cpe) -> None:
    values = {"Device.Test.Enable": False, "Device.Test.Item.3.Value": 33}
    operation = await server.operations.request(ACTOR, cpe.key, "set", {"values": values})
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED
    assert cpe.values["Device.Test.Enable"] == ("false", "xsd:boolean")
    assert cpe.values["Device.Test.Item.3.Value"] == ("33", "xsd:unsignedInt")


async def test_the_faults_of_a_set_are_told_per_parameter(server: Running, cpe: Cpe) -> None:
    fault = SetParameterValuesFault("Device.Test.Item.3.Value", 9007, "Invalid value")
    cpe.faults["SetParameterValues"] = SoapFault(9003, "Invalid arguments", "Client", (fault,))
    operation = await server.operations.request(
        ACTOR, cpe.key, "set", {"values": {"Device.Test.Item.3.Value": {"value": "x", "type": "xsd:string"}}}
    )
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.FAILED
    assert done.fault_code == 9003
    assert done.result == {"faults": {"Device.Test.Item.3.Value": {"code": 9007, "text": "Invalid value"}}}
    assert "Device.Test.Item.3.Value (9007 Invalid value)" in done.detail


async def test_a_set_of_an_unknown_name_sets_nothing(server: Running, cpe: Cpe) -> None:
    operation = await server.operations.request(ACTOR, cpe.key, "set", {"values": {"Device.Nothing": 1}})
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.FAILED
    assert "Device.Nothing" in done.detail
    assert not any(isinstance(message, SetParameterValues) for message in cpe.asked)


async def test_an_operation_requested_during_a_session_is_done_in_it(server: Running, cpe: Cpe) -> None:
    await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.Test.Enable"]})
    http = Http(server.port)
    await http.post(cpe.inform(("2 PERIODIC", "")))
    asked = (await http.post()).envelope
    wanted = await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.Test.Item.1.Value"]})
    assert asked is not None
    value = ParameterValueStruct("Device.Test.Enable", "true", "xsd:boolean")
    read = GetParameterValuesResponse((value,))
    answer = await http.post(encode(Envelope(read, asked.id, asked.namespace)))
    assert answer.message == GetParameterValues(("Device.Test.Item.1.Value",))
    assert (await server.now(wanted)).state is OperationState.SENT
    await http.close()


async def test_an_operation_requested_while_a_session_writes_its_end_is_done_in_it(
    server: Running, cpe: Cpe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody calls the device for it: the open session has taken it."""
    await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.Test.Enable"]})
    commit = server.store.sessions.commit
    late: list[OperationRecord] = []

    async def meanwhile_another(change: SessionCommit) -> SessionCommitted:
        if change.ended and not late:
            names = ["Device.Test.Item.1.Value"]
            late.append(await server.operations.request(ACTOR, cpe.key, "get", {"names": names}))
        return await commit(change)

    monkeypatch.setattr(server.store.sessions, "commit", meanwhile_another)
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(late[0])).state is OperationState.SUCCEEDED


async def test_the_same_idempotency_key_gives_the_same_operation(server: Running, cpe: Cpe) -> None:
    one = await server.operations.request(ACTOR, cpe.key, "reboot", {}, idempotency_key="k1")
    two = await server.operations.request(ACTOR, cpe.key, "reboot", {}, idempotency_key="k1")
    assert one.id == two.id


async def test_an_idempotency_key_does_not_stand_for_another_operation(server: Running, cpe: Cpe) -> None:
    names = {"names": ["InternetGatewayDevice.DeviceInfo.UpTime"]}
    first = await server.operations.request(ACTOR, cpe.key, "get", names, idempotency_key="k1")
    assert (await server.operations.request(ACTOR, cpe.key, "get", names, idempotency_key="k1")).id == first.id
    with pytest.raises(Conflict, match=first.id):
        await server.operations.request(ACTOR, cpe.key, "reboot", {}, idempotency_key="k1")
    with pytest.raises(Conflict):
        await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device."]}, idempotency_key="k1")


async def test_only_a_queued_operation_can_be_cancelled(server: Running, cpe: Cpe) -> None:
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    assert (await server.operations.cancel(ACTOR, operation.id)).state is OperationState.CANCELLED
    with pytest.raises(Conflict, match="cancelled"):
        await server.operations.cancel(ACTOR, operation.id)
    await cpe.session(("2 PERIODIC", ""))
    assert cpe.boots == 0


async def test_an_operation_that_finds_no_session_expires(server: Running, cpe: Cpe) -> None:
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {}, deadline_s=1)
    done = await server.operations.wait(operation.id, 60)
    assert done.state is OperationState.EXPIRED
    assert "opened no session" in done.detail


async def test_watching_gives_every_step_once_and_ends(server: Running, cpe: Cpe) -> None:
    operation = await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.Test.Enable"]})

    async def follow() -> list[int]:
        return [step.n async for step in server.operations.watch(operation.id)]

    following = asyncio.get_running_loop().create_task(follow())
    await cpe.session(("2 PERIODIC", ""))
    numbers = await asyncio.wait_for(following, 60)
    assert numbers == list(range(1, len(numbers) + 1))


async def test_watching_misses_no_step_that_was_told_elsewhere_or_late(server: Running, cpe: Cpe) -> None:
    operation = await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.Test.Enable"]}, call=False)
    topic, now, numbers, follows = f"operation:{operation.id}", operation.created_at, list[int](), asyncio.Event()

    async def follow() -> None:
        async for step in server.operations.watch(operation.id):
            numbers.append(step.n)
            follows.set()

    following = asyncio.get_running_loop().create_task(follow())
    await asyncio.wait_for(follows.wait(), 60)
    async with server.store.transaction() as tx:
        second = await stored.step(tx, operation.id, StepName.CONNECTION_REQUEST_SENT, now)
        third = await stored.step(tx, operation.id, StepName.CONNECTION_REQUEST_FAILED, now, "nobody is there")
    server.bus.publish(topic, third)
    server.bus.publish(topic, second)
    await server.operations.cancel(ACTOR, operation.id)
    await asyncio.wait_for(following, 60)
    assert numbers == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("kind", "arguments", "place"),
    [
        ("nonsense", {}, "kind"),
        ("first_contact", {}, "kind"),
        ("reboot", {"now": True}, "arguments.now"),
        ("get", {}, "arguments.names"),
        ("get", {"names": []}, "arguments.names"),
        ("get", {"names": ["with blank "]}, "arguments.names.0"),
        ("set", {"values": {"Device.": 1}}, "arguments.values"),
        ("set", {"values": {"Device.X": [1]}}, "arguments.values.Device.X"),
        ("set", {"values": {"Device.X": {"value": 1, "type": "int"}}}, "arguments.values.Device.X"),
        ("refresh", {"path": "Device.X"}, "arguments.path"),
        ("names", {"path": "Device.", "next_level": "yes"}, "arguments.next_level"),
        ("set_attributes", {"attributes": {"Device.A": {"notification": 7}}}, "arguments.attributes.Device.A"),
        ("set_attributes", {"attributes": {"Device.A": {}}}, "arguments.attributes.Device.A"),
        ("add_object", {"path": "Device.A"}, "arguments.path"),
        ("add_object", {"path": "Device.A.", "values": {"x": [1]}}, "arguments.values.x"),
        ("delete_object", {"path": "Device.A."}, "arguments.path"),
        ("factory_reset", {"now": True}, "arguments.now"),
        ("download", {"file_type": "firmware"}, "arguments"),
        ("download", {"file_type": "firmware", "url": "x", "file": "y"}, "arguments"),
        ("download", {"file_type": "firmware", "url": "nonsense"}, "arguments.url"),
        ("download", {"file_type": "firmware", "url": "http://x/", "size": 1}, "arguments.size"),
        ("upload", {"url": "http://x/"}, "arguments.file_type"),
        ("schedule_inform", {"delay_s": 0}, "arguments.delay_s"),
        ("schedule_download", {"file_type": "web", "url": "http://x/", "windows": []}, "arguments.windows"),
        (
            "schedule_download",
            {"file_type": "web", "url": "http://x/", "windows": [{"start_s": 5, "end_s": 5}]},
            "arguments.windows.0",
        ),
        ("change_du_state", {"changes": [{"change": "install"}]}, "arguments.changes.0"),
        ("set_vouchers", {"vouchers": ["%"]}, "arguments.vouchers"),
        ("cancel_transfer", {}, "arguments.operation"),
    ],
)
async def test_wrong_arguments_name_their_place(
    server: Running, cpe: Cpe, kind: str, arguments: dict[str, object], place: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await server.operations.request(ACTOR, cpe.key, kind, arguments)
    assert str(refused.value).startswith(place)


async def test_a_file_that_is_not_there_is_said_before_anybody_is_woken(server: Running, cpe: Cpe) -> None:
    with pytest.raises(InvalidInput, match="there is no file 'nothing'"):
        await server.operations.request(ACTOR, cpe.key, "download", {"file_type": "firmware", "file": "nothing"})
    assert await server.operations.list(ACTOR, device=cpe.key) == []


async def test_an_unknown_device_and_too_many_operations_are_refused(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, operations={"queued_per_device": 2})) as server:
        cpe = Cpe(server.port)
        await cpe.session(("1 BOOT", ""))
        with pytest.raises(NotFound):
            await server.operations.request(ACTOR, "001122-ONT-NOBODY", "reboot", {})
        for _ in range(2):
            await server.operations.request(ACTOR, cpe.key, "reboot", {})
        with pytest.raises(TooMany):
            await server.operations.request(ACTOR, cpe.key, "reboot", {})
