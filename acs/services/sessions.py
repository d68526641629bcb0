"""What a session of a CPE is answered, as data: no socket here, posts in and answers out.

    Inform            events and values on disk, evidence about reboots judged, then InformResponse
    CPE's request     stored and given to the operation that waits for it, then its response
    answer or fault   into the plan of the running operation
    empty POST        the next due operation, written as sent before it leaves; else None, which is 204

The one rule: nothing leaves before what it promises is on disk.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from acs.config import Config
from acs.cwmp.envelope import Envelope
from acs.cwmp.messages import Inform, InformResponse, Message, SoapFault
from acs.cwmp.session import Role, Session, State
from acs.cwmp.versions import SUPPORTED_VERSIONS
from acs.errors import Conflict, InvalidInput, NotFound, ProtocolError
from acs.metrics import Metrics
from acs.services import abilities, addressing, review, secret_arguments
from acs.services.abilities import ModelAbilities
from acs.services.actions.words import refusal_of
from acs.services.bus import Bus
from acs.services.carrying import Carrying
from acs.services.clock import Steadiness
from acs.services.first_contact import FirstContact
from acs.services.follow_ups import reading_again
from acs.services.keeping import WAITS, Keeping
from acs.services.kinds import KINDS, Kind, PlanContext
from acs.services.kinds.base import Ending
from acs.services.lane import Lane
from acs.services.plans import Outcome, Plan, ReadPlan, Reads, RefreshPlan
from acs.services.plans.methods import MethodsPlan
from acs.services.plans.provisioning import ProvisionPlan
from acs.services.provisioning import Provisioning
from acs.services.recorder import Recorder
from acs.services.replies import reply_to
from acs.services.reports import REPORTS, Reports
from acs.services.styles import Styles
from acs.services.transfers import NoTransfers, Transfers
from acs.services.visits import UPTIME, Arrival, Visit, opening_of, parse_uptime
from acs.store import trees
from acs.store.abilities import open_arguments
from acs.store.records import (
    FINAL_STATES,
    Credentials,
    DeviceRecord,
    OperationRecord,
    OperationTransition,
    SessionCommit,
    SessionOpened,
    TreeUpdate,
)
from acs.store.store import Store

log = structlog.get_logger()

#: Seconds by which the clock may leap, as a leap second does, without being taken for set.
CLOCK_SLACK_S = 5.0
#: Ends of a session that are not the device's doing.
OUR_ENDS = frozenset({"stopped", "replaced"})
#: Events with which a value that names the device's line may have changed.
NOTICED = frozenset({"0 BOOTSTRAP", "1 BOOT", "4 VALUE CHANGE"})
#: How a session can end.
ENDS = ("ended", "timed_out", "failed", "replaced", "stopped")
#: What an empty POST in the place of an answer says.
NO_ANSWER = SoapFault(9001, "the CPE sent an empty POST in the place of an answer")


class IdentityHooks(Protocol):
    """What `identity.Identity` does for sessions."""

    async def begun(self, visit: Visit, opened: SessionOpened, now: datetime) -> bool:
        """Look at a device that is in quarantine or told what does not go together; whether it is admitted."""

    async def greeting(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation that gives the device a credential of its own; None where that is not its turn."""

    async def credentials(self, key: str, now: datetime) -> Credentials:
        """The credential that the device is told, made and stored before."""


