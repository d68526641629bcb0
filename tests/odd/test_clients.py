"""Clients that behave as those of the quirks sheet do: their HTTP, their parsers, their habits, through sockets."""

import asyncio
import gzip
import re

import pytest

from acs.store.records import OperationRecord, OperationState
from tests.conformance.server import Acs
from tests.conformance.wire import Answer, Cpe, Wire, fault, values_response

UPTIME = "Device.DeviceInfo.UpTime"
READ = values_response([(UPTIME, "7", "xsd:unsignedInt")])


async def queued(acs: Acs, cpe: Cpe, *names: str) -> list:  # type: ignore[type-arg] # operations, by their names
    """A device that came once, with a reading for each name."""
    await cpe.session()
    return [await acs.request(cpe, "get", {"names": [name]}) for name in names]


async def asked_to_set(acs: Acs) -> tuple[Cpe, OperationRecord, Answer]:
    """A device that is asked to set a name, which was another before."""
    cpe = acs.cpe()
    await cpe.session()
    operation = await acs.request(cpe, "set", {"values": {"Device.X.Name": "new"}})
    await cpe.open()
    read = await cpe.post()
    return cpe, operation, await cpe.answer(read, values_response([("Device.X.Name", "old", "xsd:string")]))


class Literal:
    """A client that looks for texts, as naive ones do: prefixes must be these, and nothing may precede the envelope."""

    def __init__(self, answer: Answer) -> None:
        self.text = answer.body.decode()

    @property
    def readable(self) -> bool:
        return "<soap-env:Body><cwmp:" in self.text and 'xmlns:soap-enc="' in self.text

    @property
    def rpc(self) -> str:
        return re.findall(r"<soap-env:Body><cwmp:(\w+)", self.text)[0]

    @property
    def names(self) -> list[str]:
        return re.findall(r"<string>([^<]*)</string>", self.text)


async def test_a_client_that_compares_prefixes_literally(acs: Acs) -> None:
    cpe = acs.cpe()
    await queued(acs, cpe, UPTIME)
    opened = Literal(await cpe.open())
    assert opened.readable
    assert opened.rpc == "InformResponse"
    asked = await cpe.post()
    assert Literal(asked).readable
    assert (Literal(asked).rpc, Literal(asked).names) == ("GetParameterValues", [UPTIME])
    assert "> <" not in asked.body.decode()
    assert (await cpe.answer(asked, READ)).status == 204


async def test_a_client_that_dies_of_the_xml_declaration_is_found_out(acs: Acs) -> None:
    """It drops the connection after an answer that begins with <?xml, and comes back with a higher RetryCount."""
    cpe = acs.cpe()
    tries = 0
    while True:
        answer = await cpe.post(cpe.inform("0 BOOTSTRAP", retry_count=tries))
        assert answer.status == 200
        if answer.body.startswith(b"<soap-env:Envelope"):
            break
        tries += 1
        assert tries < 4
        cpe.cookie = None
        await cpe.close()
    assert (await cpe.post()).status == 204
    await cpe.close()
    (operation,) = [await acs.request(cpe, "get", {"names": [UPTIME]})]
    cpe.cookie = None
    again = await cpe.open()
    assert again.body.startswith(b"<soap-env:Envelope"), "it is remembered"
    asked = await cpe.post()
    assert asked.body.startswith(b"<soap-env:Envelope")
    assert (await cpe.answer(asked, READ)).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


async def test_a_client_that_answers_is_never_spoken_to_otherwise(acs: Acs) -> None:
    cpe = acs.cpe()
    for _ in range(5):
        assert (await cpe.open()).body.startswith(b"<?xml")
        assert (await cpe.post()).status == 204
        await cpe.close()


