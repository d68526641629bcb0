"""A ticket system with TMF621 v4 that is away on request: it notes what it is told, in the order in which it is told.

It lists its tickets one at a time and takes PATCHes of their lists whole, as TMF630 says. It checks no definition; the
tests have one that does.
"""

import asyncio
import json
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

_BASE = "/tmf-api/troubleTicket/v4"
#: what a note of ours holds, so that it is found again
_MARK = re.compile(r"\[secondline:([^\]]+)\]")


@dataclass
class BenchTicketSystem:
    """Tickets by id, and `told`: (ticket, key of the note) in the order of their coming."""

    port: int = 0
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0
    _server: asyncio.Server | None = None
    _deaf: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where its TMF621 begins."""
        return f"http://127.0.0.1:{self.port}{_BASE}"

    def go_away(self, *, deaf: bool) -> None:
        """Nobody answers from now on: connections are refused, or, `deaf`, taken and never answered."""
        if not deaf:
            return
        self._deaf = socket.socket()
        self._deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._deaf.bind(("127.0.0.1", self.port))
        self._deaf.listen(128)

    async def come_back(self) -> None:
        """Answer from now on."""
        if self._deaf is not None:
            self._deaf.close()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Close the door."""
        if self._server is not None:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split("\r\n")[0].split(" ")
            length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1]) if length else 0)
            self.calls += 1
            status, answer = self._answered(method, target.removeprefix(_BASE), body)
            content = json.dumps(answer).encode()
            said = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            writer.write(said.encode() + b"Connection: close\r\n\r\n" + content)
            await writer.drain()
        writer.close()

    def _answered(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        ticket = self.tickets.get(path.removeprefix("/troubleTicket/"))
        if ticket is None:
            return 404, {"code": "404", "reason": f"no {path}"}
        if method == "PATCH":
            before = _keys(ticket)
            ticket.update(json.loads(body))
            after = _keys(ticket)
            self.told += [(ticket["id"], key) for key in after[len(before) :]]
        return 200, ticket


def _keys(ticket: dict[str, Any]) -> list[str]:
    """The keys of our notes in a ticket, in their order."""
    return [found[1] for note in ticket.get("note", []) if (found := _MARK.search(note["text"]))]
