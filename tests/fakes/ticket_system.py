"""A ticket system with TMF621 over a real socket: it enforces the official definition on all that it gets and sends.

It fails on request: drops connections, answers 500, never answers, or does what it was asked and drops the answer.

    post_event ─► the product's listener        (as its hub would)
    GET, PATCH, POST /troubleTicket, /hub       (what the product calls)
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.tmf_definitions import definition

AT = "2026-11-22T10:00:00Z"


@dataclass
class TicketSystem:
    """Tickets by id. `failures`: what goes wrong with the next calls, in order: 500, hang, drop_before, drop_after."""

    version: str = "v4"
    token: str = "hush"
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    hubs: dict[str, str] = field(default_factory=dict)
    failures: deque[str] = field(default_factory=deque)
    #: (method, path) of every call that came, also of those that failed
    calls: list[tuple[str, str]] = field(default_factory=list)
    #: what was wrong with calls: the product broke the definition
    faults: list[str] = field(default_factory=list)
    #: bodies of what was done
    patches: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    append_lists: bool = False
    own_note_ids: bool = False
    etags: bool = False
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tmf-api/troubleTicket/{self.version}"

    @property
    def v5(self) -> bool:
        return self.version == "v5"

    def add(self, id_: str, **more: Any) -> dict[str, Any]:
        """A new ticket, checked against the definition."""
        ticket: dict[str, Any] = {
            "id": id_,
            "href": f"{self.url}/troubleTicket/{id_}",
            "creationDate": AT,
            "description": "No Internet",
            "severity": "Major",
            "ticketType": "incident",
            "status": "acknowledged",
            "note": [
                self._typed("Note", {"id": "n0", "author": "agent", "date": AT, "text": "call from the customer"})
            ],
            **more,
        }
        ticket = self._typed("TroubleTicket", ticket)
        definition(f"tmf621-{self.version}").check("TroubleTicket", ticket)
        self.tickets[id_] = ticket
        return ticket

    def event(self, event_id: str, event_type: str, ticket: str) -> dict[str, Any]:
        """An event of a ticket as the hub sends it, checked against the definition."""
        name = "timeOccurred" if self.v5 else "timeOcurred"
        thing = self.tickets[ticket]
        if self.v5 and event_type == "TroubleTicketDeleteEvent":
            thing = {"@type": "TroubleTicketRef", "id": ticket}
        body = {"eventId": event_id, "eventType": event_type, "eventTime": AT, name: AT,
                "event": {"troubleTicket": thing}}  # fmt: skip
        body = self._typed(event_type, body)
        definition(f"tmf621-{self.version}").check(event_type, body)
        return body

    def notes(self, ticket: str, word: str = "") -> list[str]:
        """The notes of a ticket that hold a word."""
        return [note["text"] for note in self.tickets[ticket].get("note", []) if word in note["text"]]

    def _typed(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        return {"@type": kind, **thing} if self.v5 else thing

    # --- HTTP --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["TicketSystem"]:
        """Serve on a port of 127.0.0.1."""
        await self.begin(port)
        try:
            yield self
        finally:
            self.end()

    async def begin(self, port: int = 0) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def end(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.calls.append((method, target))
            failure = self.failures.popleft() if self.failures else ""
            if failure == "hang":
                await reader.read()  # until the caller gives up
            elif failure not in ("drop_before", "500"):
                status, answer, extra = self._answered(method, target, headers, body)
                if failure != "drop_after":
                    writer.write(_response(status, answer, extra))
                    await writer.drain()
            elif failure == "500":
                writer.write(_response(500, self._error(500, "on fire"), {}))
                await writer.drain()
        writer.close()

    def _answered(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401, self._error(401, "no token"), {}
        parts = urlsplit(target)
        base, _, rest = parts.path.partition(f"/tmf-api/troubleTicket/{self.version}/")
        words = [unquote(word) for word in rest.split("/")]
        payload = json.loads(body) if body else None
        assert not base
        match method, words:
            case "GET", ["troubleTicket"]:
                return 200, self._found(parse_qs(parts.query)), {}
            case "POST", ["troubleTicket"]:
                return self._created(payload)
            case "GET", ["troubleTicket", id_] if id_ in self.tickets:
                return 200, self.tickets[id_], self._etag(id_)
            case "PATCH", ["troubleTicket", id_] if id_ in self.tickets:
                return self._patched(id_, payload, headers)
            case "POST", ["hub"]:
                return self._subscribed(payload)
            case "DELETE", ["hub", id_] if id_ in self.hubs:
                del self.hubs[id_]
                return 204, None, {}
        return 404, self._error(404, f"no {target}"), {}

    def _found(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        member = "externalIdentifier.id" if self.v5 else "externalId"
        wanted = query.get(member, [""])[0]

        def ids(ticket: dict[str, Any]) -> list[str]:
            return [ticket.get("externalId", ""), *(one["id"] for one in ticket.get("externalIdentifier", []))]

        return [ticket for ticket in self.tickets.values() if wanted in ids(ticket)]

    def _created(self, payload: Any) -> tuple[int, Any, dict[str, str]]:
        if refused := self._refused("TroubleTicket_FVO" if self.v5 else "TroubleTicket_Create", payload):
            return refused
        id_ = f"TT-{9000 + len(self.tickets)}"
        return 201, self.add(id_, **payload), {}

    def _patched(self, id_: str, payload: Any, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if refused := self._refused("TroubleTicket_MVO" if self.v5 else "TroubleTicket_Update", payload):
            return refused
        if "if-match" in headers and {"ETag": headers["if-match"]} != self._etag(id_):
            return 412, self._error(412, "it changed"), {}
        ticket = self.tickets[id_]
        for name, value in payload.items():
            ticket[name] = [*ticket.get(name, []), *value] if isinstance(value, list) and self.append_lists else value
        if self.own_note_ids:
            ticket["note"] = [{**note, "id": f"n{n}"} for n, note in enumerate(ticket.get("note", []))]
        self.patches.append((id_, payload))
        return 200, ticket, self._etag(id_)

    def _subscribed(self, payload: Any) -> tuple[int, Any, dict[str, str]]:
        if refused := self._refused("Hub_FVO" if self.v5 else "EventSubscriptionInput", payload):
            return refused
        id_ = f"h{len(self.hubs) + 1}"
        self.hubs[id_] = payload["callback"]
        return 201, self._typed("Hub", {"id": id_, "callback": payload["callback"]}), {}

    def _refused(self, schema: str, payload: Any) -> tuple[int, Any, dict[str, str]] | None:
        faults = definition(f"tmf621-{self.version}").faults(schema, payload)
        self.faults += [f"{schema}: {fault}" for fault in faults]
        return (400, self._error(400, "; ".join(faults)), {}) if faults else None

    def _error(self, status: int, reason: str) -> dict[str, Any]:
        return self._typed("Error", {"code": str(status), "reason": reason, "status": str(status)})

    def _etag(self, id_: str) -> dict[str, str]:
        if not self.etags:
            return {}
        return {"ETag": f'"{hash(json.dumps(self.tickets[id_], sort_keys=True)) & 0xFFFFFFFF:x}"'}


def _response(status: int, answer: Any, extra: dict[str, str]) -> bytes:
    content = b"" if answer is None else json.dumps(answer).encode()
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += ["Connection: close", *(f"{name}: {value}" for name, value in extra.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content