async def test_a_client_with_a_connection_per_post_and_no_cookies_does_no_harm(acs: Acs) -> None:
    cpe = acs.cpe(keeps_cookie=False)
    (operation,) = await queued(acs, cpe, UPTIME)
    for _ in range(2):
        await cpe.open()
        await cpe.close()
        assert (await cpe.post()).status == 204, "nobody knows whose it is"
        await cpe.close()
    assert (await acs.state(operation)).state == OperationState.QUEUED


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_a_client_of_http_1_0(acs: Acs, keep_alive: bool) -> None:
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, UPTIME)
    extra = {"Connection": "Keep-Alive"} if keep_alive else {}

    async def post(body: bytes = b"") -> Answer:
        await cpe.wire.send(cpe.request(body, extra).replace(b" HTTP/1.1", b" HTTP/1.0"))
        answer = cpe.keep(await cpe.wire.receive())
        if not keep_alive:
            assert await cpe.wire.closed()
            await cpe.close()
        else:
            assert (answer.header("Connection") or "").lower() == "keep-alive"
        return answer

    assert (await post(cpe.inform())).rpc == "InformResponse"
    asked = await post()
    assert (await post(cpe.envelope(READ, asked.id))).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


async def test_a_client_that_pipelines(acs: Acs) -> None:
    """Inform, its own request and the empty POST in one go: three answers in their order."""
    cpe = acs.cpe()
    own = cpe.envelope("<cwmp:GetRPCMethods/>", "own")
    await cpe.wire.send(cpe.request(cpe.inform()) + cpe.request(own) + cpe.request(b""))
    answers = [await cpe.wire.receive() for _ in range(3)]
    assert [answer.rpc for answer in answers[:2]] == ["InformResponse", "GetRPCMethodsResponse"]
    assert answers[2].status == 204


async def test_a_client_of_libcurl_waits_for_100_with_every_body(acs: Acs) -> None:
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, UPTIME)

    async def post(body: bytes) -> Answer:
        raw = cpe.request(body, {"Expect": "100-continue", "TE": "trailers", "Accept": "*/*"})
        await cpe.wire.send(raw[: -len(body)])
        assert (await cpe.wire.receive()).status == 100
        await cpe.wire.send(body)
        return cpe.keep(await cpe.wire.receive())

    assert (await post(cpe.inform())).rpc == "InformResponse"
    asked = await cpe.post()
    assert (await post(cpe.envelope(READ, asked.id))).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "", "text/xml; encoding=utf-8", "application/x-www-form-urlencoded", "application/soap+xml", None],
)
async def test_a_client_with_any_content_type(acs: Acs, kind: str | None) -> None:
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, UPTIME)
    cpe.headers = {"Content-Type": kind}  # type: ignore[dict-item] # None leaves it out
    await cpe.open()
    asked = await cpe.post()
    assert (await cpe.answer(asked, READ)).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


