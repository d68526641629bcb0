"""Whom a connection request may call: the URL comes from the CPE, so it is not trusted. Pure.

The one rule: without `allowed_networks` only the address that the device itself came from may be called, and never
loopback; nothing but http, no user name in the URL, no redirect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from acs.config import ConnectionRequestsSection

Address = IPv4Address | IPv6Address
#: The port of an http URL without one.
HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. `uri` is path and query exactly as given, because the digest covers it."""

    host: str
    port: int
    uri: str


class TargetRefused(ValueError):
    """The URL, or the address it leads to, may not be called; the message says why and what allows it."""


def parse(url: str) -> Target:
    """Return the target of a connection-request URL.

    Raises:
        TargetRefused: not an http URL that a connection request can use.
    """
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 1024:
        raise TargetRefused("the URL holds characters that no URL may hold")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetRefused(f"the URL cannot be read: {error}") from error
    if parts.scheme.lower() != "http":
        raise TargetRefused(f"the URL's scheme is {parts.scheme or 'absent'!r}; a connection request is http only")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise TargetRefused("the URL has no host, or carries a user name")
    uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.hostname, HTTP_PORT if port is None else port, uri)


def check(address: str, port: int, device_address: str, config: ConnectionRequestsSection) -> Address:
    """Return the address if it may be called.

    Raises:
        TargetRefused: outside the allowed networks, a special address, or a port that is not allowed.
    """
    target = _plain(ip_address(address.partition("%")[0]))
    if config.ports and port not in config.ports:
        raise TargetRefused(f"port {port} is not in connection_requests.ports")
    if port == 0:
        raise TargetRefused("port 0 cannot be called")
    if any(target.version == network.version and target in network for network in config.allowed_networks):
        return target
    if target.is_loopback or target.is_link_local or target.is_multicast or target.is_unspecified:
        raise TargetRefused(f"{target} is no address of a CPE; connection_requests.allowed_networks can allow it")
    if _same(target, device_address):
        return target
    raise TargetRefused(
        f"{target} is neither in connection_requests.allowed_networks nor the address that the device came from"
    )


def check_all(addresses: Sequence[str], port: int, device_address: str, config: ConnectionRequestsSection) -> Address:
    """Return the first address if every one of them may be called.

    Raises:
        TargetRefused: one of them may not, or there is none.
    """
    if not addresses:
        raise TargetRefused("the URL's host has no address")
    checked = [check(address, port, device_address, config) for address in addresses]
    return checked[0]


def _plain(address: Address) -> Address:
    """An IPv4 address behind its IPv6 spelling."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _same(target: Address, device_address: str) -> bool:
    try:
        return _plain(ip_address(device_address.partition("%")[0])) == target
    except ValueError:
        return False
