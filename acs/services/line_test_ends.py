"""The end of a line test: stored with all that follows from it, then told.

    judged ─→ done (facts, verdict, shadows, light, falls, what its tickets are told: one transaction)
    broken ─→ failed (its tickets are told so)

The rule of this file: nobody joins a test that ends, and a store that is away for a minute costs no verdict.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

import structlog

from acs.errors import Conflict, StoreError
from acs.metrics import Metrics
from acs.services.clock import Clock
from acs.services.deliveries import Deliveries
from acs.services.line_test_progress import ProgressOfTests
from acs.services.outage_reports import LineUp, tell_falls, tell_ups
from acs.services.packs import Packs
from acs.services.running_tests import Job, RunningTests
from acs.store import history
from acs.store import hooks as hook_store
from acs.store import line_tests as test_store
from acs.store import packs as pack_store
from acs.store import tickets as ticket_store
from acs.store.outages import LineTrouble
from acs.store.packs import ShadowVerdict
from acs.store.records import Json, LineTestRecord, LineTestState, Reading
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.linetest.pack import Pack

log = structlog.get_logger()

#: tries to store the end of a test, and seconds after the first of them; the pause doubles
_TRIES = 6
_RETRY_S = 1.0

#: (transaction, line test, its verdict or None, now) → ticket → what its system is told besides
Decided = Callable[[Transaction, str, Mapping[str, Json] | None, datetime], Awaitable[Mapping[str, Mapping[str, Json]]]]


#: (transaction, line test, a verdict) → ticket → the queue that this verdict would put it into
Foreseen = Callable[[Transaction, str, Mapping[str, Json]], Awaitable[Mapping[str, str]]]


@dataclass(slots=True)
class Hearers:
    """Who hears of line tests; said when the rooms are put together."""

    #: decides about the tickets of a test in the transaction that ends it; see `Automation.decided`
    decided: Decided | None = None
    #: says what would be decided, and decides nothing; see `Automation.foreseen`
    foreseen: Foreseen | None = None
    #: hears of each test in the transactions that begin and end it; see `Hubs.line_test`
    told: Callable[[Transaction, str], Awaitable[int]] | None = None
    #: whether what a test sees of a mass fault is told to the search for outages
    tells_falls: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test came to. `light` is history, `falls` who fell with the line as the test saw it, `ups` who is well.

    `first` is the verdict that was told at its beginning, where one was.
    """

    at: datetime
    verdict: dict[str, Any]
    facts: Mapping[str, Json]
    pack: Pack
    shadows: Sequence[ShadowVerdict]
    light: Sequence[Reading]
    falls: list[LineTrouble]
    ups: Sequence[LineUp] = ()
    first: Mapping[str, Any] | None = None


