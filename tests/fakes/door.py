"""A CPE's listener for connection requests, and a device whose Inform names it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from acs.cwmp import auth
from acs.services.clock import utc_now
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from tests.fakes.acs_server import Running
from tests.fakes.cpe import Cpe

USER, PASSWORD = "acs", "cr secret"


class Door:
    """A CPE's connection-request listener; `script` says what it does with each GET."""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.seen: list[bytes] = []
        #: what a slow answer waits for
        self.opened = asyncio.Event()

    async def called(self, times: int = 1) -> None:
        """Wait for so many calls."""
        async with asyncio.timeout(60):
            while len(self.seen) < times:  # noqa: ASYNC110 - a listener that tells nobody
                await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.seen.append(head)
            what = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if what == "slow":
                await self.opened.wait()
            writer.write(self._answer("200" if what == "slow" else what, head))
            if what == "hang":
                await reader.read()
            while what == "endless":
                writer.write(b"X: " + b"y" * 4_000 + b"\r\n")
                await writer.drain()
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, what: str, head: bytes) -> bytes:
        match what:
            case "qop" | "plain":
                return self._digest(head, qop=what == "qop")
            case "hang" | "close":
                return b""
            case "endless":
                return b"HTTP/1.1 200 X\r\n"
            case "basic":
                return b'HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
            case "redirect":
                return b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        return f"HTTP/1.1 {what} X\r\nContent-Length: 0\r\n\r\n".encode()

    def _digest(self, head: bytes, *, qop: bool) -> bytes:
        for line in head.decode().split("\r\n"):
            if line.lower().startswith("authorization:"):
                response = auth.parse_authorization(line.partition(":")[2])
                assert isinstance(response, auth.DigestResponse)
                right = auth.verify(response, "GET", auth.ha1(USER, "cpe", PASSWORD))
                assert response.uri == "/path?id=1"
                return b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % (b"200 OK" if right else b"401 No")
        offered = ' qop="auth",' if qop else ""
        challenge = f'Digest realm="cpe",{offered} nonce="abc", algorithm=MD5'
        return f"HTTP/1.1 401 X\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode()


@asynccontextmanager
async def device_with(server: Running, door: Door, *, credentials: bool = True) -> AsyncIterator[Cpe]:
    """A device that came once, and can be called at the door."""
    listener = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    cpe = Cpe(server.port)
    cpe.connection_request_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/path?id=1"
    await cpe.session(("1 BOOT", ""))
    if credentials:
        async with server.store.transaction() as tx:
            kept = Credentials(USER, PASSWORD)
            await devices.set_credentials(tx, cpe.key, CredentialKind.CONNECTION_REQUEST, kept, utc_now())
    try:
        yield cpe
    finally:
        listener.close()
