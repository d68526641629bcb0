"""What others write that an outage detector reads: alarms, endpoints, Informs, boots, sessions, tickets.

The rule of this file: each query takes up where the last one ended, or looks back a bounded time; what may be much is
read page by page to the end, for what counts most is the newest.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import loads
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, and_, bindparam, func, or_, select

from acs.store.built import Filtered
from acs.store.instants import instant, instant_or_none, micros
from acs.store.line_tests import of_verdict
from acs.store.records import LineTestState
from acs.store.schema import (
    access_alarms,
    context_facts,
    devices,
    events,
    line_tests,
    lines,
    node_endpoints,
    operations,
    outage_tickets,
    outages,
    tickets,
)
from acs.store.transaction import Transaction

#: rows of one page
PAGE = 20_000
#: events of a boot that was asked for
_ASKED_FOR = ("M Reboot", "M Download", "7 TRANSFER COMPLETE", "0 BOOTSTRAP")
_SINCE: BindParameter[int] = bindparam("since")

_alarm, _ont, _fact = access_alarms.c, node_endpoints.c, context_facts.c
_ALARMS = (
    select(_alarm.last_at, _alarm.node, _alarm.kind, _alarm.line, _alarm.frame, _alarm.slot, _alarm.port, _alarm.ont)
    .add_columns(_alarm.id)
    .where(
        _alarm.last_at >= _SINCE,
        or_(_alarm.last_at > _SINCE, _alarm.id > bindparam("after")),
        _alarm.kind != "other",
    )
    .order_by(_alarm.last_at, _alarm.id)
    .limit(bindparam("most"))
)
_ONTS = (
    select(_ont.line, _ont.node, _ont.state, _ont.last_down_at, _ont.seen_at, _ont.down_cause)
    .where(_ont.kind == "ont", _ont.line.is_not(None), _ont.seen_at > _SINCE)
    .order_by(_ont.seen_at)
    .limit(PAGE)
)
_HEARD = (
    select(devices.c.key, devices.c.line, devices.c.last_inform_at, lines.c.node)
    .join(lines, lines.c.id == devices.c.line)
    .where(devices.c.last_inform_at >= _SINCE, devices.c.last_inform_at < bindparam("until"))
)
_HEARD_ON = (
    select(devices.c.line, func.max(devices.c.last_inform_at).label("at"))
    .where(devices.c.line.in_(bindparam("lines", expanding=True)))
    .group_by(devices.c.line)
)
_NEWEST = select(func.max(events.c.id).label("id"))
_BOOTS = (
    select(devices.c.key, devices.c.line, events.c.at, lines.c.node, events.c.id)
    .join(devices, devices.c.key == events.c.device)
    .join(lines, lines.c.id == devices.c.line)
    .where(
        events.c.id > bindparam("after"),
        events.c.id <= bindparam("newest"),
        events.c.code == "1 BOOT",
        events.c.session_id.not_in(
            select(events.c.session_id).where(events.c.id > bindparam("since"), events.c.code.in_(_ASKED_FOR))
        ),
    )
    .order_by(events.c.id)
    .limit(bindparam("most"))
)
_SESSIONS = (
    select(_fact.line, lines.c.node, _fact.value, _fact.at, _fact.source)
    .join(lines, lines.c.id == _fact.line)
    .where(
        # in the order of the primary key, so that all pages together are one walk over it
        _fact.line >= bindparam("line"),
        or_(_fact.line > bindparam("line"), _fact.source > bindparam("source")),
        _fact.name == "bras.session",
        _fact.at > _SINCE,
    )
    .order_by(_fact.line, _fact.source)
    .limit(bindparam("most"))
)
_TICKETS = (
    select(tickets.c.id, tickets.c.line, lines.c.node, tickets.c.received_at)
    .join(lines, lines.c.id == tickets.c.line)
    .where(
        tickets.c.received_at >= _SINCE,
        or_(tickets.c.received_at > _SINCE, tickets.c.id > bindparam("after")),
    )
    .order_by(tickets.c.received_at, tickets.c.id)
    .limit(bindparam("most"))
)
_UNEXPLAINED = _TICKETS.where(
    tickets.c.id.not_in(
        select(outage_tickets.c.ticket)
        .join(outages, outages.c.id == outage_tickets.c.outage)
        .where(outages.c.state != "dismissed")
    )
)
_LINES = select(func.count().label("n")).select_from(lines)
_ADDRESSES = (
    select(lines.c.id, lines.c.address)
    .where(lines.c.id > bindparam("after"), lines.c.address != "")
    .order_by(lines.c.id)
    .limit(bindparam("most"))
)
_BRAS = (
    select(_fact.line, _fact.source)
    .join(lines, lines.c.id == _fact.line)
    .where(_fact.name == "bras.session", lines.c.node == bindparam("node"))
)
_FIRMWARE = Filtered(
    select(devices.c.line, devices.c.manufacturer, devices.c.product_class, devices.c.software_version)
    .join(lines, lines.c.id == devices.c.line)
    .order_by(devices.c.key.desc()),
    node=lines.c.node == bindparam("node"),
)
_ACTED_ON = (
    select(devices.c.line)
    .join(operations, operations.c.device == devices.c.key)
    .where(
        operations.c.kind.in_(bindparam("kinds", expanding=True)),
        operations.c.sent_at >= _SINCE,
        devices.c.line.is_not(None),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm in short."""

    at: datetime
    node: str
    kind: str
    line: str | None
    frame: int | None
    slot: int | None
    port: int | None
    ont: int | None


