"""When an outage is over: enough of its lines are back, or what is still down is no outage by itself.

The rule of this file: the same statistics that open an outage end it; they are asked again when what is down changes,
and now and then, never at each look.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from acs.config import OutagesSection
from acs.services import outage_cases as cases
from acs.services.outage_cases import RUNNING, Case
from acs.services.outage_inventory import Inventory
from acs.store import outages as outage_store
from acs.store.transaction import Transaction
from probes.linetest.mass_outage import Rate, still_broken

#: after so long the statistics are asked again of the same lines
_AGAIN = timedelta(seconds=300)


class Ends:
    """Remembers of which lines it asked last. Belongs to one process."""

    def __init__(self, inventory: Inventory, config: OutagesSection) -> None:
        self._inventory = inventory
        self._config = config
        self._rules = cases.rules_of(config)
        #: outage → the lines that were down, and when the statistics said that they are one still
        self._broken: dict[str, tuple[set[str], datetime]] = {}

    async def over(
        self, tx: Transaction, running: Iterable[Case], usual: Callable[[str, datetime], Rate], now: datetime
    ) -> set[str]:
        """The ids of the outages that are over; `usual`: witness → a line's falls a day."""
        found, broken = set(), {}
        for case in running:
            if case.outage.state not in RUNNING:
                continue
            down = cases.still_down(case, self._config, now)
            id_ = case.outage.id
            if cases.is_over(case, down, self._config):
                found.add(id_)
                continue
            if len(down) == len(case.lines):
                continue
            asked = self._broken.get(id_)
            if asked is None or asked[0] != down or now - asked[1] >= _AGAIN:
                if not await self._is_one(tx, case, down, usual, now):
                    found.add(id_)
                    continue
                asked = (down, now)
            broken[id_] = asked
        self._broken = broken
        return found

    async def _is_one(
        self, tx: Transaction, case: Case, down: set[str], usual: Callable[[str, datetime], Rate], now: datetime
    ) -> bool:
        """Whether the lines that are still down are an outage by themselves."""
        witness = case.outage.witness
        troubles = await outage_store.troubles(tx, ids=sorted(down), witness=witness)
        area = await self._inventory.area(tx, {case.outage.node, *(one.node for one in troubles)}, now)
        since = {one.line: one for one in troubles}
        falls = [
            cases.fall_of(since[line]) if line in since else cases.fall_of_line(case.lines[line])
            for line in sorted(down)
        ]
        return await asyncio.to_thread(still_broken, area, falls, now, usual(witness, now), self._rules)
