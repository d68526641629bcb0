"""Downloads and uploads over HTTP/1.1, for DownloadDiagnostics and UploadDiagnostics of TR-143.

    GET  /download/BYTES   so many octets that do not compress, or /download?size=BYTES
    PUT  /upload, POST …   takes what comes and forgets it; the answer tells how many octets

The rule: nothing is read from or written to a disk, and every transfer has an end.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from probes.tr143.allowed import Limits, Network, allowed

#: a piece of random octets that is sent again and again: no link compresses across 1 MiB
_PIECE_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_HEAD_S = 10.0
#: what a refused client may go on sending before it reads why [E]
_PATIENCE_S, _PATIENCE_BYTES = 2.0, 64 * 1024 * 1024
_REASONS = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    503: "Service Unavailable",
}


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Counts:
    """What went through the server since its start."""

    downloads: int = 0
    uploads: int = 0
    refused: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(slots=True)
class TransferServer:
    """The HTTP side. `start` it in the running loop; `close` it at the end."""

    among: Sequence[Network]
    limits: Limits = field(default_factory=Limits)
    counts: Counts = field(default_factory=Counts)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: int = 0
    _piece: bytes = field(default_factory=lambda: os.urandom(_PIECE_BYTES))

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one, which `port` then tells."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_READ_BYTES)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            async with asyncio.timeout(self.limits.transfer_s):
                try:
                    await self._one(reader, writer)
                except _Refused as refused:
                    self.counts.refused += 1
                    await _answer(writer, refused.status, str(refused))
                    await _let_it_finish(reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            self.counts.refused += 1  # the far end went away, fell silent, or speaks something else
        finally:
            self._open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_S):
            method, target, headers = await _head(reader)
        peer = writer.get_extra_info("peername")
        if peer is None or not allowed(str(peer[0]), self.among):
            raise _Refused(403, "this address may not test here")
        if self._open > self.limits.connections:
            raise _Refused(503, "too many tests at once; try again")
        path = urlsplit(target).path
        if path.startswith("/download"):
            await self._download(method, target, writer)
        elif path.startswith("/upload"):
            await self._upload(method, headers, reader, writer)
        else:
            raise _Refused(404, "there is /download/BYTES and /upload")

    async def _download(self, method: str, target: str, writer: asyncio.StreamWriter) -> None:
        if method not in ("GET", "HEAD"):
            raise _Refused(405, "a download is a GET")
        size = self._size(target)
        writer.write(_headers(200, size, "application/octet-stream"))
        left = size if method == "GET" else 0
        while left:
            piece = self._piece if left >= _PIECE_BYTES else self._piece[:left]
            writer.write(piece)
            await writer.drain()
            left -= len(piece)
            self.counts.sent_bytes += len(piece)
        await writer.drain()
        self.counts.downloads += 1

    def _size(self, target: str) -> int:
        where = urlsplit(target)
        words = parse_qs(where.query).get("size") or [where.path.removeprefix("/download").strip("/")]
        if not words[0].isdigit() or len(words[0]) > 15:
            raise _Refused(400, "say how many octets: /download/100000000")
        size = int(words[0])
        if size > self.limits.size_bytes:
            raise _Refused(413, f"at most {self.limits.size_bytes} octets")
        return size

    async def _upload(
        self, method: str, headers: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if method not in ("PUT", "POST"):
            raise _Refused(405, "an upload is a PUT or a POST")
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            received = await self._chunks(reader)
        elif headers.get("content-length", "").isdigit():
            received = await self._body(reader, int(headers["content-length"]))
        else:
            raise _Refused(411, "say how long the upload is")
        self.counts.uploads += 1
        await _answer(writer, 201, f"{received} octets")

    async def _body(self, reader: asyncio.StreamReader, length: int) -> int:
        if length > self.limits.size_bytes:
            raise _Refused(413, f"at most {self.limits.size_bytes} octets")
        left = length
        while left:
            piece = await reader.read(min(left, _READ_BYTES))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            self.counts.received_bytes += len(piece)
        return length

    async def _chunks(self, reader: asyncio.StreamReader) -> int:
        total = 0
        while True:
            length = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            if not length:
                await reader.readuntil(b"\r\n")
                return total
            total += length
            if total > self.limits.size_bytes or length < 0:
                raise _Refused(413, f"at most {self.limits.size_bytes} octets")
            await self._body(reader, length)
            await reader.readexactly(2)


async def _let_it_finish(reader: asyncio.StreamReader) -> None:
    """Read on for a moment: to close on a client that is still sending is to take the answer from it."""
    left = _PATIENCE_BYTES
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while left > 0 and (piece := await reader.read(_READ_BYTES)):
                left -= len(piece)
    except TimeoutError:
        return


async def _head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise _Refused(400, "no request of HTTP")
    pairs = (line.partition(":") for line in lines if ":" in line)
    target = words[1]
    if "://" in target:
        where = urlsplit(target)
        target = f"{where.path}?{where.query}"
    return words[0].upper(), target, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _headers(status: int, length: int, kind: str) -> bytes:
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()


async def _answer(writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    writer.write(_headers(status, len(body), "text/plain") + body)
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