async def test_a_client_whose_empty_post_says_xml_and_no_length(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    await cpe.wire.send(
        f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nCookie: {cpe.cookie}\r\n\r\n".encode()
    )
    assert (await cpe.wire.receive()).status == 204


@pytest.mark.parametrize("parts", [1, 2, 3])
async def test_a_client_that_counts_characters_instead_of_bytes(acs: Acs, parts: int) -> None:
    """Content-Length is too small by one byte for each letter beyond ASCII; the rest follows all the same."""
    cpe = acs.cpe()
    body = cpe.inform(parameters=[("Device.X.Name", "Дом у реки", "xsd:string")])
    raw = cpe.request(body, {"Content-Length": str(len(body.decode()))})
    cuts = {1: [], 2: [len(raw) - 20], 3: [len(raw) - 2000, len(raw) - 4]}[parts]
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        await cpe.wire.send(raw[start:end])
        await asyncio.sleep(0.02)
    assert cpe.keep(await cpe.wire.receive()).rpc == "InformResponse"
    assert (await cpe.post()).status == 204
    assert (await acs.values(cpe))["Device.X.Name"][0] == "Дом у реки"


async def test_a_client_that_pads_its_bodies(acs: Acs) -> None:
    cpe = acs.cpe()
    for body in (
        cpe.inform() + b"\0\0\0",
        b"\r\n\r\n" + cpe.inform(),
        b"\xef\xbb\xbf" + cpe.inform(),
        cpe.inform().decode().encode("utf-16"),
        gzip.compress(b"  " + cpe.inform()),
    ):
        headers = {"Content-Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
        assert (await cpe.post(body, headers)).rpc == "InformResponse"
        assert (await cpe.post(b" \r\n")).status == 204, "white space is an empty POST"


async def test_a_client_that_begins_with_an_empty_post(acs: Acs) -> None:
    cpe = acs.cpe()
    assert (await cpe.post()).status == 204
    await cpe.open()
    assert (await cpe.post()).status == 204


async def test_a_client_that_never_answers_with_our_id(acs: Acs) -> None:
    cpe = acs.cpe()
    first, second = await queued(acs, cpe, UPTIME, UPTIME)
    await cpe.open()
    await cpe.post()
    await cpe.post(cpe.envelope(READ, None))
    assert (await cpe.post(cpe.envelope(READ, "null"))).status == 204
    for operation in (first, second):
        assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


async def test_a_client_that_sends_empty_posts_after_the_end(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    for _ in range(3):
        assert (await cpe.post()).status == 204


async def test_a_client_that_answers_a_question_with_an_empty_post(acs: Acs) -> None:
    cpe = acs.cpe()
    first, second = await queued(acs, cpe, "Device.Unknown", UPTIME)
    await cpe.open()
    await cpe.post()
    asked = await cpe.post()
    assert asked.rpc == "GetParameterValues"
    assert (await cpe.answer(asked, READ)).status == 204
    assert (await acs.ended(first)).state == OperationState.FAILED
    assert (await acs.ended(second)).state == OperationState.SUCCEEDED


async def test_a_client_that_answers_a_reboot_with_an_empty_post_may_reboot(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.session()
    operation = await acs.request(cpe, "reboot")
    await cpe.open()
    asked = await cpe.post()
    assert asked.rpc == "Reboot"
    await cpe.post()
    await cpe.close()
    assert (await acs.state(operation)).state in (OperationState.SENT, OperationState.UNKNOWN)
    cpe.cookie = None
    await cpe.session("1 BOOT", ("M Reboot", asked.text("CommandKey") or ""))
    assert (await acs.state(operation)).state == OperationState.SUCCEEDED


@pytest.mark.parametrize(
    "content",
    [
        "<cwmp:SetParameterValuesResponse/>",
        "<cwmp:SetParameterValuesResponse><ParameterList/></cwmp:SetParameterValuesResponse>",
        "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>",
        "<SetParameterValuesResponse><Status> 00 </Status></SetParameterValuesResponse>",
    ],
)
async def test_a_client_with_an_odd_answer_to_a_setting(acs: Acs, content: str) -> None:
    cpe, operation, write = await asked_to_set(acs)
    assert write.rpc == "SetParameterValues"
    last = await cpe.answer(write, content)
    if last.body:
        last = await cpe.answer(last, values_response([("Device.X.Name", "new", "xsd:string")]))
    assert last.status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


async def test_a_client_with_vendor_faults_and_no_text(acs: Acs) -> None:
    cpe, operation, write = await asked_to_set(acs)
    assert (await cpe.answer(write, fault(9801, ""))).status == 204
    ended = await acs.ended(operation)
    assert (ended.state, ended.fault_code) == (OperationState.FAILED, 9801)


@pytest.mark.parametrize("answer", [values_response([]), "<cwmp:GetParameterValuesResponse/>"])
async def test_a_client_that_answers_an_unknown_name_with_nothing(acs: Acs, answer: str) -> None:
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, "Device.Unknown")
    await cpe.open()
    last = await cpe.answer(await cpe.post(), answer)
    assert last.status == 204
    assert (await acs.ended(operation)).state == OperationState.FAILED


async def test_a_client_with_every_answer_twice_in_it(acs: Acs) -> None:
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, UPTIME)
    await cpe.open()
    asked = await cpe.post()
    twice = values_response([(UPTIME, "\n 7 \n", "xsd:unsignedInt"), (UPTIME, "7", "xsd:unsignedInt")])
    assert (await cpe.answer(asked, twice)).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED
    assert (await acs.values(cpe))[UPTIME][0] == "7"


async def test_a_client_whose_text_is_cdata_with_broken_characters(acs: Acs) -> None:
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, "Device.X.Note")
    await cpe.open()
    asked = await cpe.post()
    note = (
        "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct><Name>Device.X.Note</Name>"
        '<Value foo:type="xsd:string"><![CDATA[a<b]]> & \x02 c\xff</Value></ParameterValueStruct></ParameterList>'
        "</cwmp:GetParameterValuesResponse>"
    )
    body = cpe.envelope("NOTE", asked.id).replace(b"NOTE", note.encode("latin-1"))
    assert (await cpe.post(body)).status == 204
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED
    assert (await acs.values(cpe))["Device.X.Note"][0] == "a<b &  cÿ"


TRANSFERS = [
    "<cwmp:TransferComplete><CommandKey/><FaultStruct><FaultCode>9010</FaultCode></FaultStruct></cwmp:TransferComplete>",
    "<cwmp:TransferComplete><CommandKey>of-a-reboot</CommandKey><StartTime/><CompleteTime>0001-01-01T00:00:00Z"
    "</CompleteTime><FaultStruct><FaultCode>0</FaultCode><FaultString/></FaultStruct></cwmp:TransferComplete>",
    "<cwmp:TransferComplete/>",
    "<cwmp:Kicked><Command>x</Command><Referer/><Arg/><Next>http://192.0.2.1/</Next></cwmp:Kicked>",
    "<cwmp:RequestDownload><FileType>3 Vendor Configuration File</FileType></cwmp:RequestDownload>",
    "<cwmp:DUStateChangeComplete><Results/><CommandKey/></cwmp:DUStateChangeComplete>",
    "<cwmp:AutonomousDUStateChangeComplete><Results/></cwmp:AutonomousDUStateChangeComplete>",
]


@pytest.mark.parametrize("content", TRANSFERS)
async def test_a_client_whose_own_request_would_loop_upon_a_fault(acs: Acs, content: str) -> None:
    cpe = acs.cpe()
    await cpe.open("7 TRANSFER COMPLETE", ("M Download", "of-a-reboot"))
    answer = await cpe.post(cpe.envelope(content))
    assert answer.rpc.endswith("Response")
    assert (await cpe.post()).status == 204


async def test_a_client_that_only_announces_its_transfer(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.session("7 TRANSFER COMPLETE", ("M Download", ""))
    assert [event.code for event in await acs.events(cpe)] == ["7 TRANSFER COMPLETE", "M Download"]


async def test_a_client_that_dies_when_asked_comes_back(acs: Acs) -> None:
    """The RPC kills it; it is asked again in later sessions, and not for ever."""
    cpe = acs.cpe()
    (operation,) = await queued(acs, cpe, UPTIME)
    for _ in range(6):
        cpe.cookie = None
        await cpe.open()
        answer = await cpe.post()
        await cpe.close()
        if answer.status == 204:
            break
    ended = await acs.ended(operation)
    assert ended.state == OperationState.FAILED
    assert "broke off" in ended.detail


async def test_a_client_that_reports_three_boots(acs: Acs) -> None:
    cpe = acs.cpe()
    for _ in range(3):
        await cpe.session("1 BOOT")
    told = await acs.events(cpe)
    assert told and {event.code for event in told} == {"1 BOOT"}


@pytest.mark.parametrize("events", ["", "<EventStruct/>", "<EventStruct><EventCode/><CommandKey/></EventStruct>"])
async def test_a_client_without_events(acs: Acs, events: str) -> None:
    cpe = acs.cpe()
    body = re.sub(rb"<EventStruct>.*</EventStruct>", events.encode(), cpe.inform())
    assert (await cpe.post(body)).rpc == "InformResponse"
    assert (await cpe.post()).status == 204
    assert await acs.device(cpe)


async def test_a_client_without_parameters(acs: Acs) -> None:
    cpe = acs.cpe()
    body = re.sub(rb"<ParameterList.*</ParameterList>", b"", cpe.inform())
    assert (await cpe.post(body)).rpc == "InformResponse"
    assert (await cpe.post()).status == 204


async def test_two_clients_of_the_same_serial_take_turns(acs: Acs) -> None:
    first = acs.cpe()
    second = Cpe(acs.port, first.serial)
    for _ in range(3):
        await first.open()
        await second.open()
        assert (await second.post()).status == 204
        assert (await first.post()).status in (204, 400)
        first.cookie = second.cookie = None
        await first.close()
        await second.close()


async def test_a_client_that_closes_its_side_after_each_post(acs: Acs) -> None:
    cpe = acs.cpe()
    wire = Wire(acs.port)
    await wire.send(cpe.request(cpe.inform()))
    assert wire.writer is not None
    wire.writer.write_eof()
    cpe.keep(await wire.receive())
    await wire.close()
    assert (await cpe.post()).status == 204
