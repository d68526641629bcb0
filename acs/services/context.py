"""What other systems say about lines: facts, readings, incidents and planned works, all through one door.

The rule of this file: a value comes with its source and its time, its name is in the table of facts and its type is
what that table says; one wrong entry refuses the whole hand-over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from acs.errors import AcsError, InvalidInput
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, in_utc, utc_now
from acs.services.fact_values import typed_value
from acs.services.scope_tables import incident_rows, work_rows
from acs.services.tables import Column, Limits, Problems, instant, read_table, short_text
from acs.store import facts as fact_store
from acs.store import history
from acs.store import lines as line_store
from acs.store import scopes as scope_store
from acs.store.records import ContextFact, IncidentRecord, Json, LineRecord, PlannedWorkRecord, Reading
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.facts import FACTS, Fact, FactKind, Scalar

#: days of readings behind a baseline, and hours of points that it needs at least
BASELINE_DAYS = 7
BASELINE_MIN_HOURS = 48
#: entries of one hand-over
MAX_ENTRIES = 100_000
#: errors told at once
_SHOWN = 20
_LONGEST_PAST = timedelta(days=400)

_COLUMNS: Mapping[str, Column] = {
    "line": Column(short_text(64), required=True),
    "name": Column(short_text(64), required=True),
    "value": Column(short_text(200), required=True),
    "at": Column(instant, required=True),
}

#: the source of incidents that our own detector opened
OWN_OUTAGES = "outages"
#: facts that only the snapshots of incidents and works may give
_BY_SNAPSHOT = frozenset({"incident.match", "planned.work"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One value about one line as it was handed in."""

    line: str
    name: str
    value: Scalar
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """One open incident of a snapshot."""

    id: str
    scope: str
    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class WorkEntry:
    """One planned work of a snapshot."""

    id: str
    scope: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """How many entries came, and how many of them are now what is known; older ones than stored are not."""

    received: int
    stored: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """The usual value of one number on one line. `days` is the time from the first to the last point behind it."""

    median: float
    days: float


