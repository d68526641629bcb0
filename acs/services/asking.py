"""What a session asks its device, one operation after another, and what the answers mean.

    begin ──▶ plan ──▶ request … answer … request ──▶ conclude ──▶ begin

The one rule: nothing leaves before what it promises is on disk.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from acs.config import Config, Role
from acs.cwmp.messages import Message, SoapFault
from acs.errors import Conflict, InvalidInput, NotFound, StoreError
from acs.services import abilities, review
from acs.services.actions.words import refusal_of
from acs.services.follow_ups import reading_again
from acs.services.keeping import WAITS
from acs.services.kinds import Kind
from acs.services.kinds.base import Ending
from acs.services.lane import Lane
from acs.services.planning import Planning
from acs.services.plans import Outcome, ReadPlan, Reads, RefreshPlan
from acs.services.plans.methods import MethodsPlan
from acs.services.plans.provisioning import ProvisionPlan
from acs.services.quoted_secrets import secrets_in, unquoted
from acs.services.session_commits import SessionCommits
from acs.services.session_parts import Parts
from acs.services.visits import UPTIME, Visit, parse_uptime
from acs.store import operations
from acs.store.records import OperationRecord, OperationState, TreeUpdate
from acs.store.store import Store


class Asking:
    """The ACS's half of every session. `is_open`: whether a visit is still the one of its session."""

    def __init__(
        self,
        store: Store,
        config: Config,
        kinds: Mapping[str, Kind],
        parts: Parts,
        planning: Planning,
        commits: SessionCommits,
        is_open: Callable[[Visit], bool],
    ) -> None:
        self._store = store
        self._config = config.operations
        #: other processes queue operations, and cannot offer them to our sessions
        self._shared = config.server.role is Role.CWMP
        self._kinds = kinds
        self._parts = parts
        self._planning = planning
        self._abilities = planning.abilities
        self._carrying = planning.carrying
        self._commits = commits
        self._is_open = is_open
        self.lane = Lane()

    def take(self, visit: Visit, message: Message, now: datetime) -> None:
        """The CPE's response or fault to our request."""
        if isinstance(message, SoapFault):
            visit.faults += 1
        if visit.plan is not None:
            visit.plan.take(unquoted(message, visit.told))

    async def next_request(self, visit: Visit, now: datetime) -> Message | None:
        """The next thing to ask, with everything written that must be on disk before it leaves.

        Raises:
            StoreError: nothing may leave; the operation whose turn it was still waits.
        """
        try:
            return await self._next(visit, now)
        except StoreError:
            self._put_back(visit)
            raise

    async def _next(self, visit: Visit, now: datetime) -> Message | None:
        while True:
            request = visit.plan.request() if visit.plan is not None else None
            if request is not None:
                if isinstance(visit.plan, RefreshPlan):
                    await self._carrying.checkpoint(visit, now)
                if self._parts.keeping is not None:
                    await self._parts.keeping.checkpoint(visit, now)
                if not (visit.pending or visit.tree) or await self._commits.write(visit, now):
                    visit.turn = None
                    visit.told = secrets_in(request)
                    return request
                visit.plan = visit.running = visit.kind = None
                continue
            if visit.plan is not None:
                await self._conclude(visit, now)
            if not await self._begin(visit, now):
                self.lane.leave(visit.session.id)
                if visit.pending or visit.tree or visit.stored:
                    await self._commits.write(visit, now, ended=True)
                    if visit.takes_work and await self._has_news(visit):
                        continue
                return None

    async def _has_news(self, visit: Visit) -> bool:
        """Whether something came while the end was written: what was offered, or what another process queued.

        Nobody else calls for what was offered; for what another process queued the device is called in vain until the
        session is over. A session that asked nothing has no such look: it is over at once.
        """
        if not visit.due and self._shared:
            async with self._store.reading() as tx:
                queued = await operations.list_operations(tx, device=visit.key, states=(OperationState.QUEUED,))
            for operation in reversed(queued):
                kind = self._kinds.get(operation.kind)
                if kind is not None and operation.id not in visit.met:
                    visit.due.append((operation, kind))
        return bool(visit.due)

    async def _begin(self, visit: Visit, now: datetime) -> bool:
        """Make the plan of the next thing to do; False when there is none."""
        if visit.closing:
            return False
        if visit.unresolved:
            visit.plan = ReadPlan([visit.root + UPTIME], batch=1, budget=1)
            return True
        while visit.due and visit.plan is None:
            operation, kind = visit.due.popleft()
            visit.met.add(operation.id)
            visit.turn = operation, kind
            if operation.deadline_at <= now or not await self._may_begin(visit, operation):
                continue
            if not self._is_open(visit):  # it was replaced while it waited for the lane
                self.lane.leave(visit.session.id)
                return False
            if await self._held(visit, operation, kind, now):
                continue
            known = await self._abilities.of(visit.device)
            if abilities.must_ask(kind, known):
                visit.due.appendleft(visit.turn)
                visit.turn = None
                self._abilities.asking(visit.device)
                visit.plan = MethodsPlan()
                return True
            why = await self._planning.why_not(visit, operation, kind, known)
            if why is not None:
                visit.pending.append(review.impossible(operation, why, now))
                continue
            try:
                plan = await self._planning.plan(visit, operation, kind, now)
            except (InvalidInput, NotFound, Conflict) as error:  # its file is gone, or not for this model
                visit.pending.append(review.impossible(operation, str(error), now, refusal_of(error)))
                continue
            visit.running, visit.kind, visit.plan = operation, kind, plan
            visit.pending.append(review.about_to_send(operation, kind, now))
            return True
        visit.turn = None
        return visit.plan is not None

    def _put_back(self, visit: Visit) -> None:
        """The operation whose turn it was has not left: it is done when the CPE is back, or handed back."""
        if visit.turn is not None:
            visit.due.appendleft(visit.turn)
            visit.turn = visit.running = visit.kind = visit.plan = None

    async def _may_begin(self, visit: Visit, operation: OperationRecord) -> bool:
        """Whether an operation's turn is now: the lane has room for it, and after that wait writes are not frozen."""
        if not await self.lane.admits(operation, visit.session.id):
            return False
        return self._parts.frozen is None or not await self._parts.frozen(operation.kind)

    async def _held(self, visit: Visit, operation: OperationRecord, kind: Kind, now: datetime) -> bool:
        """Whether something stands against the operation now; what must be read first is the visit's plan then."""
        if self._parts.keeping is None:
            return False
        held = await self._parts.keeping.hold(visit, operation, kind, now)
        if held == WAITS and visit.pending:  # what it waits for may be among what is not written yet
            await self._commits.write(visit, now)
            held = await self._parts.keeping.hold(visit, operation, kind, now)
        if held is None:
            return False
        if held.read:
            visit.due.appendleft((operation, kind))
            visit.plan, visit.looking = ReadPlan(held.read, batch=len(held.read), budget=len(held.read) + 2), True
        elif held.why:
            visit.pending.append(review.impossible(operation, held.why, now, held.result))
        return True

    async def _conclude(self, visit: Visit, now: datetime) -> None:
        """The plan is over: its outcome and what it read wait for the next commit."""
        plan, operation, kind = visit.plan, visit.running, visit.kind
        assert plan is not None
        visit.plan = visit.running = visit.kind = None
        if isinstance(plan, MethodsPlan):
            await self._abilities.learn_methods(visit.device, plan.answer, now)
            return
        if operation is None or kind is None:
            self._read_between(visit, plan.reads, now)
            return
        outcome = plan.outcome()
        if self._parts.keeping is not None:
            outcome = await self._parts.keeping.concluded(visit, operation, plan, outcome, now)
        self._settle(visit, operation, kind, outcome, now)
        if not outcome.succeeded:
            await self._abilities.learn_fault(visit.device, kind.rpc, outcome.fault_code, now)
        if outcome.lacks is not None:
            await self._abilities.learn_lacking(visit.device, outcome.lacks, now)
        if isinstance(plan, ProvisionPlan) and self._parts.provisioning is not None:
            await self._parts.provisioning.concluded(operation, plan.inputs, outcome, visit.codes)
        if isinstance(plan, RefreshPlan):
            await self._carrying.over(plan, operation)
            if plan.path == visit.root:
                await self._abilities.learn_bears(visit.device, plan.learned(), now)
        if plan.reads.values or plan.reads.whole:
            visit.tree = _update(plan.reads, now)

    def _settle(self, visit: Visit, operation: OperationRecord, kind: Kind, outcome: Outcome, now: datetime) -> None:
        """What becomes of an operation that the device answered."""
        if outcome.waits:
            visit.pending.append(review.taken(operation, outcome, now))
            visit.closing = visit.closing or kind.ending is Ending.RESULTS  # a test begins when the session is over
        elif outcome.cancels == operation.id:
            visit.pending.append(review.broken_off(operation, outcome, now))
        elif review.may_pass(operation, kind, outcome, now):
            visit.pending.append(review.refused_for_now(operation, outcome, now))
        elif kind.reboots and outcome.succeeded:
            visit.pending.append(review.answered(operation, outcome, now))
            visit.closing = visit.rebooting = True
        else:
            visit.pending.append(review.answered(operation, outcome, now))
            visit.pending.append(review.ended(operation, outcome, now))
        if outcome.reread:
            visit.wanted.append(reading_again(operation, outcome.reread, now))
        if outcome.cancels is not None and outcome.cancels != operation.id:
            visit.pending.append(review.cancelled(outcome.cancels, operation, now))

    def _read_between(self, visit: Visit, reads: Reads, now: datetime) -> None:
        """What was read for no operation: the uptime, or what stands against the next one."""
        if visit.looking:
            visit.looking, visit.looked = False, {name: value for name, (value, _) in reads.values.items()}
            visit.tree = _update(reads, now)
        else:
            self._uptime_read(visit, reads.values, now)

    def _uptime_read(self, visit: Visit, values: Mapping[str, tuple[str, str]], now: datetime) -> None:
        text = values.get(visit.root + UPTIME, ("", ""))[0]
        visit.uptime_s = parse_uptime(text)
        unresolved, visit.unresolved = visit.unresolved, []
        for operation in unresolved:
            review.judge_reboot(visit, operation, self._kinds[operation.kind], self._config, now, can_ask=False)


def _update(reads: Reads, now: datetime) -> TreeUpdate:
    return TreeUpdate(reads.values, now, tuple(reads.whole), reads.known)
