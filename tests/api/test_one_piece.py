"""An answer leaves in one piece; a stream's pieces leave as they come; nothing is lost at the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from acs.api.one_piece import Joining, OnePiece


class Sent(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.pieces.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name.endswith("name") else default


def joining(sent: Sent) -> Joining:
    return Joining(sent, asyncio.get_running_loop())


async def test_two_pieces_of_one_turn_leave_as_one() -> None:
    sent = Sent()
    transport = joining(sent)
    for piece in (b"head ", b"body", b"head2 ", b"body2"):
        transport.write(piece)
    assert sent.pieces == [b"head body", b"head2 body2"]
    await asyncio.sleep(0)
    assert len(sent.pieces) == 2


async def test_a_piece_alone_waits_for_one_turn_only() -> None:
    sent = Sent()
    transport = joining(sent)
    transport.write(b"event")
    assert sent.pieces == []
    await asyncio.sleep(0)
    assert sent.pieces == [b"event"]


async def test_a_great_piece_is_neither_held_nor_copied() -> None:
    sent, great = Sent(), bytes(65_537)
    transport = joining(sent)
    transport.write(great)
    transport.write(b"head")
    transport.write(great)
    assert [len(piece) for piece in sent.pieces] == [65_537, 4, 65_537]
    assert sent.pieces[2] is great


async def test_what_is_held_leaves_before_the_end_and_not_behind_it() -> None:
    sent = Sent()
    transport = joining(sent)
    transport.write(b"last")
    transport.close()
    await asyncio.sleep(0)
    assert (sent.pieces, sent.closed) == ([b"last"], True)
    broken = Sent()
    joining(broken).write(b"too late")
    broken.closed = True
    await asyncio.sleep(0)
    assert broken.pieces == []


@pytest.fixture
async def protocol() -> AsyncIterator[OnePiece]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b"one" if scope["path"] == "/one" else b"first"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body, "more_body": scope["path"] != "/one"})
        if scope["path"] != "/one":
            await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b"second"})

    config = uvicorn.Config(app, log_config=None, http=OnePiece, lifespan="off")
    config.load()
    made = OnePiece(config, uvicorn.Server(config).server_state, {}, asyncio.get_running_loop())
    yield made
    made.shutdown()


async def answered(protocol: OnePiece, path: str) -> list[bytes]:
    sent = Sent()
    protocol.connection_made(sent)
    protocol.data_received(f"GET {path} HTTP/1.1\r\nHost: us\r\n\r\n".encode())
    for _ in range(20):
        await asyncio.sleep(0)
    return sent.pieces


async def test_an_answer_is_one_piece(protocol: OnePiece) -> None:
    (piece,) = await answered(protocol, "/one")
    assert piece.startswith(b"HTTP/1.1 200 OK\r\n")
    assert piece.endswith(b"\r\n\r\n3\r\none\r\n0\r\n\r\n")


async def test_a_stream_comes_as_it_is_told(protocol: OnePiece) -> None:
    first, second = await answered(protocol, "/stream")
    assert first.endswith(b"\r\n\r\n5\r\nfirst\r\n")
    assert second == b"6\r\nsecond\r\n0\r\n\r\n"