class Context:
    """The door for other systems' knowledge."""

    def __init__(self, store: Store, *, future_slack_s: float = 60.0, clock: Clock = utc_now) -> None:
        self._store = store
        self._slack = timedelta(seconds=future_slack_s)
        self._clock = clock
        #: called with a source that handed something in; see `ContextSources.pushed`
        self.pushed: Callable[[str, int], Awaitable[None]] | None = None

    async def put_facts(self, actor: Actor, source: str, entries: Sequence[Entry]) -> Taken:
        """Take facts of one source, all of them or none.

        Raises:
            InvalidInput: each wrong entry with its place and remedy.
        """
        actor.require(Scope.CONTEXT)
        problems = _EntryProblems()
        facts = await asyncio.to_thread(self._typed, source, entries, problems, _told_by_facts)
        problems.refuse()
        records = [ContextFact(fact.line, fact.name, fact.value, fact.at, source) for fact in facts]
        async with self._store.transaction() as tx:
            await _check_lines(tx, entries)
            stored = await fact_store.put(tx, records)
            await self._audit(tx, actor, "facts.stored", source, entries)
        await self._was_pushed(actor, source, len(entries))
        return Taken(len(entries), stored)

    async def put_readings(self, actor: Actor, source: str, entries: Sequence[Entry]) -> Taken:
        """Take numbers of the past, from which baselines are made, all of them or none.

        Raises:
            InvalidInput: each wrong entry with its place and remedy.
        """
        actor.require(Scope.CONTEXT)
        problems = _EntryProblems()
        typed = await asyncio.to_thread(self._typed, source, entries, problems, _told_by_readings)
        problems.refuse()
        records = [Reading(entry.line, entry.name, float(entry.value), entry.at, source) for entry in typed]
        async with self._store.transaction() as tx:
            await _check_lines(tx, entries)
            stored = await history.put(tx, records)
            await self._audit(tx, actor, "readings.stored", source, entries)
        return Taken(len(entries), stored)

    async def import_facts(self, actor: Actor, source: str, text: str) -> Taken:
        """`put_facts` from a CSV with the columns line, name, value, at."""
        actor.require(Scope.CONTEXT)
        return await self.put_facts(actor, source, await asyncio.to_thread(_entries_of, text, _told_by_facts))

    async def import_readings(self, actor: Actor, source: str, text: str) -> Taken:
        """`put_readings` from a CSV with the columns line, name, value, at."""
        actor.require(Scope.CONTEXT)
        return await self.put_readings(actor, source, await asyncio.to_thread(_entries_of, text, _told_by_readings))

    async def put_incidents(self, actor: Actor, source: str, at: datetime, incidents: Sequence[IncidentEntry]) -> bool:
        """Replace what the source said about open incidents by this snapshot; False when a newer one is stored.

        Raises:
            InvalidInput: a time in the future, an id that is taken twice, or an empty scope.
        """
        actor.require_all_lines(Scope.CONTEXT)
        now = self._clock()
        self._check_snapshot(source, at, now)
        _check_scopes([(entry.id, entry.scope) for entry in incidents])
        for entry in incidents:
            self._check_time(f"incident {entry.id}: since", entry.since, now)
        records = [IncidentRecord(source, e.id, e.scope, e.kind, in_utc(e.since)) for e in incidents]
        async with self._store.transaction() as tx:
            stored = await scope_store.put_incidents(tx, source, at, records)
            ids: list[Any] = [entry.id for entry in incidents][:_SHOWN]
            await audit.note(tx, actor, "incidents.stored", f"source:{source}", now, after={"ids": ids})
        await self._was_pushed(actor, source, len(records))
        return stored

    async def put_planned_works(self, actor: Actor, source: str, at: datetime, works: Sequence[WorkEntry]) -> bool:
        """Replace what the source said about planned works by this snapshot; False when a newer one is stored.

        Raises:
            InvalidInput: a capture time in the future, an end before its beginning, or an empty scope.
        """
        actor.require_all_lines(Scope.CONTEXT)
        now = self._clock()
        self._check_snapshot(source, at, now)
        _check_scopes([(entry.id, entry.scope) for entry in works])
        for entry in works:
            if entry.to_at <= entry.from_at:
                raise InvalidInput(f"work {entry.id}: to is not after from; exchange or mend them")
        records = [
            PlannedWorkRecord(
                source, e.id, e.scope, _utc(f"work {e.id}: from", e.from_at), _utc(f"work {e.id}: to", e.to_at)
            )
            for e in works
        ]
        async with self._store.transaction() as tx:
            stored = await scope_store.put_planned_works(tx, source, at, records)
            ids: list[Any] = [entry.id for entry in works][:_SHOWN]
            await audit.note(tx, actor, "works.stored", f"source:{source}", now, after={"ids": ids})
        await self._was_pushed(actor, source, len(records))
        return stored

    async def import_incidents(self, actor: Actor, source: str, at: datetime | None, text: str) -> tuple[int, bool]:
        """`put_incidents` from a CSV (`scope_tables`), as of now without a time; how many, and whether taken."""
        actor.require_all_lines(Scope.CONTEXT)
        rows = await asyncio.to_thread(incident_rows, text)
        entries = [IncidentEntry(row["id"], row["scope"], row.get("kind") or "", row["since"]) for row in rows]
        return len(entries), await self.put_incidents(actor, source, at or self._clock(), entries)

    async def import_planned_works(self, actor: Actor, source: str, at: datetime | None, text: str) -> tuple[int, bool]:
        """`put_planned_works` from a CSV (`scope_tables`), as of now without a time; how many, and whether taken."""
        actor.require_all_lines(Scope.CONTEXT)
        rows = await asyncio.to_thread(work_rows, text)
        entries = [WorkEntry(row["id"], row["scope"], row["from"], row["to"]) for row in rows]
        return len(entries), await self.put_planned_works(actor, source, at or self._clock(), entries)

    async def _was_pushed(self, actor: Actor, source: str, entries: int) -> None:
        if self.pushed is not None and actor.kind != "system":
            await self.pushed(source, entries)

    def _typed(
        self, source: str, entries: Sequence[Entry], problems: "_EntryProblems", check: Callable[[str], None]
    ) -> list[Entry]:
        _check_source(source)
        if len(entries) > MAX_ENTRIES:
            raise InvalidInput(f"{len(entries)} entries in one hand-over; send at most {MAX_ENTRIES} at a time")
        now, typed = self._clock(), []
        for n, entry in enumerate(entries):
            if problems.full:
                break
            try:
                self._check_time("at", entry.at, now)
                value = typed_value(entry.name, entry.value)
                check(entry.name)
            except InvalidInput as error:
                problems.add(n, entry, str(error))
                continue
            typed.append(Entry(entry.line, entry.name, value, in_utc(entry.at)))
        return typed

    def _check_time(self, what: str, at: datetime, now: datetime) -> None:
        at = _utc(what, at)
        if at > now + self._slack:
            raise InvalidInput(
                f"{what}: {at.isoformat()} is in the future; set that system's clock, or send the time of measurement"
            )
        if at < now - _LONGEST_PAST:
            raise InvalidInput(f"{what}: {at.isoformat()} is over {_LONGEST_PAST.days} days ago; send younger values")

    def _check_snapshot(self, source: str, at: datetime, now: datetime) -> None:
        _check_source(source)
        self._check_time("at", at, now)

    async def _audit(self, tx: Transaction, actor: Actor, action: str, source: str, entries: Sequence[Entry]) -> None:
        lines: list[Any] = sorted({entry.line for entry in entries})[:_SHOWN]
        names: list[Any] = sorted({entry.name for entry in entries})[:_SHOWN]
        after: dict[str, Json] = {"entries": len(entries), "lines": lines, "names": names}
        await audit.note(tx, actor, action, f"source:{source}", self._clock(), after=after)


