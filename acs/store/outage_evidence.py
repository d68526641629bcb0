"""What others write that an outage detector reads: alarms, endpoints, Informs, boots, sessions, tickets.

The rule of this file: each query takes up where the last one ended, or looks back a bounded time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import loads

from sqlalchemy import and_, func, or_, select

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
    tickets,
)
from acs.store.transaction import Transaction

#: rows of one look
_PAGE = 20_000


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
    c = access_alarms.c
    query = select(c.last_at, c.node, c.kind, c.line, c.frame, c.slot, c.port, c.ont)
    query = query.where(c.last_at >= micros(since), c.kind != "other").order_by(c.last_at, c.id).limit(_PAGE)
    return [
        Told(instant(row.last_at), row.node, row.kind, row.line, row.frame, row.slot, row.port, row.ont)
        for row in await tx.rows(query)
    ]


async def onts_seen_since(tx: Transaction, since: datetime) -> list[SeenOnt]:
    """ONTs of lines that rounds saw since an instant, in the order of time."""
    c = node_endpoints.c
    query = select(c.line, c.node, c.state, c.last_down_at, c.seen_at, c.down_cause).where(
        c.kind == "ont", c.line.is_not(None), c.seen_at > micros(since)
    )
    return [
        SeenOnt(row.line, row.node, row.state, instant_or_none(row.last_down_at), instant(row.seen_at), row.down_cause)
        for row in await tx.rows(query.order_by(c.seen_at).limit(_PAGE))
    ]


async def heard(tx: Transaction, since: datetime, until: datetime) -> list[Heard]:
    """Devices on lines whose last Inform came within a time."""
    query = (
        select(devices.c.key, devices.c.line, devices.c.last_inform_at, lines.c.node)
        .join(lines, lines.c.id == devices.c.line)
        .where(devices.c.last_inform_at >= micros(since), devices.c.last_inform_at < micros(until))
    )
    return [Heard(row.key, row.line, row.node, instant(row.last_inform_at)) for row in await tx.rows(query)]


async def heard_on(tx: Transaction, ids: Sequence[str]) -> dict[str, datetime]:
    """line → when a device on it was last heard."""
    query = select(devices.c.line, func.max(devices.c.last_inform_at).label("at")).where(devices.c.line.in_(list(ids)))
    return {row.line: instant(row.at) for row in await tx.rows(query.group_by(devices.c.line))}


async def boots_since(tx: Transaction, after: int) -> tuple[list[Heard], int]:
    """Devices on lines that told of a boot which nobody asked for, and the id of the last event that was looked at."""
    last = await tx.one(select(func.max(events.c.id).label("id")))
    newest = int(last.id) if last is not None and last.id is not None else after
    if newest <= after:
        return [], after
    asked = select(events.c.session_id).where(
        events.c.id > after, events.c.code.in_(("M Reboot", "M Download", "7 TRANSFER COMPLETE", "0 BOOTSTRAP"))
    )
    query = (
        select(devices.c.key, devices.c.line, events.c.at, lines.c.node)
        .join(devices, devices.c.key == events.c.device)
        .join(lines, lines.c.id == devices.c.line)
        .where(events.c.id > after, events.c.id <= newest, events.c.code == "1 BOOT")
        .where(events.c.session_id.not_in(asked))
        .limit(_PAGE)
    )
    return [Heard(row.key, row.line, row.node, instant(row.at)) for row in await tx.rows(query)], newest


async def newest_event(tx: Transaction) -> int:
    """The id of the newest event; 0 where there is none."""
    row = await tx.one(select(func.max(events.c.id).label("id")))
    return int(row.id) if row is not None and row.id is not None else 0


async def sessions_since(tx: Transaction, since: datetime) -> list[tuple[str, str, str, datetime]]:
    """(line, node, state, at) of BRAS sessions that were told since an instant."""
    c = context_facts.c
    query = (
        select(c.line, lines.c.node, c.value, c.at)
        .join(lines, lines.c.id == c.line)
        .where(c.name == "bras.session", c.at > micros(since))
        .order_by(c.at)
        .limit(_PAGE)
    )
    return [(row.line, row.node, str(loads(row.value)), instant(row.at)) for row in await tx.rows(query)]


async def tickets_since(tx: Transaction, since: datetime) -> list[tuple[str, str, str, datetime]]:
    """(ticket, line, node, at) of tickets about known lines that came since an instant."""
    c = tickets.c
    query = (
        select(c.id, c.line, lines.c.node, c.received_at)
        .join(lines, lines.c.id == c.line)
        .where(c.received_at >= micros(since))
        .order_by(c.received_at)
        .limit(_PAGE)
    )
    return [(row.id, row.line, row.node, instant(row.received_at)) for row in await tx.rows(query)]


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
        .limit(_PAGE)
    )
    return [(row.line, row.node, instant(row.received_at), row.said) for row in await tx.rows(query)]


async def bras_of(tx: Transaction, node: str) -> dict[str, str]:
    """line → the system that tells of its session, for the lines of a node."""
    query = (
        select(context_facts.c.line, context_facts.c.source)
        .join(lines, lines.c.id == context_facts.c.line)
        .where(context_facts.c.name == "bras.session", lines.c.node == node)
    )
    return {row.line: row.source for row in await tx.rows(query)}


async def firmware_of(tx: Transaction, node: str) -> dict[str, tuple[str, str]]:
    """line → model and firmware of a device on it, for the lines of a node; all lines where `node` is empty."""
    query = select(devices.c.line, devices.c.manufacturer, devices.c.product_class, devices.c.software_version).join(
        lines, lines.c.id == devices.c.line
    )
    if node:
        query = query.where(lines.c.node == node)
    found = {}
    for row in await tx.rows(query.order_by(devices.c.key.desc())):
        model = _model(row.manufacturer, row.product_class)
        found[row.line] = (model, f"{model} {row.software_version}" if row.software_version else "")
    return found


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
    query = (
        select(devices.c.line)
        .join(operations, operations.c.device == devices.c.key)
        .where(operations.c.kind.in_(list(kinds)), operations.c.sent_at >= micros(since), devices.c.line.is_not(None))
        .distinct()
    )
    return {row.line for row in await tx.rows(query)}


def overdue_at(last_inform_at: datetime, interval_s: float) -> datetime:
    """When a device whose Informs come so often is late."""
    return last_inform_at + timedelta(seconds=interval_s * 1.25 + 30.0)
