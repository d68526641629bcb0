"""Mass outages as they are kept: outages with their lines and tickets, lines in trouble, rates, cursors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select

from acs.store.built import Filtered
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record
from acs.store.schema import (
    fall_rates,
    line_troubles,
    lines,
    outage_cursors,
    outage_lines,
    outage_tickets,
    outages,
)
from acs.store.transaction import Transaction

#: ids of one query
_CHUNK = 5_000
#: states of an outage that is not over
OPEN = ("candidate", "confirmed", "restored")
_BY_ID = select(outages).where(outages.c.id == bindparam("id"))
_LISTED = Filtered(
    select(outages).order_by(outages.c.id.desc()).limit(bindparam("limit")),
    states=outages.c.state.in_(bindparam("states", expanding=True)),
    before=outages.c.id < bindparam("before"),
)
_HELD = _BY_ID.with_for_update()
_HELD_IN = (
    select(outages)
    .where(outages.c.state.in_(bindparam("states", expanding=True)))
    .order_by(outages.c.id.desc())
    .limit(bindparam("limit"))
    .with_for_update()
)
_LINES_OF = select(outage_lines).where(outage_lines.c.outage == bindparam("outage")).order_by(outage_lines.c.line)
_COUNTS = (
    select(outage_lines.c.outage, func.count().label("lines"), func.count(outage_lines.c.back_at).label("back"))
    .where(outage_lines.c.outage.in_(bindparam("outages", expanding=True)))
    .group_by(outage_lines.c.outage)
)
_DROP_LINES = delete(outage_lines).where(
    outage_lines.c.outage == bindparam("outage"), outage_lines.c.line.in_(bindparam("lines", expanding=True))
)
_TICKETS_OF = (
    select(outage_tickets)
    .where(outage_tickets.c.outage == bindparam("outage"))
    .order_by(outage_tickets.c.at, outage_tickets.c.ticket)
)
_HIT_SINCE = select(outage_lines.c.line).where(outage_lines.c.at >= bindparam("since"))
_TROUBLES = Filtered(
    select(line_troubles).order_by(line_troubles.c.at),
    witness=line_troubles.c.witness == bindparam("witness"),
    lines=line_troubles.c.line.in_(bindparam("lines", expanding=True)),
    nodes=line_troubles.c.node.in_(bindparam("nodes", expanding=True)),
)
_TOLD_BY = (
    select(line_troubles)
    .where(line_troubles.c.source == bindparam("source"), line_troubles.c.told_at >= bindparam("since"))
    .order_by(line_troubles.c.told_at)
)
_TROUBLED = select(line_troubles.c.node).where(line_troubles.c.at >= bindparam("since")).distinct()
_EXPIRE = delete(line_troubles).where(
    line_troubles.c.witness == bindparam("witness"), line_troubles.c.at < bindparam("before")
)
_CLEAR = delete(line_troubles).where(
    line_troubles.c.witness == bindparam("witness"), line_troubles.c.line.in_(bindparam("lines", expanding=True))
)
_CURSOR = select(outage_cursors.c.position).where(outage_cursors.c.name == bindparam("name"))
_RATES = select(fall_rates).where(fall_rates.c.hour == bindparam("hour"))


@dataclass(frozen=True, slots=True)
class LineTrouble:
    """A line that is in trouble, as one kind of witness says: fall, silent, boot, session, ticket."""

    line: str
    witness: str
    node: str
    at: datetime
    told_at: datetime
    gasp: bool | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class OutageRecord:
    """One outage: candidate → confirmed → restored (its lines are tested) → closed; or dismissed by a person."""

    id: str
    state: str
    witness: str
    level: str
    scope: str
    node: str
    kind: str
    since: datetime
    opened_at: datetime
    changed_at: datetime
    #: lines that are still down, and live lines of the scope
    hit: int
    members: int
    #: natural logarithm of the chance that this is none
    log_chance: float
    gasp_share: float | None = None
    detail: str = ""
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    restored_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class OutageLine:
    """A line of an outage; `outcome` after it: healthy, broken, unknown (tested, and nothing certain), not_tested."""

    outage: str
    line: str
    at: datetime
    gasp: bool | None = None
    back_at: datetime | None = None
    line_test: str | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class OutageTicket:
    """A ticket that belongs to an outage."""

    outage: str
    ticket: str
    line: str
    at: datetime


async def put(tx: Transaction, outage: OutageRecord) -> None:
    """Store an outage, or what became of it."""
    check_record(outage)
    row = {name: getattr(outage, name) for name in outages.c.keys()}  # noqa: SIM118 - a collection of columns
    instants = ("since", "opened_at", "changed_at", "confirmed_at", "restored_at", "closed_at")
    row |= {name: micros_or_none(getattr(outage, name)) for name in instants}
    await tx.upsert(outages, [row])


async def get(tx: Transaction, id_: str) -> OutageRecord | None:
    """One outage, or None."""
    row = await tx.one(_BY_ID, {"id": id_})
    return None if row is None else _outage(row)


async def hold(tx: Transaction, id_: str) -> OutageRecord | None:
    """One outage, or None; until the transaction ends nobody else changes it. Who `put`s one has held it."""
    row = await tx.one(_HELD, {"id": id_})
    return None if row is None else _outage(row)


async def hold_all(tx: Transaction, states: Sequence[str], *, limit: int) -> list[OutageRecord]:
    """The outages in these states, the newest first, held as by `hold`."""
    return [_outage(row) for row in await tx.rows(_HELD_IN, {"states": list(states), "limit": limit})]


async def list_outages(
    tx: Transaction, *, states: Sequence[str] | None = None, limit: int = 100, before: str = ""
) -> list[OutageRecord]:
    """Outages, the newest first; `before` is the last id of the page before."""
    wanted = None if states is None else list(states)
    return [_outage(row) for row in await tx.rows(*_LISTED.given(limit=limit, states=wanted, before=before or None))]


async def put_lines(tx: Transaction, many: Sequence[OutageLine]) -> None:
    """Store lines of outages, or what became of them."""
    rows = [
        {
            "outage": one.outage,
            "line": one.line,
            "at": micros(one.at),
            "gasp": _flag(one.gasp),
            "back_at": micros_or_none(one.back_at),
            "line_test": one.line_test,
            "outcome": one.outcome,
        }
        for one in many
    ]
    await tx.upsert(outage_lines, rows)


async def drop_lines(tx: Transaction, outage: str, ids: Iterable[str]) -> None:
    """These lines are none of an outage's any more."""
    gone = sorted(ids)
    for start in range(0, len(gone), _CHUNK):
        await tx.run(_DROP_LINES, {"outage": outage, "lines": gone[start : start + _CHUNK]})


