"""What becomes of line tests, repairs and outages, written into tickets by adapter.

    delivery ─► story ─► ticket as it is now ─► its mark is there: done before
                                            └─► its new status: tried ─► calls of the adapter, the note last ─► ours
                                                                  └─(the first was refused)─► as it was

The rule of this file: the ticket is read before it is written, so an answer that was lost is found in it, and nothing
is written twice; a status is remembered before we give it, so that seeing it starts nothing, however the write ended.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acs.config import AdapterSystem
from acs.services.adapter_client import AdapterClient, Read
from acs.services.adapters.mapping import Call, calls, number_of, verdict_words
from acs.services.clock import Clock
from acs.services.deliveries import Fault, NotTaken
from acs.services.ticket_stories import PARTIAL, TicketStories
from acs.services.tmf.stories import Manner
from acs.services.tmf.ticket_patches import Story
from acs.store import ticket_systems as system_store
from acs.store.deliveries import Delivery
from acs.store.records import Json, LineTestRecord
from acs.store.store import Store
from acs.store.ticket_systems import TicketState

#: their status of a ticket whose status we gave, until it is seen
OURS = "(ours)"
#: the same while it is not known whether they have it; our word for the status before follows
_TRIED = "(tried) "
#: events that are told to the ticket which they name
_OF_TICKETS = (PARTIAL, "line_test.verdict", "line_test.failed", "outage.ticket_attached")
_REPAIRS = "after_fix."


class AdapterSender:
    """Brings what happened to the tickets of one system. `lock` is held while a status is changed;
    what we write is marked as that of `ours`."""

    def __init__(
        self, store: Store, config: AdapterSystem, client: AdapterClient, lock: asyncio.Lock, ours: str, clock: Clock
    ) -> None:
        self._store = store
        self._config = config
        self._client = client
        self._lock = lock
        self._clock = clock
        self._stories = TicketStories(store, _manner(config, ours))

    def wants(self, event_type: str, body: Mapping[str, Json]) -> bool:
        """Whether an event is about a ticket of this system."""
        told = event_type in _OF_TICKETS or event_type.startswith(_REPAIRS)
        return told and number_of(self._config.name, str(body.get("ticket") or "")) is not None

    async def send(self, delivery: Delivery) -> str:
        """Tell a ticket; see `Sender.send`."""
        body: dict[str, Any] = delivery.body if isinstance(delivery.body, dict) else {}
        ticket = str(body.get("ticket"))
        number = number_of(self._config.name, ticket)
        if number is None:
            return "the ticket is of another system"
        story, test = await self._stories.story(delivery.event_type, ticket, body, delivery.created_at)
        if story is None:
            return "nothing to tell"
        async with self._lock:
            now = await self._client.read(number)
            if now.holds(story.marker):
                return "the ticket has it already"
            status = _status(now, story)
            words = self._words(number, story, status, test, str(body.get("queue") or ""))
            made = calls(self._client.adapter, words)
            return await (self._give(ticket, status, now, made) if words["status"] else self._client.tell(made))

    async def _give(self, ticket: str, status: str, now: Read, made: list[Call]) -> str:
        """Give a ticket a status and the rest. A call without an answer may have been done; a refused one was not."""
        async with self._store.reading() as tx:
            before = await system_store.state(tx, ticket)
        was = now.ticket.status if before is None else word_before(before)
        await self._remember(ticket, _TRIED + was, status)
        said = ""
        for n, call in enumerate(made):
            try:
                said = await self._client.tell([call])
            except NotTaken as error:
                if n == 0 and before is not None and error.fault is not Fault.AWAY:
                    await self._put(as_found(before, now.ticket.status))
                raise
        await self._remember(ticket, OURS, status)
        return said

    def _words(self, number: str, story: Story, status: str, test: LineTestRecord | None, queue: str) -> dict[str, str]:
        verdict = test.verdict if test is not None and isinstance(test.verdict, dict) else {}
        return {
            **self._client.words,
            **verdict_words(self._client.adapter, verdict, self._config.language, queue),
            "id": number,
            "text": story.text,
            "mark": story.marker,
            "status": self._client.adapter.status_out.get(status, "") if status else "",
            "line": test.line if test is not None else "",
            "line_test": story.test or "",
        }

    async def _remember(self, ticket: str, how: str, word: str) -> None:
        await self._put(TicketState(ticket, self._config.name, how, word, self._clock()))

    async def _put(self, state: TicketState) -> None:
        async with self._store.transaction() as tx:
            await system_store.put_state(tx, state)


def word_before(state: TicketState) -> str:
    """Our word for the status that a ticket was seen with last, whatever we tried since."""
    return state.status.removeprefix(_TRIED) if state.status.startswith(_TRIED) else state.word


def as_found(state: TicketState, word: str) -> TicketState:
    """How a ticket stood last, now that it is found with the status of this word: a try of ours is settled by it."""
    if not state.status.startswith(_TRIED):
        return state
    return replace(state, status=OURS) if word == state.word else replace(state, status="", word=word_before(state))


def _status(now: Read, story: Story) -> str:
    """The status that the ticket gets; "" where it keeps its own."""
    have = now.ticket.status
    if not have or not story.status or have == story.status:
        return ""
    return story.status if not story.status_from or have in story.status_from else ""


def _manner(config: AdapterSystem, ours: str) -> Manner:
    return Manner(
        system=ours,
        language=config.language,
        status=config.status,
        when_fixed=config.when_fixed or "",
        when_checked=config.when_checked or "",
        when_broken=config.when_broken or "",
    )
