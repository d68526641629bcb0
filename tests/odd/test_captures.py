"""The team's captures of real devices, played byte for byte to the server; without the shared folder they skip."""

import re

import pytest

from tests.conformance.server import Acs
from tests.conformance.wire import Wire
from tests.cwmp.test_captures import FILES, FRAGMENTS, bodies
from tests.shared_data import shared

INFORM = re.compile(rb"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?Inform[\s>]")
SESSIONS = [name for name in FILES if name.startswith("baicells") and name.endswith("cpe.http")]


def post(body: bytes, cookie: str = "") -> bytes:
    lines = f"POST / HTTP/1.1\r\nHost: acs\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n"
    return f"{lines}{f'Cookie: {cookie}' + chr(13) + chr(10) if cookie else ''}\r\n".encode() + body


@pytest.mark.parametrize("name", [name for name in FILES if name not in FRAGMENTS])
async def test_a_captured_message_gets_the_answer_that_it_must_get(acs: Acs, name: str) -> None:
    for body in bodies(name):
        wire = Wire(acs.port)
        await wire.send(post(body))
        answer = await wire.receive()
        if INFORM.search(body):
            assert (answer.status, answer.rpc) == (200, "InformResponse")
            cookie = (answer.header("Set-Cookie") or "").partition(";")[0]
            await wire.send(post(b"", cookie))
            assert (await wire.receive()).status == 204
        else:
            assert answer.status == 400 or answer.rpc == "Fault", "outside a session"
        await wire.close()


@pytest.mark.parametrize("name", SESSIONS)
async def test_a_captured_head_is_read(acs: Acs, name: str) -> None:
    """Headers without blanks, an empty Cookie, Basic unasked: the first two requests of a real connection."""
    raw = shared(f"data/captures/{name}").read_bytes()
    first, second = raw.split(b"POST / HTTP/1.1")[1:3]
    wire = Wire(acs.port)
    await wire.send(b"POST / HTTP/1.1" + first)
    assert (await wire.receive()).rpc == "InformResponse"
    await wire.send(b"POST / HTTP/1.1" + second)
    assert (await wire.receive()).status == 204
    await wire.close()


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
async def test_a_cut_message_is_refused_and_nothing_is_stored(acs: Acs, name: str) -> None:
    before = await acs.devices()
    wire = Wire(acs.port)
    await wire.send(post(shared(f"data/captures/{name}").read_bytes()))
    assert (await wire.receive()).status == 400
    await wire.close()
    assert await acs.devices() == before
