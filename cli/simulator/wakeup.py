"""The door at which a CPE hears connection requests: a small HTTP server that wants digest credentials.

Source: TR-069 Amendment 6, §3.2.2. The rule: who knows the credentials may wake the CPE, nobody may do more.
"""

import asyncio
import secrets
import time
from collections.abc import Callable

from acs.cwmp import auth
from cli.simulator.http import read_head

REALM = "cpe"
NONCE_AGE_S = 60.0
HEAD_TIMEOUT_S = 5.0


class Doorbell:
    """Listens on a port of the loopback. `credentials` gives user and password as they are set now."""

    def __init__(self, credentials: Callable[[], tuple[str, str]], ring: Callable[[], None], *, host: str) -> None:
        self._credentials = credentials
        self._ring = ring
        self._host = host
        self._port = 0
        self._path = "/" + secrets.token_hex(8)
        self._nonces = auth.Nonces(secrets.token_bytes(32))
        self._server: asyncio.Server | None = None
        self._guests: set[asyncio.StreamWriter] = set()
        #: a hung device takes connections and says nothing
        self.mute = False

    @property
    def url(self) -> str:
        """The connection request URL; the port is known after the first `open`."""
        return f"http://{self._host}:{self._port}{self._path}"

    async def open(self) -> None:
        """Listen, on the same port as before if there was one."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, as a device without power does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._guests):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests.add(writer)
        try:
            async with asyncio.timeout(None if self.mute else HEAD_TIMEOUT_S):
                while await self._answer(reader, writer):
                    continue
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            return
        finally:
            self._guests.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection goes on."""
        first, headers = await read_head(reader)
        if self.mute:
            await reader.read()
            return False
        method, path, _version = first.split(" ", 2)
        if method != "GET" or path != self._path:
            status, extra = "404 Not Found", ""
        elif not self._known(headers.get("authorization")):
            challenge = auth.challenge_header(REALM, self._nonces.mint(time.time(), secrets.token_hex(4)))
            status, extra = "401 Unauthorized", f"WWW-Authenticate: {challenge}\r\n"
        else:
            self._ring()
            status, extra = "200 OK", ""
        writer.write(f"HTTP/1.1 {status}\r\n{extra}Content-Length: 0\r\n\r\n".encode("latin-1"))
        await writer.drain()
        return status.startswith("401")

    def _known(self, header: str | None) -> bool:
        response = auth.parse_authorization(header)
        username, password = self._credentials()
        if not isinstance(response, auth.DigestResponse) or not password:
            return False
        if self._nonces.check(response.nonce, time.time(), NONCE_AGE_S) is not auth.NonceState.FRESH:
            return False
        return response.username == username and auth.verify(response, "GET", auth.ha1(username, REALM, password))
