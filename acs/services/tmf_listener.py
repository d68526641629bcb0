"""What ticket systems tell of their tickets (TMF621 events, v4 and v5): taken once; a resolved ticket is tested again.

    create                      ─► ticket and line test, as POST /api/v1/tickets/events
    attribute change, of a ticket that never came ─► the same: its creation was lost
    status change to resolved, resolved  ─► a test of the line now; its verdict closes the ticket or opens it again
    everything else             ─► noted

The rule of this file: what a status change of our own comes back as is noted and starts nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from acs.config import TmfSection
from acs.errors import Conflict, InvalidInput
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.line_tests import LineTests
from acs.services.slots import Priority
from acs.services.tickets import Tickets
from acs.services.tmf import TicketEvent, parse_event, service_of
from acs.services.tmf.incoming import EVENT_TYPE, EVENT_TYPES
from acs.services.tmf.ticket_patches import ENDED, own_change
from acs.store import tickets as ticket_store
from acs.store import tmf as tmf_store
from acs.store.reach import View, viewing
from acs.store.records import Json, TicketRecord
from acs.store.store import Store
from acs.store.tmf import TicketEventRecord
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: two events that say that a ticket was resolved are one within it: a status change and a resolution
_SAME = timedelta(seconds=60)
_RESOLVED = "resolved"
_CHANGES = ("TroubleTicketAttributeValueChangeEvent", "TroubleTicketStatusChangeEvent")
#: seconds between two bites of old events
_PRUNE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that was taken, and the line test that follows from it; `detail` says why there is none."""

    event_id: str
    ticket: str
    line_test: str | None
    detail: str


class _TakenMeanwhile(Conflict):
    """Another request stored the same event between the look and the write."""


