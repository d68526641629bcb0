"""The UDP connection request: one datagram that looks like a GET and is signed. Pure.

The one rule: only letters, digits and hyphens stand in `un` and `cn`, because implementations differ in what they sign
when a character is percent-encoded; repeated datagrams of one request are the same bytes.

Source: TR-069 Amendment 6 Annex G.2.2.3 (formerly TR-111 part 2).
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from acs.cwmp.stun import Endpoint
from acs.errors import ProtocolError

#: The port of UDPConnectionRequestAddress without one.
DEFAULT_PORT = 80
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+\Z")
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/]+))(?::(?P<port>\d{1,5}))?\Z")


@dataclass(frozen=True, slots=True)
class UdpRequest:
    """The signed values: `ts` Unix seconds, `id` of the request, `un` user name, `cn` a random text."""

    ts: int
    id: int
    un: str
    cn: str

    def signature(self, password: str) -> str:
        """HMAC-SHA1 over the values without anything between them, in upper-case hexadecimal."""
        text = f"{self.ts}{self.id}{self.un}{self.cn}"
        return hmac.new(password.encode(), text.encode(), hashlib.sha1).hexdigest().upper()

    def datagram(self, to: Endpoint, password: str) -> bytes:
        """The datagram; `to` is the address that it is sent to."""
        query = f"ts={self.ts}&id={self.id}&un={self.un}&cn={self.cn}&sig={self.signature(password)}"
        return f"GET http://{to}?{query} HTTP/1.1\r\n\r\n".encode()


def signable(username: str) -> bool:
    """Whether every CPE signs this user name alike."""
    return _PLAIN.match(username) is not None


def parse(data: bytes) -> tuple[UdpRequest, str]:
    """The request in a datagram, and its signature: what a CPE reads.

    Raises:
        ProtocolError: it is none.
    """
    if len(data) > 2048:
        raise ProtocolError("a UDP connection request is not so long")
    first = data.split(b"\r\n", 1)[0].decode("latin-1")
    method, _, rest = first.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if method != "GET" or not version.startswith("HTTP/1."):
        raise ProtocolError("a UDP connection request is a GET of HTTP/1.1")
    try:
        fields = dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True))
        ts, number = int(fields["ts"]), int(fields["id"])
        return UdpRequest(ts, number, fields["un"], fields["cn"]), fields["sig"]
    except (KeyError, ValueError) as error:
        raise ProtocolError("a UDP connection request carries ts, id, un, cn and sig") from error


def verify(request: UdpRequest, signature: str, password: str) -> bool:
    """Whether the signature was made with the password; letter case does not matter."""
    return hmac.compare_digest(request.signature(password).encode(), signature.upper().encode("utf-8", "replace"))


def parse_address(text: str) -> tuple[str, int] | None:
    """Host and port of a UDPConnectionRequestAddress; None where it names none, as the empty text and junk do.

    A host alone means port 80, for a CPE may leave that out.
    """
    found = _ADDRESS.match(text.strip())
    if found is None:
        return None
    port = DEFAULT_PORT if found["port"] is None else int(found["port"])
    host = found["six"] or found["host"]
    named = found["six"] is not None or "." in host
    return (host, port) if named and 0 < port < 65536 and host not in ("0.0.0.0", "::") else None
