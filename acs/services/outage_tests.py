"""After an outage: its lines are tested, and it is closed with those by name that are still broken.

    restored ─► lines without a test ─► tests, as many as there is room for ─► all ended, or late ─► closed

The rule of this file: only an outage that is restored has tests due; whoever ends it otherwise ends them too. Which are
due is read from what is stored, and never remembered.
"""

from collections.abc import Sequence
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

#: restored outages that one look closes
_AT_ONCE = 100


class OutageTests:
    """The tests that are due, and the ends that they lead to. Belongs to one process."""

    def __init__(self, store: Store, config: OutagesSection, line_tests: LineTests, telling: Telling) -> None:
        self._store = store
        self._config = config
        self._line_tests = line_tests
        self._telling = telling
        #: restored outage → since when this process knows of it
        self._since: dict[str, datetime] = {}

    async def go_on(self, now: datetime) -> None:
        """Begin the tests that are due, and close outages whose tests have ended."""
        async with self._store.reading() as tx:
            restored = await outage_store.list_outages(tx, states=("restored",), limit=_AT_ONCE)
        self._since = {one.id: self._since.get(one.id, now) for one in restored}
        left = await self._begin(restored, now)
        for one in restored:
            async with self._store.transaction() as tx:
                outage = await outage_store.hold(tx, one.id)
                if outage is None or outage.state != "restored":
                    continue  # a person has ended it since
                closed = await self._closed(tx, outage, left[outage.id], now)
                if closed is not None:
                    await outage_store.put(tx, closed)
                    await self._telling.enqueue(tx, "outage.closed", closed, now)
            if closed is not None:
                self._telling.publish([closed], {closed.id: outage})

    async def _begin(self, restored: Sequence[OutageRecord], now: datetime) -> dict[str, int]:
        """Begin the tests that are due while there is room for them; how many are left of each outage."""
        left: dict[str, int] = {}
        room = True
        for outage in sorted(restored, key=lambda one: one.id):
            due = await self._due(outage)
            while due and room and not self._is_late(outage, now):
                room = await self._test(outage.id, due[0])
                due = due[1:] if room else due
            left[outage.id] = len(due)
        return left

    async def _due(self, outage: OutageRecord) -> list[str]:
        """The lines that are to be tested and have no test: what is stored says it, so that a restart forgets none."""
        async with self._store.reading() as tx:
            lines = {one.line: one for one in await outage_store.lines_of(tx, outage.id)}
            tickets = {one.line for one in await outage_store.tickets_of(tx, outage.id)}
        wanted = cases.to_test(Case(outage, lines), tickets, self._config.tests_after)
        return [line for line in wanted if lines[line].line_test is None and not lines[line].outcome]

    async def _test(self, outage: str, line: str) -> bool:
        """Begin the test of a line; False where there is no room for it now. A line that is gone is not tested."""
        try:
            test: str | None = (await self._line_tests.start(system_actor("outages"), line)).id
        except NotFound:
            test = None
        except AcsError:  # too many tests wait: at the next look
            return False
        async with self._store.transaction() as tx:
            known = next((one for one in await outage_store.lines_of(tx, outage) if one.line == line), None)
            if known is not None:
                outcome = known.outcome if test is not None else cases.NOT_TESTED
                await outage_store.put_lines(tx, [replace(known, line_test=test, outcome=outcome)])
        return True

    def _is_late(self, outage: OutageRecord, now: datetime) -> bool:
        """Whether its tests had their time: from its end, or from when this process heard of it."""
        began = max(self._since[outage.id], outage.restored_at or self._since[outage.id])
        return now - began > timedelta(seconds=self._config.tests_s)

    async def _closed(self, tx: Transaction, outage: OutageRecord, left: int, now: datetime) -> OutageRecord | None:
        """The outage with the outcome of its tests; None while some run or are `left` to begin, and there is time."""
        lines, run = await _with_outcomes(tx, await outage_store.lines_of(tx, outage.id))
        if (run or left) and not self._is_late(outage, now):
            return None
        done = [one if one.outcome else replace(one, outcome=cases.untested(one)) for one in lines]
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
