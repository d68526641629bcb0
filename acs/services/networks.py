"""Which configured network an address is in: the narrowest one counts."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from acs.config import NetworkSection

#: Addresses whose network is remembered.
_REMEMBERED = 65_536

#: Address → (number of the network, the network); -1 and None where no entry holds it.
Finder = Callable[[str], tuple[int, NetworkSection | None]]


def network_finder(networks: Sequence[NetworkSection]) -> Finder:
    """A function that finds the network of an address, and remembers it."""
    ordered = sorted(enumerate(networks), key=lambda item: -item[1].network.prefixlen)

    @lru_cache(maxsize=_REMEMBERED)
    def find(address: str) -> tuple[int, NetworkSection | None]:
        parsed = parse_address(address)
        if parsed is not None:
            for number, entry in ordered:
                if entry.network.version == parsed.version and parsed in entry.network:
                    return number, entry
        return -1, None

    return find


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in a text, without zone; IPv4 that is mapped into IPv6 is IPv4. None where it is none."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_in(address: IPv4Address | IPv6Address | None, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether one of the networks holds the address."""
    return address is not None and any(
        network.version == address.version and address in network for network in networks
    )
