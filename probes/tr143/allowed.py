"""Who may use the far end of a test, and how many at once. Pure."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from probes.errors import ProbeRefused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: private and own addresses: an echo that answers the whole internet is a tool for attacks [E]
DEFAULT_NETWORKS = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the server; every one is configuration."""

    #: transfers at once; more are answered with 503 [E]
    connections: int = 32
    #: the largest download or upload in octets: 10 s at 10 Gbit/s [E]
    size_bytes: int = 12_500_000_000
    #: a transfer that takes longer is ended [E]
    transfer_s: float = 120.0
    #: datagrams that are answered per second over all clients [E]
    echoes_pps: int = 20_000


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks that are written.

    Raises:
        ProbeRefused: one of them is none.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ProbeRefused(f"{error}; write a network as 10.0.0.0/8") from error


def allowed(address: str, among: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; an IPv4 address may come dressed as IPv6."""
    try:
        one = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(one, ipaddress.IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    return any(one in network for network in among if network.version == one.version)
