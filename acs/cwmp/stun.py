"""STUN messages as TR-069 Annex G uses them: bytes to `Message` and back, message integrity. Pure.

The one rule: `decode` raises only ProtocolError, for any bytes. Clients of RFC 3489 and of RFC 5389 (magic cookie) are
read alike; what differs is padding, and whether XOR-MAPPED-ADDRESS is of use to them.

Source: TR-069 Amendment 6 Annex G.2; RFC 3489 §11; RFC 5389 §6, §14, §15.
"""

import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from acs.errors import ProtocolError

#: Bytes of the header: type, length, transaction id.
HEADER: Final = 20
#: Longest datagram that is read: no request of a CPE comes near.
MAX_DATAGRAM: Final = 1024
#: Bytes 4 to 8 of a message of RFC 5389.
MAGIC_COOKIE: Final = bytes.fromhex("2112a442")
#: Value of CONNECTION-REQUEST-BINDING, with its trailing blank (Annex G.2.1.2).
BINDING_MARK: Final = b"dslforum.org/TR-111 "
#: Bytes of a MESSAGE-INTEGRITY attribute: its head and an HMAC-SHA1.
INTEGRITY_BYTES: Final = 24
#: RFC 3489 §11.2.8: what is hashed is padded with zeros to a multiple of this.
_BLOCK: Final = 64
_FINGERPRINT_XOR: Final = 0x5354554E


class MessageType(IntEnum):
    """The types of the Binding method."""

    #: RFC 3489 §9.1: what a client asks
    BINDING_REQUEST = 0x0001
    #: RFC 3489 §8.1: the address that it was seen with
    BINDING_RESPONSE = 0x0101
    #: RFC 3489 §8.1: why not
    BINDING_ERROR = 0x0111


class AttributeType(IntEnum):
    """The attributes that are understood; those from 0x8000 on may be ignored by who does not know them."""

    #: RFC 3489 §11.2.1: the address that the request came from
    MAPPED_ADDRESS = 0x0001
    #: RFC 3489 §11.2.2: where the answer shall go
    RESPONSE_ADDRESS = 0x0002
    #: RFC 3489 §11.2.4: from which address the answer shall come
    CHANGE_REQUEST = 0x0003
    #: RFC 3489 §11.2.5: the address that the answer came from
    SOURCE_ADDRESS = 0x0004
    #: RFC 3489 §11.2.3: the server's other address
    CHANGED_ADDRESS = 0x0005
    #: RFC 3489 §11.2.6: who asks
    USERNAME = 0x0006
    #: RFC 3489 §11.2.7
    PASSWORD = 0x0007
    #: RFC 3489 §11.2.8: HMAC-SHA1 of what stands before it
    MESSAGE_INTEGRITY = 0x0008
    #: RFC 3489 §11.2.9
    ERROR_CODE = 0x0009
    #: RFC 3489 §11.2.10: attributes that the server does not know
    UNKNOWN_ATTRIBUTES = 0x000A
    #: RFC 3489 §11.2.11: who asked for an answer to be sent elsewhere
    REFLECTED_FROM = 0x000B
    #: RFC 5389 §15.7
    REALM = 0x0014
    #: RFC 5389 §15.8
    NONCE = 0x0015
    #: RFC 5389 §15.2: MAPPED-ADDRESS in a form that NATs do not rewrite
    XOR_MAPPED_ADDRESS = 0x0020
    #: RFC 5389 §15.5
    FINGERPRINT = 0x8028
    #: TR-069 Annex G: this binding is the one for connection requests
    CONNECTION_REQUEST_BINDING = 0xC001
    #: TR-069 Annex G: the CPE noticed that its binding changed
    BINDING_CHANGE = 0xC002


_KNOWN: Final = frozenset(int(each) for each in AttributeType)