@dataclass(frozen=True, slots=True)
class SeenOnt:
    """An ONT as a round saw it last."""

    line: str
    node: str
    state: str
    last_down_at: datetime | None
    seen_at: datetime
    down_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A device on a line, and when it was last heard."""

    key: str
    line: str
    node: str
    last_inform_at: datetime


async def alarms_since(tx: Transaction, since: datetime) -> list[Told]:
    """Alarms of known kinds that were told since an instant, in order; one that came again comes again."""
    found: list[Told] = []
    async for rows in _pages(tx, _ALARMS, {"since": micros(since), "after": -1}, _after_alarm):
        found += [
            Told(instant(row.last_at), row.node, row.kind, row.line, row.frame, row.slot, row.port, row.ont)
            for row in rows
        ]
    return found


async def onts_seen_since(tx: Transaction, since: datetime) -> list[SeenOnt]:
    """ONTs of lines that rounds saw since an instant, in the order of time."""
    return [
        SeenOnt(row.line, row.node, row.state, instant_or_none(row.last_down_at), instant(row.seen_at), row.down_cause)
        for row in await tx.rows(_ONTS, {"since": micros(since)})
    ]


async def heard(tx: Transaction, since: datetime, until: datetime) -> list[Heard]:
    """Devices on lines whose last Inform came within a time."""
    rows = await tx.rows(_HEARD, {"since": micros(since), "until": micros(until)})
    return [Heard(row.key, row.line, row.node, instant(row.last_inform_at)) for row in rows]


async def heard_on(tx: Transaction, ids: Sequence[str]) -> dict[str, datetime]:
    """line → when a device on it was last heard."""
    return {row.line: instant(row.at) for row in await tx.rows(_HEARD_ON, {"lines": list(ids)})}


async def boots_since(tx: Transaction, after: int) -> tuple[list[Heard], int]:
    """Devices on lines that told of a boot which nobody asked for, and the id of the last event that was looked at."""
    last = await tx.one(_NEWEST)
    newest = int(last.id) if last is not None and last.id is not None else after
    if newest <= after:
        return [], after
    found: list[Heard] = []
    async for rows in _pages(tx, _BOOTS, {"since": after, "after": after, "newest": newest}, _after_event):
        found += [Heard(row.key, row.line, row.node, instant(row.at)) for row in rows]
    return found, newest


async def newest_event(tx: Transaction) -> int:
    """The id of the newest event; 0 where there is none."""
    row = await tx.one(_NEWEST)
    return int(row.id) if row is not None and row.id is not None else 0


async def sessions_since(tx: Transaction, since: datetime) -> AsyncIterator[list[tuple[str, str, str, datetime]]]:
    """Pages of (line, node, state, at) of BRAS sessions that were told since an instant, by line and not by time."""
    async for rows in _pages(tx, _SESSIONS, {"since": micros(since), "line": "", "source": ""}, _after_fact):
        yield [(row.line, row.node, str(loads(row.value)), instant(row.at)) for row in rows]


async def tickets_since(
    tx: Transaction, since: datetime, *, unexplained: bool = False
) -> AsyncIterator[list[tuple[str, str, str, datetime]]]:
    """Pages of (ticket, line, node, at) of tickets about known lines that came since an instant, in order.

    `unexplained`: without those that belong to an outage, unless a person said that it was none.
    """
    async for rows in _pages(
        tx, _UNEXPLAINED if unexplained else _TICKETS, {"since": micros(since), "after": ""}, _after_ticket
    ):
        yield [(row.id, row.line, row.node, instant(row.received_at)) for row in rows]


async def _pages(
    tx: Transaction,
    query: Executable,
    parameters: Mapping[str, object],
    after: Callable[[Row[Any]], Mapping[str, object]],
) -> AsyncIterator[Sequence[Row[Any]]]:
    """The rows of a query page by page, to the end; `after` says from a page's last row where the next one begins."""
    wanted = {**parameters, "most": PAGE}
    while True:
        rows = await tx.rows(query, wanted)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        wanted |= after(rows[-1])


