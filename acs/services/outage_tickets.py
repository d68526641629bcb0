"""Tickets of lines that fell belong to the outage; those that came a little before it too.

The rule of this file: a look reads the tickets that came since the last one; those before only for lines that are new
to their outage.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from acs.services.outage_cases import RUNNING, Case
from acs.store import outage_evidence as evidence_store
from acs.store import outages as outage_store
from acs.store.outages import OutageTicket
from acs.store.transaction import Transaction

#: tickets that came so little before an outage belong to it
BEFORE = timedelta(minutes=15)
#: a ticket may be stored so long after it came
_LATE = timedelta(seconds=60)


class OutageTickets:
    """Remembers up to when the tickets of which lines were read. Belongs to one process."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[frozenset[str], datetime]] = {}
        self._reading: dict[str, tuple[frozenset[str], datetime]] = {}

    async def attach(
        self, tx: Transaction, running: Mapping[str, Case], now: datetime
    ) -> list[tuple[Case, OutageTicket]]:
        """Attach what came, and return what is new; then `kept`, once stored."""
        self._reading = {}
        since: dict[str, datetime] = {}
        for id_, case in running.items():
            if case.outage.state in RUNNING:
                lines = frozenset(case.lines)
                known, read_at = self._read.get(id_, (frozenset(), now))
                since[id_] = case.outage.since - BEFORE if lines - known else read_at - _LATE
                self._reading[id_] = (lines, now)
        if not since:
            return []
        came: dict[str, list[tuple[str, str]]] = {}
        of_line: dict[str, list[str]] = {}
        for id_ in since:
            for line in running[id_].lines:
                of_line.setdefault(line, []).append(id_)
        async for page in evidence_store.tickets_since(tx, min(since.values())):
            for ticket, line, _, at in page:
                for id_ in of_line.get(line, ()):
                    if at >= running[id_].outage.since - BEFORE:
                        came.setdefault(id_, []).append((ticket, line))
        return [one for id_, tickets in came.items() for one in await _attach(tx, running[id_], tickets, now)]

    def kept(self) -> None:
        """What was attached last is stored."""
        self._read = self._reading


async def _attach(
    tx: Transaction, case: Case, tickets: list[tuple[str, str]], now: datetime
) -> list[tuple[Case, OutageTicket]]:
    known = {one.ticket for one in await outage_store.tickets_of(tx, case.outage.id)}
    fresh = [OutageTicket(case.outage.id, ticket, line, now) for ticket, line in tickets if ticket not in known]
    if fresh:
        await outage_store.put(tx, case.outage)
        await outage_store.add_tickets(tx, fresh)
    return [(case, one) for one in fresh]
