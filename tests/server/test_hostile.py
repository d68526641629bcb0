"""Bad input at the CWMP endpoint: the right answer, one log line, nothing stored, and everybody else goes on."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
import structlog
from structlog.typing import EventDict

from acs.cwmp.messages import SoapFault
from acs.server.http import Connection
from acs.store import devices
from tests.fakes.acs_server import Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped, Http

LIMITS = {
    "body_bytes": 100_000,
    "inflated_bytes": 200_000,
    "xml_elements": 5_000,
    "xml_depth": 20,
    "head_timeout_s": 0.5,
    "body_timeout_s": 0.5,
    "idle_timeout_s": 1.0,
    "connections_per_address": 8,
}


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    config = config_for(tmp_path_factory.mktemp("hostile"), cwmp={"limits": LIMITS})
    async with running(config) as server:
        yield server


@pytest.fixture
async def http(server: Running) -> AsyncIterator[Http]:
    http = Http(server.port)
    yield http
    await http.close()


def inform(serial: str = "HOSTILE1") -> bytes:
    return Cpe(0, serial=serial).inform(("2 PERIODIC", ""))


async def stored(server: Running) -> int:
    async with server.store.reading() as tx:
        return len(await devices.list_devices(tx))


def told(logs: Sequence[EventDict]) -> list[str]:
    """What somebody has to read; not the course of sessions and calls, which another server of the run may be at."""
    return [entry["event"] for entry in logs if entry["log_level"] not in ("debug", "info")]


DOCTYPE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y"><!ENTITY z SYSTEM "file:///etc/passwd">]>'
BODIES = {
    "not xml": (b"hello", {}, 400),
    "binary": (bytes(range(256)) * 8, {}, 400),
    "cut off": (inform()[:-40], {}, 400),
    "not soap": (b"<html><body/></html>", {}, 400),
    "document type": (DOCTYPE + inform(), {}, 400),
    "document type in utf-16": ((DOCTYPE.decode() + "<a/>").encode("utf-16"), {}, 400),
    "unknown encoding": (b'<?xml version="1.0" encoding="ebcdic-xx"?><a/>', {}, 400),
    "deep": (b"<a>" * 3000 + b"</a>" * 3000, {}, 400),
    "too many elements": (b"<a>" + b"<b/>" * 20_000 + b"</a>", {}, 413),
    "unknown coding": (inform(), {"Content-Encoding": "br"}, 415),
    "broken gzip": (b"\x1f\x8b\x08\x00garbage!", {"Content-Encoding": "gzip"}, 400),
    "cut-off gzip": (gzip.compress(inform())[:-30], {"Content-Encoding": "gzip"}, 400),
    "gzip bomb": (gzip.compress(b"<a>" + b" " * 50_000_000), {"Content-Encoding": "gzip"}, 413),
    "too long": (b" " * 100_001, {}, 413),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_bad_body_is_refused_and_told_once(server: Running, http: Http, name: str) -> None:
    body, headers, status = BODIES[name]
    before = await stored(server)
    with structlog.testing.capture_logs() as logs:
        response = await http.post(body, headers)
    assert response.status == status
    assert told(logs) == ["input.refused"]
    assert await stored(server) == before


HEADS = {
    "negative length": (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
    "absurd length": (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    "length and chunks": (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "length too great": (b"POST / HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n", 413),
    "xml without length": (b"POST / HTTP/1.1\r\nContent-Type: text/xml\r\n\r\n", 411),
    "bad chunk": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "long head": (b"POST / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "long target": (b"POST /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
    "no http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "get": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "upgrade": (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 405),
    "upgrade of a post": (b"POST / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n", 400),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "http 2 as text": (b"POST / HTTP/2.0\r\nContent-Length: 0\r\n\r\n", 505),
    "no version": (b"POST /\r\n\r\n", 505),
    "signed length": (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello", 400),
    "length in hexadecimal": (b"POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello", 400),
    "chunk beyond all numbers": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n", 400),
    "nul in a header": (b"POST / HTTP/1.1\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", 400),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
}


@pytest.mark.parametrize("name", HEADS)
async def test_a_bad_head_is_refused_and_the_connection_closed(server: Running, http: Http, name: str) -> None:
    head, status = HEADS[name]
    with structlog.testing.capture_logs() as logs:
        await http.send(head)
        response = await http.receive()
    assert response.status == status
    assert await http.closed()
    assert told(logs) == ["input.refused"]


CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "header name": b"POST / HTTP/1.1\r\n",
    "header value": b"POST / HTTP/1.1\r\nX: ",
    "trailer": CHUNKED + b"1\r\na\r\n0\r\nX: ",
    "chunk extension": CHUNKED + b"1;",
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_what_the_parser_holds_back_is_bounded(http: Http, name: str) -> None:
    await http.send(ENDLESS[name])
    sent = 0
    with pytest.raises(OSError):
        while True:
            await asyncio.sleep(0)
            await http.send(b"a" * 8_192)
            sent += 8_192
            assert sent < 10_000_000


async def test_nothing_is_served_after_the_last_request(server: Running, http: Http) -> None:
    before = await stored(server)
    await http.send(b"GET / HTTP/1.1\r\n\r\n" + http.request(inform("SMUGGLED")))
    assert (await http.receive()).status == 405
    assert await http.closed()
    assert await stored(server) == before


async def test_a_body_in_tiny_chunks_is_whole(http: Http) -> None:
    body = inform("TINY0001")
    await http.send(CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
    assert (await http.receive()).status == 200


async def test_who_closes_his_side_gets_his_answers_and_is_closed(tmp_path: Path) -> None:
    patient = {"limits": {"idle_timeout_s": 600.0, "session_idle_s": 600.0}}
    async with running(config_for(tmp_path, cwmp=patient)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        http = Http(server.port)
        writer.write(http.request(inform("HALFSHUT")) + http.request(b""))
        writer.write_eof()
        answers = await asyncio.wait_for(reader.read(), 60)
        assert answers.count(b"HTTP/1.1 ") == 2
        writer.close()
        await writer.wait_closed()


async def test_a_flood_of_tiny_chunks_is_refused(http: Http) -> None:
    await http.send(CHUNKED + b"1\r\na\r\n" * 10_000)
    assert (await http.receive()).status == 413


async def test_a_flood_of_requests_is_refused(http: Http) -> None:
    await http.send(http.request(inform("FLOOD001")) + http.request(b""))
    assert [(await http.receive()).status for _ in range(2)] == [200, 204]
    await http.send(http.request(b"") * 5)
    assert [(await http.receive()).status for _ in range(5)] == [204] * 5
    await http.send(http.request(b"") * 1_000)
    statuses = []
    with pytest.raises(Dropped):
        while True:
            statuses.append((await http.receive()).status)
    assert statuses[-1] == 503
    assert len(statuses) < 10


class Unread:
    """A transport whose peer reads nothing."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return ("192.0.2.9", 1)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.calls.append(name)


