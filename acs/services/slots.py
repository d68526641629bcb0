"""Places for work that many want at the same time: who is waited for by a person goes first.

    operator ─┐
    ticket  ──┼─► waiting, the more urgent first, then the longer waiting ─► one of N places ─► free again
    bulk    ──┘

The rule of this file: urgency may be raised while something waits (somebody more urgent joined it), never lowered.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Protocol


class Priority(IntEnum):
    """Who waits for a line test."""

    #: an engineer, with the subscriber on the phone
    OPERATOR = 0
    #: a ticket, or the subscriber himself
    TICKET = 1
    #: our own work: after an outage, after a repair, rounds
    BULK = 2


#: share of the places to wait in that each may fill: bulk leaves room for tickets, tickets for engineers
ROOM = {Priority.OPERATOR: 1.0, Priority.TICKET: 0.9, Priority.BULK: 0.5}
#: how priorities are called in configuration and answers
NAMES = {"operator": Priority.OPERATOR, "ticket": Priority.TICKET, "bulk": Priority.BULK}


class Waits(Protocol):
    """Something that waits; its priority may change meanwhile."""

    priority: Priority


class Slots:
    """So many at the same time."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[Waits, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    @asynccontextmanager
    async def place(self, who: Waits) -> AsyncIterator[None]:
        """Hold a place while the block runs."""
        await self._take(who)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, who: Waits) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (who, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # the turn came in the very moment of the end
            elif entry in self._waiting:
                self._waiting.remove(entry)
            raise

    def _give_back(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        # the first of equals is the one that waits longest: `min` keeps the order
        entry = min(self._waiting, key=lambda each: each[0].priority)
        self._waiting.remove(entry)
        entry[1].set_result(None)
