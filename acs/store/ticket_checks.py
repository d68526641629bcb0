"""What happened by itself with tickets: the rule of the check, the queue of the verdict, the fix."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update

from acs.store.built import new
from acs.store.instants import instant, instant_or_none, micros
from acs.store.limits import check_text
from acs.store.schema import ticket_checks
from acs.store.transaction import Transaction

_BY_TICKET = select(ticket_checks).where(ticket_checks.c.ticket == bindparam("ticket"))
_OF_TEST = (
    select(ticket_checks).where(ticket_checks.c.line_test == bindparam("line_test")).order_by(ticket_checks.c.ticket)
)
_FIXES_DUE = (
    select(ticket_checks)
    .where(ticket_checks.c.fix != "", ticket_checks.c.fix_call.is_(None), ticket_checks.c.fix_detail == "")
    .order_by(ticket_checks.c.decided_at)
    .limit(bindparam("limit"))
)
_FIXES = select(func.count()).where(
    ticket_checks.c.fix_call.is_not(None), ticket_checks.c.decided_at > bindparam("since")
)
_FIXED = (
    update(ticket_checks).where(ticket_checks.c.ticket == bindparam("its_ticket")).values(new("fix_call", "fix_detail"))
)


@dataclass(frozen=True, slots=True)
class TicketCheck:
    """A ticket's own row. `fix` names the rule of a fix that shall run; `fix_call` is its call, once it ran."""

    ticket: str
    line: str
    at: datetime
    line_test: str | None = None
    rule: str = ""
    depth: str = "normal"
    priority: str = "ticket"
    ticket_type: str = ""
    queue: str = ""
    queue_rule: str = ""
    decided_at: datetime | None = None
    fix: str = ""
    fix_call: str | None = None
    fix_detail: str = ""


async def put(tx: Transaction, check: TicketCheck) -> None:
    """Store the row of a ticket.

    Raises:
        InvalidInput: a text is too long.
    """
    row = {
        "ticket": check.ticket,
        "line": check.line,
        "line_test": check.line_test,
        "rule": check.rule,
        "depth": check.depth,
        "priority": check.priority,
        "ticket_type": check_text("ticket_type", check.ticket_type),
        "at": micros(check.at),
        "queue": check_text("queue", check.queue),
        "queue_rule": check.queue_rule,
        "decided_at": None if check.decided_at is None else micros(check.decided_at),
        "fix": check.fix,
        "fix_call": check.fix_call,
        "fix_detail": check_text("detail", check.fix_detail),
    }
    await tx.upsert(ticket_checks, [row])


async def get(tx: Transaction, ticket: str) -> TicketCheck | None:
    """Return the row of a ticket, or None."""
    row = await tx.one(_BY_TICKET, {"ticket": ticket})
    return None if row is None else _record(row)


async def of_test(tx: Transaction, line_test: str) -> list[TicketCheck]:
    """Return the rows of the tickets that wait for a test."""
    return [_record(row) for row in await tx.rows(_OF_TEST, {"line_test": line_test})]


async def fixes_due(tx: Transaction, *, limit: int = 50) -> list[TicketCheck]:
    """Return the rows whose fix shall run and has not, the oldest decision first."""
    return [_record(row) for row in await tx.rows(_FIXES_DUE, {"limit": limit})]


async def fixes_since(tx: Transaction, since: datetime) -> int:
    """Return how many fixes ran whose verdict came since."""
    row = await tx.one(_FIXES, {"since": micros(since)})
    return 0 if row is None else int(row[0])


async def fixed(tx: Transaction, ticket: str, call: str | None, detail: str) -> None:
    """Note what became of a fix: its call, or why there is none."""
    values = {"its_ticket": ticket, "new_fix_call": call, "new_fix_detail": check_text("detail", detail)}
    await tx.run(_FIXED, values)


def _record(row: Row[Any]) -> TicketCheck:
    return TicketCheck(
        ticket=row.ticket,
        line=row.line,
        at=instant(row.at),
        line_test=row.line_test,
        rule=row.rule,
        depth=row.depth,
        priority=row.priority,
        ticket_type=row.ticket_type,
        queue=row.queue,
        queue_rule=row.queue_rule,
        decided_at=instant_or_none(row.decided_at),
        fix=row.fix,
        fix_call=row.fix_call,
        fix_detail=row.fix_detail,
    )
