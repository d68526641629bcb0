"""Who may connect, and for how long: counts per address and network, and one sweep over everything with a deadline."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Generic, TypeVar

from acs.config import CwmpSection, NetworkSection

T = TypeVar("T")


class Admission:
    """Counts open connections: in all, per address and per configured network."""

    def __init__(self, config: CwmpSection) -> None:
        self._limits = config.limits
        self._open = 0
        self._by_address: Counter[str] = Counter()
        self._by_network: Counter[int] = Counter()
        self._network_of = lru_cache(maxsize=65_536)(_finder(config.networks))

    @property
    def total(self) -> int:
        """Open connections in all."""
        return self._open

    def enter(self, address: str) -> str | None:
        """Count a new connection; a reason when it may not stay (it is not counted then)."""
        number, network = self._network_of(address)
        per_address = network.connections_per_address if network else self._limits.connections_per_address
        if self._by_address[address] >= per_address:
            return f"{address} has {per_address} connections already"
        if network is not None and self._by_network[number] >= network.connections:
            return f"network {network.network} has {network.connections} connections already"
        if self._open >= self._limits.connections:
            return f"the server has {self._limits.connections} connections already"
        self._by_address[address] += 1
        self._open += 1
        if network is not None:
            self._by_network[number] += 1
        return None

    def leave(self, address: str) -> None:
        """Count a connection that ended; only one that `enter` let in."""
        self._open -= 1
        left = self._by_address[address] - 1
        if left:
            self._by_address[address] = left
        else:
            del self._by_address[address]
        number, network = self._network_of(address)
        if network is not None:
            self._by_network[number] -= 1


class Sweep(Generic[T]):
    """Looks at every item each `tick_s` seconds and hands over those that are due.

    One sweep costs less than a timer per connection: 20 000 items take about a millisecond.
    """

    def __init__(self, tick_s: float, items: Callable[[], Iterable[T]], due: Callable[[T, float], None]) -> None:
        self._tick_s = tick_s
        self._items = items
        self._due = due
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look, on the running loop."""
        self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for item in tuple(self._items()):
            self._due(item, now)
        self._timer = loop.call_later(self._tick_s, self._look)


def retry_after(base_s: int) -> int:
    """Seconds for a Retry-After header: the base and up to as many again, so that CPEs come back spread."""
    return base_s + random.randint(0, base_s)


def _finder(networks: Iterable[NetworkSection]) -> Callable[[str], tuple[int, NetworkSection | None]]:
    """Address → the narrowest configured network that holds it, with its number."""
    ordered = sorted(networks, key=lambda entry: -entry.network.prefixlen)

    def find(address: str) -> tuple[int, NetworkSection | None]:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return -1, None
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        for number, entry in enumerate(ordered):
            if entry.network.version == parsed.version and parsed in entry.network:
                return number, entry
        return -1, None

    return find
