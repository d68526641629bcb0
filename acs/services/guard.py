"""Wrong passwords and devices that come too often: who must wait, and how long. No I/O; `now` is a steady clock.

    wrong password ─→ counted for (address, name), address, name ─→ over its number: wait, doubled each time

The one rule: whoever did nothing wrong pays nothing: empty tables are not looked at, and a name that others abuse is
not held up at the address that it last came from.
"""

from collections import OrderedDict
from dataclasses import dataclass

from acs.config import GuardSection

#: Sources and names of wrong passwords that are remembered; the oldest go first.
REMEMBERED = 20_000
#: Names whose last good address is remembered.
KNOWN_ADDRESSES = 50_000
#: Doublings of the wait.
_DOUBLINGS = 20

_Key = tuple[str, str]


@dataclass(slots=True)
class _Failures:
    """Wrong passwords so far: since `last` seconds; nobody is heard until `until`."""

    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Guard:
    """Counts what goes wrong at one endpoint."""

    def __init__(self, config: GuardSection) -> None:
        self._config = config
        self._failures: OrderedDict[_Key, _Failures] = OrderedDict()
        self._came_from: OrderedDict[str, str] = OrderedDict()
        self._informs: dict[str, int] = {}
        self._minute = 0

    def wait_s(self, address: str, name: str, now: float) -> float:
        """Seconds that a name at an address must wait before its password is looked at; 0: not at all."""
        if not self._failures:
            return 0.0
        wait_s = max(self._left((address, name), now), self._left((address, ""), now))
        if self._came_from.get(name) != address:
            wait_s = max(wait_s, self._left(("", name), now))
        return wait_s

    def failed(self, address: str, name: str, now: float, *, shared: bool = False) -> None:
        """A password was wrong. `shared`: many devices use the name, so it is not held up as such."""
        self._count((address, name), self._config.failures, now)
        self._count((address, ""), self._config.failures_per_address, now)
        if not shared:
            self._count(("", name), self._config.failures_per_name, now)

    def succeeded(self, address: str, name: str) -> None:
        """A password was right."""
        if self._came_from.get(name) != address:
            self._came_from[name] = address
            if len(self._came_from) > KNOWN_ADDRESSES:
                self._came_from.popitem(last=False)
        if self._failures:
            self._failures.pop((address, name), None)

    def too_many_informs(self, key: str, now: float) -> bool:
        """Count an Inform of a device; whether it came more often in this minute than it may."""
        minute = int(now) // 60
        if minute != self._minute:
            self._minute, self._informs = minute, {}
        count = self._informs[key] = self._informs.get(key, 0) + 1
        return count > self._config.informs_per_device

    def _left(self, key: _Key, now: float) -> float:
        entry = self._failures.get(key)
        return 0.0 if entry is None else max(0.0, entry.until - now)

    def _count(self, key: _Key, allowed: int, now: float) -> None:
        entry = self._failures.get(key)
        if entry is None or now - entry.last > self._config.forget_s:
            entry = self._failures[key] = _Failures()
        self._failures.move_to_end(key)
        entry.count += 1
        entry.last = now
        over = entry.count - allowed
        if over >= 0:
            entry.until = now + min(self._config.delay_s * 2 ** min(over, _DOUBLINGS), self._config.delay_max_s)
        if len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)