class Sessions:
    """The sessions of this process: one per device, in memory, with the store behind them."""

    def __init__(
        self, store: Store, bus: Bus, config: Config, metrics: Metrics, kinds: Mapping[str, Kind] = KINDS
    ) -> None:
        #: called with a device whose line must be looked for, and whether it is new; see `Devices.came`
        self.noticed: Callable[[DeviceRecord, bool], None] = lambda _device, _new: None
        #: how each device wants to be spoken to
        self.styles = Styles()
        #: what is done about who a device is when its session begins; see `identity.Identity`
        self.identity: IdentityHooks | None = None
        self._store = store
        self._bus = bus
        self._config = config.operations
        self._periodic_inform_s = config.cwmp.first_contact.periodic_inform_s
        self._idle_s = config.cwmp.limits.session_timeout_s
        self._metrics = metrics
        self._kinds = kinds
        self.first_contact = FirstContact(store, config)
        #: what the rules want of a device; None where nobody provisions
        self.provisioning: Provisioning | None = None
        #: whether operations of a kind must wait, because writes are frozen; see `Freeze.holds`
        self.frozen: Callable[[str], Awaitable[bool]] | None = None
        #: gives files of our own file server their place; see `transfers`
        self.transfers: Transfers = NoTransfers()
        #: keeps configurations before changes, and holds what must wait; see `keeping`
        self.keeping: Keeping | None = None
        #: the stored operation for a device that takes over from another; see `Takeovers.operation_for`
        self.takes_over: Callable[[Visit, SessionOpened, datetime], Awaitable[OperationRecord | None]] | None = None
        self._abilities = ModelAbilities(store)
        #: keeps history of what is read; None where nobody wants any
        self.recorder: Recorder | None = None
        self._carrying = Carrying(store)
        self._reports = Reports(store, bus, config.operations, metrics, kinds)
        self._lane = Lane()
        self._steadiness = Steadiness(CLOCK_SLACK_S)
        self._log = log.bind()  # a session's line would look the logger up for longer than it is written
        self._by_device: dict[str, Visit] = {}
        self._by_id: dict[str, Visit] = {}
        metrics.open_sessions.set_function(self.__len__)
        self._ends = {end: metrics.sessions.labels(end) for end in ENDS}

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def model_abilities(self) -> ModelAbilities:
        """What models can and bear, as this process knows it."""
        return self._abilities

    def visit_of(self, key: str) -> Visit | None:
        """The session that the device has open in this process."""
        return self._by_device.get(key)

    def visits(self) -> Collection[Visit]:
        """Every session of this process."""
        return self._by_id.values()

    def find(self, session_id: str) -> Visit | None:
        """The session with this id in this process."""
        return self._by_id.get(session_id)

    def offer(self, operation: OperationRecord) -> bool:
        """Hand a new operation to the device's open session; False when there is none that can still take it."""
        visit = self._by_device.get(operation.device)
        kind = self._kinds.get(operation.kind)
        if visit is None or kind is None or not visit.takes_work:
            return False
        if all(operation.id != known.id for known, _ in visit.due):
            visit.due.append((operation, kind))
        return True

    async def open(self, session_id: str, envelope: Envelope, arrival: Arrival) -> tuple[Visit, Envelope]:
        """Take an Inform: a new session, whatever session the device had before, and the InformResponse.

        Raises:
            ProtocolError: the Inform cannot be used; nothing was stored.
        """
        self._steadiness.look(arrival.now, time.monotonic())
        session = Session.new(session_id, Role.ACS, arrival.now).receive_envelope(envelope)
        inform = envelope.message
        assert isinstance(inform, Inform)
        opening = opening_of(inform, session, arrival)
        self._lane.informs += 1
        try:
            opened = await self._store.sessions.open(opening)
        except InvalidInput as error:
            raise ProtocolError(str(error), status_hint=200, fault_code=8003) from error
        finally:
            self._lane.informs -= 1
        visit = Visit(
            session=session,
            key=opening.key,
            root=opening.root or opened.device.root,
            arrival=arrival,
            events=opening.events,
            retry_count=opening.retry_count,
            uptime_s=opening.uptime_s,
            device=opened.device,
            clock_set_at=self._steadiness.set_at,
        )
        await self._welcome(visit, opened, arrival.now)
        use_version = visit.session.version if envelope.supported_versions else None
        answer = Envelope(InformResponse(), envelope.id, envelope.namespace, use_version=use_version)
        visit.session = visit.session.send_envelope(answer)
        self._replace(visit)
        visit.quirks = self.styles.of(opening)
        if self.recorder is not None and opening.values:
            self.recorder.heard(visit.device, opening.values, arrival.now)
        return visit, answer

    async def answer(self, visit: Visit, envelope: Envelope | None, now: datetime) -> Envelope | None:
        """The answer to a POST inside a session; None is an empty one (204).

        Raises:
            ProtocolError: the CPE may not send this now.
        """
        asked = visit.session.state is State.ACS_ASKED
        visit.session = visit.session.receive_envelope(envelope, quirks=visit.bearing)
        visit.posts += 1
        visit.last_post_at = now
        if envelope is not None:
            if visit.session.state is State.CPE_ASKED:
                return await self._reply(visit, envelope, now)
            self._take(visit, envelope.message, now)
        elif asked:
            self._take(visit, NO_ANSWER, now)
        request = await self._next_request(visit, now)
        if request is None:
            visit.session = visit.session.send(None)
            return None
        answer = Envelope(request, visit.session.next_envelope_id, visit.session.namespace)
        visit.session = visit.session.send_envelope(answer, operation=visit.running.id if visit.running else None)
        return answer

    def finish_quiet(self, visit: Visit, now: datetime) -> None:
        """Take an empty POST in a quiet visit and answer it with 204, without a wait.

        Raises:
            ProtocolError: the CPE may not send this now.
        """
        visit.session = visit.session.receive(None).send(None)
        visit.posts += 1
        visit.last_post_at = now

    async def park(self, visit: Visit, now: datetime) -> None:
        """Store a session whose connection went away, so that another process can take it up."""
        visit.stored = True
        self._lane.leave(visit.session.id)
        await self._store.sessions.commit(
            SessionCommit(visit.key, visit.session.id, now, session=visit.session.to_bytes(), stored=True)
        )

    async def resume(self, session_id: str, arrival: Arrival) -> Visit | None:
        """Take up a session that another process, or this one before its restart, had stored."""
        not_before = arrival.now - timedelta(seconds=self._idle_s)
        stored = await self._store.sessions.resume(session_id, not_before)
        if stored is None:
            return None
        session = Session.from_bytes(stored.session)
        async with self._store.reading() as tx:
            found = await review.load(tx, stored.device)
        if found is None:
            return None
        visit = Visit(session, stored.device, found.device.root, arrival, (), 0, None, found.device, stored=True)
        visit.quirks = self.styles.of(found.device)
        for operation in found.operations:
            if review.asked_anew(operation, self._kinds):
                self._add_due(visit, operation)
        self._take_up_outstanding(visit, found.operations)
        self._replace(visit)
        return visit

    async def close(self, visit: Visit, end: str, now: datetime) -> None:
        """The session is over, well or not: what was sent and not answered becomes unknown.

        `end` is one of ENDS, for log and metrics.
        """
        if not self.close_quiet(visit, now, end):
            return
        self._carrying.leave(visit, broken=end not in OUR_ENDS)
        running, visit.running, visit.plan = visit.running, None, None
        if running is not None:
            visit.pending.append(review.became_unknown(running, now, f"the session ended ({end}) before the answer"))
        if visit.pending or visit.tree or visit.stored:
            await self._commit(visit, now, ended=True)

    def close_quiet(self, visit: Visit, now: datetime, end: str = "ended") -> bool:
        """Forget a session of which nothing is left to write; False when it was forgotten before."""
        if self._by_id.pop(visit.session.id, None) is None:
            return False
        self._lane.leave(visit.session.id)
        if self._by_device.get(visit.key) is visit:
            del self._by_device[visit.key]
        self._tell(visit, end, now)
        return True

    async def _welcome(self, visit: Visit, opened: SessionOpened, now: datetime) -> None:
        if (opened.quarantined or opened.earlier is not None) and not await self._admitted(visit, opened, now):
            visit.closing = True
            return
        if opened.operations:
            old = self._by_device.get(visit.key)
            if old is not None and old.plan is not None:
                self._carrying.leave(old, broken=True)
            previous = opened.previous_software_version
            review.judge_all(visit, opened.operations, self._kinds, self._config, now, previous)
        await self._greet(visit, opened, now)
        if visit.pending:
            await self._commit(visit, now)
        if opened.created or (opened.device.line is None and any(code in NOTICED for code, _ in visit.events)):
            self.noticed(opened.device, opened.created)

    async def _greet(self, visit: Visit, opened: SessionOpened, now: datetime) -> None:
        """What a device is given because it came: first settings, a credential of its own, what the rules want."""
        greeting = await self.first_contact.operation_for(visit, opened, now)
        if greeting is not None:
            self._add_due(visit, greeting)
        if visit.arrival.own_credentials and self.identity is not None:
            own = await self.identity.greeting(visit, opened, now)
            if own is not None:
                self._add_due(visit, own)
        if self.takes_over is not None and (opened.created or "0 BOOTSTRAP" in visit.codes):
            inherited = await self.takes_over(visit, opened, now)
            if inherited is not None:
                self._add_due(visit, inherited)
        if self.provisioning is not None:
            settings = await self.provisioning.operation_for(visit, opened, now)
            if settings is not None:
                self._add_due(visit, settings)

    async def _admitted(self, visit: Visit, opened: SessionOpened, now: datetime) -> bool:
        """Whether anything may be asked of the device; one in quarantine is only recorded."""
        return not opened.quarantined if self.identity is None else await self.identity.begun(visit, opened, now)

    def _replace(self, visit: Visit) -> None:
        old = self._by_device.get(visit.key)
        if old is not None and self._by_id.pop(old.session.id, None) is not None:
            self._lane.leave(old.session.id)
            self._tell(old, "ended" if old.session.complete else "replaced", visit.arrival.now)
        self._by_device[visit.key] = visit
        self._by_id[visit.session.id] = visit
        self._bus.publish(f"device:{visit.key}", visit.events)

    async def _reply(self, visit: Visit, envelope: Envelope, now: datetime) -> Envelope:
        message = envelope.message
        if isinstance(message, REPORTS):
            await self._reports.take(visit, message, now)
        answer = Envelope(reply_to(message), envelope.id, visit.session.namespace)
        visit.session = visit.session.send_envelope(answer)
        return answer

    def _take(self, visit: Visit, message: Message, now: datetime) -> None:
        """The CPE's response or fault to our request."""
        if isinstance(message, SoapFault):
            visit.faults += 1
        if visit.plan is not None:
            visit.plan.take(message)

    async def _next_request(self, visit: Visit, now: datetime) -> Message | None:
        """The next thing to ask, with everything written that must be on disk before it leaves."""
        while True:
            request = visit.plan.request() if visit.plan is not None else None
            if request is not None:
                if isinstance(visit.plan, RefreshPlan):
                    await self._carrying.checkpoint(visit, now)
                if self.keeping is not None:
                    await self.keeping.checkpoint(visit, now)
                if not (visit.pending or visit.tree) or await self._commit(visit, now):
                    return request
                visit.plan = visit.running = visit.kind = None
                continue
            if visit.plan is not None:
                await self._conclude(visit, now)
            if not await self._begin(visit, now):
                self._lane.leave(visit.session.id)
                if visit.pending or visit.tree or visit.stored:
                    await self._commit(visit, now, ended=True)
                return None

    async def _begin(self, visit: Visit, now: datetime) -> bool:
        """Make the plan of the next thing to do; False when there is none."""
        if visit.closing:
            return False
        if visit.unresolved:
            visit.plan = ReadPlan([visit.root + UPTIME], batch=1, budget=1)
            return True
        while visit.due and visit.plan is None:
            operation, kind = visit.due.popleft()
            if operation.deadline_at <= now or not await self._may_begin(visit, operation):
                continue
            if self._by_id.get(visit.session.id) is not visit:  # it was replaced while it waited for the lane
                self._lane.leave(visit.session.id)
                return False
            if await self._held(visit, operation, kind, now):
                continue
            known = await self._abilities.of(visit.device)
            if abilities.must_ask(kind, known):
                visit.due.appendleft((operation, kind))
                self._abilities.asking(visit.device)
                visit.plan = MethodsPlan()
                return True
            why = await self._why_not(visit, operation, kind, known)
            if why is not None:
                visit.pending.append(review.impossible(operation, why, now))
                continue
            try:
                plan = self._carrying.take(operation) or await self._plan(visit, operation, kind, now)
            except (InvalidInput, NotFound, Conflict) as error:  # its file is gone, or not for this model
                visit.pending.append(review.impossible(operation, str(error), now, refusal_of(error)))
                continue
            visit.running, visit.kind, visit.plan = operation, kind, plan
            visit.pending.append(review.about_to_send(operation, kind, now))
            return True
        return visit.plan is not None

    async def _may_begin(self, visit: Visit, operation: OperationRecord) -> bool:
        """Whether an operation's turn is now: writes are not frozen, and the lane has room for it."""
        if self.frozen is not None and await self.frozen(operation.kind):
            return False
        return await self._lane.admits(operation, visit.session.id)

    async def _held(self, visit: Visit, operation: OperationRecord, kind: Kind, now: datetime) -> bool:
        """Whether something stands against the operation now; what must be read first is the visit's plan then."""
        if self.keeping is None:
            return False
        held = await self.keeping.hold(visit, operation, kind, now)
        if held == WAITS and visit.pending:  # what it waits for may be among what is not written yet
            await self._commit(visit, now)
            held = await self.keeping.hold(visit, operation, kind, now)
        if held is None:
            return False
        if held.read:
            visit.due.appendleft((operation, kind))
            visit.plan, visit.looking = ReadPlan(held.read, batch=len(held.read), budget=len(held.read) + 2), True
        elif held.why:
            visit.pending.append(review.impossible(operation, held.why, now, held.result))
        return True

    async def _plan(self, visit: Visit, operation: OperationRecord, kind: Kind, now: datetime) -> Plan:
        context = PlanContext(
            visit.root,
            visit.names_at_once(self._config.names_per_request),
            self._config.requests_per_operation,
            self._periodic_inform_s,
            version=visit.session.version or SUPPORTED_VERSIONS[0],
            bears=(await self._abilities.of(visit.device)).bears,
            progress=await self._carrying.noted(operation),
        )
        if kind.with_credentials:
            told = await self.first_contact.settings(operation, visit.arrival.address, now)
            context = replace(context, waking=told)
        if kind.with_own_credentials and self.identity is not None:
            context = replace(context, credentials=await self.identity.credentials(visit.key, now))
        if kind.with_provision and self.provisioning is not None:
            inputs = await self.provisioning.inputs(operation, visit.codes, now)
            context = replace(context, provision=inputs)
        if kind.with_restore and self.keeping is not None:
            context = replace(context, restore=await self.keeping.inputs(operation))
        if kind.secrets or kind.secret_values:
            async with self._store.reading() as tx:
                operation = secret_arguments.joined(operation, await open_arguments(tx, operation.id))
        if kind.with_place and not operation.arguments.get("url"):
            context = replace(context, place=await self.transfers.place_of(operation, visit.device, now))
        if kind.stop is not None and review.stopping(operation):
            return kind.stop(operation, context)
        if kind.collect is not None and operation.answered_at is not None:
            return kind.collect(operation, context)
        return kind.plan(operation, context)

    async def _why_not(
        self, visit: Visit, operation: OperationRecord, kind: Kind, known: abilities.Abilities
    ) -> str | None:
        """Why the operation cannot be done on this device; None when nothing is known against it."""
        why = abilities.why_not(kind, visit.session.version or SUPPORTED_VERSIONS[0], known)
        if why is None and kind.feature is not None:
            why = abilities.why_lacking(kind.feature(operation), known)
        if why is None and kind.with_place and not operation.arguments.get("url"):
            why = self.transfers.why_not(operation)
        return why or await self._cannot_name(visit, operation)

    async def _cannot_name(self, visit: Visit, operation: OperationRecord) -> str | None:
        """Why the device would not understand the names of an operation; None for nearly all."""
        needed = addressing.special(operation.arguments)
        if not needed:
            return None
        async with self._store.reading() as tx:
            tree = await trees.read(tx, visit.key)
        return addressing.why_not(needed, visit.root, tree.values if tree is not None else {})

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
        if self.keeping is not None:
            outcome = await self.keeping.concluded(visit, operation, plan, outcome, now)
        self._settle(visit, operation, kind, outcome, now)
        if not outcome.succeeded:
            await self._abilities.learn_fault(visit.device, kind.rpc, outcome.fault_code, now)
        if outcome.lacks is not None:
            await self._abilities.learn_lacking(visit.device, outcome.lacks, now)
        if isinstance(plan, ProvisionPlan) and self.provisioning is not None:
            await self.provisioning.concluded(operation, plan.inputs, outcome, visit.codes)
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
            visit.closing = True
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

    async def _commit(self, visit: Visit, now: datetime, *, ended: bool = False) -> bool:
        """Write what is pending; False when the last change was refused: somebody else changed the operation."""
        pending, visit.pending = tuple(visit.pending), []
        wanted, visit.wanted = tuple(visit.wanted), []
        tree, visit.tree = visit.tree, None
        uptime = int(visit.uptime_s) if visit.uptime_s is not None else None
        commit = SessionCommit(
            visit.key, visit.session.id, now, pending, tree, wanted, ended=ended, stored=visit.stored, uptime_s=uptime
        )
        try:
            committed = await self._store.sessions.commit(commit)
        except InvalidInput as error:
            if tree is None:
                raise
            log.warning("values.refused", device=visit.key, why=str(error))
            committed = await self._store.sessions.commit(replace(commit, tree=None))
            tree = None
        if tree is not None and self.recorder is not None:
            self.recorder.read(visit.device, tree)
        if ended:
            visit.stored = False
        for transition, step in zip(pending, committed.steps, strict=True):
            if step is not None:
                self._bus.publish(f"operation:{step.operation_id}", step)
                self._count(transition, visit)
        return not pending or committed.steps[-1] is not None

    def _add_due(self, visit: Visit, operation: OperationRecord) -> None:
        kind = self._kinds.get(operation.kind)
        if kind is not None:
            visit.due.append((operation, kind))

    def _take_up_outstanding(self, visit: Visit, operations: tuple[OperationRecord, ...]) -> None:
        """The answer to what is done once may come in this session; every other operation begins again."""
        asked = visit.session.outstanding
        if visit.session.state is not State.ACS_ASKED or asked is None:
            return
        for operation in operations:
            kind = self._kinds.get(operation.kind)
            if operation.id == asked.operation and kind is not None and not review.asked_anew(operation, self._kinds):
                context = PlanContext(visit.root, self._config.names_per_request, 1)
                visit.running, visit.kind, visit.plan = operation, kind, kind.plan(operation, context)
                visit.plan.request()

    def _count(self, transition: OperationTransition, visit: Visit) -> None:
        if transition.to_state in FINAL_STATES:
            self._metrics.operations.labels(transition.to_state.value).inc()
            log.info("operation.ended", operation=transition.operation_id, device=visit.key, state=transition.to_state)

    def _tell(self, visit: Visit, end: str, now: datetime) -> None:
        seconds = ((visit.last_post_at or now) - visit.session.opened_at).total_seconds()
        self._ends[end].inc()
        self._metrics.session_seconds.observe(seconds)
        self.styles.ended(visit.key, heard=visit.posts > 1)
        self._log.info(
            "session.ended",
            session=visit.session.id[:8],
            device=visit.key,
            end=end,
            events=[code for code, _ in visit.events],
            posts=visit.posts,
            faults=visit.faults,
            duration_ms=round(seconds * 1000),
        )


def _update(reads: Reads, now: datetime) -> TreeUpdate:
    return TreeUpdate(reads.values, now, tuple(reads.whole), reads.known)
