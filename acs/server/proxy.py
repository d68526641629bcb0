"""Behind nginx or haproxy: whom a connection or a request is really from. Only configured proxies are believed.

    PROXY protocol  the first bytes of the connection, version 1 (text) or 2 (binary, with TLS and certificate name)
    headers         of each request: address, scheme, certificate; a connection then carries requests of many CPEs

Source: "The PROXY protocol, versions 1 & 2", haproxy.org, §2.1, §2.2.
"""

import asyncio
import re
import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, Final

import structlog

from acs.config import ProxySection
from acs.server.http import Connection
from acs.server.http_messages import Request
from acs.server.origin import Origin
from acs.services.networks import is_in, parse_address

log = structlog.get_logger()

#: Longest header of version 1, with its line end (§2.1).
_LONGEST_TEXT: Final = 107
_TEXT: Final = b"PROXY "
_BINARY: Final = b"\r\n\r\n\x00\r\nQUIT\n"
#: Bytes of addresses and extras of version 2 that are read; certificate names are short.
_LONGEST_BINARY: Final = 4096
_TLV_SSL: Final = 0x20
_TLV_SSL_CN: Final = 0x22
_CLIENT_SSL: Final = 0x01
#: The client gave a certificate in this connection, or in the session that it resumed.
_CLIENT_CERT: Final = 0x02 | 0x04
_COMMA: Final = re.compile(r"(?<!\\)[,+]")
#: Seconds for the header: the proxy sends it at once.
_PATIENCE_S: Final = 5.0


class NotProxied(ValueError):
    """The first bytes are no header of the PROXY protocol."""


def parse_header(data: bytes) -> tuple[Origin | None, int] | None:
    """The origin that a header of the PROXY protocol names, and the header's length; None: more bytes are needed.

    The origin is None where the proxy speaks for itself (LOCAL, UNKNOWN), as its health checks do.

    Raises:
        NotProxied: it is no such header.
    """
    if data.startswith(_BINARY):
        return _binary(data)
    if _BINARY.startswith(data[: len(_BINARY)]):
        return None
    if data.startswith(_TEXT):
        return _text(data)
    if _TEXT.startswith(data):
        return None
    raise NotProxied("no PROXY header")


class ProxyDoor(asyncio.Protocol):
    """The first bytes of a connection from a proxy; then it hands over to a `Connection` of the CPE."""

    def __init__(self, proxy: ProxySection, connected: Callable[[Origin | None], Connection]) -> None:
        self._trusted = proxy.trusted
        self._connected = connected
        self._data = b""
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected: one that is no proxy speaks for itself."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        if peer and is_in(parse_address(peer[0]), self._trusted):
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S, transport.close)
        else:
            self._hand_over(None, b"")

    def data_received(self, data: bytes) -> None:
        """Bytes came from the proxy."""
        self._data += data
        try:
            found = parse_header(self._data)
        except NotProxied as error:
            peer = self._transport.get_extra_info("peername")
            log.warning("proxy.refused", address=peer[0] if peer else "", why=str(error))
            self._transport.close()
            return
        if found is not None:
            origin, length = found
            self._hand_over(origin, self._data[length:])

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended before its header was whole."""
        if self._timer is not None:
            self._timer.cancel()

    def _hand_over(self, origin: Origin | None, rest: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        connection = self._connected(origin)
        self._transport.set_protocol(connection)
        connection.connection_made(self._transport)
        if rest:
            connection.data_received(rest)


class ProxyHeaders:
    """Reads a CPE's origin from the headers that a trusted proxy sets."""

    def __init__(self, proxy: ProxySection) -> None:
        self._trusted = proxy.trusted
        self._address = proxy.address_header.lower().encode()
        self._scheme = proxy.scheme_header.lower().encode()
        self._certificate = proxy.certificate_header.lower().encode()

    @property
    def names(self) -> frozenset[bytes]:
        """The headers that must be kept."""
        return frozenset((self._address, self._scheme, self._certificate))

    def trusts(self, address: str) -> bool:
        """Whether the address is one of a proxy."""
        return is_in(parse_address(address), self._trusted)

    def origin(self, connection: Connection, request: Request) -> Origin:
        """Where the request came from: by its headers if a proxy sent them, else by its connection."""
        if not connection.pooled:
            return connection.origin or Origin(connection.address)
        headers = request.headers
        address = self._client(headers.get(self._address, b"").decode("latin-1")) or connection.address
        tls = headers.get(self._scheme, b"").strip().lower() == b"https"
        return Origin(address, tls, common_name(headers.get(self._certificate, b"").decode("latin-1")) if tls else None)

    def _client(self, text: str) -> str | None:
        """The last address of the list that is not a proxy's: what stands before it the CPE may have made up."""
        for part in reversed(text.split(",")):
            bare = part.strip().strip('"')
            host = bare[1:].partition("]")[0] if bare.startswith("[") else bare
            if host.count(":") == 1:
                host = host.partition(":")[0]
            parsed = parse_address(host)
            if parsed is None:
                return None
            if not is_in(parsed, self._trusted):
                return str(parsed)
        return None


