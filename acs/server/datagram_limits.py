"""How many datagrams of one address, and in all, are looked at: buckets of tokens. Time is an argument.

The one rule: what is over the limit costs nothing but this look; memory is bounded however many addresses are forged.
"""

from collections import OrderedDict

#: Addresses whose tokens are counted; one that is forgotten begins with a full bucket.
REMEMBERED = 20_000


class DatagramLimits:
    """Admits datagrams. A bucket holds two seconds' worth."""

    def __init__(self, per_address_per_s: int, per_s: int) -> None:
        self._per_address = float(per_address_per_s)
        self._per_s = float(per_s)
        self._all = (2 * self._per_s, 0.0)
        self._each: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, address: str, now: float) -> bool:
        """Whether a datagram of the address may be looked at now."""
        tokens, at = self._each.pop(address, (2 * self._per_address, now))
        tokens = min(2 * self._per_address, tokens + (now - at) * self._per_address)
        self._each[address] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._each) > REMEMBERED:
            self._each.popitem(last=False)
        if tokens < 1:
            return False
        tokens, at = self._all
        tokens = min(2 * self._per_s, tokens + (now - at) * self._per_s)
        self._all = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1
