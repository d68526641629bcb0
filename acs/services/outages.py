"""Mass outages: found by the worker, shown to the NOC, told to line tests and to the ticket system.

    evidence ─► troubles of lines ─► groups that broke ─► candidate ─► lines and tickets attached
                                                      ─► back ─► tests ─► closed, with those still broken

The rule of this file: a candidate counts at once (tests of its lines say so, its tickets belong to it); a person may
confirm it, end it, or say that it is none, and is not contradicted within the hour.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from acs.config import OutagesSection
from acs.errors import AcsError, Conflict, NotFound
from acs.services import audit
from acs.services import outage_cases as cases
from acs.services.actor import Actor, Scope, system_actor
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.context import OWN_OUTAGES
from acs.services.deliveries import Deliveries
from acs.services.identifiers import new_id
from acs.services.line_tests import LineTests
from acs.services.outage_cases import RUNNING, Case
from acs.services.outage_evidence import Evidence, counted
from acs.services.outage_inventory import Inventory, areas_of, scope_path
from acs.services.outage_systemic import Systemic
from acs.store import line_tests as test_store
from acs.store import outage_evidence as evidence_store
from acs.store import outages as outage_store
from acs.store import scopes as scope_store
from acs.store.instants import micros
from acs.store.outages import LineTrouble, OutageLine, OutageRecord, OutageTicket
from acs.store.records import IncidentRecord, Json, LineTestState
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.linetest.excess import Excess
from probes.linetest.fall_rates import Count, FallRates
from probes.linetest.mass_outage import Found, find_outages

log = structlog.get_logger()

#: the topic of everything that becomes of outages
TOPIC = "outages"
#: seconds after which our incidents are told again, so that they stay young
_RETELL = timedelta(seconds=60)
#: operations of ours after which a line falls because we wanted it
_RESTARTS = ("reboot", "factory_reset", "download", "schedule_download")
#: seconds between two bites of old outages
_PRUNE_S = 3_600.0
WITNESSES = ("fall", "silent", "boot", "session", "ticket")


class Outages:
    """Use cases on mass outages, and the worker's jobs for them."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        config: OutagesSection,
        line_tests: LineTests,
        deliveries: Deliveries,
        clock: Clock,
    ) -> None:
        self._store = store
        self._bus = bus
        self._config = config
        self._line_tests = line_tests
        self._deliveries = deliveries
        self._clock = clock
        self._rules = cases.rules_of(config)
        self._inventory = Inventory()
        self._evidence = Evidence(self._inventory, config)
        self._systemic = Systemic(store, clock)
        self._falls: list[tuple[str, str, str]] = []
        self._hour: datetime | None = None
        self._rates: dict[str, FallRates] = {}
        self._rates_at: datetime | None = None
        self._told: frozenset[tuple[str, str, str]] | None = None
        self._told_at: datetime | None = None
        self._due: list[tuple[str, str]] = []

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        if not self._config.enabled:
            return {}
        return {"outages": (self._config.tick_s, self.look), "old outages": (_PRUNE_S, self.prune)}

    # --- the worker's look -------------------------------------------------------------------------------------------

    async def look(self) -> list[OutageRecord]:
        """Take what came, find and follow outages; returns those that changed."""
        now = self._clock()
        await self._learn(now)
        async with self._store.reading() as tx:
            await self._evidence.prepare(tx, now)
        async with self._store.transaction() as tx:
            seen = await self._evidence.take(tx, now)
            self._falls += seen.falls
            await self._refresh_rates(tx, now)
            running = await self._cases(tx)
            before = {id_: case.outage for id_, case in running.items()}
            for witness in WITNESSES:
                if witness in seen.witnesses:
                    await self._judge(tx, witness, running, now)
            await self._attach_tickets(tx, running, now)
            await self._tell_incidents(tx, running, now)
            changed = await self._keep(tx, running, before, now)
        self._publish(changed, before)
        await self._test_after(now)
        return changed

    async def _cases(self, tx: Transaction) -> dict[str, Case]:
        found = {}
        for outage in await outage_store.list_outages(tx, states=RUNNING, limit=1_000):
            lines = await outage_store.lines_of(tx, outage.id)
            found[outage.id] = Case(outage, {one.line: one for one in lines})
        return found

    async def _judge(self, tx: Transaction, witness: str, running: dict[str, Case], now: datetime) -> None:
        """Bring the outages of one kind of witness up to date, and open new ones."""
        ours = {id_: case for id_, case in running.items() if case.outage.witness == witness}
        nodes = set(await outage_store.troubled_nodes(tx, now - timedelta(seconds=self._config.horizon_s)))
        nodes |= {case.outage.node for case in ours.values()}
        troubles = {one.line: one for one in await outage_store.troubles(tx, nodes=sorted(nodes), witness=witness)}
        held = {line for case in ours.values() for line in case.lines}
        missing = sorted(held - troubles.keys())
        if missing:
            apart = await outage_store.troubles(tx, ids=missing, witness=witness)
            troubles |= {one.line: one for one in apart}
        area = await self._inventory.area(tx, nodes, now)
        for id_, case in ours.items():
            back = cases.returned(case, set(troubles), now)
            case = cases.with_lines(case, back, self._rules, now)
            running[id_] = cases.narrowed(case, area, self._config.least_lines, now) if back else case
            await outage_store.put_lines(tx, back)
        excused = await self._excused(tx, witness, now)
        falls = [cases.fall_of(one) for one in troubles.values() if not excused(one)]
        rate = self._rate(witness, now)
        for found in await asyncio.to_thread(find_outages, area, falls, now, rate, self._rules):
            await self._match(tx, found, witness, running, troubles, now)
        await self._join_late(tx, witness, running, troubles, now)

    async def _excused(self, tx: Transaction, witness: str, now: datetime) -> Callable[[LineTrouble], bool]:
        """Which falls are no evidence: those that we caused, and those that a person said were nothing."""
        since = now - timedelta(seconds=self._config.own_action_s + self._config.horizon_s)
        ours = await evidence_store.lines_acted_on(tx, _RESTARTS, since) if witness != "ticket" else set()
        horizon = now - timedelta(seconds=self._config.horizon_s)
        ended: dict[str, datetime] = {}
        for outage in await outage_store.list_outages(tx, states=("closed", "dismissed", "restored"), limit=50):
            at = outage.closed_at or outage.restored_at
            if at is not None and at > horizon:
                ended |= {one.line: at for one in await outage_store.lines_of(tx, outage.id)}

        def excused(one: LineTrouble) -> bool:
            return one.line in ours or (one.line in ended and one.at <= ended[one.line])

        return excused

    async def _match(
        self,
        tx: Transaction,
        found: Found,
        witness: str,
        running: dict[str, Case],
        troubles: Mapping[str, LineTrouble],
        now: datetime,
    ) -> None:
        """What was found is an outage that is known, several that are one, or a new one."""
        hit = set(found.hit)
        same = [
            case
            for case in running.values()
            if case.outage.witness == witness and case.outage.state in RUNNING and hit & case.lines.keys()
        ]
        if not same:
            node = Counter(troubles[line].node for line in found.hit).most_common(1)[0][0]
            outage = cases.opened(new_id(), found, witness, node, now)
            case = Case(outage, {})
        else:
            case = min(same, key=lambda each: each.outage.opened_at)
            grown = found.level != case.outage.level or found.scope != case.outage.scope or hit - case.lines.keys()
            case = Case(cases.widened(case, found, now), case.lines) if grown else case
        for other in same:
            if other.outage.id != case.outage.id:
                case = self._merge(case, other, running, now)
        lines = cases.added(case, [troubles[line] for line in sorted(hit)], now)
        await outage_store.put(tx, case.outage)
        await outage_store.put_lines(
            tx, [*lines, *(replace(one, outage=case.outage.id) for one in case.lines.values())]
        )
        running[case.outage.id] = cases.with_lines(case, lines, self._rules, now)

    def _merge(self, case: Case, other: Case, running: dict[str, Case], now: datetime) -> Case:
        """Two outages turn out to be one: the older one goes on."""
        ended = replace(
            other.outage,
            state="closed",
            changed_at=now,
            closed_at=now,
            closed_by="server",
            note=f"is one with {case.outage.id}",
        )
        running[other.outage.id] = Case(ended, other.lines)
        return Case(case.outage, {**other.lines, **case.lines})

    async def _join_late(
        self,
        tx: Transaction,
        witness: str,
        running: dict[str, Case],
        troubles: Mapping[str, LineTrouble],
        now: datetime,
    ) -> None:
        """Lines of a broken group that fell later, one by one, belong to it as well."""
        held = {line for case in running.values() if case.outage.state in RUNNING for line in case.lines}
        for id_, case in running.items():
            if case.outage.witness != witness or case.outage.state not in RUNNING:
                continue
            if case.outage.hit < 0.5 * case.outage.members:
                continue
            area = await self._inventory.area(tx, [case.outage.node], now)
            members = area.members.get((case.outage.level, case.outage.scope), ())
            late = [troubles[line] for line in members if line in troubles and line not in held]
            late = [one for one in late if one.at >= case.outage.since]
            again = [troubles[line] for line in case.lines if line in troubles]
            lines = cases.added(case, [*late, *again], now)
            if lines:
                await outage_store.put_lines(tx, lines)
                running[id_] = cases.with_lines(case, lines, self._rules, now)

    async def _attach_tickets(self, tx: Transaction, running: dict[str, Case], now: datetime) -> None:
        """Tickets of lines that are down belong to their outage, those that came a little before it too."""
        open_cases = [case for case in running.values() if case.outage.state in RUNNING]
        if not open_cases:
            return
        first = min(case.outage.since for case in open_cases) - timedelta(minutes=15)
        came = await evidence_store.tickets_since(tx, first)
        for case in open_cases:
            known = {one.ticket for one in await outage_store.tickets_of(tx, case.outage.id)}
            fresh = [
                OutageTicket(case.outage.id, ticket, line, now)
                for ticket, line, _, at in came
                if line in case.lines and ticket not in known and at >= case.outage.since - timedelta(minutes=15)
            ]
            if not fresh:
                continue
            await outage_store.put(tx, case.outage)
            await outage_store.add_tickets(tx, fresh)
            for one in fresh:
                body: dict[str, Json] = {"ticket": one.ticket, "line": one.line, **_shown(case.outage)}
                await self._deliveries.enqueue(tx, "outage.ticket_attached", body, now)

    async def _tell_incidents(self, tx: Transaction, running: Mapping[str, Case], now: datetime) -> None:
        """The gate of line tests knows of our outages as it knows of those of other systems."""
        records = []
        for case in running.values():
            outage = case.outage
            if outage.state not in RUNNING or cases.is_over(case, self._config, now):
                continue
            first = next((self._inventory.line(outage.node, one.line) for one in case.down), None)
            path = scope_path(first, outage.level) if first is not None else ""
            records += [
                IncidentRecord(OWN_OUTAGES, outage.id, scope, outage.kind, outage.since)
                for scope in cases.covering(case, path)
            ]
        told = frozenset((one.id, one.scope, one.kind) for one in records)
        young = self._told_at is not None and now - self._told_at < _RETELL
        if told == self._told and (young or not told):
            return
        await scope_store.put_incidents(tx, OWN_OUTAGES, now, records)
        self._told, self._told_at = told, now

    async def _keep(
        self, tx: Transaction, running: dict[str, Case], before: Mapping[str, OutageRecord], now: datetime
    ) -> list[OutageRecord]:
        """Store what changed, and tell the other systems; an outage whose lines are back is over."""
        changed = []
        for case in running.values():
            outage = case.outage
            if outage.state in RUNNING and cases.is_over(case, self._config, now):
                outage = replace(outage, state="restored", restored_at=now, changed_at=now)
                await self._plan_tests(tx, Case(outage, case.lines))
            old = before.get(outage.id)
            if outage == old:
                continue
            await outage_store.put(tx, outage)
            changed.append(outage)
            event = _event(old, outage)
            if event:
                await self._deliveries.enqueue(tx, event, _shown(outage), now)
        return changed

    def _publish(self, changed: Sequence[OutageRecord], before: Mapping[str, OutageRecord]) -> None:
        for outage in changed:
            self._bus.publish(TOPIC, outage)
            event = _event(before.get(outage.id), outage)
            if event:
                log.warning("outage.changed", change=event.removeprefix("outage."), **_logged(outage))
        if changed:
            self._deliveries.wake()

    # --- after it ----------------------------------------------------------------------------------------------------

    async def _plan_tests(self, tx: Transaction, case: Case) -> None:
        tickets = {one.line for one in await outage_store.tickets_of(tx, case.outage.id)}
        self._due += [(case.outage.id, line) for line in cases.to_test(case, tickets, self._config.tests_after)]

    async def _test_after(self, now: datetime) -> None:
        """Begin the tests that are due, as many as there is room for, and close outages whose tests have ended."""
        actor = system_actor("outages")
        while self._due:
            outage, line = self._due[0]
            try:
                test = await self._line_tests.start(actor, line)
            except NotFound:
                self._due.pop(0)
                continue
            except AcsError:  # too many tests wait: at the next look
                break
            self._due.pop(0)
            async with self._store.transaction() as tx:
                known = {one.line: one for one in await outage_store.lines_of(tx, outage)}
                if line in known:
                    await outage_store.put_lines(tx, [replace(known[line], line_test=test.id)])
        await self._close_tested(now)

    async def _close_tested(self, now: datetime) -> None:
        async with self._store.reading() as tx:
            restored = await outage_store.list_outages(tx, states=("restored",), limit=100)
        for outage in restored:
            async with self._store.transaction() as tx:
                closed = await self._closed(tx, outage, now)
                if closed is not None:
                    await outage_store.put(tx, closed)
                    await self._deliveries.enqueue(tx, "outage.closed", _shown(closed), now)
            if closed is not None:
                self._publish([closed], {closed.id: outage})

    async def _closed(self, tx: Transaction, outage: OutageRecord, now: datetime) -> OutageRecord | None:
        """The outage with the outcome of its tests; None while some run and there is time."""
        lines = {one.line: one for one in await outage_store.lines_of(tx, outage.id)}
        waits = any(due == outage.id for due, _ in self._due)
        for one in lines.values():
            if one.line_test is None or one.outcome:
                continue
            test = await test_store.get(tx, one.line_test)
            if test is not None and test.state is LineTestState.RUNNING:
                waits = True
                continue
            verdict = test.verdict if test is not None and isinstance(test.verdict, dict) else None
            lines[one.line] = replace(one, outcome=cases.outcome_of(verdict, one))
        late = outage.restored_at is None or now - outage.restored_at > timedelta(seconds=self._config.tests_s)
        if waits and not late:
            return None
        done = [
            replace(one, outcome="broken") if one.back_at is None and not one.outcome else one for one in lines.values()
        ]
        await outage_store.put_lines(tx, done)
        case = Case(outage, {one.line: one for one in done})
        note = cases.evidence_text(case)[:4000]
        return replace(outage, state="closed", closed_at=now, closed_by="server", changed_at=now, detail=note)

    # --- rates -------------------------------------------------------------------------------------------------------

    def _rate(self, witness: str, now: datetime) -> Callable[[str], float]:
        rates = self._rates.get(witness) or FallRates(witness)
        cache: dict[tuple[str, ...], float] = {}
        known = self._inventory.by_line()

        def per_day(line: str) -> float:
            record = known.get(line)
            areas = areas_of(record) if record is not None else ()
            if areas not in cache:
                cache[areas] = rates.per_day(areas, now)
            return cache[areas]

        return per_day

    async def _refresh_rates(self, tx: Transaction, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._rates_at == hour:
            return
        self._rates, self._rates_at = {witness: FallRates(witness) for witness in WITNESSES}, hour
        for hour_of in (now.hour, (now.hour - 1) % 24):
            for (witness, area), (falls, days) in (await outage_store.rates_at(tx, hour_of)).items():
                if witness in self._rates:
                    self._rates[witness].counts[area, hour_of] = Count(falls, days)

    async def _learn(self, now: datetime) -> None:
        """Count what fell by itself in the hour that ended; an hour that was not seen whole teaches nothing."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._hour == hour:
            return
        began, self._hour = self._hour, hour
        falls, self._falls = self._falls, []
        whole = began is not None and began == hour - timedelta(hours=1) and self._rates_at is not None
        if began is None or not whole:
            return
        async with self._store.transaction() as tx:
            position = await outage_store.cursor(tx, "learned")
            if position is not None and position >= micros(began):
                return
            left_out = await outage_store.recent_hits(tx, began - timedelta(hours=1))
            seen = counted(falls, self._inventory, left_out)
            learned = await self._exposed(tx, seen)
            await outage_store.learn(tx, began.hour, learned, self._config.keep_learned, now)
            await outage_store.put_cursor(tx, "learned", micros(began))
            self._rates_at = None

    async def _exposed(
        self, tx: Transaction, seen: Mapping[tuple[str, str], int]
    ) -> dict[tuple[str, str], tuple[float, float]]:
        """Falls with the line days in which they could have come: quiet areas count as well."""
        sizes: Counter[str] = Counter()
        for (node, frame, slot, port, technology), n in (await outage_store.port_sizes(tx)).items():
            sizes[node] += n
            if technology == "pon" and slot is not None and port is not None:
                sizes[f"{node}/{frame or 0}/{slot}/{port}"] += n
        return {
            (witness, area): (float(seen.get((witness, area), 0)), n / 24)
            for area, n in sizes.items()
            for witness in WITNESSES
        }

    # --- the NOC's use cases -----------------------------------------------------------------------------------------

    async def find(
        self, actor: Actor, *, state: str | None = None, active: bool = False, limit: int = 100, before: str = ""
    ) -> list[OutageRecord]:
        """Outages, the newest first; `active`: those that are not over."""
        actor.require(Scope.READ)
        states = outage_store.OPEN if active else None if state is None else (state,)
        async with self._store.reading() as tx:
            return await outage_store.list_outages(tx, states=states, limit=limit, before=before)

    async def get(self, actor: Actor, id_: str) -> tuple[OutageRecord, list[OutageLine], list[OutageTicket]]:
        """One outage with its lines and tickets.

        Raises:
            NotFound: there is no such outage.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            outage = await _known(tx, id_)
            return outage, await outage_store.lines_of(tx, id_), await outage_store.tickets_of(tx, id_)

    async def confirm(self, actor: Actor, id_: str, *, note: str = "", kind: str | None = None) -> OutageRecord:
        """A person says that it is one; `kind` says what it is, where the person knows better.

        Raises:
            NotFound: there is no such outage.
            Conflict: it is no candidate.
        """
        actor.require(Scope.OUTAGES)
        now = self._clock()
        async with self._store.transaction() as tx:
            outage = await _known(tx, id_)
            if outage.state != "candidate":
                raise Conflict(f"outage {id_} is {outage.state}; only a candidate is confirmed")
            said = replace(outage, state="confirmed", confirmed_by=actor.name, confirmed_at=now, changed_at=now)
            said = replace(said, note=note or outage.note, kind=kind or outage.kind)
            await self._said(tx, actor, "outage.confirmed", said, now)
        self._publish([said], {id_: outage})
        return said

    async def close(self, actor: Actor, id_: str, *, note: str, dismiss: bool = False) -> OutageRecord:
        """A person ends it; with `dismiss` it was none. Its lines are not held against it again for an hour.

        Raises:
            NotFound: there is no such outage.
            Conflict: it is over.
        """
        actor.require(Scope.OUTAGES)
        now, state = self._clock(), "dismissed" if dismiss else "closed"
        async with self._store.transaction() as tx:
            outage = await _known(tx, id_)
            if outage.state not in outage_store.OPEN:
                raise Conflict(f"outage {id_} is {outage.state} already")
            said = replace(outage, state=state, closed_by=actor.name, closed_at=now, changed_at=now, note=note)
            await self._said(tx, actor, f"outage.{state}", said, now)
        self._due = [one for one in self._due if one[0] != id_]
        self._told_at = None
        self._publish([said], {id_: outage})
        return said

    async def _said(self, tx: Transaction, actor: Actor, event: str, outage: OutageRecord, now: datetime) -> None:
        await outage_store.put(tx, outage)
        if outage.state in ("closed", "dismissed"):
            await scope_store.drop_incident(tx, OWN_OUTAGES, outage.id)
        await audit.note(tx, actor, event, f"outage:{outage.id}", now, after={"note": outage.note})
        await self._deliveries.enqueue(tx, event, _shown(outage), now)

    async def systemic(self, actor: Actor, *, days: float) -> list[Excess]:
        """Models, firmware, splitters, nodes and streets with more tickets than their share."""
        actor.require(Scope.READ)
        return await self._systemic.find(days)

    async def prune(self) -> None:
        """Throw away what is older than it is kept."""
        async with self._store.transaction() as tx:
            await outage_store.prune(tx, self._clock() - timedelta(days=self._config.keep_days))


async def _known(tx: Transaction, id_: str) -> OutageRecord:
    outage = await outage_store.get(tx, id_)
    if outage is None:
        raise NotFound(f"there is no outage {id_[:80]!r}; `secondline outage list` shows them")
    return outage


def _event(old: OutageRecord | None, new: OutageRecord) -> str:
    """What is told of a change: nothing of counts alone."""
    if old is None:
        return "outage.opened"
    if old.state != new.state:
        return f"outage.{new.state}"
    return "outage.changed" if (old.level, old.scope, old.kind) != (new.level, new.scope, new.kind) else ""


def _shown(outage: OutageRecord) -> dict[str, Json]:
    return {
        "outage": outage.id,
        "state": outage.state,
        "level": outage.level,
        "scope": outage.scope,
        "kind": outage.kind,
        "hit": outage.hit,
        "members": outage.members,
        "since": outage.since.isoformat(),
        "detail": outage.detail,
        "note": outage.note,
    }


def _logged(outage: OutageRecord) -> dict[str, object]:
    return {
        "outage": outage.id,
        "level": outage.level,
        "scope": outage.scope,
        "kind": outage.kind,
        "hit": outage.hit,
        "members": outage.members,
    }
