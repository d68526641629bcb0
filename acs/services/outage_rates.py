"""How often lines fall by themselves: learned from each hour that ended, believed for the hour that runs.

The rule of this file: falls that an outage explains teach nothing, nor does an hour that was not seen whole.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from acs.services.outage_evidence import counted
from acs.services.outage_inventory import Inventory, areas_of
from acs.store import outages as outage_store
from acs.store.instants import micros
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.linetest.fall_rates import Count, FallRates

#: what tells of trouble; each is held against its own rates
WITNESSES = ("fall", "silent", "boot", "session", "ticket")


class UsualFalls:
    """The rates of one process, which sees falls and reads what all hours taught."""

    def __init__(self, store: Store, inventory: Inventory, keep_learned: float) -> None:
        self._store = store
        self._inventory = inventory
        self._keep_learned = keep_learned
        self._falls: list[tuple[str, str, str]] = []
        self._hour: datetime | None = None
        self._rates: dict[str, FallRates] = {}
        self._rates_at: datetime | None = None

    def saw(self, falls: list[tuple[str, str, str]]) -> None:
        """Falls of the hour that runs, as (witness, node, line)."""
        self._falls += falls

    def of(self, witness: str, now: datetime) -> Callable[[str], float]:
        """line → how many of its falls a day brings by itself at this hour."""
        rates = self._rates.get(witness) or FallRates(witness)
        cache: dict[tuple[str, ...], float] = {}
        known = self._inventory.by_line()

        def per_day(line: str) -> float:
            record = known.get(line)
            areas = areas_of(record) if record is not None else ()
            if areas not in cache:
                cache[areas] = rates.per_day(areas, now)
            return cache[areas]

        return per_day

    async def refresh(self, tx: Transaction, now: datetime) -> None:
        """Read what was learned of this hour of the day and the one before, once an hour."""
        hour = _hour_of(now)
        if self._rates_at == hour:
            return
        rates = {witness: FallRates(witness) for witness in WITNESSES}
        for hour_of in (now.hour, (now.hour - 1) % 24):
            for (witness, area), (falls, days) in (await outage_store.rates_at(tx, hour_of)).items():
                if witness in rates:
                    rates[witness].counts[area, hour_of] = Count(falls, days)
        self._rates, self._rates_at = rates, hour

    async def learn(self, now: datetime) -> None:
        """Count what fell in the hour that ended, in a transaction of its own; what could not be stored waits."""
        hour = _hour_of(now)
        if self._hour == hour:
            return
        if self._hour is not None and self._hour == hour - timedelta(hours=1) and self._rates_at is not None:
            await self._learn(self._hour, now)
        self._hour, self._falls = hour, []

    async def _learn(self, began: datetime, now: datetime) -> None:
        async with self._store.transaction() as tx:
            position = await outage_store.cursor(tx, "learned")
            if position is not None and position >= micros(began):
                return
            left_out = await outage_store.recent_hits(tx, began - timedelta(hours=1))
            learned = await _exposed(tx, counted(self._falls, self._inventory, left_out))
            await outage_store.learn(tx, began.hour, learned, self._keep_learned, now)
            await outage_store.put_cursor(tx, "learned", micros(began))
            self._rates_at = None


def _hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


async def _exposed(tx: Transaction, seen: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], tuple[float, float]]:
    """Falls with the line days in which they could have come: quiet areas count as well."""
    sizes: Counter[str] = Counter()
    for (node, frame, slot, port, technology), n in (await outage_store.port_sizes(tx)).items():
        sizes[node] += n
        if technology == "pon" and slot is not None and port is not None:
            sizes[f"{node}/{frame or 0}/{slot}/{port}"] += n
    return {
        (witness, area): (float(seen.get((witness, area), 0)), n / 24)
        for area, n in sizes.items()
        for witness in WITNESSES
    }
