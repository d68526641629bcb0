"""What becomes of line tests, repairs and outages, written into the tickets of a ticket system with TMF621.

    delivery ─► story ─► ticket as it is ─► what is missing of the story ─► PATCH
                            ▲                                               │ changed meanwhile: read again
                            └───────────────────────────────────────────────┘

The rule of this file: the ticket is read before it is written, so an answer that was lost is found in it, and nothing
is written twice.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from acs.config import TicketSystemSection, TmfSection
from acs.services.clock import Clock
from acs.services.deliveries import NotTaken, Target
from acs.services.ticket_stories import PARTIAL, test_and_before, told_early
from acs.services.tmf import service_problems, service_tests, stories
from acs.services.tmf.service_problems import severity
from acs.services.tmf.stories import Manner
from acs.services.tmf.ticket_patches import Outage, Story, creation, patch
from acs.services.tmf_systems import TicketSystem
from acs.store import tickets as ticket_store
from acs.store import tmf as tmf_store
from acs.store.deliveries import Delivery
from acs.store.records import Json, LineTestRecord, LineTestState, TicketRecord
from acs.store.store import Store
from acs.store.tmf import RemoteThing

#: events that are told to the ticket which they name
_OF_TICKETS = (PARTIAL, "line_test.verdict", "line_test.failed", "outage.ticket_attached")
_REPAIRS = ("fixed", "not_fixed", "fell_back")
#: events of an outage that its own ticket is made, or ended, by
_OPENING, _ENDING = ("outage.opened", "outage.confirmed"), ("outage.restored", "outage.closed", "outage.dismissed")
#: a ticket is read again so often when somebody else writes it at the same time
_TRIES = 4
#: kind of the tickets that we make for outages
_OUTAGE = "outage"
#: calls of one delivery: find, create, read and write a few times
_CALLS = 4


class TicketSender:
    """Brings what happened to the tickets of one ticket system."""

    def __init__(
        self,
        store: Store,
        config: TicketSystemSection,
        tmf: TmfSection,
        system: TicketSystem,
        clock: Clock,
        others: frozenset[str] = frozenset(),
    ) -> None:
        self._store = store
        self._others = others
        self._config = config
        self._base = tmf.public_url or ""
        self._author = tmf.system
        self._system = system
        self._clock = clock
        self._making = asyncio.Lock()
        self._manner = Manner(
            system=tmf.system,
            language=config.language,
            status=config.status,
            when_fixed=config.when_fixed or "",
            when_checked=config.when_checked or "",
            when_broken=config.when_broken or "",
        )

    def wants(self, event_type: str, body: Mapping[str, Json]) -> bool:
        """Whether an event is told to this system."""
        if event_type in (*_OPENING, *_ENDING):
            return self._config.outage_tickets
        of_ticket = event_type in _OF_TICKETS or event_type.removeprefix("after_fix.") in _REPAIRS
        return of_ticket and bool(body.get("ticket"))

    async def send(self, delivery: Delivery) -> str:
        """Tell a ticket; see `Sender.send`."""
        body: dict[str, Any] = delivery.body if isinstance(delivery.body, dict) else {}
        if delivery.event_type in (*_OPENING, *_ENDING):
            return await self._tell_outage(delivery.event_type, body, delivery.created_at)
        ticket = str(body.get("ticket"))
        async with self._store.reading() as tx:
            record = await ticket_store.get(tx, ticket)
        if not self._is_ours(record):
            return "the ticket is of another system"
        story = await self._story(delivery.event_type, ticket, body, delivery.created_at)
        number = ticket if record is None else record.number
        return "nothing to tell" if story is None else await self._tell(number, story)

    async def _tell(self, ticket: str, story: Story) -> str:
        for _ in range(_TRIES):
            now, etag = await self._system.ticket(ticket)
            whole = self._config.lists == "whole"
            body = patch(now, story, self._system.version, self._author, whole=whole)
            if not body:
                return "the ticket has it already"
            said = await self._system.patch(ticket, body, etag)
            if said is not None:
                return said
        raise NotTaken(f"ticket {ticket} changed {_TRIES} times between reading and writing")

    # --- what is told ------------------------------------------------------------------------------------------------

    def _is_ours(self, record: TicketRecord | None) -> bool:
        """Whether a ticket came from this system: from its `sources`, else from none that has an adapter."""
        sources = self._config.sources
        if sources:
            return record is not None and record.source in sources
        return record is None or record.source not in self._others

    async def _story(self, event: str, ticket: str, body: Mapping[str, Any], at: datetime) -> Story | None:
        if event == "outage.ticket_attached":
            return stories.outage_story(self._manner, body, await self._parent(body, at), at)
        if event.startswith("after_fix."):
            story = stories.repair_story(self._manner, event.removeprefix("after_fix."), body, at)
            repaired, _ = await test_and_before(self._store, story.test or "", ticket)
            return self._with_test(story, repaired)
        test, before = await test_and_before(self._store, str(body.get("line_test") or ""), ticket)
        test = told_early(test, event, body)
        if test is None:
            return None
        if test.state is LineTestState.FAILED:
            return self._with_test(stories.failure_story(self._manner, test, at), test)
        queue = str(body.get("queue") or "")
        corrects = bool(body.get("corrects"))
        return self._with_test(stories.verdict_story(self._manner, test, at, before, queue, corrects=corrects), test)

    def _with_test(self, story: Story, test: LineTestRecord | None) -> Story:
        if test is None:
            return story
        href = f"{self._base}{service_tests.BASE}/serviceTest/{test.id}" if self._base else ""
        link = href if self._config.attachment == "link" else ""
        document = service_tests.service_test(test, self._base)
        return replace(story, test=test.id, test_href=href, document=document, document_href=link)

    # --- tickets of outages ------------------------------------------------------------------------------------------

    async def _tell_outage(self, event: str, body: Mapping[str, Any], at: datetime) -> str:
        """Make the ticket of an outage, or tell it that the outage is over."""
        if event in _OPENING:
            return f"ticket {await self._outage_ticket(body, at)}"
        async with self._store.reading() as tx:
            thing = await tmf_store.remote_thing(tx, self._config.name, _OUTAGE, str(body.get("outage")))
        if thing is None or not thing.remote_id:
            return "the outage has no ticket there"
        return await self._tell(thing.remote_id, stories.outage_end_story(self._manner, body, at))

    async def _parent(self, body: Mapping[str, Any], at: datetime) -> Outage:
        """The outage of a ticket: its own ticket where there are such, otherwise our service problem stands for it."""
        problem = str(body.get("outage"))
        ticket = await self._outage_ticket(body, at) if self._config.outage_tickets else problem
        href = f"{self._base}{service_problems.BASE}/serviceProblem/{problem}" if self._base else ""
        return Outage(ticket, problem, href)

    async def _outage_ticket(self, body: Mapping[str, Any], at: datetime) -> str:
        """The id of the ticket of an outage; it is made once, whatever breaks between."""
        outage, name = str(body.get("outage")), self._config.name
        async with self._making:
            now = self._clock()
            async with self._store.transaction() as tx:
                thing = await tmf_store.remote_thing(tx, name, _OUTAGE, outage)
                if thing is not None and thing.remote_id:
                    return thing.remote_id
                stale = now - timedelta(seconds=2 * _CALLS * self._config.timeout_s)
                mine = await tmf_store.claim_remote_thing(tx, RemoteThing(name, _OUTAGE, outage, "", now), stale)
            if not mine:
                raise NotTaken(f"the ticket of outage {outage} is being made by another process")
            return await self._made(outage, body, now)

    async def _made(self, outage: str, body: Mapping[str, Any], now: datetime) -> str:
        key, name = f"{self._author}:outage:{outage}", self._config.name
        try:
            found = await self._system.find(key)
            if found is None:
                title, text = stories.outage_creation(self._manner, body)
                hit = body.get("hit")
                how_bad = severity(hit if isinstance(hit, int) else 0)
                made = creation(key, text, how_bad, title, self._system.version, self._author)
                found = await self._system.create(made)
        except NotTaken:
            async with self._store.transaction() as tx:  # the next try looks for it first
                await tmf_store.drop_remote_thing(tx, name, _OUTAGE, outage)
            raise
        async with self._store.transaction() as tx:
            await tmf_store.put_remote_thing(tx, RemoteThing(name, _OUTAGE, outage, found, now))
        return found


def ticket_targets(
    store: Store,
    config: TmfSection,
    clock: Clock,
    *,
    others: frozenset[str] = frozenset(),
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Target]:
    """The ticket systems of the configuration, as targets of the outbox; `others` are told by adapters.

    Raises:
        ConfigError: a url or a file of a credential is wrong.
    """
    found = []
    for section in config.ticket_systems:
        system = TicketSystem(section, config.plain_networks, transport=transport)
        sender = TicketSender(store, section, config, system, clock, others)
        found.append(Target(f"tmf621-{section.name}", sender, sender.wants, _CALLS * section.timeout_s))
    return found
