"""Trouble tickets of ticket systems: taken at once, tested in the background, answered by webhook.

The rule of this file: when the ticket system has its answer, ticket and line test are on disk; the same event, or
another event of the same ticket, gets the same answer and no second test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from acs.config import CheckRule, TicketsSection
from acs.errors import Conflict, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.automation import USUAL, Automation
from acs.services.clock import Clock, utc_now
from acs.services.line_tests import LineTests
from acs.services.running_tests import Door
from acs.services.slots import NAMES
from acs.services.ticket_sources import EVERY_SOURCE_ITS_OWN, TicketSources, own_id
from acs.services.tmf import FINDERS, TicketEvent, TroubleTicket, parse_event, service_of
from acs.store import devices as device_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import ticket_checks as check_store
from acs.store import tickets as ticket_store
from acs.store.reach import View, current_view, viewing
from acs.store.records import Json, LineRecord, LineTestRecord, TicketRecord
from acs.store.store import Store
from acs.store.ticket_checks import TicketCheck
from acs.store.transaction import Transaction

log = structlog.get_logger()


#: a ticket is looked for and stored so often when others store theirs at the same time
_TRIES = 3


class _TakenMeanwhile(Exception):
    """Another process stored the same ticket, or one of the same id, between the look and the write."""


@dataclass(frozen=True, slots=True)
class _New:
    """An event of a ticket that is to be stored under an id."""

    id: str
    event: TicketEvent
    body: Mapping[str, Any]
    rule: CheckRule


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket with its line test, and what happened by itself."""

    ticket: TicketRecord
    line_test: LineTestRecord | None
    check: TicketCheck | None


