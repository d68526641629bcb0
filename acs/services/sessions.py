"""What a session of a CPE is answered, as data: no socket here, posts in and answers out.

    Inform            events and values on disk, evidence about reboots judged, then InformResponse
    CPE's request     stored and given to the operation that waits for it, then its response
    answer or fault   into the plan of the running operation
    empty POST        the next due operation, written as sent before it leaves; else None, which is 204

The one rule: nothing leaves before what it promises is on disk.
"""

import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog

from acs.config import Config
from acs.cwmp.envelope import Envelope
from acs.cwmp.messages import Inform, InformResponse, SoapFault
from acs.cwmp.session import Role, Session, State
from acs.errors import InvalidInput, ProtocolError
from acs.metrics import Metrics
from acs.services import review
from acs.services.abilities import ModelAbilities
from acs.services.asking import Asking
from acs.services.bus import Bus
from acs.services.clock import Steadiness
from acs.services.first_contact import FirstContact
from acs.services.kinds import KINDS, Kind, PlanContext
from acs.services.offers import Offer, Offers
from acs.services.planning import Planning
from acs.services.replies import reply_to
from acs.services.reports import REPORTS, Reports
from acs.services.session_commits import SessionCommits
from acs.services.session_parts import Parts
from acs.services.visits import Arrival, Visit, opening_of
from acs.store.records import OperationRecord, SessionCommit, SessionOpened, SessionOpening
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