def common_name(text: str) -> str | None:
    """The common name in a distinguished name as proxies write it, or the text itself where it is none.

    Beginning with "/" the nearest name stands last, otherwise first and with escapes (RFC 2253): so a comma or slash
    within another part makes no second name of it.
    """
    text = text.strip()
    if not text or text == "-":
        return None
    parts = reversed(text.split("/")) if text.startswith("/") else iter(_COMMA.split(text))
    for part in parts:
        key, sign, value = part.partition("=")
        if sign and key.strip().upper() == "CN":
            return value.strip() or None
    return None if "=" in text else text


def _text(data: bytes) -> tuple[Origin | None, int] | None:
    end = data.find(b"\r\n", 0, _LONGEST_TEXT)
    if end < 0:
        if len(data) >= _LONGEST_TEXT:
            raise NotProxied("a PROXY line that does not end")
        return None
    words = data[:end].decode("latin-1").split(" ")
    if words[1:2] == ["UNKNOWN"]:
        return None, end + 2
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise NotProxied("a PROXY line of another form")
    parsed = parse_address(words[2])
    if parsed is None:
        raise NotProxied("a PROXY line without an address")
    return Origin(str(parsed)), end + 2


def _binary(data: bytes) -> tuple[Origin | None, int] | None:
    if len(data) < 16:
        return None
    kind, family, length = struct.unpack_from("!BBH", data, 12)
    if kind >> 4 != 2 or length > _LONGEST_BINARY:
        raise NotProxied("a PROXY header of another version, or too long")
    if len(data) < 16 + length:
        return None
    body, end = data[16 : 16 + length], 16 + length
    if kind & 0x0F == 0 or family >> 4 not in (1, 2):
        return None, end
    size, room = (4, 12) if family >> 4 == 1 else (16, 36)
    if length < room:
        raise NotProxied("a PROXY header without an address")
    address = parse_address(str(ip_address(body[:size])))
    tls, name = _tls(body[room:])
    return Origin(str(address), tls, name), end


def _tls(extras: bytes) -> tuple[bool, str | None]:
    """Whether the CPE spoke TLS to the proxy, and the common name of its certificate if that was verified."""
    for kind, value in _values(extras):
        if kind != _TLV_SSL or len(value) < 5:
            continue
        client, verify = struct.unpack_from("!BI", value)
        if not client & _CLIENT_SSL:
            return False, None
        if not client & _CLIENT_CERT or verify != 0:
            return True, None
        return True, next((v.decode("utf-8", "replace") for k, v in _values(value[5:]) if k == _TLV_SSL_CN), None)
    return False, None


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 3:
        kind, length = struct.unpack_from("!BH", data)
        yield kind, data[3 : 3 + length]
        data = data[3 + length :]