class Tickets:
    """Use cases on tickets."""

    def __init__(
        self,
        store: Store,
        config: TicketsSection,
        line_tests: LineTests,
        automation: Automation | None = None,
        *,
        sources: TicketSources = EVERY_SOURCE_ITS_OWN,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._sources = sources
        self._automation = automation
        self._config = config
        self._line_tests = line_tests
        self._clock = clock

    async def receive(self, actor: Actor, body: Mapping[str, Any]) -> TicketRecord:
        """Take a TroubleTicketCreateEvent: ticket and line test are on disk when this returns.

        One that came before from the same system is told as it was stored; its test and its check are not looked at.

        Raises:
            InvalidInput: it is no such event; the message names each wrong member.
            TooMany: too many line tests wait; nothing was stored, the ticket system sends it again.
            Conflict: no id is free for it.
        """
        actor.require(Scope.TICKETS)
        event = parse_event(body)
        ticket = event.event.trouble_ticket
        rule = USUAL if self._automation is None else self._automation.check_for(ticket, actor.name, self._clock())
        priority = NAMES[rule.priority]
        for _ in range(_TRIES):
            known, id_ = await self._known(actor, ticket.id, event.event_id)
            if known is not None:
                return known
            if rule.test:
                self._line_tests.refuse_when_full(priority)
            try:
                async with self._line_tests.door(actor, priority) as door, self._store.transaction(first=True) as tx:
                    record = await self._store_ticket(tx, actor, _New(id_, event, body, rule), door)
            except _TakenMeanwhile:
                continue
            log.info("ticket.taken", ticket=record.id, line=record.line, line_test=record.line_test)
            return record
        raise Conflict(f"ticket {ticket.id} cannot be stored as {id_}: another system's is called so; rename the token")

    def names_of(self, actor: Actor) -> tuple[str, ...]:
        """The names under which the system of this actor hands in tickets."""
        return self._sources.same_system(actor.name)

    async def meant(self, actor: Actor, number: str | None) -> str | None:
        """The id of the ticket that the actor calls so: its own system's, else the one of this id; None for none."""
        if number is None:
            return None
        async with self._store.reading() as tx:
            own = await ticket_store.by_number(tx, self.names_of(actor), number)
        return number if own is None else own.id

    async def meant_for(
        self, actor: Actor, number: str | None, *, line: str | None = None, device: str | None = None
    ) -> str | None:
        """`meant`, where something is done for the ticket, on this line or on this device's: what comes of it is
        written into the ticket, so it must be the caller's to touch. A number that nobody handed in is kept.

        Raises:
            NotFound: the ticket is out of the caller's reach, or of another line.
        """
        if number is None:
            return None
        if (seen := await self._by_number(actor, number)) is None:
            with viewing(View()):
                hidden = await self._by_number(actor, number)
            if hidden is None:
                return number
            if (view := current_view()) is not None:
                view.refuse(f"tickets:{hidden.id}")
            raise NotFound(f"there is no ticket {number[:80]!r}; `secondline ticket list` shows those that came")
        if device is not None:
            async with self._store.reading() as tx:
                found = await device_store.get(tx, device)
            line = None if found is None else found.line
        if None not in (line, seen.line) and line != seen.line:
            raise NotFound(f"ticket {number[:80]!r} is of line {seen.line}, not of {line}; name a ticket of the line")
        return seen.id

    async def _by_number(self, actor: Actor, number: str) -> TicketRecord | None:
        """The ticket that the actor's system calls so, else the one of this id, as far as the view reaches."""
        async with self._store.reading() as tx:
            own = await ticket_store.by_number(tx, self.names_of(actor), number)
            return own or await ticket_store.get(tx, number)

    async def get(self, actor: Actor, ticket_id: str) -> TicketView:
        """A ticket with its line test and verdict.

        Raises:
            NotFound: no such ticket.
        """
        if not actor.may(Scope.READ):
            actor.require(Scope.TICKETS)
        async with self._store.reading() as tx:
            record = await ticket_store.by_number(tx, self.names_of(actor), ticket_id)
            record = record or await ticket_store.get(tx, ticket_id)
            if record is None:
                raise NotFound(f"there is no ticket {ticket_id[:80]!r}; `secondline ticket list` shows those that came")
            test = await test_store.get(tx, record.line_test) if record.line_test is not None else None
            return TicketView(record, test, await check_store.get(tx, record.id))

    async def recent(
        self, actor: Actor, *, line: str | None = None, limit: int = 100, after: str = ""
    ) -> list[TicketRecord]:
        """Tickets, of one line or of all, by id downwards; `after` is the last id of the page before."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await ticket_store.list_tickets(tx, line=line, limit=limit, before=after or None)

    async def _known(self, actor: Actor, number: str, event_id: str) -> tuple[TicketRecord | None, str]:
        """The ticket of this event, else of this number, and the id that a new one gets.

        What a system sent itself is known to it, wherever its line is now; of the others only the id is looked at.
        """
        names = self.names_of(actor)
        with viewing(View()):
            async with self._store.reading() as tx:
                known, free = await ticket_store.known(tx, names, number, event_id)
        free = free and self._sources.may_be_called(actor.name, number)
        return known, number if free else own_id(actor.name, number)

    async def _store_ticket(self, tx: Transaction, actor: Actor, new: _New, door: Door) -> TicketRecord:
        event, rule = new.event, new.rule
        ticket, now = event.event.trouble_ticket, self._clock()
        line, why = await self._line_of(tx, ticket)
        test: LineTestRecord | None = None
        if line is not None and ticket.ticket_type in self._config.untested_types:
            why = f"tickets of type {ticket.ticket_type!r} get no line test"
        elif line is not None and not rule.test:
            why = f"the rule {rule.name!r} of [[tickets.checks]] says that such tickets get no line test"
        elif line is not None:
            service = service_of(ticket)
            wanted = self._line_tests.plan(actor, line.id, ticket=new.id, service=service, depth=rule.depth)
            test = await door.test_for(tx, wanted)
        line_test = None if test is None else test.id
        record = TicketRecord(
            id=new.id,
            event_id=event.event_id,
            received_at=now,
            source=actor.name,
            body=dict(new.body),
            line=line.id if line is not None else None,
            line_test=line_test,
            detail=why,
            outside_id=None if new.id == ticket.id else ticket.id,
        )
        if not await ticket_store.add(tx, record):
            raise _TakenMeanwhile
        if line is not None:
            check = TicketCheck(
                new.id, line.id, now, line_test, rule.name, rule.depth, rule.priority, ticket.ticket_type
            )
            await check_store.put(tx, check)
        after: dict[str, Json] = {"event": event.event_id, "line": record.line, "line_test": line_test}
        await audit.note(tx, actor, "ticket.taken", f"ticket:{new.id}", now, after=after)
        return record

    async def _line_of(self, tx: Transaction, ticket: TroubleTicket) -> tuple[LineRecord | None, str]:
        """The line that the ticket names by the first rule that finds exactly one, or why there is none."""
        tried = []
        for rule in self._config.line_from:
            key, _, name = rule.partition(":")
            for value in FINDERS[key](ticket, name):
                found = await self._lines_for(tx, key, value)
                if len(found) == 1:
                    return found[0], ""
                tried.append(f"{rule}={value[:60]!r} ({len(found)} lines)")
        return None, f"no line found: {'; '.join(tried) or 'the ticket names none'}; see [tickets] line_from"

    async def _lines_for(self, tx: Transaction, key: str, value: str) -> list[LineRecord]:
        if not value.isprintable():
            return []
        line = await line_store.get(tx, value)
        if line is not None:
            return [line]
        if key == "party":
            return await line_store.by_account(tx, value)
        if key == "entity":
            return await line_store.by_account(tx, value) or await line_store.by_pppoe_login(tx, value)
        return []
