"""SNMP v1 and v2c messages as they come from others: answers, traps and informs (RFC 1157, RFC 3416, RFC 3584).

The rule: pure, quick, and `MalformedMessage` is the only error for any bytes. ber.py writes, and reads the requests
that our own agent answers; this file reads everything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from probes.snmp.ber import MalformedMessage
from probes.snmp.target import Oid, Value

_SEQUENCE, _INTEGER, _OCTETS, _NULL, _OID = 0x30, 0x02, 0x04, 0x05, 0x06
_IP_ADDRESS, _OPAQUE = 0x40, 0x44
#: tags whose content is a number: INTEGER, Counter32, Gauge32, TimeTicks, Counter64, Unsigned32
_SIGNED, _UNSIGNED = _INTEGER, frozenset({0x41, 0x42, 0x43, 0x46, 0x47})
#: no such object, no such instance, end of MIB view
_ABSENT = frozenset({0x80, 0x81, 0x82})
#: arcs of one OID (RFC 2578 §3.5)
_MAX_ARCS = 128


class Tag(IntEnum):
    """The tags of the messages that come to us."""

    RESPONSE = 0xA2
    TRAP_V1 = 0xA4
    INFORM = 0xA6
    TRAP_V2 = 0xA7
    REPORT = 0xA8


#: error-status in words (RFC 3416 §3)
ERRORS: Mapping[int, str] = {
    1: "tooBig",
    2: "noSuchName",
    3: "badValue",
    4: "readOnly",
    5: "genErr",
    6: "noAccess",
    7: "wrongType",
    8: "wrongLength",
    9: "wrongEncoding",
    10: "wrongValue",
    11: "noCreation",
    12: "inconsistentValue",
    13: "resourceUnavailable",
    14: "commitFailed",
    15: "undoFailed",
    16: "authorizationError",
    17: "notWritable",
    18: "inconsistentName",
}
TOO_BIG, NO_SUCH_NAME, GEN_ERR = 1, 2, 5


@dataclass(frozen=True, slots=True)
class VarBind:
    """One variable of a message; `value` None where there is none, and `tag` says why."""

    oid: Oid
    value: Value | None
    tag: int


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its error, the position (from 1) of the varbind at fault, and the varbinds."""

    request_id: int
    error: int
    index: int
    varbinds: tuple[VarBind, ...]

    @property
    def error_name(self) -> str:
        """The error in the standard's word; its number where the standard has none."""
        return ERRORS.get(self.error, f"error {self.error}")


def element(data: bytes, at: int, limit: int) -> tuple[int, int, int]:
    """Tag, start and end of the content of the element at a position, which must end by `limit`.

    Raises:
        MalformedMessage: it does not.
    """
    try:
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            wide = length & 0x7F
            if not 1 <= wide <= 4:
                raise MalformedMessage(f"length of {wide} bytes at byte {at}")
            length = int.from_bytes(data[start : start + wide], "big")
            start += wide
    except IndexError:
        raise MalformedMessage(f"nothing at byte {at}") from None
    end = start + length
    if end > limit:
        raise MalformedMessage(f"length {length} at byte {at} is beyond the end")
    return tag, start, end


def content(data: bytes, at: int, limit: int, wanted: int) -> tuple[int, int]:
    """Start and end of the content of an element that must have this tag."""
    tag, start, end = element(data, at, limit)
    if tag != wanted:
        raise MalformedMessage(f"tag {tag:#x} at byte {at} where {wanted:#x} belongs")
    return start, end


def integer(data: bytes, at: int, limit: int) -> tuple[int, int]:
    """An INTEGER and the position behind it."""
    start, end = content(data, at, limit, _INTEGER)
    if not 1 <= end - start <= 9:
        raise MalformedMessage(f"a number of {end - start} bytes at byte {at}")
    return int.from_bytes(data[start:end], "big", signed=True), end


def octets(data: bytes, at: int, limit: int) -> tuple[bytes, int]:
    """An OCTET STRING and the position behind it."""
    start, end = content(data, at, limit, _OCTETS)
    return data[start:end], end


def oid(data: bytes) -> Oid:
    """The dotted form of an OID's content; empty for no content."""
    if not data:
        return ""
    parts, value = list[int](), 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            parts.append(value)
            value = 0
    if value or not parts or len(parts) > _MAX_ARCS:
        raise MalformedMessage("an object identifier that does not end")
    first = min(parts[0] // 40, 2)
    return ".".join(map(str, (first, parts[0] - 40 * first, *parts[1:])))


def varbinds(data: bytes, at: int, limit: int) -> tuple[VarBind, ...]:
    """The variables in a list of varbinds."""
    position, end = content(data, at, limit, _SEQUENCE)
    found = []
    while position < end:
        start, position = content(data, position, end, _SEQUENCE)
        name_start, name_end = content(data, start, position, _OID)
        tag, value_start, value_end = element(data, name_end, position)
        found.append(VarBind(oid(data[name_start:name_end]), _value(tag, data[value_start:value_end]), tag))
    return tuple(found)


def envelope(data: bytes) -> tuple[int, bytes, int, int, int]:
    """Version, community, PDU tag, and start and end of the PDU's content, of a v1 or v2c message."""
    start, end = content(data, 0, len(data), _SEQUENCE)
    version, at = integer(data, start, end)
    community, at = octets(data, at, end)
    tag, start, end = element(data, at, end)
    return version, community, tag, start, end


def version_of(data: bytes) -> int:
    """The version number in a message: 0 is v1, 1 is v2c, 3 is v3.

    Raises:
        MalformedMessage: it has none.
    """
    start, end = content(data, 0, len(data), _SEQUENCE)
    return integer(data, start, end)[0]


def response(data: bytes) -> Response:
    """The answer in a v1 or v2c message.

    Raises:
        MalformedMessage: it is none.
    """
    _, _, tag, start, end = envelope(data)
    if tag != Tag.RESPONSE:
        raise MalformedMessage(f"tag {tag:#x} is no answer")
    return pdu(data, start, end)


def pdu(data: bytes, start: int, end: int) -> Response:
    """The four parts that every PDU but the trap of v1 has."""
    request_id, at = integer(data, start, end)
    error, at = integer(data, at, end)
    index, at = integer(data, at, end)
    return Response(request_id, error, index, varbinds(data, at, end))


def _value(tag: int, data: bytes) -> Value | None:
    if tag in (_OCTETS, _OPAQUE):
        return data
    if tag == _SIGNED:
        return int.from_bytes(data, "big", signed=True) if data else None
    if tag in _UNSIGNED:
        return int.from_bytes(data, "big") if data else None
    if tag == _OID:
        return oid(data)
    if tag == _IP_ADDRESS:
        return ".".join(map(str, data)) if len(data) == 4 else data
    if tag == _NULL or tag in _ABSENT:
        return None
    raise MalformedMessage(f"tag {tag:#x} is no value")
