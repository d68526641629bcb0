"""Slow systemic faults: what has more tickets than its share of the lines, over days.

The rule of this file: it names groups and shows the arithmetic; a person decides what it means. What an outage explains
is no slow fault.
"""

import asyncio
from datetime import timedelta

from acs.services.clock import Clock
from acs.services.outage_inventory import groups_of
from acs.store import lines as line_store
from acs.store import outage_evidence as evidence_store
from acs.store.store import Store
from probes.linetest.excess import Excess, find_excess
from probes.linetest.mass_outage import Group

#: lines of one page
_PAGE = 5_000
#: levels that say something over days
_LEVELS = ("splitter", "pon", "olt", "switch", "street", "model", "firmware")


class Systemic:
    """Looks over all lines and the tickets of some days."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, days: float) -> list[Excess]:
        """Groups with more tickets than their share, the clearest first."""
        groups: dict[str, tuple[Group, ...]] = {}
        async with self._store.reading() as tx:
            devices = await evidence_store.firmware_of(tx, "")
            since = self._clock() - timedelta(days=days)
            came = evidence_store.tickets_since(tx, since, unexplained=True)
            tickets = [line async for page in came for _, line, _, _ in page]
            after = ""
            while page := await line_store.list_lines(tx, limit=_PAGE, after=after):
                after = page[-1].id
                for line in page:
                    model, firmware = devices.get(line.id, ("", ""))
                    own = [*groups_of(line, firmware), ("model", model)]
                    groups[line.id] = tuple(group for group in own if group[0] in _LEVELS and group[1])
        return await asyncio.to_thread(find_excess, groups, tickets)
