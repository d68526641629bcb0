"""Lightweight notifications: values that a CPE tells in one signed datagram, out of any session. Pure.

The one rule: what stands before the first blank line is not trusted to be HTTP, for CPEs write it wrongly; only the
signature over the body counts.

Source: TR-069 Amendment 6 Annex M; cwmp-UDPLightweightNotification-1-0.xsd.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from acs.errors import ProtocolError

#: Longest datagram that is read.
MAX_DATAGRAM: Final = 8_192
#: Parameters of one notification.
MAX_PARAMETERS: Final = 128
_SIGNATURE = re.compile(rb"^signature\s*:\s*\"?([0-9A-Fa-f]{40})\"?\s*$", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Notification:
    """What a datagram says; `values` is name → value. `body` is what the signature covers."""

    ts: int
    username: str
    cnonce: str
    oui: str
    product_class: str
    serial_number: str
    values: tuple[tuple[str, str], ...]
    signature: str
    body: bytes

    def signed_with(self, password: str) -> bool:
        """Whether the signature was made with this password."""
        return hmac.compare_digest(sign(self.body, password).lower(), self.signature.lower())


def sign(body: bytes, password: str) -> str:
    """HMAC-SHA1 of a body in hexadecimal."""
    return hmac.new(password.encode(), body, hashlib.sha1).hexdigest()


def parse(data: bytes) -> Notification:
    """The notification in a datagram.

    Raises:
        ProtocolError: it is none.
    """
    if len(data) > MAX_DATAGRAM:
        raise ProtocolError("a lightweight notification is not so long")
    parts = _BLANK_LINE.split(data, maxsplit=1)
    signature = _SIGNATURE.search(parts[0])
    if len(parts) != 2 or signature is None:
        raise ProtocolError("a lightweight notification has a Signature and a body after a blank line")
    body = parts[1]
    root = _document(body)
    fields: dict[str, str] = {}
    values: list[tuple[str, str]] = []
    for child in root:
        name = _local(child)
        if name == "Param":
            values.append(_parameter(child))
        elif name:
            fields.setdefault(name, (child.text or "").strip())
    if len(values) > MAX_PARAMETERS:
        raise ProtocolError(f"a lightweight notification carries {len(values)} parameters")
    try:
        return Notification(
            _seconds(fields["TS"]),
            fields["UN"],
            fields["CN"],
            fields["OUI"],
            fields.get("ProductClass", ""),
            fields["SerialNumber"],
            tuple(values),
            signature[1].decode("ascii"),
            body,
        )
    except (KeyError, ValueError) as error:
        raise ProtocolError("a lightweight notification carries TS, UN, CN, OUI and SerialNumber") from error


def _seconds(text: str) -> int:
    """Unix seconds; a count that no column of 64 bits holds is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(text)
    return int(text)


def _document(body: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise ProtocolError("a lightweight notification declares no document type")
    try:
        root = etree.fromstring(body.strip(b"\0 \r\n\t"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ProtocolError(f"the body of a lightweight notification is no XML: {error}") from error
    if _local(root) != "Notification":
        raise ProtocolError("the body of a lightweight notification is a Notification")
    return root


def _parameter(element: etree._Element) -> tuple[str, str]:
    found = {_local(child): (child.text or "").strip() for child in element}
    name = found.get("Name", "")
    if not name:
        raise ProtocolError("a parameter of a lightweight notification has a Name")
    return name, found.get("Value", "")


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""
