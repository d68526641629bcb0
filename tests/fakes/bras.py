"""What a BRAS sends: Accounting-Requests, signed as RFC 2866 and RFC 2869 say."""

import hashlib
import hmac
import struct

_ACCOUNTING_REQUEST = 4
_HEADER = 20
_MESSAGE_AUTHENTICATOR = 80
_VENDOR_SPECIFIC = 26
_BROADBAND_FORUM = 3561
_ZERO = bytes(16)


def accounting_request(identifier: int, attributes: list[tuple[int, bytes]], secret: bytes, *, sign: bool) -> bytes:
    """An Accounting-Request with these attributes; `sign` adds a Message-Authenticator."""
    if sign:
        attributes = [*attributes, (_MESSAGE_AUTHENTICATOR, _ZERO)]
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    head = struct.pack("!BBH", _ACCOUNTING_REQUEST, identifier, _HEADER + len(body))
    if sign:
        body = body[:-16] + hmac.new(secret, head + _ZERO + body, hashlib.md5).digest()
    return head + hashlib.md5(head + _ZERO + body + secret).digest() + body


def circuit_attribute(text: str) -> tuple[int, bytes]:
    """Agent-Circuit-Id as the attribute that carries it (RFC 4679 §3.3.1)."""
    value = text.encode()
    return _VENDOR_SPECIFIC, struct.pack("!IBB", _BROADBAND_FORUM, 1, len(value) + 2) + value