async def baselines(
    tx: Transaction, lines: Sequence[str], name: str, until: datetime, *, days: int = BASELINE_DAYS
) -> dict[str, float]:
    """line → median of the last days; lines without readings are absent. Says nothing about how many days there are."""
    return await history.medians(tx, lines, name, until - timedelta(days=days), until)


def baseline_of(points: Sequence[tuple[datetime, float]]) -> Baseline | None:
    """The median of points in the order of time; None where they span less than 48 hours."""
    if not points:
        return None
    span = points[-1][0] - points[0][0]
    if span < timedelta(hours=BASELINE_MIN_HOURS):
        return None
    values = sorted(value for _, value in points)
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    return Baseline(median, span / timedelta(days=1))


async def scope_facts(tx: Transaction, scopes: Sequence[str], now: datetime) -> list[Fact]:
    """`incident.match` and `planned.work` of a line: the id that covers it, or `none`, aged by its snapshot.

    Where no source ever gave a snapshot there is no fact: nobody was asked. `none` is as old as the oldest source.
    """
    facts = []
    snapshots = await scope_store.snapshots(tx)
    if asked := snapshots[scope_store.INCIDENTS]:
        found = await scope_store.incidents_covering(tx, scopes)
        if not found:  # that our own detector sees none does not say that nobody does
            asked.pop(OWN_OUTAGES, None)
        if asked:
            facts.append(_scope_fact("incident.match", [(one.source, one.id) for one in found], asked))
    if asked := snapshots[scope_store.PLANNED_WORKS]:
        works = await scope_store.planned_works_covering(tx, scopes, now)
        facts.append(_scope_fact("planned.work", [(one.source, one.id) for one in works], asked))
    return facts


async def with_no_contacts(tx: Transaction, line: LineRecord, told: Sequence[Fact]) -> list[Fact]:
    """What is told of a line; no contact, where a complete count names it not and is younger than what is told."""
    known = next((fact for fact in told if fact.name == "contacts_14d"), None)
    for source, line_by, at in await scope_store.contact_counts(tx):
        if known is not None and known.at >= at:
            break
        if await _is_known_by(tx, line, line_by):
            others = [fact for fact in told if fact.name != "contacts_14d"]
            return [*others, Fact("contacts_14d", 0, at, source, "not named by a complete count")]
    return list(told)


