"""The worker: what has to happen when nobody calls. Deadlines, woken devices, retention, webhooks.

The one rule: each job is a short look at the store and a few guarded changes, so two workers do no harm to each
other, and a failing job is told and tried again at its next turn.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from acs.config import Config
from acs.errors import AcsError
from acs.services import report_evidence, reset_evidence, review
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.connection_requests import ConnectionRequests
from acs.services.freeze import writes
from acs.services.kinds import KINDS, Kind
from acs.services.kinds.base import Ending
from acs.services.reboot_evidence import Sending, why_never
from acs.services.sessions import Sessions
from acs.store import operations, retention, trees
from acs.store.records import OperationRecord, OperationState, OperationStep, OperationTransition, StepName
from acs.store.store import Store
from probes.tasks import end_tasks

log = structlog.get_logger()

#: Seconds between two bites of retention.
PRUNE_S = 60.0
#: Seconds between two bites of sealing what an older release wrote, and the trees of one transaction and of one bite.
SEAL_S, _TREES_AT_ONCE, _BITES = 15.0, 10, 100
#: Unfinished operations read at once.
PAGE = 1_000
#: Idle times of a session after which nobody waits for an answer any more, in whatever process it was sent.
ORPHANED = 2

#: A job of another service: called again and again, with the seconds between two calls.
Job = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class _Calls:
    """How often a device was called in vain, and when it may be called again."""

    failures: int = 0
    next_at: datetime | None = None


class Worker:
    """Runs the jobs of the role `worker`."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        config: Config,
        sessions: Sessions,
        connection_requests: ConnectionRequests,
        clock: Clock,
        *,
        jobs: Mapping[str, tuple[float, Job]] | None = None,
        kinds: Mapping[str, Kind] = KINDS,
    ) -> None:
        self._store = store
        self._bus = bus
        self._config = config
        self._sessions = sessions
        self._connection_requests = connection_requests
        self._clock = clock
        self._kinds = kinds
        self._wanted = [kind.name for kind in kinds.values() if not kind.internal]
        self._jobs = {
            "deadlines": (config.operations.tick_s, self.expire),
            "wake": (config.operations.tick_s, self.wake),
            "retention": (PRUNE_S, self.prune),
            "old secrets": (SEAL_S, self.seal),
            **(jobs or {}),
        }
        #: whether writes are frozen; see `Freeze.engaged`
        self.frozen: Callable[[], Awaitable[bool]] | None = None
        self._was_frozen = False
        #: when writes were let go on: what was queued before has waited long enough
        self._thawed_at: datetime | None = None
        self._calls: dict[str, _Calls] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Settle what a dead process left behind, then run every job in turn."""
        await self.recover()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._repeat(name, *job)) for name, job in self._jobs.items()]

    async def stop(self) -> None:
        """End every job."""
        await end_tasks(self._tasks)

    async def recover(self) -> None:
        """Every operation that was sent and not answered, and whose session is not ours, may or may not have left."""
        now = self._clock()
        async for operation in self._unfinished():
            if self._is_orphan(operation):
                await self._change(review.became_unknown(operation, now, "the server stopped before the answer"))

    async def expire(self) -> None:
        """End operations whose deadline has passed, with the reason."""
        now = self._clock()
        async with self._store.reading() as tx:
            overdue = await operations.due_expired(tx, now)
        for operation in overdue:
            await self._change(self._verdict_at_deadline(operation, now))

    async def wake(self) -> None:
        """Call devices that have something to do and no session, each with growing pauses."""
        now = self._clock()
        orphaned = now - timedelta(seconds=ORPHANED * self._config.cwmp.limits.session_idle_s)
        waiting: dict[str, list[str]] = {}
        async for operation in self._unfinished(await self._callable(now)):
            if self._wants_session(operation, now):
                waiting.setdefault(operation.device, []).append(operation.id)
            elif self._is_orphan(operation) and operation.sent_at is not None and operation.sent_at < orphaned:
                await self._change(review.became_unknown(operation, now, "the process that sent it is gone"))
        for key in self._calls.keys() - waiting.keys():
            del self._calls[key]
        for key, ids in waiting.items():
            self._call(key, ids, now)

    async def prune(self) -> None:
        """Take a bite of what is older than it is kept."""
        config = self._config
        ages = retention.Ages(
            events_d=config.operations.keep_events_days,
            operations_d=config.operations.keep_days,
            line_tests_d=config.line_tests.keep_days,
            tokens_d=config.rights.keep_ended_tokens_days,
        )
        more = True
        while more:
            async with self._store.transaction() as tx:
                more = (await retention.prune(tx, self._clock(), ages)).more
            await asyncio.sleep(0.1)

    async def seal(self) -> None:
        """Seal the secrets of some trees that an older release wrote; nothing to do once it has been through."""
        for _ in range(_BITES):
            async with self._store.transaction() as tx:
                found = await trees.seal_old(tx, _TREES_AT_ONCE)
            if found < _TREES_AT_ONCE:
                return
            await asyncio.sleep(0)

    async def _repeat(self, name: str, pause_s: float, job: Job) -> None:
        while True:
            try:
                await job()
            except AcsError as error:
                log.error("job.failed", job=name, error=str(error))
            except Exception as error:
                log.error("job.failed", job=name, error=str(error), kind=type(error).__name__, exc_info=error)
            await asyncio.sleep(pause_s)

    async def _unfinished(self, kinds: Sequence[str] | None = None) -> AsyncIterator[OperationRecord]:
        after, more = "", True
        while more:
            async with self._store.reading() as tx:
                page = await operations.unfinished(tx, limit=PAGE, after=after, kinds=kinds)
            for operation in page:
                yield operation
            more = len(page) == PAGE
            after = page[-1].id if page else ""

    async def _callable(self, now: datetime) -> list[str]:
        """The kinds for which a device is called now: while writes are frozen, those that only read."""
        frozen = self.frozen is not None and await self.frozen()
        if self._was_frozen and not frozen:
            self._thawed_at = now
        self._was_frozen = frozen
        return [name for name in self._wanted if not writes(self._kinds[name])] if frozen else self._wanted

    def _is_orphan(self, operation: OperationRecord) -> bool:
        """Whether it was sent and not answered, and no session of this process waits for the answer."""
        if operation.state is not OperationState.SENT or operation.answered_at is not None:
            return False
        visit = self._sessions.visit_of(operation.device)
        return visit is None or visit.running is None or visit.running.id != operation.id

    async def _change(self, change: OperationTransition) -> OperationStep | None:
        async with self._store.transaction() as tx:
            step = await operations.transition(tx, change)
        if step is not None:
            self._bus.publish(f"operation:{step.operation_id}", step)
            log.info("operation.changed", operation=step.operation_id, step=step.name.value, why=change.step_detail)
        return step

    def _verdict_at_deadline(self, operation: OperationRecord, now: datetime) -> OperationTransition:
        if operation.state is OperationState.QUEUED:
            to_state, step = OperationState.EXPIRED, StepName.EXPIRED
            why = "the deadline passed and the device opened no session in which it could be done"
            if operation.attempts:
                why = f"the deadline passed after {operation.attempts} attempts; the last: {operation.detail}"
        else:
            to_state, step = OperationState.FAILED, StepName.FAILED
            why = "the deadline passed before the CPE had answered"
            if operation.sent_at is not None:
                why = self._why_never(operation, operation.sent_at) or why
        return OperationTransition(operation.id, (operation.state,), to_state, now, step, why, detail=why)

    def _why_never(self, operation: OperationRecord, sent_at: datetime) -> str | None:
        """Why an operation that was sent has come to nothing; None where its answer alone was awaited."""
        kind = self._kinds.get(operation.kind)
        if kind is not None and kind.ending is Ending.REPORT:
            return report_evidence.why_never(operation, kind)
        if kind is not None and kind.ending is Ending.RESULTS and operation.answered_at is not None:
            return "the device took the test, but never said that it was over: it lost it, or it hangs"
        if not review.reboots(operation, self._kinds):
            return None
        sending = Sending(operation.command_key, sent_at, operation.answered_at is not None)
        reset = kind is not None and kind.ending is Ending.RESET
        return reset_evidence.why_never(sending) if reset else why_never(sending)

    def _wants_session(self, operation: OperationRecord, now: datetime) -> bool:
        kind = self._kinds.get(operation.kind)
        if kind is None or kind.internal or operation.deadline_at <= now:
            return False
        visit = self._sessions.visit_of(operation.device)
        if visit is not None and visit.takes_work and not visit.adrift:
            return False
        if operation.state is OperationState.QUEUED:
            if self._thawed_at is not None and operation.created_at < self._thawed_at and writes(kind):
                return True
            return now >= operation.created_at + timedelta(seconds=self._config.connection_requests.retry_s)
        if review.began(operation, kind):
            return review.results_wanted(operation, kind, (), now)
        if operation.state is not OperationState.UNKNOWN or (kind.ending is Ending.REPORT and kind.once):
            return False
        settle_s = self._config.operations.settle_s if kind.reboots else 0.0
        return operation.sent_at is not None and now > operation.sent_at + timedelta(seconds=settle_s)

    def _call(self, key: str, ids: list[str], now: datetime) -> None:
        calls = self._calls.setdefault(key, _Calls())
        if calls.next_at is not None and now < calls.next_at:
            return
        config = self._config.connection_requests
        pause_s = min(config.retry_s * 2**calls.failures, config.retry_max_s)
        calls.failures = min(calls.failures + 1, 20)
        calls.next_at = now + timedelta(seconds=pause_s)
        self._connection_requests.wake(key, ids)
