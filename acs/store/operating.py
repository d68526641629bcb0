"""What reports count: every ended line test of a time with its tickets, its closure, and where and on what it was.

The rule of this file: of a verdict only its kind and its cause are read, by the database: the whole is large.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, select

from acs.store.instants import instant, instant_or_none, micros
from acs.store.line_tests import of_verdict
from acs.store.schema import checkups, closures, devices, line_groups, line_tests, tickets
from acs.store.transaction import Transaction

#: no test takes longer; a ticket that joins one comes while it runs
_LONGEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TestedCase:
    """One ended line test for one ticket or for none; what is None is not known.

    `asked_at`: when the test was asked for; for a ticket that joined it, when that came. `verdict` is "" where it ended
    without one.
    """

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
    """Return the tests that ended in a time, the oldest first; a test once more for each ticket that joined it."""
    c = line_tests.c
    own = line_tests.outerjoin(tickets, tickets.c.id == c.ticket)
    joined = line_tests.join(tickets, tickets.c.line_test == c.id)
    others = (c.ticket.is_(None) | (c.ticket != tickets.c.id), tickets.c.received_at >= micros(since - _LONGEST))
    queries = (_cases(tx, own, c.ticket), _cases(tx, joined, tickets.c.id).where(*others))
    found = []
    for query in queries:
        ended = query.where(c.finished_at >= micros(since), c.finished_at < micros(until))
        rows = await tx.rows(ended.order_by(c.finished_at, c.id).limit(limit))
        found += [_case(row, joined=query is queries[1]) for row in rows]
    return sorted(found, key=lambda case: (case.finished_at, case.id))[:limit]


async def tickets_between(
    tx: Transaction, since: datetime, until: datetime, *, limit: int
) -> list[tuple[str, str, datetime]]:
    """Return ticket, line and when it came, of those that were tested and came in a time; the oldest first."""
    c = tickets.c
    query = (
        select(c.id, c.line, c.received_at)
        .where(c.received_at >= micros(since), c.received_at < micros(until))
        .where(c.line.is_not(None), c.line_test.is_not(None))
        .order_by(c.received_at.desc())
        .limit(limit)
    )
    return [(row.id, row.line, instant(row.received_at)) for row in reversed(await tx.rows(query))]


def _cases(tx: Transaction, joined: FromClause, ticket: ColumnElement[Any]) -> Select[Any]:
    c, dialect = line_tests.c, tx.connection.dialect.name
    region = (
        select(func.min(line_groups.c.name))
        .where(line_groups.c.line == c.line, line_groups.c.kind == "region")
        .scalar_subquery()
    )
    model = select(func.min(devices.c.product_class)).where(devices.c.line == c.line).scalar_subquery()
    held = exists().where(and_(checkups.c.ticket == ticket, checkups.c.state == "held"))
    return select(
        c.id,
        c.line,
        ticket.label("ticket"),
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
    ).select_from(joined.outerjoin(closures, closures.c.ticket == ticket))


def _case(row: Any, *, joined: bool) -> TestedCase:
    asked_at = max(row.created_at, row.received_at) if joined else row.created_at
    return TestedCase(
        id=row.id,
        line=row.line,
        ticket=row.ticket,
        asked_at=instant(asked_at),
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
