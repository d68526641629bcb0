"""Ticket events that were taken; an event id and a number are stored once for each source."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, bindparam, or_, select, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, micros
from acs.store.limits import check_record, check_text, json_text
from acs.store.records import TicketRecord
from acs.store.schema import tickets
from acs.store.transaction import Transaction

_SELECT = select(tickets)
_BY_ID = _SELECT.where(tickets.c.id == bindparam("id"))
_FROM_SOURCES = tickets.c.source.in_(bindparam("sources", expanding=True))
_HAS_NUMBER = or_(
    tickets.c.outside_id == bindparam("number"),
    and_(tickets.c.outside_id.is_(None), tickets.c.id == bindparam("number")),
)
_BY_NUMBER = _SELECT.where(_FROM_SOURCES, _HAS_NUMBER).order_by(tickets.c.received_at)
_MET = _SELECT.where(
    or_(
        tickets.c.id == bindparam("number"),
        and_(_FROM_SOURCES, tickets.c.event_id == bindparam("event_id")),
        and_(_FROM_SOURCES, tickets.c.outside_id == bindparam("number")),
    )
)
_LISTED = Filtered(
    _SELECT.order_by(tickets.c.id.desc()).limit(bindparam("limit")),
    line=tickets.c.line == bindparam("line"),
    before=tickets.c.id < bindparam("before"),
)
_OF_TEST = (
    select(tickets.c.id)
    .where(tickets.c.line == bindparam("line"), tickets.c.line_test == bindparam("line_test"))
    .order_by(tickets.c.received_at, tickets.c.id)
)
_SET_LINE_TEST = update(tickets).where(tickets.c.id == bindparam("its_id")).values(new("line_test", "detail"))


async def add(tx: Transaction, ticket: TicketRecord) -> bool:
    """Store a ticket event; False, and nothing written, where its id is taken, or its source sent the event before.

    Raises:
        InvalidInput: a text or the body is too long.
    """
    check_record(ticket)
    row = {
        "id": ticket.id,
        "event_id": ticket.event_id,
        "received_at": micros(ticket.received_at),
        "source": ticket.source,
        "body": json_text("body", ticket.body),
        "line": ticket.line,
        "line_test": ticket.line_test,
        "detail": ticket.detail,
        "outside_id": ticket.outside_id,
    }
    return await tx.insert(tickets, row)


async def get(tx: Transaction, ticket_id: str) -> TicketRecord | None:
    """Return the ticket, or None."""
    row = await tx.one(_BY_ID, {"id": ticket_id})
    return None if row is None else _record(row)


async def known(
    tx: Transaction, sources: Sequence[str], number: str, event_id: str
) -> tuple[TicketRecord | None, bool]:
    """Return the ticket that these sources sent with this event, else under this number, or None; and whether the
    number is free as an id."""
    rows = await tx.rows(_MET, {"sources": list(sources), "number": number, "event_id": event_id})
    found = [_record(row) for row in rows]
    own = [one for one in found if one.source in sources and (one.event_id == event_id or one.number == number)]
    own.sort(key=lambda one: one.event_id != event_id)
    return own[0] if own else None, all(one.id != number for one in found)


async def by_number(tx: Transaction, sources: Sequence[str], number: str) -> TicketRecord | None:
    """Return the ticket that these sources call so, or None."""
    row = await tx.one(_BY_NUMBER, {"sources": list(sources), "number": number})
    return None if row is None else _record(row)


async def list_tickets(
    tx: Transaction, *, line: str | None = None, limit: int = 100, before: str | None = None
) -> list[TicketRecord]:
    """Return tickets, by id downwards; `before` is the id of the last one of the page before."""
    return [_record(row) for row in await tx.rows(*_LISTED.given(limit=limit, line=line, before=before))]


async def of_test(tx: Transaction, line: str, line_test: str) -> list[str]:
    """Return the ids of the tickets of a line that wait for this test, in the order in which they came."""
    return [row.id for row in await tx.rows(_OF_TEST, {"line": line, "line_test": line_test})]


async def set_line_test(tx: Transaction, ticket_id: str, line_test: str | None, detail: str = "") -> bool:
    """Note the ticket's line test, or why there is none; False where the ticket is not known.

    Raises:
        InvalidInput: the detail is too long.
    """
    values = {"its_id": ticket_id, "new_line_test": line_test, "new_detail": check_text("detail", detail)}
    return await tx.run(_SET_LINE_TEST, values) == 1


def _record(row: Row[Any]) -> TicketRecord:
    return TicketRecord(
        row.id,
        row.event_id,
        instant(row.received_at),
        row.source,
        json.loads(row.body),
        row.line,
        row.line_test,
        row.detail,
        row.outside_id,
    )
