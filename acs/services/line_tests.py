"""Line tests as they are asked for: begun or joined, taken up again after a start of the server, found and followed.

    running ─→ done (facts and verdict are stored)
       └─────→ failed (no verdict; `detail` says why)

The rule of this file: whoever asks for what a running test of the line measures joins it. How a test is carried out is
`line_test_runs`, how it ends `line_test_ends`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog

from acs.errors import InvalidInput
from acs.metrics import Metrics
from acs.profiles.schema import Profile
from acs.services.actor import Actor, Scope
from acs.services.bus import Bus
from acs.services.deliveries import Deliveries
from acs.services.identifiers import new_id
from acs.services.line_test_ends import Hearers, LineTestEnds
from acs.services.line_test_progress import ProgressOfTests, known_test
from acs.services.line_test_runs import LineTestRuns
from acs.services.lines import known_line
from acs.services.packs import Packs
from acs.services.running_tests import DEPTHS, Door, Progress, RunningTests
from acs.services.slots import Priority
from acs.services.sources import Places
from acs.services.tmf import SERVICES
from acs.store import line_tests as test_store
from acs.store.records import LineTestRecord, LineTestState
from probes.linetest.depths import QUICK, SELF_SERVICE
from probes.tasks import end_tasks

log = structlog.get_logger()


class LineTests:
    """Use cases on line tests."""

    def __init__(
        self,
        places: Places,
        bus: Bus,
        profiles: Sequence[Profile],
        packs: Packs,
        deliveries: Deliveries,
        metrics: Metrics,
    ) -> None:
        store, config, clock = places.store, places.config, places.clock
        self._store = store
        self._config = config
        self._clock = clock
        #: who hears of each test
        self.hearers = hearers = Hearers()
        self._running = running = RunningTests(config.waiting + config.at_once)
        self._progress = progress = ProgressOfTests(store, bus, running, clock)
        ends = LineTestEnds(store, running, progress, packs, deliveries, metrics, hearers, clock)
        self._runs = LineTestRuns(places, profiles, packs, metrics, running, progress, ends, hearers)

    async def start(
        self,
        actor: Actor,
        line_id: str,
        *,
        depth: str = "normal",
        ticket: str | None = None,
        service: str | None = None,
        deadline_s: float | None = None,
        priority: Priority | None = None,
    ) -> LineTestRecord:
        """Begin a test and return it at once; a test of the line that already runs is joined.

        `depth`: quick asks only what is stored and the access node, full waits longer for the CPE.

        Raises:
            NotFound: no such line.
            InvalidInput: unknown depth or service, or an impossible deadline.
            TooMany: too many tests wait already.
        """
        actor.require(Scope.TEST)
        record = self.plan(actor, line_id, depth=depth, ticket=ticket, service=service, deadline_s=deadline_s)
        priority = usual_priority(actor) if priority is None else priority
        joined = self._running.on_line(line_id, depth, service)
        if joined is not None and joined.task is not None:
            async with self._store.reading() as tx:
                await known_line(tx, line_id)  # who may not see the line does not see its test either
            joined.priority = min(joined.priority, priority)
            return joined.record
        self.refuse_when_full(priority)
        async with self.door(actor, priority) as door, self._store.transaction() as tx:
            await known_line(tx, line_id)
            return await door.test_for(tx, record)

    @asynccontextmanager
    async def door(self, actor: Actor, priority: Priority | None = None) -> AsyncIterator["Door"]:
        """The way to a test inside a transaction: `async with tests.door(actor) as door, store.transaction() as tx`.

        What was opened runs when the transaction is through, and is forgotten when it is not.
        """
        async with AsyncExitStack() as joined:
            door = Door(self._running, actor, joined, usual_priority(actor) if priority is None else priority)
            door.told = self.hearers.told
            try:
                yield door
            except BaseException:
                door.drop()
                raise
            if door.opened is not None:
                self._runs.launch(door.opened)

    def plan(
        self,
        actor: Actor,
        line_id: str,
        *,
        ticket: str | None,
        service: str | None,
        depth: str = "normal",
        deadline_s: float | None = None,
    ) -> LineTestRecord:
        """The record of a test; the caller takes it through the `door`.

        Raises:
            InvalidInput: unknown depth or service, or an impossible deadline.
        """
        if depth not in DEPTHS:
            raise InvalidInput(f"depth: {depth!r} is none of {', '.join(DEPTHS)}")
        if service is not None and service not in SERVICES:
            raise InvalidInput(f"service: {service!r} is none of {', '.join(SERVICES)}")
        usual_s = min(self._config.quick_s, self._config.hard_stop_s) if depth == QUICK else self._config.hard_stop_s
        budget_s = usual_s if deadline_s is None else deadline_s
        if not 0.1 <= budget_s <= self._config.hard_stop_s:
            raise InvalidInput(f"deadline_s: write 0.1 to {self._config.hard_stop_s:g} seconds")
        now = self._clock()
        return LineTestRecord(
            id=new_id(),
            line=line_id,
            state=LineTestState.RUNNING,
            created_at=now,
            deadline_at=now + timedelta(seconds=budget_s),
            actor=actor.name,
            depth=depth,
            service=service,
            ticket=ticket,
        )

    def refuse_when_full(self, priority: Priority = Priority.OPERATOR) -> None:
        """Refuse new tests while too many wait: bulk first, then tickets, engineers last.

        Raises:
            TooMany: try again later.
        """
        self._running.refuse_when_full(priority)

    async def resume(self) -> int:
        """Run again what an earlier process left unfinished; returns how many tests."""
        async with self._store.reading() as tx:
            left = await test_store.list_line_tests(
                tx, states=(LineTestState.RUNNING,), limit=self._config.waiting + self._config.at_once
            )
        for record in reversed(left):
            if record.id not in self._running:
                self._runs.launch(self._running.open(record, _priority_of(record)))
        if left:
            log.info("line_tests.resumed", count=len(left))
        return len(left)

    async def stop(self) -> None:
        """End what runs; the tests stay stored as running and are taken up by `resume`."""
        await end_tasks(self._running.tasks())

    async def get(self, actor: Actor, test_id: str) -> LineTestRecord:
        """One test with its facts and verdict.

        Raises:
            NotFound: no such test.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await known_test(tx, test_id)

    async def find(
        self,
        actor: Actor,
        *,
        line: str | None = None,
        ticket: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[LineTestRecord]:
        """Tests without their facts, newest first."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await test_store.list_line_tests(
                tx, line=line, ticket=ticket, facts=False, limit=limit, before=before
            )

    async def watch(self, actor: Actor, test_id: str) -> AsyncIterator[Progress]:
        """What happened in a test so far, then what happens, until it has ended."""
        actor.require(Scope.READ)
        async for progress in self._progress.follow(test_id):
            yield progress


def _priority_of(record: LineTestRecord) -> Priority:
    """How urgent a test is that an earlier process left: whoever waited on the line has hung up by now."""
    return Priority.TICKET if record.ticket is not None or record.depth == SELF_SERVICE else Priority.BULK


def usual_priority(actor: Actor) -> Priority:
    """How urgent a test is that nobody says more of: our own jobs give way to everybody else."""
    return Priority.BULK if actor.kind == "system" else Priority.OPERATOR