def _after_alarm(row: Row[Any]) -> Mapping[str, object]:
    return {"since": row.last_at, "after": row.id}


def _after_event(row: Row[Any]) -> Mapping[str, object]:
    return {"after": row.id}


def _after_fact(row: Row[Any]) -> Mapping[str, object]:
    return {"line": row.line, "source": row.source}


def _after_ticket(row: Row[Any]) -> Mapping[str, object]:
    return {"since": row.received_at, "after": row.id}


async def complaints_since(
    tx: Transaction, oldest: datetime, since: datetime, until: datetime
) -> list[tuple[str, str, datetime, str | None]]:
    """(line, node, at, verdict) of tickets whose test ended since an instant; None where it ended without a verdict.

    A ticket whose test runs is not told, however long that takes: it may still say what it is. One without a test is
    told once it came before `until`. Nobody is told of a ticket from before `oldest`.
    """
    c, test = tickets.c, line_tests.c
    ended = and_(test.state != LineTestState.RUNNING.value, test.finished_at >= micros(since))
    untested = and_(test.id.is_(None), c.received_at >= micros(since), c.received_at <= micros(until))
    said = of_verdict(tx.connection.dialect.name, "verdict").label("said")
    query = (
        select(c.line, lines.c.node, c.received_at, said)
        .join(lines, lines.c.id == c.line)
        .outerjoin(line_tests, test.id == c.line_test)
        .where(c.received_at >= micros(oldest), or_(ended, untested))
        .order_by(c.received_at)
        .limit(PAGE)
    )
    return [(row.line, row.node, instant(row.received_at), row.said) for row in await tx.rows(query)]


async def bras_of(tx: Transaction, node: str) -> dict[str, str]:
    """line → the system that tells of its session, for the lines of a node."""
    return {row.line: row.source for row in await tx.rows(_BRAS, {"node": node})}


async def firmware_of(tx: Transaction, node: str) -> dict[str, tuple[str, str]]:
    """line → model and firmware of a device on it, for the lines of a node; all lines where `node` is empty."""
    found = {}
    for row in await tx.rows(*_FIRMWARE.given(node=node or None)):
        model = _model(row.manufacturer, row.product_class)
        found[row.line] = (model, f"{model} {row.software_version}" if row.software_version else "")
    return found


async def lines_in_all(tx: Transaction) -> int:
    """How many lines there are."""
    row = await tx.one(_LINES)
    return 0 if row is None else int(row.n)


async def addresses(tx: Transaction) -> AsyncIterator[list[str]]:
    """Pages of the addresses of all lines that have one; an address of several lines comes as often."""
    async for rows in _pages(tx, _ADDRESSES, {"after": ""}, lambda row: {"after": row.id}):
        yield [row.address for row in rows]


async def lines_of_bras(tx: Transaction) -> dict[str, int]:
    """System that tells of sessions → how many lines it tells of."""
    c = context_facts.c
    query = select(c.source, func.count().label("n")).where(c.name == "bras.session").group_by(c.source)
    return {row.source: row.n for row in await tx.rows(query)}


async def lines_of_firmware(tx: Transaction) -> dict[str, int]:
    """Model and firmware, as `firmware_of` names them → how many devices on lines have it."""
    c = devices.c
    named = (c.manufacturer, c.product_class, c.software_version)
    query = select(*named, func.count().label("n")).where(c.line.is_not(None), c.software_version != "")
    return {
        f"{_model(row.manufacturer, row.product_class)} {row.software_version}": row.n
        for row in await tx.rows(query.group_by(*named))
    }


def _model(manufacturer: str, product_class: str) -> str:
    return " ".join(part for part in (manufacturer, product_class) if part)


async def lines_acted_on(tx: Transaction, kinds: Sequence[str], since: datetime) -> set[str]:
    """Lines of devices that we restart, or did since an instant: their falls are ours."""
    return {row.line for row in await tx.rows(_ACTED_ON, {"kinds": list(kinds), "since": micros(since)})}


def overdue_at(last_inform_at: datetime, interval_s: float) -> datetime:
    """When a device whose Informs come so often is late."""
    return last_inform_at + timedelta(seconds=interval_s * 1.25 + 30.0)
