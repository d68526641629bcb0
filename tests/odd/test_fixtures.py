"""Every message of fixtures/cpe is played to the real server, which must take it as it is meant."""

import re

import pytest

from acs.cwmp.identity import device_key
from acs.cwmp.messages import (
    GetParameterNamesResponse,
    GetParameterValuesResponse,
    Inform,
    SoapFault,
)
from acs.cwmp.soap import Envelope, decode
from acs.store import devices
from tests.conformance.server import Acs
from tests.conformance.wire import Answer, Cpe, Wire
from tests.odd.messages import FILES, ROOT, Message, oddities, read

MESSAGES = [read(path) for path in FILES]
INFORMS = [message for message in MESSAGES if message.rpc == "Inform"]
OWN = ("GetRPCMethods", "TransferComplete", "AutonomousTransferComplete", "AutonomousDUStateChangeComplete")
REQUESTS = [message for message in MESSAGES if message.rpc in OWN]
VALUES = [message for message in MESSAGES if message.rpc == "GetParameterValuesResponse"]
FAULTS = [message for message in MESSAGES if message.rpc == "Fault"]
OTHERS = [message for message in MESSAGES if message not in (*INFORMS, *REQUESTS, *VALUES, *FAULTS) and message.rpc]


def name(message: Message) -> str:
    return message.name


def envelope(message: Message) -> Envelope:
    found = decode(message.body)
    assert found is not None
    return found


def test_every_device_says_what_is_odd() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert len(folders) >= 19
    assert all(oddities(folder) for folder in folders)
    assert len(INFORMS) > 20


@pytest.mark.parametrize("message", INFORMS, ids=name)
async def test_an_odd_inform_opens_a_session_that_ends_well(acs: Acs, message: Message) -> None:
    wire = Wire(acs.port)
    await wire.send(message.raw())
    opened = await wire.receive()
    assert (opened.status, opened.rpc) == (200, "InformResponse")
    sent = envelope(message)
    inform = sent.message
    assert isinstance(inform, Inform)
    assert opened.id == sent.id
    assert opened.namespace == sent.namespace
    cookie = (opened.header("Set-Cookie") or "").partition(";")[0]
    await wire.send(Message("", message.head, b"").raw(cookie))
    assert (await wire.receive()).status == 204
    await wire.close()
    async with acs.app.store.reading() as tx:
        stored = await devices.get(tx, device_key(inform.device_id))
        events = await devices.list_events(tx, device_key(inform.device_id))
    assert stored is not None
    assert stored.serial_number == inform.device_id.serial_number == message.serial
    assert stored.oui in message.body.decode("latin-1")
    assert stored.root in ("Device.", "InternetGatewayDevice.", "")
    declared = re.findall(rb"<(?:\w+:)?EventCode[^>]*>\s*([^<]*?)\s*<", message.body)
    assert {code.decode() for code in declared} <= {event.code for event in events}


@pytest.mark.parametrize("message", REQUESTS, ids=name)
async def test_an_odd_request_of_the_cpe_is_answered(acs: Acs, message: Message) -> None:
    cpe = acs.cpe()
    await cpe.open()
    await cpe.wire.send(message.raw(cpe.cookie))
    answer = await cpe.wire.receive()
    assert answer.rpc == f"{message.rpc}Response"
    assert answer.id == envelope(message).id
    assert (await cpe.post()).status == 204


async def asked(acs: Acs, cpe: Cpe, names: list[str]) -> Answer:
    await cpe.session()
    await acs.request(cpe, "get", {"names": names})
    await cpe.open()
    answer = await cpe.post()
    assert answer.rpc == "GetParameterValues"
    return answer


@pytest.mark.parametrize("message", VALUES, ids=name)
async def test_odd_values_are_kept(acs: Acs, message: Message) -> None:
    cpe = acs.cpe()
    content = envelope(message).message
    assert isinstance(content, GetParameterValuesResponse)
    given = {parameter.name: parameter.value for parameter in content.parameter_list}
    assert given
    assert len(given) == len(set(re.findall(rb"<(?:\w+:)?Name[^>]*>\s*([^<\s]+)", message.body)))
    await asked(acs, cpe, list(given))
    await cpe.wire.send(message.raw(cpe.cookie))
    assert (await cpe.wire.receive()).status == 204
    known = await acs.values(cpe)
    assert {name: known[name][0] for name in given} == given


@pytest.mark.parametrize("message", FAULTS, ids=name)
async def test_an_odd_fault_ends_the_operation(acs: Acs, message: Message) -> None:
    cpe = acs.cpe()
    content = envelope(message).message
    assert isinstance(content, SoapFault)
    assert str(content.fault_code).encode() in message.body
    await cpe.session()
    operation = await acs.request(cpe, "get", {"names": ["Device.A"]})
    await cpe.open()
    await cpe.post()
    await cpe.wire.send(message.raw(cpe.cookie))
    assert (await cpe.wire.receive()).status == 204
    ended = await acs.ended(operation)
    assert (ended.state, ended.fault_code) == ("failed", content.fault_code)


@pytest.mark.parametrize("message", OTHERS, ids=name)
def test_an_odd_response_is_read(message: Message) -> None:
    content = envelope(message).message
    assert type(content).__name__ == message.rpc
    if isinstance(content, GetParameterNamesResponse):
        declared = re.findall(rb"<(?:\w+:)?Name[^>]*>\s*([^<\s]+)", message.body)
        assert [info.name.encode() for info in content.parameter_list] == declared


def test_nothing_of_a_real_device_is_in_them() -> None:
    for message in MESSAGES:
        for address in re.findall(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", message.body):
            assert address.startswith((b"192.0.2.", b"0.", b"127.", b"255.")), (message.name, address)
