"""Ticket events that were taken; an event id is stored once."""

import json
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from acs.errors import Conflict
from acs.store.built import Filtered, new
from acs.store.instants import instant, micros
from acs.store.limits import check_record, check_text, json_text
from acs.store.records import TicketRecord
from acs.store.schema import tickets
from acs.store.transaction import Transaction

_SELECT = select(tickets)
_BY_ID = _SELECT.where(tickets.c.id == bindparam("id"))
_BY_EVENT_ID = _SELECT.where(tickets.c.event_id == bindparam("event_id"))
_BY_EITHER = _SELECT.where((tickets.c.event_id == bindparam("event_id")) | (tickets.c.id == bindparam("id")))
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
    """Store a ticket event; False, and nothing written, where its event id was stored before.

    Raises:
        Conflict: the ticket's id is taken by another event.
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
    }
    if await tx.insert(tickets, row):
        return True
    if await by_event_id(tx, ticket.event_id) is None:
        raise Conflict(f"ticket {ticket.id} is stored already, from another event")
    return False


async def get(tx: Transaction, ticket_id: str) -> TicketRecord | None:
    """Return the ticket, or None."""
    row = await tx.one(_BY_ID, {"id": ticket_id})
    return None if row is None else _record(row)


async def by_event_id(tx: Transaction, event_id: str) -> TicketRecord | None:
    """Return the ticket of an event id, or None."""
    row = await tx.one(_BY_EVENT_ID, {"event_id": event_id})
    return None if row is None else _record(row)


async def known(tx: Transaction, ticket_id: str, event_id: str) -> TicketRecord | None:
    """Return the ticket of this event, else the ticket of this id, or None."""
    found = await tx.rows(_BY_EITHER, {"event_id": event_id, "id": ticket_id})
    rows = sorted(found, key=lambda row: bool(row.event_id != event_id))
    return _record(rows[0]) if rows else None


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
    )
