"""Items 42 to 55: who may say what when, and how a session ends."""

import asyncio

import pytest

from acs.store.records import OperationState
from tests.conformance.checklist import item
from tests.conformance.server import Acs
from tests.conformance.wire import Cpe, fault, values_response

UPTIME = "Device.DeviceInfo.UpTime"
READ = values_response([(UPTIME, "7", "xsd:unsignedInt")])
OWN_REQUESTS = {
    "GetRPCMethods": "<cwmp:GetRPCMethods/>",
    "TransferComplete": (
        "<cwmp:TransferComplete><CommandKey>none</CommandKey><FaultStruct><FaultCode>0</FaultCode><FaultString/>"
        "</FaultStruct><StartTime>2026-01-01T00:00:00Z</StartTime><CompleteTime>2026-01-01T00:01:00Z</CompleteTime>"
        "</cwmp:TransferComplete>"
    ),
    "RequestDownload": (
        "<cwmp:RequestDownload><FileType>1 Firmware Upgrade Image</FileType><FileTypeArg/></cwmp:RequestDownload>"
    ),
}


async def known(acs: Acs, *names: str) -> Cpe:
    """A device that came once, with a reading of each name queued."""
    cpe = acs.cpe()
    await cpe.session()
    for name in names:
        await acs.request(cpe, "get", {"names": [name]})
    return cpe


@pytest.mark.parametrize("content", [*OWN_REQUESTS.values(), READ, fault(9002)])
@item(42, "3.7.1.1", "a first envelope that is no Inform is refused (400 or a fault), and the server goes on")
async def test_042_only_an_inform_opens_a_session(acs: Acs, content: str) -> None:
    before = await acs.devices()
    cpe = acs.cpe()
    answer = await cpe.post(cpe.envelope(content))
    assert answer.status == 400 or (answer.status, answer.rpc) == (200, "Fault")
    await cpe.close()
    assert await acs.devices() == before
    await acs.cpe().session()


