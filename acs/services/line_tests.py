"""Line tests: gather, judge, store, tell. Whoever asks for what a running test of the line measures joins it.

    running ─→ done (facts and verdict are stored)
       └─────→ failed (no verdict; `detail` says why)

The rule of this file: a verdict is given from what is there when the time is up; nothing missing ever holds it up,
and what is missing is said.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog

from acs.config import LineTestsSection
from acs.errors import AcsError, Conflict, InvalidInput, NotFound, StoreError
from acs.metrics import Metrics
from acs.profiles.schema import Profile
from acs.services.actor import Actor, Scope
from acs.services.bus import Bus
from acs.services.cases import LIGHT, Case, load_case, tickets_14d
from acs.services.clock import Clock
from acs.services.context_sources import down_reports
from acs.services.deliveries import Deliveries
from acs.services.derived import actions_tried, contact_counts, light_facts, line_facts, sources_down
from acs.services.gathering import Gathering, SourceReport, SourceState, asks, of_context
from acs.services.identifiers import new_id
from acs.services.lines import known_line
from acs.services.merging import Merged, merge, serial_doubt
from acs.services.obtainable import obtainable
from acs.services.outage_reports import falls_seen, tell_falls
from acs.services.own_knowledge import cable_facts, own_knowledge
from acs.services.packs import Packs
from acs.services.replays import kept, told_verdict
from acs.services.running_tests import DEPTHS, Door, Job, Progress, RunningTests
from acs.services.shadows import shadow_verdicts
from acs.services.slots import Priority, Slots
from acs.services.snapshots import shown_report, snapshot
from acs.services.sources import Places, sources_of, stored_facts
from acs.services.tmf import SERVICES
from acs.services.unmeasured import unmeasured
from acs.services.usual_levels import UsualLevels
from acs.store import history
from acs.store import line_tests as test_store
from acs.store import packs as pack_store
from acs.store import tickets as ticket_store
from acs.store.packs import ShadowVerdict
from acs.store.reach import unlimited
from acs.store.records import Json, LineTestRecord, LineTestState, Reading
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.facts import FACTS, Fact, Quality
from probes.linetest.depths import QUICK, SELF_SERVICE
from probes.linetest.explanation import Judged
from probes.linetest.pack import Pack

log = structlog.get_logger()

#: a finished test that is looked for in the store by another process, this often
_LOOK_S = 1.0
#: tries to store the end of a test, and seconds after the first of them; the pause doubles
_TRIES = 6
_RETRY_S = 1.0


#: (transaction, line test, its verdict or None, now) → ticket → what its system is told besides
Decided = Callable[[Transaction, str, Mapping[str, Json] | None, datetime], Awaitable[Mapping[str, Mapping[str, Json]]]]


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
        self._places = places
        self._store: Store = places.store
        self._config: LineTestsSection = places.config
        self._clock: Clock = places.clock
        self._bus = bus
        self._profiles = profiles
        self._packs = packs
        self._deliveries = deliveries
        self._metrics = metrics
        self._running = RunningTests(self._config.waiting + self._config.at_once)
        #: decides about the tickets of a test in the transaction that ends it; see `Automation.decided`
        self.decided: Decided | None = None
        #: hears of each test in the transactions that begin and end it; see `Hubs.line_test`
        self.told: Callable[[Transaction, str], Awaitable[None]] | None = None
        #: whether what a test sees of a mass fault is told to the search for outages
        self.tells_falls = False
        self._slots = Slots(self._config.at_once)
        self._usual = UsualLevels(LIGHT)

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
            door.told = self.told
            try:
                yield door
            except BaseException:
                door.drop()
                raise
            if door.opened is not None:
                self._launch(door.opened)

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

    def _launch(self, job: Job) -> None:
        """Run a stored test in this process."""
        job.stored.set_result(True)
        job.task = asyncio.create_task(self._run(job), name=f"line test {job.record.id}", context=unlimited())
        self._metrics.running_line_tests.set(len(self._running))

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
                self._launch(self._running.open(record, _priority_of(record)))
        if left:
            log.info("line_tests.resumed", count=len(left))
        return len(left)

    async def stop(self) -> None:
        """End what runs; the tests stay stored as running and are taken up by `resume`."""
        tasks = self._running.tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def get(self, actor: Actor, test_id: str) -> LineTestRecord:
        """One test with its facts and verdict.

        Raises:
            NotFound: no such test.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            record = await test_store.get(tx, test_id)
        if record is None:
            raise NotFound(f"there is no line test {test_id[:80]!r}")
        return record

    async def find(
        self,
        actor: Actor,
        *,
        line: str | None = None,
        ticket: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[LineTestRecord]:
        """Tests, newest first."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await test_store.list_line_tests(tx, line=line, ticket=ticket, limit=limit, before=before)

    async def watch(self, actor: Actor, test_id: str) -> AsyncIterator[Progress]:
        """What happened in a test so far, then what happens, until it has ended."""
        actor.require(Scope.READ)
        async with self._bus.subscribe(f"line-test:{test_id}") as subscription:
            job = self._running.get(test_id)
            seen = 0
            for progress in tuple(job.history) if job is not None else ():
                seen += 1
                yield progress
                if progress.kind == "ended":
                    return
            if job is None:
                async for progress in self._watch_stored(actor, test_id):
                    yield progress
                return
            async for item in subscription:
                if isinstance(item, Progress) and item in job.history[seen:]:
                    yield item
                    if item.kind == "ended":
                        return

    async def _watch_stored(self, actor: Actor, test_id: str) -> AsyncIterator[Progress]:
        """A test of another process, or an old one: only its end can be seen."""
        while True:
            record = await self.get(actor, test_id)
            if record.state is not LineTestState.RUNNING:
                at = record.finished_at or record.created_at
                if isinstance(record.verdict, dict):
                    yield Progress(test_id, "verdict", at, record.verdict)
                yield Progress(test_id, "ended", at, {"state": record.state.value, "detail": record.detail})
                return
            await asyncio.sleep(_LOOK_S)

    async def _run(self, job: Job) -> None:
        record = job.record
        try:
            async with self._slots.place(job):
                await self._gather_and_judge(job)
        except asyncio.CancelledError:
            raise
        except AcsError as error:
            await self._fail(job, str(error))
        except Exception as error:  # the worker loop: a test that crashes must end, and the next one must run
            log.exception("line_test.crashed", line=record.line, test=record.id)
            await self._fail(job, f"{type(error).__name__}: {error}")
        finally:
            self._running.forget(job)
            self._metrics.running_line_tests.set(len(self._running))

    async def _gather_and_judge(self, job: Job) -> None:
        async with self._store.reading() as tx:
            case = await load_case(tx, job.record, self._profiles, self._clock(), self._usual)
            tickets = await tickets_14d(tx, case)
            scopes = case.line.scopes()
            down = await down_reports(tx)
            pack, silent = await self._packs.deciding(tx, scopes), await self._packs.silent(tx, scopes)
        self._tell(job, "started", {"line": case.line.id, "technology": case.line.technology})
        base = [
            *actions_tried(case),
            *stored_facts(case),
            *line_facts(case, optical_class=self._config.optical_class),
            *contact_counts(case.told_by_name, tickets, case.now),
            *own_knowledge(case),
        ]
        sources = sources_of(case, self._places)
        sources = [source for source in sources if asks(job.record.depth, source)]
        gathering = Gathering(sources, lambda report: self._tell_source(job, report), down)
        try:
            began = monotonic()
            if not await gathering.until(min(self._config.partial_s, job.budget_s)):
                verdict, _, _ = self._judge(pack, case, base, gathering, monotonic() - began)
                self._tell(job, "verdict", {**verdict, "partial": True})
                await gathering.until(job.budget_s - (monotonic() - began))
        finally:
            await gathering.stop()
        verdict, merged, judged = self._judge(pack, case, base, gathering, monotonic() - began)
        shadows = shadow_verdicts(job.record, judged, verdict, silent)
        await self._finish(job, case, verdict, merged, judged, gathering, pack, shadows)

    def _judge(
        self, pack: Pack, case: Case, base: Sequence[Fact], gathering: Gathering, elapsed_s: float
    ) -> tuple[dict[str, Any], Merged, Judged]:
        now = self._clock()
        reports = gathering.reports
        asked = [report for report in reports if report.state is not SourceState.SKIPPED and not of_context(report)]
        counts = [
            Fact("probe.elapsed_s", round(elapsed_s, 1), now, "line test"),
            Fact("probe.planned_n", len(asked) + gathering.pending, now, "line test"),
            Fact("probe.sources_down", sources_down(reports, case.told, now), now, "line test"),
            Fact("probe.done_n", sum(one.state is SourceState.ANSWERED for one in asked), now, "line test"),
        ]
        merged = merge(gathering.facts, [*base, *counts], now)
        facts = dict(merged.facts)
        for fact in (*light_facts(case, facts), *cable_facts(case, facts)):
            facts.setdefault(fact.name, fact)
        doubts = (*merged.doubts, *serial_doubt(facts, case.line.gpon_serial))
        merged = replace(merged, facts=facts, doubts=doubts)
        known = {name: fact for name, fact in facts.items() if name in FACTS}
        could = obtainable(sources_of(case, self._places), reports, case.told)
        judged = Judged(case.line.technology, known, now, True, could, case.test.depth)
        return told_verdict(judged.verdict(pack), case.line.id, doubted=bool(doubts)), merged, judged

    async def _finish(
        self,
        job: Job,
        case: Case,
        verdict: dict[str, Any],
        merged: Merged,
        judged: Judged,
        gathering: Gathering,
        pack: Pack,
        shadows: Sequence[ShadowVerdict],
    ) -> None:
        record, now = job.record, self._clock()
        places, reports = sources_of(case, self._places), gathering.reports
        facts = {
            **snapshot(merged, reports, now),
            "judged": kept(judged, doubted=bool(merged.doubts)),
            "unmeasured": unmeasured(verdict["not_measured"], places, gathering.asked, reports, merged.facts, now),
        }
        falls = await falls_seen(case, self._places, verdict) if self.tells_falls else []
        await self._running.close(job)

        async def store() -> None:
            async with self._store.transaction() as tx:
                written = await test_store.finish(tx, record.id, LineTestState.DONE, now, facts=facts, verdict=verdict)
                if not written:
                    raise Conflict(f"line test {record.id} was ended by another process")
                await self._packs.keep(tx, pack)
                await pack_store.add_shadow_verdicts(tx, shadows)
                await self._keep_light(tx, case, gathering.facts)
                await tell_falls(tx, falls)
                await self._tell_tickets(tx, record, "line_test.verdict", {"verdict": verdict}, now)

        await self._until_stored(record, store)
        took_s = monotonic() - job.began
        log.info(
            "line_test.done",
            line=record.line,
            test=record.id,
            verdict=verdict.get("verdict"),
            cause=verdict.get("cause"),
            took_ms=round(took_s * 1000),
        )
        self._metrics.line_tests.labels(str(verdict.get("verdict"))).inc()
        self._metrics.line_test_seconds.observe(took_s)
        self._tell(job, "verdict", verdict)
        self._tell(job, "ended", {"state": LineTestState.DONE.value, "detail": ""})

    async def _fail(self, job: Job, detail: str) -> None:
        """End a test without a verdict: its tickets are told so, and whoever follows it stops waiting."""
        record, now = job.record, self._clock()
        log.warning("line_test.failed", line=record.line, test=record.id, problem=detail)
        await self._running.close(job)

        async def store() -> None:
            async with self._store.transaction() as tx:
                if await test_store.finish(tx, record.id, LineTestState.FAILED, now, detail=detail[:4000]):
                    await self._tell_tickets(tx, record, "line_test.failed", {"detail": detail[:4000]}, now)

        try:
            await self._until_stored(record, store)
        except StoreError as error:
            log.error("line_test.not_stored", line=record.line, test=record.id, problem=str(error))
        self._metrics.line_tests.labels(LineTestState.FAILED.value).inc()
        self._tell(job, "ended", {"state": LineTestState.FAILED.value, "detail": detail})

    async def _tell_tickets(
        self, tx: Transaction, record: LineTestRecord, event_type: str, said: Mapping[str, Json], now: datetime
    ) -> None:
        if self.told is not None:
            await self.told(tx, record.id)
        verdict = said.get("verdict")
        decided: Mapping[str, Mapping[str, Json]] = {}
        if self.decided is not None:
            decided = await self.decided(tx, record.id, verdict if isinstance(verdict, dict) else None, now)
        for ticket in await _waiting_tickets(tx, record):
            body: dict[str, Json] = {"ticket": ticket, "line": record.line, "line_test": record.id, **said}
            body.update(decided.get(ticket, {}))
            await self._deliveries.enqueue(tx, event_type, body, now)
        self._deliveries.wake()

    async def _until_stored(self, record: LineTestRecord, store: Callable[[], Awaitable[None]]) -> None:
        """Store the end of a test; a store that is away for a minute costs no verdict.

        Raises:
            StoreError: it stays away, or refuses.
        """
        for tries in range(_TRIES - 1):
            try:
                return await store()
            except StoreError as error:
                log.warning("line_test.not_stored", line=record.line, test=record.id, problem=str(error))
                await asyncio.sleep(_RETRY_S * 2**tries)
        await store()

    async def _keep_light(self, tx: Transaction, case: Case, facts: Sequence[Fact]) -> None:
        """Keep what the access node read of the light: the baseline of tomorrow."""
        for fact in facts:
            if fact.name == LIGHT and fact.quality is Quality.OK and isinstance(fact.value, int | float):
                reading = Reading(case.line.id, LIGHT, float(fact.value), fact.at, fact.source)
                await history.put(tx, [reading])
                return

    def _tell_source(self, job: Job, report: SourceReport) -> None:
        self._metrics.line_test_sources.labels(report.name.split("-")[0], report.state.value).inc()
        self._tell(job, "source", shown_report(report))

    def _tell(self, job: Job, kind: str, data: Mapping[str, Json]) -> None:
        progress = Progress(job.record.id, kind, self._clock(), data)
        job.history.append(progress)
        self._bus.publish(f"line-test:{job.record.id}", progress)


def _priority_of(record: LineTestRecord) -> Priority:
    """How urgent a test is that an earlier process left: whoever waited on the line has hung up by now."""
    return Priority.TICKET if record.ticket is not None or record.depth == SELF_SERVICE else Priority.BULK


def usual_priority(actor: Actor) -> Priority:
    """How urgent a test is that nobody says more of: our own jobs give way to everybody else."""
    return Priority.BULK if actor.kind == "system" else Priority.OPERATOR


async def _waiting_tickets(tx: Transaction, record: LineTestRecord) -> list[str]:
    """The tickets that wait for this test: its own and those that joined it."""
    waiting = await ticket_store.of_test(tx, record.line, record.id)
    return waiting or ([record.ticket] if record.ticket else [])
