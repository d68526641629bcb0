"""Answers of a CPE that no store can hold, and values that no XML can carry: the operation ends, the session lives."""

import pytest

from acs.cwmp.messages import GetParameterValuesResponse, Message, SoapFault
from acs.cwmp.structs import ParameterValueStruct
from acs.errors import InvalidInput
from acs.services.visits import parse_uptime
from acs.store import trees
from acs.store.records import OperationState
from tests.fakes.acs_server import ACTOR, Running
from tests.fakes.cpe import Cpe, Http


def given(*parameters: tuple[str, str, str]) -> Message:
    return GetParameterValuesResponse(tuple(ParameterValueStruct(*each) for each in parameters))


GOOD = ("Device.Good", "1", "xsd:int")
ANSWERS = {
    "long name": (given(("Device." + "a" * 2_000, "x", "xsd:string"), GOOD), OperationState.SUCCEEDED),
    "long type": (given(("Device.A", "x", "xsd:" + "s" * 300), GOOD), OperationState.SUCCEEDED),
    "too many characters": (
        given(*((f"Device.{n}", "x" * 1_000, "xsd:string") for n in range(7)), GOOD),
        OperationState.SUCCEEDED,
    ),
    "absurd fault code": (SoapFault(99_999_999_999, "x"), OperationState.FAILED),
    "long fault": (SoapFault(9002, "x" * 100_000), OperationState.FAILED),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_absurd_answer_ends_the_operation(server: Running, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(trees, "MAX_CHARACTERS", 5_000)
    answer, state = ANSWERS[name]
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    cpe.hook = lambda _: answer
    operation = await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device."]})
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is state
    if name.startswith("long ") and state is OperationState.SUCCEEDED:
        async with server.store.reading() as tx:
            tree = await trees.read(tx, cpe.key)
        assert tree is not None
        assert tree.values["Device.Good"] == ("1", "xsd:int")


async def test_a_reboot_refused_with_an_absurd_code_fails(server: Running) -> None:
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    cpe.faults["Reboot"] = SoapFault(99_999_999_999, "no")
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.FAILED
    assert "99999999999" in done.detail


async def test_an_inform_with_absurd_counts_is_taken(server: Running) -> None:
    cpe = Cpe(server.port, uptime_base_s=9e10, retry_count=2**40)
    http = Http(server.port)
    response = await http.post(cpe.inform(("2 PERIODIC", "")))
    await http.close()
    assert response.status == 200
    assert not isinstance(response.message, SoapFault)
    assert parse_uptime("99999999999") is None
    assert parse_uptime("2147483647") == 2**31 - 1


@pytest.mark.parametrize("value", ["\x01", "\ud800", "\0", "\ufffe"])
async def test_what_xml_cannot_carry_is_refused_when_it_is_asked_for(server: Running, value: str) -> None:
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    with pytest.raises(InvalidInput, match=r"arguments\.values\.Device\.A"):
        await server.operations.request(ACTOR, cpe.key, "set", {"values": {"Device.A": value}})