class LineTestEnds:
    """Ends the tests of this process."""

    def __init__(
        self,
        store: Store,
        running: RunningTests,
        progress: ProgressOfTests,
        packs: Packs,
        deliveries: Deliveries,
        metrics: Metrics,
        hearers: Hearers,
        clock: Clock,
    ) -> None:
        self._store = store
        self._running = running
        self._progress = progress
        self._packs = packs
        self._deliveries = deliveries
        self._metrics = metrics
        self._hearers = hearers
        self._clock = clock

    async def done(self, job: Job, outcome: Outcome) -> None:
        """End a test with its verdict.

        Raises:
            Conflict: another process ended it.
            StoreError: it could not be stored.
        """
        record, verdict = job.record, outcome.verdict
        await self._running.close(job)
        if await _until_stored(record, lambda: self._store_done(record, outcome)):
            self._deliveries.wake()
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
        self._progress.tell(job, "verdict", verdict)
        self._progress.tell(job, "ended", {"state": LineTestState.DONE.value, "detail": ""})

    async def _store_done(self, record: LineTestRecord, outcome: Outcome) -> int:
        """Store it all; how many messages to other systems were written with it."""
        facts, verdict = dict(outcome.facts), outcome.verdict
        async with self._store.transaction() as tx:
            if not await test_store.finish(tx, record.id, LineTestState.DONE, outcome.at, facts=facts, verdict=verdict):
                raise Conflict(f"line test {record.id} was ended by another process")
            await self._packs.keep(tx, outcome.pack)
            await pack_store.add_shadow_verdicts(tx, outcome.shadows)
            if outcome.light:
                await history.put(tx, outcome.light)
            await tell_falls(tx, outcome.falls)
            await tell_ups(tx, outcome.ups, outcome.at)
            said: dict[str, Json] = {"verdict": verdict, "corrects": _corrects(outcome.first, verdict)}
            return await self._tell_tickets(tx, record, "line_test.verdict", said, outcome.at)

    async def first_word(self, job: Job, verdict: Mapping[str, Any]) -> None:
        """Tell the tickets of a test what is known at its beginning; they hear of its end all the same."""
        record, now, foreseen = job.record, self._clock(), self._hearers.foreseen
        try:
            async with self._store.transaction() as tx:
                told = {} if foreseen is None else await foreseen(tx, record.id, verdict)
                for ticket in await _waiting_tickets(tx, record):
                    body: dict[str, Json] = {"ticket": ticket, "line": record.line, "line_test": record.id}
                    body |= {"verdict": dict(verdict), "queue": told.get(ticket)}
                    await self._deliveries.enqueue(tx, "line_test.partial", body, now)
            self._deliveries.wake()
        except StoreError as error:
            log.warning("line_test.not_stored", line=record.line, test=record.id, problem=str(error))

    async def failed(self, job: Job, detail: str) -> None:
        """End a test without a verdict: its tickets are told so, and whoever follows it stops waiting."""
        record, now = job.record, self._clock()
        log.warning("line_test.failed", line=record.line, test=record.id, problem=detail)
        await self._running.close(job)

        async def store() -> int:
            async with self._store.transaction() as tx:
                if not await test_store.finish(tx, record.id, LineTestState.FAILED, now, detail=detail[:4000]):
                    return 0
                return await self._tell_tickets(tx, record, "line_test.failed", {"detail": detail[:4000]}, now)

        try:
            if await _until_stored(record, store):
                self._deliveries.wake()
        except StoreError as error:
            log.error("line_test.not_stored", line=record.line, test=record.id, problem=str(error))
        self._metrics.line_tests.labels(LineTestState.FAILED.value).inc()
        self._progress.tell(job, "ended", {"state": LineTestState.FAILED.value, "detail": detail})

    async def _tell_tickets(
        self, tx: Transaction, record: LineTestRecord, event_type: str, said: Mapping[str, Json], now: datetime
    ) -> int:
        written = 0 if self._hearers.told is None else await self._hearers.told(tx, record.id)
        verdict = said.get("verdict")
        decided: Mapping[str, Mapping[str, Json]] = {}
        if self._hearers.decided is not None:
            decided = await self._hearers.decided(tx, record.id, verdict if isinstance(verdict, dict) else None, now)
        for ticket in await _waiting_tickets(tx, record):
            body: dict[str, Json] = {"ticket": ticket, "line": record.line, "line_test": record.id, **said}
            body.update(decided.get(ticket, {}))
            written += await self._deliveries.enqueue(tx, event_type, body, now)
        return written


def _corrects(first: Mapping[str, Any] | None, last: Mapping[str, Any]) -> bool:
    """Whether a test ended with another verdict than it told at its beginning."""
    return first is not None and any(first.get(name) != last.get(name) for name in ("verdict", "cause", "scope"))


async def _until_stored(record: LineTestRecord, store: Callable[[], Awaitable[int]]) -> int:
    """Store the end of a test, with patience; what `store` gives.

    Raises:
        StoreError: the store stays away, or refuses.
    """
    for tries in range(_TRIES - 1):
        try:
            return await store()
        except StoreError as error:
            log.warning("line_test.not_stored", line=record.line, test=record.id, problem=str(error))
            await asyncio.sleep(_RETRY_S * 2**tries)
    return await store()


async def _waiting_tickets(tx: Transaction, record: LineTestRecord) -> list[str]:
    """The tickets that wait for this test: its own, those that were handed in, those that hooks were called for."""
    own = [record.ticket] if record.ticket else []
    handed_in = await ticket_store.of_test(tx, record.line, record.id)
    return list(dict.fromkeys([*own, *handed_in, *await hook_store.tickets_of_test(tx, record.line, record.id)]))
