"""HTTP/1.1 as a CPE speaks it to its ACS: one connection per session, cookies, digest. The rule: it knows no CWMP."""

import asyncio
import secrets
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from acs.cwmp import auth
from acs.errors import ProtocolError

#: greatest head and body that a CPE takes from its ACS, bytes
HEAD_BYTES = 65_536
BODY_BYTES = 16_777_216


class HttpFailed(Exception):
    """The ACS cannot be reached, broke HTTP, or refused us; the session is over and is tried again later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class AcsConnection:
    """The connection of one session; a dropped keep-alive connection is opened again with the same cookies."""

    def __init__(self, url: str, username: str, password: str, *, timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HttpFailed(f"{url} is no ACS address")
        self._host = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._username = username
        self._password = password
        self._timeout_s = timeout_s
        self._cookies: dict[str, str] = {}
        self._challenge: auth.Challenge | None = None
        self._count = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> Answer:
        """Send one POST, answering a challenge once, and return what comes back with status 200 or 204.

        Raises:
            HttpFailed: no connection, broken HTTP, or any other status.
        """
        answer = await self._exchange(body)
        if answer.status == 401:
            try:
                self._challenge = auth.parse_challenge(answer.headers.get("www-authenticate", ""))
            except ProtocolError as error:
                raise HttpFailed(f"the challenge of the ACS: {error}") from error
            self._count = 0
            answer = await self._exchange(body)
        if answer.status not in (200, 204):
            raise HttpFailed(f"the ACS answered {answer.status}")
        return answer

    async def close(self) -> None:
        """Close the connection without a word."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                return

    async def _exchange(self, body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._open()
                writer.write(self._head(body) + body)
                await writer.drain()
                answer = await read_answer(reader)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            await self.close()
            raise HttpFailed(f"{self._host}:{self._port}: {error or type(error).__name__}") from error
        self._keep_cookies(answer)
        if answer.headers.get("connection", "").lower() == "close":
            await self.close()
        return answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            await self.close()
            self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=HEAD_BYTES)
        return self._streams

    def _head(self, body: bytes) -> bytes:
        lines = [
            f"POST {self._path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            "User-Agent: secondline-simulator",
            f"Content-Length: {len(body)}",
        ]
        if body:
            lines += ["Content-Type: text/xml; charset=utf-8", 'SOAPAction: ""']
        if self._cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self._cookies.items()))
        if self._challenge is not None:
            self._count += 1
            lines.append("Authorization: " + self._credentials(self._challenge))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _credentials(self, challenge: auth.Challenge) -> str:
        if challenge.scheme.lower() == "basic":
            return auth.basic_header(self._username, self._password)
        return auth.answer(
            challenge, "POST", self._path, self._username, self._password, secrets.token_hex(8), self._count
        )

    def _keep_cookies(self, answer: Answer) -> None:
        for cookie in filter(None, answer.headers.get("set-cookie", "").split("\n")):
            name, _equals, value = cookie.split(";")[0].partition("=")
            self._cookies[name.strip()] = value.strip()


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """Return the first line and the headers (lower-case names; repeated ones joined by a newline).

    Raises:
        EOFError: the peer closed before the end of the head.
        ValueError: no HTTP.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}\n{value.strip()}" if key in headers else value.strip()
    return first, headers


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Return one whole HTTP response.

    Raises:
        EOFError: the peer closed too early.
        ValueError: no HTTP, or too large.
    """
    first, headers = await read_head(reader)
    status = int(first.split(" ", 2)[1])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_BYTES:
        raise ValueError(f"a body of {length} bytes")
    return Answer(status, headers, await reader.readexactly(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if len(body) + size > BODY_BYTES:
            raise ValueError("a body that is too large")
        body += await reader.readexactly(size)
        await reader.readuntil(b"\r\n")
        if size == 0:
            return body
