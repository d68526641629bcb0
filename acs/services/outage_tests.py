"""After an outage: its lines are tested, and it is closed with those by name that are still broken.

    restored ─► lines due ─► tests, as many as there is room for ─► all ended, or late ─► closed

The rule of this file: only an outage that is restored has tests due; whoever ends it otherwise ends them too.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from acs.config import OutagesSection
from acs.errors import AcsError, NotFound
from acs.services import outage_cases as cases
from acs.services.actor import system_actor
from acs.services.line_tests import LineTests
from acs.services.outage_cases import Case
from acs.services.outage_telling import Telling
from acs.store import line_tests as test_store
from acs.store import outages as outage_store
from acs.store.outages import OutageLine, OutageRecord
from acs.store.records import LineTestState
from acs.store.store import Store
from acs.store.transaction import Transaction

#: restored outages that one look closes, and of which lines are tested at all
_AT_ONCE, _MOST = 100, 1_000


class OutageTests:
    """The tests that are due in this process, and the ends that they lead to."""

    def __init__(self, store: Store, config: OutagesSection, line_tests: LineTests, telling: Telling) -> None:
        self._store = store
        self._config = config
        self._line_tests = line_tests
        self._telling = telling
        self._due: list[tuple[str, str]] = []

    async def plan(self, tx: Transaction, case: Case) -> None:
        """Have the lines of an outage that is over tested: those with tickets first."""
        tickets = {one.line for one in await outage_store.tickets_of(tx, case.outage.id)}
        due = [(case.outage.id, line) for line in cases.to_test(case, tickets, self._config.tests_after)]
        self._due += [one for one in due if one not in self._due]  # a look that could not be stored plans twice

    async def go_on(self, now: datetime) -> None:
        """Begin the tests that are due, and close outages whose tests have ended."""
        await self._begin()
        async with self._store.reading() as tx:
            restored = await outage_store.list_outages(tx, states=("restored",), limit=_AT_ONCE)
        for one in restored:
            async with self._store.transaction() as tx:
                outage = await outage_store.hold(tx, one.id)
                if outage is None or outage.state != "restored":
                    continue  # a person has ended it since
                closed = await self._closed(tx, outage, now)
                if closed is not None:
                    await outage_store.put(tx, closed)
                    await self._telling.enqueue(tx, "outage.closed", closed, now)
            if closed is not None:
                self._telling.publish([closed], {closed.id: outage})

    async def _begin(self) -> None:
        if not self._due:
            return
        async with self._store.reading() as tx:
            restored = {one.id for one in await outage_store.list_outages(tx, states=("restored",), limit=_MOST)}
        self._due = [one for one in self._due if one[0] in restored]
        actor = system_actor("outages")
        while self._due:
            outage, line = self._due[0]
            try:
                test = await self._line_tests.start(actor, line)
            except NotFound:
                self._due.pop(0)
                continue
            except AcsError:  # too many tests wait: at the next look
                return
            self._due.pop(0)
            async with self._store.transaction() as tx:
                known = {one.line: one for one in await outage_store.lines_of(tx, outage)}
                if line in known:
                    await outage_store.put_lines(tx, [replace(known[line], line_test=test.id)])

    async def _closed(self, tx: Transaction, outage: OutageRecord, now: datetime) -> OutageRecord | None:
        """The outage with the outcome of its tests; None while some run and there is time."""
        lines, run = await _with_outcomes(tx, await outage_store.lines_of(tx, outage.id))
        waits = run or any(due == outage.id for due, _ in self._due)
        late = outage.restored_at is None or now - outage.restored_at > timedelta(seconds=self._config.tests_s)
        if waits and not late:
            return None
        done = [replace(one, outcome="broken") if one.back_at is None and not one.outcome else one for one in lines]
        await outage_store.put_lines(tx, done)
        note = cases.evidence_text(Case(outage, {one.line: one for one in done}))[:4000]
        return replace(outage, state="closed", closed_at=now, closed_by="server", changed_at=now, detail=note)


async def _with_outcomes(tx: Transaction, lines: list[OutageLine]) -> tuple[list[OutageLine], bool]:
    """The lines with what their tests say, and whether some test runs yet."""
    told, runs = [], False
    for one in lines:
        if one.line_test is None or one.outcome:
            told.append(one)
            continue
        test = await test_store.get(tx, one.line_test)
        if test is not None and test.state is LineTestState.RUNNING:
            runs = True
            told.append(one)
            continue
        verdict = test.verdict if test is not None and isinstance(test.verdict, dict) else None
        told.append(replace(one, outcome=cases.outcome_of(verdict, one)))
    return told, runs
