"""RADIUS accounting as bytes and values: decode a request, prove it, encode its answer. Pure.

The rule of this file: a packet that is not proven by the shared secret is nothing at all. Sources: RFC 2865 §5, RFC
2866 §3 to §5, RFC 2869 §5 (gigawords, Message-Authenticator), RFC 4679 §3.3.1 (Agent-Circuit-Id).
"""

import hashlib
import hmac
import ipaddress
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from acs.errors import ProtocolError

ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
_HEADER: Final = 20
_LONGEST: Final = 4_096
_MESSAGE_AUTHENTICATOR: Final = 80
_VENDOR_SPECIFIC: Final = 26
#: the vendor number of the Broadband Forum, whose attribute 1 is Agent-Circuit-Id and 2 Agent-Remote-Id
_BROADBAND_FORUM: Final = 3561
_ZERO: Final = bytes(16)
#: a counter is given 64 bits (RFC 2869 §5.1), and a column holds 63 of them: no line moves as much in a century
_MOST_OCTETS: Final = 2**63 - 1


class Status(IntEnum):
    """Acct-Status-Type (RFC 2866 §5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8


#: Acct-Terminate-Cause (RFC 2866 §5.10)
CAUSES: Final[Mapping[int, str]] = {
    1: "user request", 2: "lost carrier", 3: "lost service", 4: "idle timeout", 5: "session timeout", 6: "admin reset",
    7: "admin reboot", 8: "port error", 9: "NAS error", 10: "NAS request", 11: "NAS reboot", 12: "port unneeded",
    13: "port preempted", 14: "port suspended", 15: "service unavailable", 16: "callback", 17: "user error",
    18: "host request",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accounting:
    """One accounting request. Texts are empty where the attribute is absent; `status` None: not one that we know."""

    identifier: int
    authenticator: bytes
    status: Status | None
    session: str = ""
    login: str = ""
    nas: str = ""
    address: str = ""
    port: str = ""
    circuit: str = ""
    calling: str = ""
    cause: str = ""
    delay_s: int = 0
    session_s: int = 0
    in_octets: int = 0
    out_octets: int = 0
    signed: bool = False
    attributes: Mapping[int, bytes] = field(default_factory=dict)


def decode(packet: bytes, secret: bytes) -> Accounting:
    """Return the accounting request in a datagram.

    Raises:
        ProtocolError: no accounting request, broken, or not proven by the secret.
    """
    if len(packet) < _HEADER:
        raise ProtocolError(f"{len(packet)} bytes are no RADIUS packet")
    code, identifier, length = struct.unpack_from("!BBH", packet)
    if code != ACCOUNTING_REQUEST:
        raise ProtocolError(f"code {code} is no Accounting-Request")
    if not _HEADER <= length <= min(len(packet), _LONGEST):
        raise ProtocolError(f"the length says {length}, and {len(packet)} bytes came")
    packet = packet[:length]  # what follows is padding (RFC 2865 §3)
    authenticator = packet[4:_HEADER]
    expected = _md5(packet[:4] + _ZERO + packet[_HEADER:] + secret)
    if not hmac.compare_digest(expected, authenticator):
        raise ProtocolError("the Request Authenticator is wrong: the shared secret differs")
    attributes, vendor, places = _attributes(packet)
    signed = _MESSAGE_AUTHENTICATOR in attributes
    if signed:
        _check_signature(packet, places[_MESSAGE_AUTHENTICATOR], attributes[_MESSAGE_AUTHENTICATOR], secret)
    return _accounting(identifier, authenticator, attributes, vendor, signed=signed)


def answer(request: Accounting, secret: bytes) -> bytes:
    """Return the Accounting-Response, proven by its Response Authenticator (RFC 2866 §3).

    It carries no Message-Authenticator: no RFC says over what it is in this answer, and FreeRADIUS refuses any other
    reading than its own.
    """
    head = struct.pack("!BBH", ACCOUNTING_RESPONSE, request.identifier, _HEADER)
    return head + _md5(head + request.authenticator + secret)


def _attributes(packet: bytes) -> tuple[dict[int, bytes], dict[int, bytes], dict[int, int]]:
    """The first value of every attribute, those of the Broadband Forum, and where the values begin."""
    found: dict[int, bytes] = {}
    vendor: dict[int, bytes] = {}
    places: dict[int, int] = {}
    at = _HEADER
    while at < len(packet):
        if at + 2 > len(packet) or packet[at + 1] < 2 or at + packet[at + 1] > len(packet):
            raise ProtocolError(f"the attribute at byte {at} is broken")
        kind, value = packet[at], packet[at + 2 : at + packet[at + 1]]
        if kind == _VENDOR_SPECIFIC and value[:4] == struct.pack("!I", _BROADBAND_FORUM):
            _vendor_attributes(value[4:], vendor)
        elif kind not in found:
            found[kind], places[kind] = value, at + 2
        at += packet[at + 1]
    return found, vendor, places


def _vendor_attributes(value: bytes, found: dict[int, bytes]) -> None:
    at = 0
    while at + 2 <= len(value) and 2 <= value[at + 1] <= len(value) - at:
        found.setdefault(value[at], value[at + 2 : at + value[at + 1]])
        at += value[at + 1]


def _check_signature(packet: bytes, place: int, mark: bytes, secret: bytes) -> None:
    """Message-Authenticator is over the packet with the authenticator and itself as zeros (RFC 2869 §5.14)."""
    blank = packet[:4] + _ZERO + packet[_HEADER:place] + _ZERO + packet[place + 16 :]
    if len(mark) != 16 or not hmac.compare_digest(hmac.new(secret, blank, hashlib.md5).digest(), mark):
        raise ProtocolError("the Message-Authenticator is wrong")


def _accounting(
    identifier: int, authenticator: bytes, found: Mapping[int, bytes], vendor: Mapping[int, bytes], *, signed: bool
) -> Accounting:
    kind = _number(found.get(40))
    return Accounting(
        identifier=identifier,
        authenticator=authenticator,
        status=Status(kind) if kind in tuple(Status) else None,
        session=_text(found.get(44)),
        login=_text(found.get(1)),
        nas=_text(found.get(32)) or _address(found.get(4)),
        address=_address(found.get(8)) or _address(found.get(168)),
        port=_text(found.get(87)) or (str(_number(found[5])) if 5 in found else ""),
        circuit=_text(vendor.get(1)),
        calling=_text(found.get(31)),
        cause=CAUSES.get(_number(found.get(49)), ""),
        delay_s=_number(found.get(41)),
        session_s=_number(found.get(46)),
        in_octets=_octets(found.get(42), found.get(52)),
        out_octets=_octets(found.get(43), found.get(53)),
        signed=signed,
        attributes=dict(found),
    )


def _text(value: bytes | None) -> str:
    text = (value or b"").decode("utf-8", "replace").replace("\x00", "").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:253]


def _number(value: bytes | None) -> int:
    return int.from_bytes(value, "big") if value is not None and len(value) == 4 else 0


def _octets(value: bytes | None, gigawords: bytes | None) -> int:
    return min(_number(value) + (_number(gigawords) << 32), _MOST_OCTETS)


def _address(value: bytes | None) -> str:
    if value is None or len(value) not in (4, 16):
        return ""
    return str(ipaddress.ip_address(value))


def _md5(data: bytes) -> bytes:
    """RFC 2866 §3 knows no other digest; it proves the sender only inside of the operator's own network."""
    return hashlib.md5(data, usedforsecurity=False).digest()
