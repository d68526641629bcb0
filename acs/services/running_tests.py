"""The line tests of this process: which run, who may join which, and how many there may be.

    opened ─→ stored ─→ closed (it judges; nobody joins any more) ─→ forgotten
       └─→ dropped (it was never stored)

The rule of this file: a test is joined only while its end can still see who joined, and only by those who want no more
than it measures.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from acs.errors import TooMany
from acs.services import audit
from acs.services.actor import Actor
from acs.services.slots import ROOM, Priority
from acs.store import line_tests as test_store
from acs.store.records import Json, LineTestRecord
from acs.store.transaction import Transaction
from probes.linetest.depths import QUICK

#: what a test asks, the least first
DEPTHS = ("quick", "self-service", "normal", "full")
#: what a test is about when nobody says it
_USUAL_SERVICE = "internet"


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened in a test. `kind`: started, source, verdict (may be partial), ended."""

    test_id: str
    kind: str
    at: datetime
    data: Mapping[str, Json]


@dataclass(slots=True, eq=False)
class Job:
    """A test of this process. `stored`: whether its record is on disk; `joining`: who is about to be written to it."""

    record: LineTestRecord
    stored: asyncio.Future[bool]
    began: float = field(default_factory=monotonic)
    history: list[Progress] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    joining: int = 0
    nobody_joins: asyncio.Event = field(default_factory=asyncio.Event)
    priority: Priority = Priority.OPERATOR

    @property
    def budget_s(self) -> float:
        """Seconds from its beginning to its hard stop."""
        return (self.record.deadline_at - self.record.created_at).total_seconds()

    def serves(self, depth: str, service: str | None) -> bool:
        """Whether it measures what a test of this depth for this service would, in no more than its time.

        A quick test waits for no deeper one: what both ask of the access node is read once all the same.
        """
        deep_enough = DEPTHS.index(self.record.depth) >= DEPTHS.index(depth)
        in_time = depth != QUICK or self.record.depth == QUICK
        return deep_enough and in_time and (service is None or service == (self.record.service or _USUAL_SERVICE))


class RunningTests:
    """Jobs by id and by line."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_id: dict[str, Job] = {}
        self._open: dict[str, list[Job]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, test_id: object) -> bool:
        return test_id in self._by_id

    def get(self, test_id: str) -> Job | None:
        """The job of a test, while this process has it."""
        return self._by_id.get(test_id)

    def tasks(self) -> list[asyncio.Task[None]]:
        """What runs."""
        return [job.task for job in self._by_id.values() if job.task is not None]

    def refuse_when_full(self, priority: Priority = Priority.OPERATOR) -> None:
        """Refuse new tests while too many wait: bulk first, then tickets, engineers last.

        Raises:
            TooMany: try again later.
        """
        if len(self._by_id) >= self._limit * ROOM[priority]:
            raise TooMany(
                f"{len(self._by_id)} line tests wait already, as many as there is room for with priority "
                f"{priority.name.lower()}; try again later",
                retry_after_s=10,
            )

    def on_line(self, line: str, depth: str, service: str | None) -> Job | None:
        """The test of the line that may be joined by who wants this."""
        return next((job for job in self._open.get(line, ()) if job.serves(depth, service)), None)

    def open(self, record: LineTestRecord, priority: Priority = Priority.OPERATOR) -> Job:
        """A job for a record that is about to be stored; from now on it can be joined."""
        job = Job(record, asyncio.get_running_loop().create_future(), priority=priority)
        self._by_id[record.id] = job
        self._open.setdefault(record.line, []).append(job)
        return job

    def drop(self, job: Job) -> None:
        """Forget a job that was never stored; who joined it looks again."""
        self.forget(job)
        if not job.stored.done():
            job.stored.set_result(False)

    async def close(self, job: Job) -> None:
        """Let nobody join any more, and wait until who is joining has been written."""
        self._shut(job)
        if job.joining:
            await job.nobody_joins.wait()

    def forget(self, job: Job) -> None:
        """The job has ended."""
        self._shut(job)
        self._by_id.pop(job.record.id, None)

    @asynccontextmanager
    async def joining(self, job: Job) -> AsyncIterator[bool]:
        """Keep a job from ending while somebody is written to it; False when it was never stored."""
        job.joining += 1
        job.nobody_joins.clear()
        try:
            yield await asyncio.shield(job.stored)
        finally:
            job.joining -= 1
            if not job.joining:
                job.nobody_joins.set()

    def _shut(self, job: Job) -> None:
        jobs = self._open.get(job.record.line, [])
        if job in jobs:
            jobs.remove(job)
        if not jobs:
            self._open.pop(job.record.line, None)


class Door:
    """One use case that wants a test: it joins one that runs, or opens one."""

    def __init__(
        self, running: RunningTests, actor: Actor, joined: AsyncExitStack, priority: Priority = Priority.OPERATOR
    ) -> None:
        self._running = running
        self._actor = actor
        self._joined = joined
        self._priority = priority
        self.opened: Job | None = None
        #: hears of a new test in the transaction that it is written in
        self.told: Callable[[Transaction, str], Awaitable[object]] | None = None

    async def test_for(self, tx: Transaction, wanted: LineTestRecord, *, join: bool = True) -> LineTestRecord:
        """The test that serves: one that runs (unless `join` is false), or the wanted one, written in the caller's
        transaction.

        Raises:
            TooMany: too many tests wait already.
        """
        while join and (job := self._running.on_line(wanted.line, wanted.depth, wanted.service)) is not None:
            if await self._joined.enter_async_context(self._running.joining(job)):
                job.priority = min(job.priority, self._priority)
                return job.record
        self._running.refuse_when_full(self._priority)
        self.opened = self._running.open(wanted, self._priority)
        await test_store.add(tx, wanted)
        after: dict[str, Json] = {"line": wanted.line, "depth": wanted.depth, "ticket": wanted.ticket}
        await audit.note(tx, self._actor, "line_test.started", f"line-test:{wanted.id}", wanted.created_at, after=after)
        if self.told is not None:
            await self.told(tx, wanted.id)
        return wanted

    def drop(self) -> None:
        """Forget what was opened: its transaction failed."""
        if self.opened is not None:
            self._running.drop(self.opened)