async def test_who_does_not_read_is_not_read_either_and_ends(server: Running) -> None:
    loop = asyncio.get_running_loop()
    connection, transport = Connection(server.endpoint._shared, loop), Unread()
    connection.connection_made(cast(asyncio.Transport, transport))
    connection.pause_writing()
    connection.resume_writing()
    connection.overdue(loop.time() + 3600)
    connection.overdue(loop.time() + 1)
    connection.overdue(loop.time() + 3600)
    connection.connection_lost(None)
    assert transport.calls == ["pause_reading", "resume_reading", "close", "abort"]


@pytest.mark.parametrize("part", [b"POST / HT", b"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\n<a>"])
async def test_a_slow_sender_is_ended(server: Running, http: Http, part: bytes) -> None:
    await http.send(part)
    response = await asyncio.wait_for(http.receive(), 60)
    assert response.status == 408


async def test_an_idle_connection_is_closed(server: Running, http: Http) -> None:
    assert (await http.post()).status == 204
    assert await asyncio.wait_for(http.closed(), 60)


async def test_an_unknown_rpc_gets_fault_8000(server: Running, http: Http) -> None:
    assert (await http.post(inform())).status == 200
    body = inform().replace(b"Inform>", b"MakeCoffee>").replace(b"cwmp:Inform ", b"cwmp:MakeCoffee ")
    response = await http.post(body)
    assert response.status == 200
    assert isinstance(response.message, SoapFault)
    assert response.message.fault_code == 8000


async def test_an_inform_without_identity_gets_fault_8003(server: Running, http: Http) -> None:
    response = await http.post(inform(serial=""))
    assert isinstance(response.message, SoapFault)
    assert response.message.fault_code == 8003


