"""HTTP as the file server speaks it: requests whose bodies flow, on asyncio's streams; httptools parses.

The rule of this file: it holds one block of a body at a time, and every wait on a peer has an end.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Final

import httptools

#: Bytes of a request's head; a CPE sends under 1 KiB.
HEAD_BYTES: Final = 16_384
#: Bytes read at once.
READ_BYTES: Final = 65_536
#: Bytes of a body that nobody wants and that are still taken, so that the peer reads why.
_DISCARDED: Final = 1_048_576
_REASONS: Final[Mapping[int, str]] = {
    200: "OK", 201: "Created", 206: "Partial Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 410: "Gone", 413: "Content Too Large",
    416: "Range Not Satisfiable", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable", 507: "Insufficient Storage",
}  # fmt: skip


class BadRequest(Exception):
    """A request that is answered with an error, after which the connection closes."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Request:
    """One request; its body is read with `body`. Header names are lower case; repeated ones are joined."""

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.keep_alive = False
        self.old = False

    @property
    def length(self) -> int | None:
        """The declared length of the body; None when it comes in chunks, 0 when there is none."""
        if b"transfer-encoding" in self.headers:
            return None
        text = self.headers.get(b"content-length", b"0")
        return int(text) if text.isdigit() and len(text) < 19 else 0


class HttpConnection:
    """One connection of a peer: requests in turn, each with its body, and answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stall_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._stall_s = stall_s
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._pieces: list[bytes] = []
        self._head_bytes = self._raw_head = 0
        self._begun = self._head_done = self._whole = False
        self._refusal: BadRequest | None = None
        if writer.get_extra_info("ssl_object") is None:  # uvloop's TLS never tells that such a buffer is empty
            writer.transport.set_write_buffer_limits(high=0)

    async def next_request(self) -> Request | None:
        """The next request, its head whole; None when the peer closed.

        Raises:
            BadRequest: it is not HTTP, or too long.
            TimeoutError: it did not come in time.
        """
        self._request, self._pieces = Request(), []
        self._head_bytes = self._raw_head = 0
        self._begun = self._head_done = self._whole = False
        async with asyncio.timeout(self._stall_s):
            while not self._head_done:
                data = await self._reader.read(READ_BYTES)
                if not data:
                    if self._begun:
                        raise BadRequest(400, "the peer closed within a head")
                    return None
                self._feed(data)
        return self._request

    async def body(self) -> AsyncIterator[bytes]:
        """The body, piece by piece.

        Raises:
            BadRequest: it broke off, or is not HTTP.
            TimeoutError: nothing came for a while.
        """
        while True:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                yield piece
            if self._whole:
                return
            async with asyncio.timeout(self._stall_s):
                data = await self._reader.read(READ_BYTES)
            if not data:
                raise BadRequest(400, "the body broke off")
            self._feed(data)

    async def discard(self) -> bool:
        """Take what is left of a body that nobody wants; False when it is too much of it."""
        taken = 0
        async for piece in self.body():
            taken += len(piece)
            if taken > _DISCARDED:
                return False
        return True

    @property
    def body_is_whole(self) -> bool:
        """Whether nothing of the body is left on the wire."""
        return self._whole and not self._pieces

    async def go_on(self) -> None:
        """Tell a peer that asks first that its body is wanted."""
        if self._request.headers.get(b"expect", b"").strip().lower() == b"100-continue" and not self._request.old:
            await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def head(self, status: int, headers: Mapping[str, str], length: int, *, close: bool = False) -> None:
        """Answer with a head; a body of `length` bytes follows by `write`."""
        close = close or not self._request.keep_alive
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append("Connection: close" if close else "Connection: keep-alive")
        await self.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def write(self, data: bytes) -> None:
        """Hand bytes to the network, waiting until it took them.

        Raises:
            TimeoutError: the peer takes nothing.
            OSError: the connection is gone.
        """
        self._writer.write(data)
        async with asyncio.timeout(self._stall_s):
            await self._writer.drain()

    async def let_it_read(self, seconds: float) -> None:
        """After an answer that ends the connection: take what the peer still sends, or it would never read why."""
        taken = 0
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while taken <= _DISCARDED and (data := await self._reader.read(READ_BYTES)):
                    taken += len(data)

    async def close(self) -> None:
        """End the connection; what was written gets a moment to leave."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(5.0):
                await self._writer.wait_closed()

    # httptools calls these

    def on_message_begin(self) -> None:
        """A request begins; a second one while the first is under way is not for us."""
        if self._begun:
            self._stop(400, "a request came before the last one was answered")
        self._begun = True

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._request.target += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count(len(name) + len(value) + 4)
        known = self._request.headers
        name = name.lower()
        known[name] = known[name] + b", " + value if name in known else value

    def on_headers_complete(self) -> None:
        """The head is whole."""
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        request.old = self._parser.get_http_version() == "1.0"
        request.keep_alive = self._parser.should_keep_alive() and not request.old
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._whole = True

    def _feed(self, data: bytes) -> None:
        if not self._head_done:
            self._raw_head += len(data)
            if self._raw_head > HEAD_BYTES + READ_BYTES:  # a name or value that does not end
                raise BadRequest(431, f"the head is longer than {HEAD_BYTES} bytes")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise BadRequest(400, "the request wants another protocol") from error
        except httptools.HttpParserError as error:
            raise self._refusal or BadRequest(400, f"not HTTP: {error}") from error

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self._stop(431, f"the head is longer than {HEAD_BYTES} bytes")

    def _stop(self, status: int, why: str) -> None:
        self._refusal = BadRequest(status, why)
        raise self._refusal