async def _is_known_by(tx: Transaction, line: LineRecord, line_by: str) -> bool:
    """Whether a source that names lines so means this one, and no other, by some name."""
    match line_by:
        case "account":
            return len(await line_store.by_account(tx, line.account)) == 1
        case "login":
            return len(await line_store.by_pppoe_login(tx, line.pppoe_login)) == 1
    return True


def _scope_fact(name: str, found: Sequence[tuple[str, str]], asked: Mapping[str, datetime]) -> Fact:
    if found:
        source, match = max(found, key=lambda pair: asked.get(pair[0], datetime.min.replace(tzinfo=UTC)))
        return Fact(name, match, asked[source], source, "snapshot")
    oldest = min(asked, key=lambda source: asked[source])
    return Fact(name, "none", asked[oldest], oldest, "snapshot")


class _EntryProblems:
    """Errors of a hand-over with the number of the entry, counted from 1."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @property
    def full(self) -> bool:
        """Whether there are as many as are shown: a hint for a name that nobody knows costs milliseconds."""
        return len(self._lines) >= _SHOWN

    def add(self, n: int, entry: Entry, problem: str) -> None:
        self._lines.append(f"entry {n + 1} (line {entry.line[:64]!r}, {entry.name[:64]!r}): {problem}")

    def refuse(self) -> None:
        if self._lines:
            tail = ["what follows was not looked at"] if self.full else []
            raise InvalidInput("\n".join([*self._lines, *tail, "nothing was stored"]))


def _told_by_facts(name: str) -> None:
    if name in _BY_SNAPSHOT:
        raise InvalidInput(f"{name} comes from the snapshots of incidents and planned works; send those")
    if name.startswith("ticket."):
        raise InvalidInput(f"{name} comes with its ticket; send that")


def _told_by_readings(name: str) -> None:
    if FACTS[name].kind not in (FactKind.NUMBER, FactKind.COUNT):
        raise InvalidInput(f"{name} is no number; hand it in as a fact")


def _utc(what: str, at: datetime) -> datetime:
    try:
        return in_utc(at)
    except ValueError as error:
        raise InvalidInput(f"{what}: {at.isoformat()}: {error}") from None


def _entries_of(text: str, check: Callable[[str], None]) -> list[Entry]:
    problems = Problems()
    rows = read_table(text, _COLUMNS, Limits(rows=MAX_ENTRIES), problems)
    for row in rows:
        if problems.full:
            break
        if row.get("name") is not None and row.get("value") is not None:
            try:
                typed_value(row["name"], row["value"])
                check(row["name"])
            except AcsError as error:
                column = "value" if row["name"] in FACTS else "name"
                problems.add(row["row"], column, row[column], str(error))
    problems.refuse()
    return [Entry(row["line"], row["name"], row["value"], row["at"]) for row in rows]


def _check_source(source: str) -> None:
    if not source or len(source) > 64 or not source.isprintable():
        raise InvalidInput("source: write the name of the system that says so, 1 to 64 printable characters")


def _check_scopes(scopes: Iterable[tuple[str, str]]) -> None:
    seen = set()
    for id_, scope in scopes:
        if not scope.strip("/"):
            raise InvalidInput(f"{id_}: scope: write a topology path such as olt-1/0/1/2, or line:ID")
        if (id_, scope) in seen:
            raise InvalidInput(f"{id_}: it is there twice with the scope {scope!r}; remove one")
        seen.add((id_, scope))


async def _check_lines(tx: Transaction, entries: Sequence[Entry]) -> None:
    wanted = sorted({entry.line for entry in entries})
    known = await line_store.get_many(tx, wanted)
    missing = [line for line in wanted if line not in known]
    if missing:
        shown = ", ".join(repr(line[:64]) for line in missing[:_SHOWN])
        raise InvalidInput(f"{len(missing)} lines are not in the inventory: {shown}; import them first")
