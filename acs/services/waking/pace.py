"""How fast devices are called: so many per second in all, and so many per minute each. Time is an argument.

The one rule: too many in all are spread, for a mass action shall be done; too many to one device are refused.
"""

from collections import OrderedDict, deque

#: Devices whose calls are counted; beyond it the one called longest ago is forgotten.
REMEMBERED = 50_000
_MINUTE_S = 60.0


class Pace:
    """Counts calls."""

    def __init__(self, per_s: int, per_device_per_minute: int) -> None:
        self._gap_s = 1.0 / per_s
        #: a second's worth may go at once
        self._burst_s = 1.0
        self._next = 0.0
        self._per_device = per_device_per_minute
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    def admits(self, device: str, now: float) -> bool:
        """Whether the device may be called now; if so, the call is counted."""
        calls = self._calls.setdefault(device, deque())
        self._calls.move_to_end(device)
        while len(self._calls) > REMEMBERED:
            self._calls.popitem(last=False)
        while calls and calls[0] <= now - _MINUTE_S:
            calls.popleft()
        if len(calls) >= self._per_device:
            return False
        calls.append(now)
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until the next call may begin; its place is taken."""
        self._next = max(self._next + self._gap_s, now - self._burst_s + self._gap_s)
        return max(0.0, self._next - now)