class Sessions:
    """The sessions of this process: one per device, in memory, with the store behind them."""

    def __init__(
        self, store: Store, bus: Bus, config: Config, metrics: Metrics, kinds: Mapping[str, Kind] = KINDS
    ) -> None:
        #: what other rooms do for sessions
        self.parts = Parts()
        self.first_contact = FirstContact(store, config)
        self._store = store
        self._bus = bus
        self._config = config.operations
        self._idle_s = config.cwmp.limits.session_timeout_s
        self._metrics = metrics
        self._kinds = kinds
        self._planning = Planning(store, config, self.parts, self.first_contact)
        self._commits = SessionCommits(store, bus, metrics, self.parts)
        self._asking = Asking(store, config, kinds, self.parts, self._planning, self._commits, self.is_open)
        self._offers = Offers(self.parts)
        self._reports = Reports(store, bus, config.operations, metrics, kinds)
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
        return self._planning.abilities

    def visit_of(self, key: str) -> Visit | None:
        """The session that the device has open in this process."""
        return self._by_device.get(key)

    def is_open(self, visit: Visit) -> bool:
        """Whether a visit is still the one of its session."""
        return self._by_id.get(visit.session.id) is visit

    def visits(self) -> Collection[Visit]:
        """Every session of this process."""
        return self._by_id.values()

    def find(self, session_id: str) -> Visit | None:
        """The session with this id in this process."""
        return self._by_id.get(session_id)

    def offer(self, operation: OperationRecord, *, call: bool = True) -> bool:
        """Hand a new operation to the device's session; False when there is none that can still take it.

        `call`: the device is called where the session, against its word, leaves the operation undone.
        """
        kind = self._kinds.get(operation.kind)
        if kind is None:
            return False
        return self._offers.take(self._by_device.get(operation.device), Offer(operation, kind, call))

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
        with self._offers.coming(opening.key) as early:
            visit = await self._begun(session, opening, arrival)
            use_version = visit.session.version if envelope.supported_versions else None
            answer = Envelope(InformResponse(), envelope.id, envelope.namespace, use_version=use_version)
            visit.session = visit.session.send_envelope(answer)
            self._replace(visit, early)
        visit.quirks = self.parts.styles.of(opening)
        if self.parts.recorder is not None and opening.values:
            self.parts.recorder.heard(visit.device, opening.values, arrival.now)
        return visit, answer

    async def answer(self, visit: Visit, envelope: Envelope | None, now: datetime) -> Envelope | None:
        """The answer to a POST inside a session; None is an empty one (204).

        Raises:
            ProtocolError: the CPE may not send this now.
        """
        asked = visit.session.state is State.ACS_ASKED
        visit.session = visit.session.receive_envelope(envelope, quirks=visit.bearing)
        visit.posts += 1
        visit.last_post_at, visit.adrift = now, False
        if envelope is not None:
            if visit.session.state is State.CPE_ASKED:
                return await self._reply(visit, envelope, now)
            self._asking.take(visit, envelope.message, now)
        elif asked:
            self._asking.take(visit, NO_ANSWER, now)
        request = await self._asking.next_request(visit, now)
        if request is None:
            visit.session = visit.session.send(None)
            self._offers.leave(visit)
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

    def cast_off(self, visit: Visit) -> None:
        """The CPE went away and did not come back at once: what its session took is handed back."""
        visit.adrift = True
        self._offers.leave(visit)

    async def park(self, visit: Visit, now: datetime) -> None:
        """Store a session whose connection went away, so that another process can take it up."""
        visit.stored = True
        self._asking.lane.leave(visit.session.id)
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
        visit.quirks = self.parts.styles.of(found.device)
        for operation in found.operations:
            if review.asked_anew(operation, self._kinds):
                self._add_due(visit, operation)
        self._take_up_outstanding(visit, found.operations)
        self._replace(visit, [])
        return visit

    async def close(self, visit: Visit, end: str, now: datetime) -> None:
        """The session is over, well or not: what was sent and not answered becomes unknown.

        `end` is one of ENDS, for log and metrics.
        """
        if not self.close_quiet(visit, now, end):
            return
        self._planning.carrying.leave(visit, broken=end not in OUR_ENDS)
        running, visit.running, visit.plan = visit.running, None, None
        if running is not None:
            visit.pending.append(review.became_unknown(running, now, f"the session ended ({end}) before the answer"))
        if visit.pending or visit.tree or visit.stored:
            await self._commits.write(visit, now, ended=True)

    def close_quiet(self, visit: Visit, now: datetime, end: str = "ended") -> bool:
        """Forget a session of which nothing is left to write; False when it was forgotten before."""
        if self._by_id.pop(visit.session.id, None) is None:
            return False
        self._asking.lane.leave(visit.session.id)
        if end != "stopped":
            self._offers.leave(visit)
        if self._by_device.get(visit.key) is visit:
            del self._by_device[visit.key]
        self._tell(visit, end, now)
        return True

    async def _begun(self, session: Session, opening: SessionOpening, arrival: Arrival) -> Visit:
        """The visit that an Inform begins, with everything on disk that its answer promises."""
        self._asking.lane.informs += 1
        try:
            opened = await self._store.sessions.open(opening)
        except InvalidInput as error:
            raise ProtocolError(str(error), status_hint=200, fault_code=8003) from error
        finally:
            self._asking.lane.informs -= 1
        if self.parts.notes is not None:
            self.parts.notes.came(opening, opened)
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
        return visit

    async def _welcome(self, visit: Visit, opened: SessionOpened, now: datetime) -> None:
        if (opened.quarantined or opened.earlier is not None) and not await self._admitted(visit, opened, now):
            visit.closing = True
            return
        if opened.operations:
            old = self._by_device.get(visit.key)
            if old is not None and old.plan is not None:
                self._planning.carrying.leave(old, broken=True)
            previous = opened.previous_software_version
            review.judge_all(visit, opened.operations, self._kinds, self._config, now, previous)
        await self._greet(visit, opened, now)
        if visit.pending:
            await self._commits.write(visit, now)
        if opened.created or (opened.device.line is None and any(code in NOTICED for code, _ in visit.events)):
            self.parts.noticed(opened.device, opened.created)

    async def _greet(self, visit: Visit, opened: SessionOpened, now: datetime) -> None:
        """What a device is given because it came: first settings, a credential of its own, what the rules want."""
        greeting = await self.first_contact.operation_for(visit, opened, now)
        if greeting is not None:
            self._add_due(visit, greeting)
        if visit.arrival.own_credentials and self.parts.identity is not None:
            own = await self.parts.identity.greeting(visit, opened, now)
            if own is not None:
                self._add_due(visit, own)
        if self.parts.takes_over is not None and (opened.created or "0 BOOTSTRAP" in visit.codes):
            inherited = await self.parts.takes_over(visit, opened, now)
            if inherited is not None:
                self._add_due(visit, inherited)
        if self.parts.provisioning is not None:
            settings = await self.parts.provisioning.operation_for(visit, opened, now)
            if settings is not None:
                self._add_due(visit, settings)

    async def _admitted(self, visit: Visit, opened: SessionOpened, now: datetime) -> bool:
        """Whether anything may be asked of the device; one in quarantine is only recorded."""
        if self.parts.identity is None:
            return not opened.quarantined
        return await self.parts.identity.begun(visit, opened, now)

    def _replace(self, visit: Visit, early: list[Offer]) -> None:
        old = self._by_device.get(visit.key)
        self._offers.arrived(visit, early, old)
        if old is not None and self._by_id.pop(old.session.id, None) is not None:
            self._asking.lane.leave(old.session.id)
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

    def _tell(self, visit: Visit, end: str, now: datetime) -> None:
        seconds = ((visit.last_post_at or now) - visit.session.opened_at).total_seconds()
        self._ends[end].inc()
        self._metrics.session_seconds.observe(seconds)
        self.parts.styles.ended(visit.key, heard=visit.posts > 1)
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