@item(43, "3.7.2", "the answer to an Inform carries the InformResponse and nothing else, also when work waits")
async def test_043_only_an_inform_response(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    answer = await cpe.open()
    assert [child.tag.rpartition("}")[2] for child in answer.xml.iter() if "cwmp" in child.tag] == [
        "ID",
        "InformResponse",
    ]
    await cpe.close()


@item(44, "3.7.2", "each request of the CPE is answered by its response alone")
async def test_044_a_request_gets_only_its_response(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    await cpe.open()
    for rpc, content in OWN_REQUESTS.items():
        answer = await cpe.post(cpe.envelope(content, f"own-{rpc}"))
        assert (answer.rpc, answer.id) == (f"{rpc}Response", f"own-{rpc}")
    assert (await cpe.post()).rpc == "GetParameterValues"
    await cpe.close()


@item(45, "3.7.2", "the first request of the ACS answers the empty POST, never an earlier one")
async def test_045_the_acs_waits_for_its_turn(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    answers = [await cpe.open(), await cpe.post(cpe.envelope(OWN_REQUESTS["GetRPCMethods"]))]
    assert all(answer.rpc.endswith("Response") for answer in answers)
    assert (await cpe.post()).rpc == "GetParameterValues"
    await cpe.close()


@item(46, "3.7.2", "the next request travels in the HTTP answer to the response before it")
async def test_046_no_round_is_wasted(acs: Acs) -> None:
    cpe = await known(acs, UPTIME, UPTIME)
    await cpe.open()
    first = await cpe.post()
    second = await cpe.answer(first, READ)
    assert (first.rpc, second.rpc) == ("GetParameterValues", "GetParameterValues")
    assert (await cpe.answer(second, READ)).status == 204
    await cpe.close()


@item(47, "3.7.2.4", "with nothing to do the empty POST gets 204, and the session counts as ended well")
async def test_047_a_session_that_ends_well(acs: Acs) -> None:
    before = acs.counted("ended")
    cpe = acs.cpe()
    await cpe.session()
    await acs.until(lambda: acs.counted("ended") > before)
    assert acs.counted("ended") == before + 1
    assert acs.app.sessions.visit_of(cpe.key) is None


@item(48, "3.7.2", "work that is queued while a session runs is done in it, before 204")
async def test_048_work_queued_meanwhile(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    await cpe.open()
    first = await cpe.post()
    late = await acs.request(cpe, "get", {"names": [UPTIME]})
    second = await cpe.answer(first, READ)
    assert second.rpc == "GetParameterValues"
    assert (await cpe.answer(second, READ)).status == 204
    assert (await acs.ended(late)).state == OperationState.SUCCEEDED
    await cpe.close()


@item(49, "3.7.2", "requests of a CPE are never held back: HoldRequests is not sent, so there is none to clear")
async def test_049_nothing_is_held_back(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    opened = await cpe.open()
    own = await cpe.post(cpe.envelope(OWN_REQUESTS["GetRPCMethods"]))
    asked = await cpe.post()
    assert asked.rpc == "GetParameterValues"
    for answer in (opened, own, asked):
        assert b"HoldRequests" not in answer.body
    await cpe.close()


@item(50, "3.7.2.4", "a second Inform of the same device ends its first session as failed; nothing is mixed up")
async def test_050_a_second_inform_replaces_the_session(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    replaced = acs.counted("replaced")
    await cpe.open()
    first = await cpe.post()
    assert first.rpc == "GetParameterValues"
    other = Cpe(acs.port, cpe.serial)
    await other.open()
    assert acs.counted("replaced") == replaced + 1
    late = await cpe.answer(first, READ)
    assert late.status in (204, 400), "the old session is gone"
    assert UPTIME not in await acs.values(cpe)
    again = await other.post()
    assert again.rpc == "GetParameterValues"
    assert (await other.answer(again, READ)).status == 204
    assert (await acs.values(cpe))[UPTIME][0] == "7"
    await cpe.close()
    await other.close()


@item(51, "3.7.1.4", "what was in flight when a session broke is unknown, and checked before it is done again")
async def test_051_work_in_flight_is_verified(acs: Acs) -> None:
    name = "Device.DeviceInfo.ProvisioningCode"
    cpe = await known(acs)
    operation = await acs.request(cpe, "set", {"values": {name: "new"}})
    await cpe.open()
    read = await cpe.post()
    write = await cpe.answer(read, values_response([(name, "old", "xsd:string")]))
    assert write.rpc == "SetParameterValues"
    await cpe.close()
    cpe.cookie = None
    await cpe.open(parameters=[(name, "new", "xsd:string")])
    assert (await acs.state(operation)).state == OperationState.UNKNOWN
    verify = await cpe.post()
    assert verify.rpc == "GetParameterValues"
    assert (await cpe.answer(verify, values_response([(name, "new", "xsd:string")]))).status == 204
    done = await acs.ended(operation)
    assert (done.state, done.detail) == (OperationState.SUCCEEDED, "already so")
    await cpe.close()


@item(52, "3.2.1.1", "RetryCount is taken as it comes, and events that are sent again count once")
async def test_052_repeated_events_count_once(acs: Acs) -> None:
    cpe = acs.cpe()
    events = ("1 BOOT", ("M Reboot", "key-52"))
    await cpe.open(*events)
    await cpe.close()
    for retry in (1, 942):
        cpe.cookie = None
        assert (await cpe.post(cpe.inform(*events, retry_count=retry))).rpc == "InformResponse"
        await cpe.close()
    stored = [(event.code, event.command_key) for event in await acs.events(cpe)]
    assert stored == [("1 BOOT", ""), ("M Reboot", "key-52")]


@item(53, "3.7", "a fault of the CPE does not end the session: the next request follows")
async def test_053_a_fault_does_not_end_the_session(acs: Acs) -> None:
    cpe = await known(acs, "Device.Unknown", UPTIME)
    await cpe.open()
    first = await cpe.post()
    second = await cpe.answer(first, fault(9005))
    assert second.rpc == "GetParameterValues"
    assert second.texts(".//string") == [UPTIME]
    assert (await cpe.answer(second, READ)).status == 204
    await cpe.close()


@item(54, "A.5", "a request that the ACS does not know gets fault 8000 with status 200, and the session goes on")
async def test_054_an_unknown_request(acs: Acs) -> None:
    cpe = await known(acs, UPTIME)
    await cpe.open()
    answer = await cpe.post(cpe.envelope("<cwmp:X_00D09E_Launch><Arg>1</Arg></cwmp:X_00D09E_Launch>", "own-54"))
    assert (answer.status, answer.rpc, answer.fault_code, answer.id) == (200, "Fault", 8000, "own-54")
    assert (await cpe.post()).rpc == "GetParameterValues"
    await cpe.close()


@item(55, "A.5", "a request that is sent again, as after fault 8005, is answered again")
async def test_055_the_same_request_again(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    body = cpe.envelope(OWN_REQUESTS["TransferComplete"], "again")
    for _ in range(3):
        answer = await cpe.post(body)
        assert (answer.rpc, answer.id) == ("TransferCompleteResponse", "again")
    await cpe.close()
    cpe.cookie = None
    inform = cpe.inform("1 BOOT")
    first, second = await cpe.post(inform), await cpe.post(inform)
    assert first.rpc == second.rpc == "InformResponse"
    await asyncio.sleep(0)
    await cpe.close()
