"""The part of ASN.1 BER that SNMP messages use (RFC 1157, RFC 3416, X.690): what we write, and what our agent reads.

Every function is pure; `MalformedMessage` is the only error for any bytes. The client does not come here: its library
has a codec of its own, which is what makes this one a second opinion in the tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """The BER tags of SNMP values (RFC 2578, RFC 3416)."""

    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIMETICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    #: the object does not exist (v2c)
    NO_SUCH_OBJECT = 0x80
    #: the object exists, this instance does not (v2c)
    NO_SUCH_INSTANCE = 0x81
    #: nothing follows (v2c GETNEXT and GETBULK)
    END_OF_MIB_VIEW = 0x82


class Pdu(IntEnum):
    """The tags of the requests that an agent answers, and of its answer."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    GET_BULK = 0xA5


class MalformedMessage(ValueError):
    """Bytes that are no SNMP message."""


OidTuple = tuple[int, ...]

_SEQUENCE = 0x30
_NUMBERS = frozenset({Kind.INTEGER, Kind.COUNTER32, Kind.GAUGE32, Kind.TIMETICKS, Kind.COUNTER64})


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of an agent: int for number kinds, bytes for OCTETS and OPAQUE, dotted text for OID and IP_ADDRESS."""

    kind: Kind
    value: int | bytes | str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as read. For GET_BULK the two numbers are non-repeaters and max-repetitions, otherwise zero."""

    version: int
    community: bytes
    pdu: Pdu
    request_id: int
    first: int
    second: int
    oids: tuple[OidTuple, ...]


def parse_oid(text: str) -> OidTuple:
    """An OID in numbers, with or without a leading dot, as a tuple."""
    return tuple(int(part) for part in text.strip(".").split("."))


def encode_varbind(oid: OidTuple, cell: Cell) -> bytes:
    """One variable binding; it may be cached, for it depends on nothing else."""
    return tlv(_SEQUENCE, tlv(Kind.OID, _oid_bytes(oid)) + tlv(cell.kind, _value_bytes(cell)))


def encode_response(request: Request, varbinds: bytes, *, error: int = 0, index: int = 0) -> bytes:
    """The answer to a request, around varbinds that are encoded already."""
    pdu = integer(request.request_id) + integer(error) + integer(index) + tlv(_SEQUENCE, varbinds)
    return tlv(_SEQUENCE, integer(request.version) + tlv(Kind.OCTETS, request.community) + tlv(Pdu.RESPONSE, pdu))


def decode_request(data: bytes) -> Request:
    """The request in a datagram.

    Raises:
        MalformedMessage: not a GET, GETNEXT or GETBULK of SNMP v1 or v2c.
    """
    try:
        return _request(data)
    except (IndexError, ValueError) as error:
        raise MalformedMessage(f"{len(data)} bytes that are no SNMP request: {error}") from error


def _request(data: bytes) -> Request:
    message = _first(data, _SEQUENCE)
    version, community, pdu = _elements(message[1], {Kind.INTEGER, Kind.OCTETS, Pdu.GET, Pdu.GET_NEXT, Pdu.GET_BULK})
    request_id, first, second, varbinds = _elements(pdu[1], {Kind.INTEGER, _SEQUENCE})
    oids = tuple(_read_oid(_first(varbind, Kind.OID)[1]) for _, varbind in _elements(varbinds[1], {_SEQUENCE}))
    return Request(
        version=_read_integer(version[1]),
        community=community[1],
        pdu=Pdu(pdu[0]),
        request_id=_read_integer(request_id[1]),
        first=_read_integer(first[1]),
        second=_read_integer(second[1]),
        oids=oids,
    )


def _first(data: bytes, tag: int) -> tuple[int, bytes]:
    for element in _elements(data, {tag}):
        return element
    raise ValueError(f"nothing where tag {tag:#x} belongs")


def _elements(data: bytes, tags: set[int]) -> Iterator[tuple[int, bytes]]:
    """The elements of a constructed value, one after the other; tags outside `tags` are refused."""
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if tag not in tags:
            raise ValueError(f"tag {tag:#x} at byte {at}")
        if length & 0x80:
            wide = length & 0x7F
            length = int.from_bytes(data[start : start + wide], "big")
            start += wide
        if start + length > len(data):
            raise ValueError(f"length {length} at byte {at} is beyond the end")
        yield tag, data[start : start + length]
        at = start + length


def _read_integer(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _read_oid(data: bytes) -> OidTuple:
    head, parts, value = data[0], list[int](), 0
    for byte in data[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            parts.append(value)
            value = 0
    return (min(head // 40, 2), head - 40 * min(head // 40, 2), *parts)


def tlv(tag: int, body: bytes) -> bytes:
    """A tag, the length of a body, and the body."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    wide = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | wide)) + size.to_bytes(wide, "big") + body


def integer(value: int) -> bytes:
    """An INTEGER."""
    return tlv(Kind.INTEGER, _integer_bytes(value))


def _integer_bytes(value: int) -> bytes:
    # one bit more than the magnitude, for the sign; a positive Counter64 with its top bit set takes nine bytes
    magnitude = value if value >= 0 else ~value
    return value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


def _oid_bytes(oid: OidTuple) -> bytes:
    out = bytearray((oid[0] * 40 + oid[1],))
    for part in oid[2:]:
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(part & 0x7F | 0x80)
        out.extend(reversed(groups))
    return bytes(out)


def _value_bytes(cell: Cell) -> bytes:
    match cell.value:
        case None:
            return b""
        case bytes():
            return cell.value
        case str() if cell.kind is Kind.IP_ADDRESS:
            return bytes(int(part) for part in cell.value.split("."))
        case str() if cell.kind is Kind.OID:
            return _oid_bytes(parse_oid(cell.value))
        case int() if cell.kind in _NUMBERS:
            return _integer_bytes(cell.value)
    raise ValueError(f"{cell.kind.name} cannot hold {cell.value!r}")