async def counts_of(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Outage → how many lines it has, and how many of them are still down; those without a line are left out."""
    found: dict[str, tuple[int, int]] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = await tx.rows(_COUNTS, {"outages": list(ids[start : start + _CHUNK])})
        found |= {row.outage: (int(row.lines), int(row.lines) - int(row.back)) for row in rows}
    return found


async def lines_of(tx: Transaction, outage: str) -> list[OutageLine]:
    """The lines of an outage, by id."""
    return [_line(row) for row in await tx.rows(_LINES_OF, {"outage": outage})]


async def recent_hits(tx: Transaction, since: datetime) -> set[str]:
    """Lines that fell in outages since an instant."""
    return {row.line for row in await tx.rows(_HIT_SINCE, {"since": micros(since)})}


async def add_tickets(tx: Transaction, many: Sequence[OutageTicket]) -> None:
    """Attach tickets; those that are attached already stay as they are."""
    rows = [{"outage": one.outage, "ticket": one.ticket, "line": one.line, "at": micros(one.at)} for one in many]
    if rows:
        await tx.insert_many(outage_tickets, rows)


async def tickets_of(tx: Transaction, outage: str) -> list[OutageTicket]:
    """The tickets of an outage, in order."""
    rows = await tx.rows(_TICKETS_OF, {"outage": outage})
    return [OutageTicket(row.outage, row.ticket, row.line, instant(row.at)) for row in rows]


async def put_troubles(tx: Transaction, many: Sequence[LineTrouble]) -> None:
    """Store troubles; of one line and witness there is one."""
    rows = [
        {
            "line": one.line,
            "witness": one.witness,
            "node": one.node,
            "at": micros(one.at),
            "told_at": micros(one.told_at),
            "gasp": _flag(one.gasp),
            "source": one.source,
        }
        for one in many
    ]
    await tx.upsert(line_troubles, rows)


async def clear_troubles(tx: Transaction, witness: str, ids: Sequence[str]) -> None:
    """These lines are well again, as this witness says."""
    for start in range(0, len(ids), _CHUNK):
        part = list(ids[start : start + _CHUNK])
        await tx.run(_CLEAR, {"witness": witness, "lines": part})


async def expire_troubles(tx: Transaction, witness: str, before: datetime) -> int:
    """Forget what a witness said before an instant, and return of how many lines."""
    return await tx.run(_EXPIRE, {"witness": witness, "before": micros(before)})


async def troubles(
    tx: Transaction, *, nodes: Sequence[str] | None = None, ids: Sequence[str] | None = None, witness: str = ""
) -> list[LineTrouble]:
    """Troubles of nodes, or of lines; of all where neither is named."""
    said_by = witness or None
    whose, wanted = ("lines", ids) if ids is not None else ("nodes", nodes)
    if wanted is None:
        return [_trouble(row) for row in await tx.rows(*_TROUBLES.given(witness=said_by))]
    found = []
    for start in range(0, len(wanted), _CHUNK):
        part = {whose: list(wanted[start : start + _CHUNK])}
        found += [_trouble(row) for row in await tx.rows(*_TROUBLES.given(witness=said_by, **part))]
    return found


async def told_by(tx: Transaction, source: str, since: datetime) -> list[LineTrouble]:
    """Troubles that a source told since an instant."""
    return [_trouble(row) for row in await tx.rows(_TOLD_BY, {"source": source, "since": micros(since)})]


async def troubled_nodes(tx: Transaction, since: datetime) -> list[str]:
    """The nodes of which a trouble began since an instant."""
    return sorted(row.node for row in await tx.rows(_TROUBLED, {"since": micros(since)}))


async def cursor(tx: Transaction, name: str) -> int | None:
    """Up to where the detector has read; None where it never did."""
    row = await tx.one(_CURSOR, {"name": name})
    return None if row is None else int(row.position)


async def put_cursor(tx: Transaction, name: str, position: int) -> None:
    """Note up to where the detector has read."""
    await tx.upsert(outage_cursors, [{"name": name, "position": position}])


async def rates_at(tx: Transaction, hour: int) -> dict[tuple[str, str], tuple[float, float]]:
    """(witness, area) → falls and line days, of one hour of the day."""
    return {(row.witness, row.area): (row.falls, row.line_days) for row in await tx.rows(_RATES, {"hour": hour})}


async def learn(
    tx: Transaction, hour: int, seen: Mapping[tuple[str, str], tuple[float, float]], keep: float, now: datetime
) -> None:
    """Add what was seen of (witness, area) at an hour of the day; what was known before fades by `keep`."""
    known = await rates_at(tx, hour)
    rows = []
    for (witness, area), (falls, line_days) in seen.items():
        old = known.get((witness, area), (0.0, 0.0))
        rows.append(
            {
                "area": area,
                "witness": witness,
                "hour": hour,
                "falls": old[0] * keep + falls,
                "line_days": old[1] * keep + line_days,
                "updated_at": micros(now),
            }
        )
    await tx.upsert(fall_rates, rows)


async def port_sizes(tx: Transaction) -> dict[tuple[str, int | None, int | None, int | None, str], int]:
    """(node, frame, slot, port, technology) → how many lines it has."""
    columns = (lines.c.node, lines.c.frame, lines.c.slot, lines.c.port, lines.c.technology)
    query = select(*columns, func.count().label("n")).where(lines.c.node != "").group_by(*columns)
    return {(row.node, row.frame, row.slot, row.port, row.technology): row.n for row in await tx.rows(query)}


async def prune(tx: Transaction, before: datetime) -> int:
    """Forget outages that ended before an instant."""
    return await tx.run(delete(outages).where(outages.c.closed_at < micros(before)))


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _bool(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _outage(row: Row[Any]) -> OutageRecord:
    values = dict(row._mapping)
    for name in ("since", "opened_at", "changed_at"):
        values[name] = instant(values[name])
    for name in ("confirmed_at", "restored_at", "closed_at"):
        values[name] = instant_or_none(values[name])
    return OutageRecord(**values)


def _line(row: Row[Any]) -> OutageLine:
    return OutageLine(
        row.outage,
        row.line,
        instant(row.at),
        _bool(row.gasp),
        instant_or_none(row.back_at),
        row.line_test,
        row.outcome,
    )


def _trouble(row: Row[Any]) -> LineTrouble:
    return LineTrouble(
        row.line, row.witness, row.node, instant(row.at), instant(row.told_at), _bool(row.gasp), row.source
    )
