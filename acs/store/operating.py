"""What reports count: every ended line test of a time with its ticket, its closure, and where and on what it was.

The rule of this file: of a verdict only its kind and its cause are read, by the database: the whole is large.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, select

from acs.store.instants import instant, instant_or_none, micros
from acs.store.line_tests import of_verdict
from acs.store.schema import checkups, closures, devices, line_groups, line_tests, tickets
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class TestedCase:
    """One ended line test; what is None is not known."""

    id: str
    line: str
    ticket: str | None
    asked_at: datetime
    finished_at: datetime
    verdict: str
    cause: str
    region: str
    model: str
    received_at: datetime | None
    closed_at: datetime | None
    visited: bool | None
    #: whether an action for the ticket was looked at afterwards and its effect stayed
    held: bool


async def tested_between(tx: Transaction, since: datetime, until: datetime, *, limit: int) -> list[TestedCase]:
    """Return the tests with a verdict that ended in a time, the oldest first."""
    c, dialect = line_tests.c, tx.connection.dialect.name
    region = (
        select(func.min(line_groups.c.name))
        .where(line_groups.c.line == c.line, line_groups.c.kind == "region")
        .scalar_subquery()
    )
    model = select(func.min(devices.c.product_class)).where(devices.c.line == c.line).scalar_subquery()
    held = exists().where(and_(checkups.c.ticket == c.ticket, checkups.c.state == "held"))
    query = (
        select(
            c.id,
            c.line,
            c.ticket,
            c.created_at,
            c.finished_at,
            of_verdict(dialect, "verdict").label("said"),
            of_verdict(dialect, "cause").label("cause"),
            region.label("region"),
            model.label("model"),
            tickets.c.received_at,
            closures.c.at.label("closed_at"),
            closures.c.visited,
            held.label("held"),
        )
        .select_from(line_tests)
        .outerjoin(tickets, tickets.c.id == c.ticket)
        .outerjoin(closures, closures.c.ticket == c.ticket)
        .where(c.finished_at >= micros(since), c.finished_at < micros(until), c.verdict.is_not(None))
        .order_by(c.finished_at, c.id)
        .limit(limit)
    )
    return [_case(row) for row in await tx.rows(query)]


def _case(row: Any) -> TestedCase:
    return TestedCase(
        id=row.id,
        line=row.line,
        ticket=row.ticket,
        asked_at=instant(row.created_at),
        finished_at=instant(row.finished_at),
        verdict=str(row.said or ""),
        cause=str(row.cause or ""),
        region=row.region or "",
        model=row.model or "",
        received_at=instant_or_none(row.received_at),
        closed_at=instant_or_none(row.closed_at),
        visited=None if row.visited is None else bool(row.visited),
        held=bool(row.held),
    )
