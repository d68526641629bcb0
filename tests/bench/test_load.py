"""The light CPE of the benchmarks: what it counts as a session, and what it does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from acs.cwmp import soap
from acs.cwmp.messages import Inform
from bench.load import WIDTH, Device, Target, closed_loop, open_loop

INFORM_ANSWER = b"HTTP/1.1 200 OK\r\nSet-Cookie: s=1; Path=/\r\nContent-Length: 14\r\n\r\nInformResponse"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
CHALLENGE = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=MD5\r\n'
    b"Content-Length: 0\r\n\r\n"
)


@asynccontextmanager
async def answering(answer: Callable[[bytes, bytes], bytes]) -> AsyncIterator[int]:
    """A server that answers each (head, body) as told; an empty answer closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                writer.write(answer(head, await reader.readexactly(length)) or b"")
                if not await _flushed(writer):
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _flushed(writer: asyncio.StreamWriter) -> bool:
    await writer.drain()
    return not writer.is_closing()


def well_behaved(head: bytes, body: bytes) -> bytes:
    if body:
        return INFORM_ANSWER
    return NO_CONTENT if b"Cookie: s=1" in head else b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("keyed", [False, True])
def test_the_inform_is_one_that_our_own_codec_reads(keyed: bool) -> None:
    device = Device(Target(1), "B0000001", keyed=keyed)
    head, _, body = device.inform(42).partition(b"\r\n\r\n")
    envelope = soap.decode(body)
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
    assert envelope is not None and isinstance(envelope.message, Inform)
    assert envelope.id == "42".zfill(WIDTH)
    assert [event.event_code for event in envelope.message.event][:1] == ["2 PERIODIC"]
    assert [event.command_key for event in envelope.message.event][1:] == ["42".zfill(WIDTH)] * keyed
    assert len(envelope.message.parameter_list) == 8
    assert 4000 < len(body) < 5000


async def test_a_session_is_an_inform_and_an_empty_post_with_the_cookie() -> None:
    async with answering(well_behaved) as port:
        target = Target(port)
        devices = [Device(target, f"B{n}") for n in range(3)]
        tally = await closed_loop(target, devices, 12, concurrency=2)
    assert (tally.done, tally.failed, tally.posts) == (12, 0, 24)
    assert tally.statuses == {200: 12, 204: 12}


async def test_a_challenge_is_answered_with_the_digest_of_that_nonce() -> None:
    seen: list[bytes] = []

    def guarded(head: bytes, body: bytes) -> bytes:
        if b"Authorization: Digest " not in head:
            return CHALLENGE
        seen.append(head)
        return well_behaved(head, body)

    async with answering(guarded) as port:
        target = Target(port, password="p")
        tally = await closed_loop(target, [Device(target, "B1")], 1, concurrency=1)
    assert (tally.done, tally.failed, tally.posts) == (1, 0, 3)
    assert [b"nc=%08x" % n in head for n, head in enumerate(seen, 1)] == [True, True]


async def test_rpcs_are_answered_and_counted() -> None:
    asked: list[bytes] = []

    def asking(head: bytes, body: bytes) -> bytes:
        if b"<cwmp:Inform>" in body:
            return INFORM_ANSWER
        asked.append(body)
        if len(asked) > 2:
            return NO_CONTENT
        rpc = b"<e:ID>7</e:ID><e:Body><cwmp:%s/></e:Body>" % (b"SetParameterValues", b"GetRPCMethods")[len(asked) - 1]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(rpc), rpc)

    async with answering(asking) as port:
        target = Target(port)
        tally = await closed_loop(target, [Device(target, "B1")], 1, concurrency=1)
    assert (tally.done, tally.failed) == (1, 0)
    assert tally.rpcs == {"SetParameterValues": 1, "GetRPCMethods": 1}
    assert b"SetParameterValuesResponse" in asked[1] and b">7<" in asked[1]
    assert b"<FaultCode>9000</FaultCode>" in asked[2]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "Inform answered 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "Inform answered 200"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "Inform answered 401"),
    ],
)
async def test_a_refused_inform_is_a_failed_session(answer: bytes, why: str) -> None:
    async with answering(lambda head, body: answer) as port:
        target = Target(port)
        tally = await closed_loop(target, [Device(target, "B1")], 2, concurrency=1)
    assert (tally.done, tally.failed, tally.errors) == (0, 2, {why: 2})


async def test_the_open_loop_offers_its_rate_and_keeps_what_was_acknowledged() -> None:
    async with answering(well_behaved) as port:
        target = Target(port)
        tally = await open_loop(target, [Device(target, f"B{n}", keyed=True) for n in range(5)], rate=20, seconds=1.0)
    assert (tally.done, tally.failed) == (20, 0)
    assert sorted(tally.acknowledged or ()) == sorted((f"B{n % 5}", n) for n in range(20))


async def test_a_device_whose_session_hangs_counts_as_failed_at_its_next_turn() -> None:
    async with answering(lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n") as port:
        target = Target(port)
        tally = await open_loop(target, [Device(target, "B1")], rate=20, seconds=0.1, timeout_s=0.5)
    assert tally.done == 0
    assert tally.errors == {"the device's last session is not over": 1, "no answer in 0.5 s": 1}