class Endpoint(NamedTuple):
    """An address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `value` without padding."""

    type: int
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Message:
    """One STUN message. `covered` is how many of its bytes stand before its MESSAGE-INTEGRITY, if it has one."""

    type: int
    transaction: bytes
    attributes: tuple[Attribute, ...] = ()
    covered: int | None = None

    @property
    def has_cookie(self) -> bool:
        """Whether the peer speaks RFC 5389."""
        return self.transaction[:4] == MAGIC_COOKIE

    def get(self, kind: AttributeType) -> bytes | None:
        """The value of the first attribute of a type; None where there is none."""
        return next((each.value for each in self.attributes if each.type == kind), None)

    @property
    def username(self) -> str | None:
        """USERNAME as text, without the zeros or blanks that some clients fill it up with."""
        value = self.get(AttributeType.USERNAME)
        return None if value is None else value.decode("utf-8", "replace").rstrip("\0 ")

    @property
    def is_connection_request_binding(self) -> bool:
        """Whether the sender hears connection requests at this binding; filling and letter case do not matter."""
        value = self.get(AttributeType.CONNECTION_REQUEST_BINDING)
        return value is not None and value.rstrip(b"\0 ").lower() == BINDING_MARK.strip().lower()

    @property
    def binding_changed(self) -> bool:
        """Whether the sender says that its binding changed."""
        return self.get(AttributeType.BINDING_CHANGE) is not None

    def unknown(self) -> tuple[int, ...]:
        """The types that must be understood and are not."""
        return tuple(dict.fromkeys(a.type for a in self.attributes if a.type < 0x8000 and a.type not in _KNOWN))


def decode(data: bytes) -> Message:
    """The message in a datagram. Attributes may be padded to four bytes (RFC 5389) or not (some RFC 3489 clients).

    Raises:
        ProtocolError: it is no STUN message.
    """
    if not HEADER <= len(data) <= MAX_DATAGRAM:
        raise ProtocolError(f"a datagram of {len(data)} bytes is no STUN message")
    if data[0] & 0xC0:
        raise ProtocolError("the first two bits of a STUN message are zero")
    length = int.from_bytes(data[2:4], "big")
    if HEADER + length != len(data):
        raise ProtocolError(f"the header says {length} bytes of attributes; the datagram has {len(data) - HEADER}")
    walked = _walk(data, padded=True) or _walk(data, padded=False)
    if walked is None:
        raise ProtocolError("the attributes of the STUN message do not fill it")
    attributes, covered = walked
    return Message(int.from_bytes(data[:2], "big"), data[4:HEADER], attributes, covered)


def encode(message: Message, key: bytes | None = None, *, zero_padded: bool = True, fingerprint: bool = False) -> bytes:
    """The bytes of a message, with MESSAGE-INTEGRITY where there is a key, and FINGERPRINT where it is wanted.

    `zero_padded` hashes as RFC 3489 says; without, as RFC 5389 does.
    """
    body = b"".join(_attribute_bytes(each) for each in message.attributes)
    head = message.type.to_bytes(2, "big")
    if key is not None:
        before = head + (len(body) + INTEGRITY_BYTES).to_bytes(2, "big") + message.transaction + body
        body += _attribute_bytes(
            Attribute(AttributeType.MESSAGE_INTEGRITY, integrity(before, key, zero_padded=zero_padded))
        )
    if fingerprint:
        before = head + (len(body) + 8).to_bytes(2, "big") + message.transaction + body
        checksum = (binascii.crc32(before) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
        body += _attribute_bytes(Attribute(AttributeType.FINGERPRINT, checksum))
    return head + len(body).to_bytes(2, "big") + message.transaction + body


def integrity(before: bytes, key: bytes, *, zero_padded: bool) -> bytes:
    """HMAC-SHA1 over what stands before MESSAGE-INTEGRITY, its length field counting that attribute already."""
    padding = bytes(-len(before) % _BLOCK) if zero_padded else b""
    return hmac.new(key, before + padding, hashlib.sha1).digest()


def integrity_style(data: bytes, message: Message, key: bytes) -> bool | None:
    """How the integrity of a received message was made: True with zero padding, False without; None: it is wrong."""
    given = message.get(AttributeType.MESSAGE_INTEGRITY)
    if message.covered is None or given is None or len(given) != INTEGRITY_BYTES - 4:
        return None
    length = message.covered - HEADER + INTEGRITY_BYTES
    before = data[:2] + length.to_bytes(2, "big") + data[4 : message.covered]
    for zero_padded in (True, False):
        if hmac.compare_digest(integrity(before, key, zero_padded=zero_padded), given):
            return zero_padded
    return None


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """The key of RFC 5389's long-term credentials, for clients that answer with a realm."""
    return hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).digest()


