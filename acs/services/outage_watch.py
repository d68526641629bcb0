"""The worker's look for mass outages: from what came since the last one to outages that opened, grew or ended.

    evidence ─► troubles of lines ─► groups that broke ─► candidate ─► lines and tickets attached
                                                      ─► back ─► tests ─► closed, with those still broken

The rule of this file: a look is one transaction in a fixed order; a candidate counts at once (tests of its lines say
so, its tickets belong to it).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from acs.config import OutagesSection
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.deliveries import Deliveries
from acs.services.line_tests import LineTests
from acs.services.outage_again import LookAgain
from acs.services.outage_cases import RUNNING, Case
from acs.services.outage_ends import Ends
from acs.services.outage_evidence import Evidence
from acs.services.outage_incidents import OwnIncidents
from acs.services.outage_inventory import Inventory
from acs.services.outage_matching import Matching
from acs.services.outage_rates import WITNESSES, UsualFalls
from acs.services.outage_telling import Telling, event_of
from acs.services.outage_tests import OutageTests
from acs.services.outage_tickets import OutageTickets
from acs.store import outages as outage_store
from acs.store.outages import OutageRecord
from acs.store.store import Store
from acs.store.transaction import Transaction

#: seconds between two bites of old outages
_PRUNE_S = 3_600.0


class OutageWatch:
    """What the worker does about outages. Belongs to one process."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        config: OutagesSection,
        line_tests: LineTests,
        deliveries: Deliveries,
        clock: Clock,
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._inventory = inventory = Inventory()
        self._evidence = Evidence(inventory, config)
        self._usual = UsualFalls(store, inventory, config.keep_learned)
        self._matching = Matching(inventory, config)
        self._tickets = OutageTickets()
        self._ends = Ends(inventory, config)
        self._incidents = OwnIncidents(inventory)
        self._telling = Telling(bus, deliveries)
        self._tests = OutageTests(store, config, line_tests, self._telling)
        self._again = LookAgain(store, config, line_tests)

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        if not self._config.enabled:
            return {}
        return {"outages": (self._config.tick_s, self.look), "old outages": (_PRUNE_S, self.prune)}

    async def look(self) -> list[OutageRecord]:
        """Take what came, find and follow outages; returns those that changed."""
        now = self._clock()
        await self._usual.learn(now)
        async with self._store.reading() as tx:
            await self._inventory.prepare(tx, now)
            await self._evidence.prepare(tx, now)
        async with self._store.transaction() as tx:
            seen = await self._evidence.take(tx, now)
            await self._usual.refresh(tx, now)
            running = await _running(tx)
            before = {id_: case.outage for id_, case in running.items()}
            for witness in WITNESSES:
                if witness in seen.witnesses:
                    await self._matching.judge(tx, witness, running, self._usual.of(witness, now), now)
            for case, one in await self._tickets.attach(tx, running, now):
                await self._telling.enqueue(
                    tx, "outage.ticket_attached", case.outage, now, ticket=one.ticket, line=one.line
                )
            over = await self._ends.over(tx, running.values(), self._usual.of, now)
            await self._incidents.tell(tx, (case for id_, case in running.items() if id_ not in over), now)
            changed = await self._keep(tx, running, before, over, now)
        self._evidence.keep(seen)
        self._tickets.kept()
        self._incidents.kept()
        self._usual.saw(seen.falls)
        self._telling.publish(changed, before)
        await self._tests.go_on(now)
        await self._again.go_on(running.values(), now)
        return changed

    async def _keep(
        self,
        tx: Transaction,
        running: Mapping[str, Case],
        before: Mapping[str, OutageRecord],
        over: Collection[str],
        now: datetime,
    ) -> list[OutageRecord]:
        """Store what changed, and tell the other systems; of an outage that is restored the lines are tested."""
        changed = []
        for case in running.values():
            outage = case.outage
            if outage.id in over:
                outage = replace(outage, state="restored", restored_at=now, changed_at=now)
            old = before.get(outage.id)
            if outage == old:
                continue
            await outage_store.put(tx, outage)
            changed.append(outage)
            event = event_of(old, outage)
            if event:
                await self._telling.enqueue(tx, event, outage, now)
        return changed

    async def prune(self) -> None:
        """Throw away what is older than it is kept."""
        async with self._store.transaction() as tx:
            await outage_store.prune(tx, self._clock() - timedelta(days=self._config.keep_days))


async def _running(tx: Transaction) -> dict[str, Case]:
    """The outages that go on, held: what a person says of one waits for the look, or the look for it."""
    found = {}
    for outage in await outage_store.hold_all(tx, RUNNING, limit=1_000):
        lines = await outage_store.lines_of(tx, outage.id)
        found[outage.id] = Case(outage, {one.line: one for one in lines})
    return found