class TicketListener:
    """Takes events of tickets."""

    def __init__(self, store: Store, config: TmfSection, tickets: Tickets, line_tests: LineTests, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._tickets = tickets
        self._tests = line_tests
        self._clock = clock

    async def take(self, actor: Actor, body: Mapping[str, Any]) -> Taken:
        """Take an event; ticket, event and test are on disk when this returns, and the same event is the same answer.

        Raises:
            InvalidInput: it is no event of a ticket; the message names each wrong member.
            TooMany: too many line tests wait; nothing was stored, the ticket system sends it again.
        """
        actor.require(Scope.TICKETS)
        event = parse_event(body, EVENT_TYPES)
        if event.event_type == EVENT_TYPE:
            return await self._receive(actor, event, body)
        if (known := await self._known(actor, event)) is not None:
            return _answer(known)
        async with self._store.reading() as tx:
            ticket = await ticket_store.by_number(tx, self._tickets.names_of(actor), event.event.trouble_ticket.id)
        if ticket is None and event.event_type in _CHANGES and event.event.trouble_ticket.status not in ENDED:
            return await self._receive(actor, event, {**body, "eventType": EVENT_TYPE})
        try:
            return await self._note(actor, event, ticket)
        except _TakenMeanwhile:
            known = await self._known(actor, event)
            if known is None:
                raise
            return _answer(known)

    def jobs(self) -> dict[str, tuple[float, Any]]:
        """What the worker does for it."""
        return {"old ticket events": (_PRUNE_S, self.prune)}

    async def prune(self) -> None:
        """Throw away events that are older than they are kept."""
        async with self._store.transaction() as tx:
            await tmf_store.prune_ticket_events(tx, self._clock() - timedelta(days=self._config.event_days))

    async def _known(self, actor: Actor, event: TicketEvent) -> TicketEventRecord | None:
        """The event as its system sent it before: it knows what it sent, wherever the line is now."""
        with viewing(View()):
            async with self._store.reading() as tx:
                return await tmf_store.ticket_event(tx, self._tickets.names_of(actor), event.event_id)

    async def _receive(self, actor: Actor, event: TicketEvent, body: Mapping[str, Any]) -> Taken:
        ticket = await self._tickets.receive(actor, body)
        return Taken(event.event_id, ticket.id, ticket.line_test, ticket.detail)

    async def _note(self, actor: Actor, event: TicketEvent, ticket: TicketRecord | None) -> Taken:
        async with self._tests.door(actor, Priority.TICKET) as door, self._store.transaction() as tx:
            now = self._clock()
            line_test, why = await self._earlier_test(tx, actor, event, ticket, now)
            if line_test is None and not why and ticket is not None and ticket.line is not None:
                service = service_of(event.event.trouble_ticket) or _service_before(ticket)
                wanted = self._tests.plan(actor, ticket.line, ticket=ticket.id, service=service)
                line_test = (await door.test_for(tx, wanted, join=False)).id
                await ticket_store.set_line_test(tx, ticket.id, line_test)
            record = _record(actor.name, event, ticket, line_test, why, now)
            if not await tmf_store.add_ticket_event(tx, record):
                raise _TakenMeanwhile(f"event {event.event_id} is being stored by another request; send it again")
            after: dict[str, Json] = {"event": record.event_type, "status": record.status, "line_test": line_test}
            await audit.note(tx, actor, "ticket.changed", f"ticket:{record.ticket}", now, after=after)
        log.info("ticket.changed", ticket=record.ticket, status=record.status, line_test=line_test)
        return _answer(record)

    async def _earlier_test(
        self, tx: Transaction, actor: Actor, event: TicketEvent, ticket: TicketRecord | None, now: datetime
    ) -> tuple[str | None, str]:
        """The test that an earlier event of the same resolution began, or why there is none; both empty: test now."""
        told = event.event.trouble_ticket
        if event.event_type not in ("TroubleTicketResolvedEvent", _CHANGES[1]) or told.status not in ("", _RESOLVED):
            return None, "noted"
        if told.status == "" and event.event_type == _CHANGES[1]:
            return None, "the event names no status"
        itself = await self._itself(tx, actor, event, ticket, now)
        if itself:
            return None, itself
        if ticket is None or ticket.line is None:
            return None, "the ticket is not known here, or has no line"
        last = await tmf_store.last_ticket_event(tx, self._tickets.names_of(actor), ticket.id)
        if last is not None and last.status == _RESOLVED and now - last.received_at < _SAME:
            return last.line_test, last.detail or "told before"
        return None, ""

    async def _itself(
        self, tx: Transaction, actor: Actor, event: TicketEvent, ticket: TicketRecord | None, now: datetime
    ) -> str:
        """What is noted where we resolved the ticket; empty: somebody else did, though the reason may be one of ours
        that the ticket still shows from a change before.
        """
        told = event.event.trouble_ticket
        own = own_change(told.status_reason, self._config.system)
        if own is None or own.status not in ("", told.status or _RESOLVED):
            return ""
        noted = f"this system resolved it itself: {own.mark}"
        id_, names = told.id if ticket is None else ticket.id, self._tickets.names_of(actor)
        before = await tmf_store.first_noted(tx, names, id_, noted) if own.status else None
        return noted if before is None or now - before.received_at < _SAME else ""


def _record(
    source: str, event: TicketEvent, ticket: TicketRecord | None, line_test: str | None, detail: str, now: datetime
) -> TicketEventRecord:
    told = event.event.trouble_ticket
    status = told.status or (_RESOLVED if event.event_type == "TroubleTicketResolvedEvent" else "")
    id_, line = (told.id, None) if ticket is None else (ticket.id, ticket.line)
    return TicketEventRecord(source, event.event_id, id_, event.event_type, status, now, line, line_test, detail)


def _answer(record: TicketEventRecord) -> Taken:
    return Taken(record.event_id, record.ticket, record.line_test, record.detail)


def _service_before(ticket: TicketRecord) -> str | None:
    """The service that the ticket was about when it came; None where it did not come as an event of TMF621."""
    try:
        return service_of(parse_event(ticket.body if isinstance(ticket.body, dict) else {}).event.trouble_ticket)
    except InvalidInput:
        return None