def address_value(endpoint: Endpoint) -> bytes:
    """An endpoint as an attribute's value."""
    packed = ip_address(endpoint.host).packed
    return bytes((0, 1 if len(packed) == 4 else 2)) + endpoint.port.to_bytes(2, "big") + packed


def xor_address_value(endpoint: Endpoint, transaction: bytes) -> bytes:
    """An endpoint as the value of XOR-MAPPED-ADDRESS."""
    value = address_value(endpoint)
    mask = MAGIC_COOKIE[:2] + transaction
    return value[:2] + bytes(a ^ b for a, b in zip(value[2:], mask, strict=False))


def parse_address(value: bytes) -> Endpoint:
    """The endpoint in an attribute's value.

    Raises:
        ProtocolError: it is none.
    """
    if len(value) == 8 and value[1] == 1:
        address: IPv4Address | IPv6Address = IPv4Address(value[4:8])
    elif len(value) == 20 and value[1] == 2:
        address = IPv6Address(value[4:20])
    else:
        raise ProtocolError("an address attribute of a STUN message holds no address")
    return Endpoint(str(address), int.from_bytes(value[2:4], "big"))


def parse_xor_address(value: bytes, transaction: bytes) -> Endpoint:
    """The endpoint in an XOR-MAPPED-ADDRESS.

    Raises:
        ProtocolError: it holds none.
    """
    mask = MAGIC_COOKIE[:2] + transaction
    return parse_address(value[:2] + bytes(a ^ b for a, b in zip(value[2:], mask, strict=False)))


def error_value(code: int, reason: str) -> bytes:
    """The value of ERROR-CODE; the reason is filled up with blanks, as RFC 3489 wants."""
    text = reason.encode()
    return bytes((0, 0, code // 100, code % 100)) + text + b" " * (-len(text) % 4)


def parse_error(value: bytes) -> int:
    """The number in an ERROR-CODE; 0 where it holds none."""
    return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0


def unknown_value(types: Iterable[int]) -> bytes:
    """The value of UNKNOWN-ATTRIBUTES; an odd list repeats its last, as RFC 3489 wants."""
    listed = list(types)
    if len(listed) % 2:
        listed.append(listed[-1])
    return b"".join(each.to_bytes(2, "big") for each in listed)


def _walk(data: bytes, *, padded: bool) -> tuple[tuple[Attribute, ...], int | None] | None:
    """The attributes, and where MESSAGE-INTEGRITY begins; None where they do not end with the datagram."""
    found: list[Attribute] = []
    covered: int | None = None
    place = HEADER
    while place < len(data):
        if place + 4 > len(data):
            return None
        kind, length = (
            int.from_bytes(data[place : place + 2], "big"),
            int.from_bytes(data[place + 2 : place + 4], "big"),
        )
        end = place + 4 + length
        if end > len(data):
            return None
        if kind == AttributeType.MESSAGE_INTEGRITY and covered is None:
            covered = place
        found.append(Attribute(kind, data[place + 4 : end]))
        place = end + (-length % 4 if padded else 0)
    return (tuple(found), covered) if place == len(data) else None


def _attribute_bytes(attribute: Attribute) -> bytes:
    value = attribute.value
    return attribute.type.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
