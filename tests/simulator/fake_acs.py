"""An ACS of a few lines: it answers Informs, asks what a test queued, and keeps what it heard."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from acs.cwmp import auth, soap
from acs.cwmp import messages as m
from acs.cwmp.envelope import Envelope
from acs.cwmp.session import Role, Session
from cli.simulator.http import read_head

REALM = "test"


@dataclass
class FakeAcs:
    """Start it, queue requests in `ask`, look at `informs` and `answers`."""

    password: str | None = None
    ask: list[m.Message] = field(default_factory=list)
    informs: list[m.Inform] = field(default_factory=list)
    answers: list[m.Message] = field(default_factory=list)
    transfers: list[m.TransferComplete] = field(default_factory=list)
    refuse: int = 0
    sessions_ended: int = 0
    cookies: list[str] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/acs"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def until(self, condition, timeout_s: float = 60.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.session = Session.new(secrets.token_hex(8), Role.ACS, datetime.now(UTC))
        try:
            while True:
                first, headers = await read_head(reader)
                assert first.startswith("POST ")
                body = await reader.readexactly(int(headers["content-length"]))
                self.cookies.append(headers.get("cookie", ""))
                status, extra, answer = self._answer(headers, body)
                head = f"HTTP/1.1 {status}\r\n{extra}Content-Length: {len(answer)}\r\n\r\n"
                writer.write(head.encode() + answer)
                await writer.drain()
                self._changed.set()
        except EOFError:
            return
        finally:
            self._changed.set()
            writer.close()

    def _answer(self, headers: dict[str, str], body: bytes) -> tuple[str, str, bytes]:
        if self.refuse:
            self.refuse -= 1
            return "503 Service Unavailable", "Retry-After: 1\r\n", b""
        if self.password is not None:
            given = auth.parse_authorization(headers.get("authorization"))
            known = isinstance(given, auth.DigestResponse) and auth.verify(
                given, "POST", auth.ha1(given.username, REALM, self.password)
            )
            if not known:
                return "401 Unauthorized", f"WWW-Authenticate: {auth.challenge_header(REALM, 'abc')}\r\n", b""
        envelope = soap.decode(body)
        self.session = self.session.receive_envelope(envelope)
        message = None if envelope is None else envelope.message
        reply: m.Message | None
        if isinstance(message, m.Inform):
            self.informs.append(message)
            reply = m.InformResponse(1)
        elif isinstance(message, m.TransferComplete):
            self.transfers.append(message)
            reply = m.TransferCompleteResponse()
        else:
            if message is not None:
                self.answers.append(message)
            reply = self.ask.pop(0) if self.ask else None
        sent = None if reply is None else Envelope(reply, envelope.id if envelope else "1", self.session.namespace)
        self.session = self.session.send_envelope(sent)
        if sent is None:
            self.sessions_ended += 1
            return "204 No Content", "", b""
        return "200 OK", "Set-Cookie: s=1; Path=/\r\n", soap.encode(sent)