async def test_a_response_nobody_asked_for_is_refused(server: Running, http: Http) -> None:
    assert (await http.post(inform())).status == 200
    body = inform().replace(b"Inform>", b"RebootResponse>")
    assert (await http.post(body)).status == 400
    assert (await http.post(inform())).status == 200


async def test_a_message_outside_a_session_is_refused(server: Running, http: Http) -> None:
    body = inform().replace(b"Inform>", b"GetRPCMethods>")
    assert (await http.post(body)).status == 400


async def test_compressed_and_chunked_bodies_are_read(server: Running) -> None:
    body = inform("PACKED01")
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        " GZIP": gzip.compress(body),
        "deflate ": raw.compress(body) + raw.flush(),
    }
    for coding, data in packed.items():
        http = Http(server.port)
        assert (await http.post(data, {"Content-Encoding": coding})).status == 200, coding
        await http.close()
    http = Http(server.port)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[n : n + 100]), body[n : n + 100]) for n in range(0, len(body), 100))
    await http.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert (await http.receive()).status == 200
    await http.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert (await http.receive()).status == 204
    await http.close()


async def test_expect_100_continue_is_answered_before_the_body(server: Running, http: Http) -> None:
    body = inform("EXPECT01")
    await http.send(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert (await http.receive()).status == 100
    await http.send(body)
    assert (await http.receive()).status == 200


async def test_http_1_0_closes_unless_keep_alive_is_said(server: Running) -> None:
    body = inform("OLDHTTP1")
    for said, kept in ((b"", False), (b"Connection: keep-alive\r\n", True)):
        http = Http(server.port)
        await http.send(b"POST / HTTP/1.0\r\n%sContent-Length: %d\r\n\r\n%s" % (said, len(body), body))
        response = await http.receive()
        assert response.status == 200
        if kept:
            assert response.headers["connection"] == "keep-alive"
            assert (await http.post()).status == 204
        else:
            assert await http.closed()
        await http.close()


async def test_pipelined_requests_are_answered_in_order_up_to_the_limit(server: Running) -> None:
    http = Http(server.port)
    await http.send(http.request(inform("PIPE0001")) + http.request(b""))
    assert (await http.receive()).status == 200
    assert (await http.receive()).status == 204
    await http.send(http.request(inform("PIPE0001")) + http.request(b"") * 20)
    statuses = []
    with pytest.raises(Dropped):
        while True:
            statuses.append((await http.receive()).status)
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert len(statuses) <= 7
    await http.close()


async def nobody_connected(server: Running) -> None:
    """Wait until the server has noticed that others left."""
    async with asyncio.timeout(60):
        while server.endpoint._admission.total:  # noqa: ASYNC110 - a count that tells nobody
            await asyncio.sleep(0.01)


async def test_connections_beyond_the_limit_get_503_with_retry_after(server: Running) -> None:
    await nobody_connected(server)
    held = [Http(server.port) for _ in range(8)]
    for http in held:
        await http.open()
    more = Http(server.port)
    await more.open()
    response = await more.receive()
    assert response.status == 503
    assert 30 <= int(response.headers["retry-after"]) <= 60
    for http in (*held, more):
        await http.close()
    await nobody_connected(server)
    await Cpe(server.port, serial="AFTER001").session(("2 PERIODIC", ""))


async def test_a_configured_network_has_its_own_limit(tmp_path: Path) -> None:
    networks = [{"network": "127.0.0.0/8", "connections_per_address": 3}]
    config = config_for(tmp_path, cwmp={"limits": {"connections_per_address": 1}, "networks": networks})
    async with running(config) as server:
        held = [Http(server.port) for _ in range(4)]
        for http in held:
            await http.open()
        assert (await held[3].receive()).status == 503
        assert (await held[2].post()).status == 204
        for http in held:
            await http.close()


async def test_others_go_on_while_a_huge_body_is_parsed(tmp_path: Path) -> None:
    config = config_for(tmp_path, cwmp={"limits": {"xml_elements": 200_000}})
    async with running(config) as server:
        loop = asyncio.get_running_loop()
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                before = loop.time()
                await asyncio.sleep(0)
                longest = max(longest, loop.time() - before)

        body = b"<a>" + b"<b>text</b>" * 150_000 + b"</a>"
        ticking = loop.create_task(tick())
        http = Http(server.port)
        assert (await http.post(body)).status == 400
        ticking.cancel()
        await http.close()
    assert longest < 0.25  # a shared machine; alone it is a few milliseconds
