"""An SNMP v1 and v2c agent over a table of values, for the simulator and the tests.

It answers GET, GETNEXT and GETBULK. Whatever else comes, or comes with another community, gets silence, as from a real
agent. Encoded varbinds are remembered, so a port of 32 ONTs costs milliseconds.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from typing import cast

from probes.snmp.ber import (
    Cell,
    Kind,
    MalformedMessage,
    OidTuple,
    Pdu,
    Request,
    decode_request,
    encode_response,
    encode_varbind,
    parse_oid,
)

__all__ = ["Agent", "AgentTable", "Cell", "Kind", "integer", "octets", "oid", "text"]

#: error-status of RFC 3416: the answer does not fit a message
_TOO_BIG = 1
#: error-status of RFC 1157: an OID of the request does not exist
_NO_SUCH_NAME = 2
#: error-status of RFC 1157: the agent cannot read it just now
_GEN_ERR = 5
#: what fits an Ethernet frame after IP and UDP; real agents stop there too
_MAX_BYTES = 1472
_ENVELOPE_BYTES = 80


def integer(value: int) -> Cell:
    """An INTEGER (-2^31 … 2^31-1)."""
    return Cell(Kind.INTEGER, value)


def octets(value: bytes) -> Cell:
    """An OCTET STRING of any bytes."""
    return Cell(Kind.OCTETS, value)


def text(value: str) -> Cell:
    """An OCTET STRING of UTF-8 text."""
    return Cell(Kind.OCTETS, value.encode())


def oid(value: str) -> Cell:
    """An OBJECT IDENTIFIER from its dotted form."""
    return Cell(Kind.OID, value)


class AgentTable:
    """OID → Cell in the order of OIDs; it may change while an agent serves it."""

    def __init__(self, cells: dict[str, Cell] | None = None) -> None:
        self._cells: dict[OidTuple, Cell] = {}
        self._order: list[OidTuple] = []
        self._encoded: dict[OidTuple, bytes] = {}
        self.set_many(cells or {})

    def __len__(self) -> int:
        return len(self._order)

    def get(self, oid: str) -> Cell | None:
        """The value of an OID; None when the table has none."""
        return self._cells.get(parse_oid(oid))

    def set(self, oid: str, cell: Cell) -> None:
        """Put a value; the next answer shows it."""
        key = parse_oid(oid)
        if key not in self._cells:
            insort(self._order, key)
        self._put(key, cell)

    def set_many(self, cells: dict[str, Cell]) -> None:
        """Put many values at once, sorting once."""
        for name, cell in cells.items():
            self._put(parse_oid(name), cell)
        self._order = sorted(self._cells)

    def remove(self, oid: str) -> None:
        """Take a value away; an unknown OID is ignored."""
        key = parse_oid(oid)
        if self._cells.pop(key, None) is not None:
            self._encoded.pop(key, None)
            self._order.remove(key)

    def remove_row(self, oid: str) -> None:
        """Take an OID away and everything below it."""
        root = parse_oid(oid)
        first, last = bisect_left(self._order, root), bisect_left(self._order, (*root[:-1], root[-1] + 1))
        for key in self._order[first:last]:
            del self._cells[key]
            self._encoded.pop(key, None)
        del self._order[first:last]

    def varbind(self, key: OidTuple, missing: Kind) -> bytes:
        """The encoded varbind of exactly this OID, or of its absence."""
        if key not in self._cells:
            return encode_varbind(key, Cell(missing))
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = encode_varbind(key, self._cells[key])
        return found

    def after(self, key: OidTuple, count: int) -> list[OidTuple]:
        """The next `count` OIDs behind one, fewer at the end of the table."""
        at = bisect_right(self._order, key)
        return self._order[at : at + count]

    def has(self, key: OidTuple) -> bool:
        """Whether the table has exactly this OID."""
        return key in self._cells

    def _put(self, key: OidTuple, cell: Cell) -> None:
        if self._cells.get(key) != cell:
            self._cells[key] = cell
            self._encoded.pop(key, None)


class Agent:
    """A UDP server of one table. `port` 0 takes a free one; after `start` it is the real one."""

    def __init__(self, table: AgentTable, *, host: str = "127.0.0.1", port: int = 0, community: str = "public") -> None:
        self.table = table
        self.host = host
        self.port = port
        self.community = community
        #: seconds before each answer, to imitate a slow node
        self.delay_s = 0.0
        #: when False it receives and says nothing, like a node behind a cut cable
        self.answering = True
        #: OIDs whose subtrees it cannot read: whoever asks below one is told of an error
        self.failing: set[str] = set()
        #: requests that were answered
        self.answered = 0
        #: the most varbinds that one request asked for
        self.widest = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._closed: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Bind; afterwards `port` is the real port."""
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(self), local_addr=(self.host, self.port))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Close the socket; returns when it is closed. Stopping twice is harmless."""
        if self._transport is not None and self._closed is not None:
            self._transport.close()
            await self._closed
            self._transport = None

    def answer(self, data: bytes) -> bytes | None:
        """The datagram that answers one; None where a real agent stays silent."""
        try:
            request = decode_request(data)
        except MalformedMessage:
            return None
        if not self.answering or request.community != self.community.encode() or request.version not in (0, 1):
            return None
        self.answered += 1
        self.widest = max(self.widest, len(request.oids))
        if self.failing and self._fails(request):
            echo = b"".join(encode_varbind(each, Cell(Kind.NULL)) for each in request.oids)
            return encode_response(request, echo, error=_GEN_ERR, index=1)
        return _answer_v1(self.table, request) if request.version == 0 else _answer_v2c(self.table, request)

    def _fails(self, request: Request) -> bool:
        roots = [parse_oid(root) for root in self.failing]
        return any(key[: len(root)] == root for key in request.oids for root in roots)

    def closed(self) -> None:
        """Called by the protocol when its socket is gone."""
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is no subclass of asyncio's, so it is told, not asked
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._agent.closed()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        answer = self._agent.answer(data)
        if answer is None:
            return
        if self._agent.delay_s:
            asyncio.get_running_loop().call_later(self._agent.delay_s, self._send, answer, addr)
        else:
            self._send(answer, addr)

    def _send(self, answer: bytes, addr: tuple[str | int, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)


def _answer_v1(table: AgentTable, request: Request) -> bytes | None:
    varbinds = []
    if request.pdu is Pdu.GET_BULK:
        return None
    for position, key in enumerate(request.oids, start=1):
        found = table.after(key, 1) if request.pdu is Pdu.GET_NEXT else [key]
        if not found or not table.has(found[0]):
            echo = b"".join(encode_varbind(each, Cell(Kind.NULL)) for each in request.oids)
            return encode_response(request, echo, error=_NO_SUCH_NAME, index=position)
        varbinds.append(table.varbind(found[0], Kind.NULL))
    return encode_response(request, b"".join(varbinds))


def _answer_v2c(table: AgentTable, request: Request) -> bytes:
    if request.pdu is Pdu.GET:
        varbinds = [table.varbind(key, Kind.NO_SUCH_INSTANCE) for key in request.oids]
    elif request.pdu is Pdu.GET_NEXT:
        varbinds = [_next(table, key)[1] for key in request.oids]
    else:
        varbinds = _bulk(table, request)
    body = b"".join(varbinds)
    if len(body) > _MAX_BYTES - _ENVELOPE_BYTES:
        return encode_response(request, b"", error=_TOO_BIG)
    return encode_response(request, body)


def _next(table: AgentTable, key: OidTuple) -> tuple[OidTuple, bytes]:
    found = table.after(key, 1)
    if not found:
        return key, encode_varbind(key, Cell(Kind.END_OF_MIB_VIEW))
    return found[0], table.varbind(found[0], Kind.NO_SUCH_INSTANCE)


def _bulk(table: AgentTable, request: Request) -> list[bytes]:
    """Non-repeaters, then rounds of the repeaters, as many as fit a frame (RFC 3416 §4.2.3)."""
    single = max(0, request.first)
    varbinds = [_next(table, key)[1] for key in request.oids[:single]]
    cursors = list(request.oids[single:])
    room = _MAX_BYTES - _ENVELOPE_BYTES - sum(map(len, varbinds))
    for _ in range(max(0, request.second) if cursors else 0):
        for position, key in enumerate(cursors):
            cursors[position], varbind = _next(table, key)
            room -= len(varbind)
            if room < 0:
                return varbinds
            varbinds.append(varbind)
    return varbinds
