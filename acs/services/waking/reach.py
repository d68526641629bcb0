"""How a device can be called: what it told, where STUN saw it, and the order in which methods are tried. Pure.

    behind NAT          XMPP, UDP, HTTP        because a GET from outside ends at the NAT
    otherwise           HTTP, UDP, XMPP        because only HTTP answers at once and says why not

The one rule: a method that woke the device lately goes first; a method that the device never told of is not tried.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from acs.cwmp import udp_request
from acs.cwmp.stun import Endpoint
from acs.services.waking.methods import Method
from acs.store.connection_requests import Binding

#: Addresses of private use (RFC 1918, RFC 4193) and of carriers' NATs (RFC 6598).
_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7"))
)
_OUTSIDE = (Method.XMPP, Method.UDP, Method.HTTP)
_DIRECT = (Method.HTTP, Method.UDP, Method.XMPP)


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of the ways to a device; empty where it told nothing. `binding` is one that is young enough."""

    key: str
    address: str = ""
    url: str = ""
    udp: tuple[str, int] | None = None
    nat_detected: bool | None = None
    jabber_id: str = ""
    binding: Binding | None = None

    @property
    def behind_nat(self) -> bool:
        """Whether the device says so, or its URL names an address of private use that it does not come from."""
        return bool(self.nat_detected) or private_elsewhere(self.url, self.address)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where a datagram may reach it: where it proved to be, then what it told, then an unproved sighting."""
        proved = [Endpoint(self.binding.host, self.binding.port)] if self.binding and self.binding.proved else []
        told = [Endpoint(*self.udp)] if self.udp else []
        hint = [Endpoint(self.binding.host, self.binding.port)] if self.binding and not told else []
        return tuple(dict.fromkeys(proved + told + hint))

    def methods(self) -> frozenset[Method]:
        """The methods that it can be called by."""
        has = {Method.HTTP: self.url, Method.UDP: self.endpoints, Method.XMPP: self.jabber_id}
        return frozenset(method for method, told in has.items() if told)


def reach_of(
    key: str, address: str, url: str, root: str, values: Mapping[str, tuple[str, str]], binding: Binding | None
) -> Reach:
    """What a device's known parameters say: name → (value, type)."""

    def value(leaf: str) -> str:
        return values.get(f"{root}ManagementServer.{leaf}", ("", ""))[0].strip()

    nat = value("NATDetected").lower()
    jabber_id = value("ConnReqJabberID")
    return Reach(
        key,
        address,
        url,
        udp_request.parse_address(value("UDPConnectionRequestAddress")),
        None if not nat else nat in ("1", "true"),
        jabber_id if "@" in jabber_id and jabber_id.isprintable() and len(jabber_id) <= 1024 else "",
        binding,
    )


def order(reach: Reach, available: Collection[Method], last: Method | None = None) -> list[Method]:
    """The methods to try, in order. `available` are those of this server; `last` woke the device lately."""
    wanted = _OUTSIDE if reach.behind_nat else _DIRECT
    path = [method for method in wanted if method in available and method in reach.methods()]
    if last in path:
        path.sort(key=lambda method: method is not last)
    return path


def private_elsewhere(url: str, address: str) -> bool:
    """Whether a URL names a private address while the device comes from another one."""
    try:
        named = ip_address(urlsplit(url).hostname or "")
        came = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    private = any(named.version == network.version and named in network for network in _PRIVATE)
    return private and named != (getattr(came, "ipv4_mapped", None) or came)
