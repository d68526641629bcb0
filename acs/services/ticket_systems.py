"""Ticket systems by adapter: their tickets come in, asked for or sent; what becomes of them goes out by the outbox.

    ask what changed ─┐
    signed message   ─┴─► ticket as it is now ─┬─ never seen     ─► created: line test
                                               ├─ status changed ─► told: resolved ─► tested again
                                               └─ as it was      ─► nothing

The rule of this file: an event is taken before the ticket is remembered; whatever breaks between, the next look tells
it again, and the same event has no second effect.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog

from acs.config import AdapterSystem, Config, read_secret
from acs.errors import AcsError, Conflict, Forbidden, InvalidInput, NotFound, Replayed, TooMany
from acs.services.actor import Actor, Scope
from acs.services.adapter_client import AdapterClient, Unread
from acs.services.adapter_sender import OURS, AdapterSender, as_found
from acs.services.adapters import paths
from acs.services.adapters.mapping import (
    TheirTicket,
    creation_event,
    instant,
    own_status_event,
    status_event,
    ticket_key,
)
from acs.services.clock import Clock
from acs.services.deliveries import Deliveries, NotTaken, Target
from acs.services.quality import QualityReports
from acs.services.signatures import HEADER, verified
from acs.services.tmf.ticket_patches import ENDED
from acs.services.tmf_listener import TicketListener
from acs.store import ticket_systems as system_store
from acs.store.store import Store
from acs.store.ticket_systems import Feed, RefusedTicket, TicketState

#: seconds between two looks at which system is due
_TICK_S = 1.0
#: a look begins so long before the end of the last one: their instants are whole seconds
_OVERLAP = timedelta(seconds=2)
#: calls of one delivery: read, its notes, and a few to tell
_CALLS = 5
_HUB = "X-Hub-Signature"
#: what is wrong with one ticket, not with the system or with us
_ODD = (InvalidInput, NotFound, Conflict, Forbidden)
#: characters that are kept of why a ticket was refused
_WHY = 400
_CAME_BEFORE = "this very message came before; sign it anew to send it again"
#: seconds that a message waits for a call to its system: one that sends while it answers us waits for its own answer
_PATIENCE_S = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class _System:
    config: AdapterSystem
    client: AdapterClient
    secrets: list[str]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    due_at: datetime | None = None


@dataclass(slots=True)
class _Look:
    """One question for what changed: how far it was read, and what could not be taken.

    `waits`: a ticket has to be read again, so the next look begins no later.
    """

    seen: datetime
    refused: dict[str, RefusedTicket]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class SystemView:
    """A ticket system, and how far it was read."""

    name: str
    adapter: str
    url: str
    poll_s: float
    hears: bool
    feed: Feed | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a message: the ticket, and what was new about it (created, its status, or nothing)."""

    ticket: str
    news: str
    line_test: str | None = None
    detail: str = ""


class TicketSystems:
    """Use cases on ticket systems by adapter, and the worker's job for them."""

    def __init__(
        self,
        store: Store,
        config: Config,
        listener: TicketListener,
        quality: QualityReports,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._store = store
        self._window_s = config.adapters.window_s
        self._ours = config.tmf.system
        networks = config.webhooks.plain_networks
        self._listener = listener
        self._quality = quality
        self._clock = clock
        self._systems = {
            one.name: _System(one, AdapterClient(one, networks, transport=transport), _secrets(one))
            for one in config.adapters.systems
        }

    def targets(self) -> list[Target]:
        """The systems that are told things, for the outbox."""
        found = []
        for name, system in self._systems.items():
            if not system.client.adapter.write:
                continue
            sender = AdapterSender(self._store, system.config, system.client, system.lock, self._ours, self._clock)
            found.append(Target(f"adapter-{name}", sender, sender.wants, _CALLS * system.config.timeout_s))
        return found

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for them."""
        asked = any(_asked(system) for system in self._systems.values())
        return {"ticket systems": (_TICK_S, self.turn)} if asked else {}

    async def turn(self) -> None:
        """Ask every system that is due for what changed; one that does not answer holds up no other."""
        now = self._clock()
        due = [one for one in self._systems.values() if _asked(one) and (one.due_at is None or one.due_at <= now)]
        for system in due:
            system.due_at = now + timedelta(seconds=system.config.poll_s)
        await asyncio.gather(*(self._look(system) for system in due))

    async def show(self, actor: Actor) -> Sequence[SystemView]:
        """The systems, and how far they were read."""
        actor.require_all_lines(Scope.READ)
        async with self._store.reading() as tx:
            feeds = {feed.system: feed for feed in await system_store.feeds(tx)}
        return [
            SystemView(
                name,
                one.client.adapter.name,
                one.config.url,
                one.config.poll_s if one.client.adapter.poll is not None else 0.0,
                bool(one.secrets),
                feeds.get(name),
            )
            for name, one in self._systems.items()
        ]

    async def hear(self, name: str, headers: Mapping[str, str], body: bytes, origin: str) -> Heard:
        """Take a signed message of a system.

        Raises:
            NotFound: no system is called so, or it sends nothing.
            Forbidden: its signature or its time is wrong.
            Replayed: the very same message was taken before.
            TooMany: too many line tests wait, or the system is being told something; nothing was stored.
            InvalidInput: it holds no ticket.
        """
        system = self._systems.get(name)
        if system is None or not system.secrets:
            raise Forbidden(f"no system that is called {name[:40]!r} may send messages; see [[adapters.systems]]")
        digest = self._believed(system, headers, body)
        try:
            message = json.loads(body)
        except ValueError as error:
            raise InvalidInput(f"the body is no JSON: {error}") from None
        ticket = system.client.ticket(message if isinstance(message, dict) else {})
        async with _turn(system):
            await self._refuse_repeat(name, digest)
            heard = await self._take(system, ticket, origin)
            await self._remember_message(name, digest)
        return heard

    async def _refuse_repeat(self, name: str, digest: str) -> None:
        async with self._store.reading() as tx:
            if await system_store.was_heard(tx, name, digest):
                raise Replayed(_CAME_BEFORE)

    async def _remember_message(self, name: str, digest: str) -> None:
        """Remember a signature once its message was taken: what was refused may come again just as it was."""
        now = self._clock()
        async with self._store.transaction() as tx:
            forget = now - timedelta(seconds=4 * self._window_s)
            if not await system_store.is_new(tx, name, digest, now, forget):
                raise Replayed(_CAME_BEFORE)

    def _believed(self, system: _System, headers: Mapping[str, str], body: bytes) -> str:
        form, now = system.client.adapter.signature, self._clock()
        if form.scheme == "secondline" or HEADER in headers:
            return verified(system.secrets, headers.get(HEADER, ""), body, now, self._window_s)
        digest = _hub_verified(form.scheme.removeprefix("hub-"), system.secrets, headers.get(_HUB, ""), body)
        at = _time_in(body, form.time)
        if at is None or abs((now - at).total_seconds()) > self._window_s:
            raise Forbidden(
                f"the message is of {at}, more than {self._window_s:g} s from our time, or says no time at "
                f"{' or '.join(form.time)}; send it when it happens, and set the clock"
            )
        return digest

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _look(self, system: _System) -> None:
        """Ask one system for what changed, and note how far that was."""
        name, now = system.config.name, self._clock()
        async with self._store.reading() as tx:
            before = await system_store.feed(tx, name)
        # what says that it changes in the future, or a clock set back, would keep us from asking until then
        last = None if before is None else min(before.seen_to, now)
        since = now - timedelta(hours=system.config.first_look_h) if last is None else last - _OVERLAP
        look = _Look(last or since, {one.number: one for one in before.refused} if before is not None else {})
        problem = ""
        try:
            async with system.lock:
                async for ticket in system.client.changed(since):
                    await self._take_asked(system, ticket, look, now)
        except (NotTaken, AcsError) as error:
            problem = str(error)
        async with self._store.transaction() as tx:
            await system_store.put_feed(tx, Feed(name, look.seen, now, problem, tuple(look.refused.values())))
        if problem and (before is None or not before.problem):
            log.warning("ticket_system.away", system=name, problem=problem[:300])
        if not problem and before is not None and before.problem:
            log.info("ticket_system.back", system=name)

    async def _take_asked(self, system: _System, ticket: TheirTicket | Unread, look: _Look, now: datetime) -> None:
        """Take a ticket of a look. What is wrong with one of them is noted and holds up no other."""
        known, why = look.refused.pop(ticket.number if isinstance(ticket, Unread) else ticket.id, None), ""
        if isinstance(ticket, Unread):
            number, why = ticket.number, ticket.why
            look.waits = look.waits or ticket.again
        else:
            number = ticket.id
            try:
                await self._take(system, ticket, "asked")
            except _ODD as error:
                why = str(error)
            if not look.waits:
                look.seen = min(max(look.seen, ticket.changed_at or look.seen), now)
        if not why:
            return
        look.refused[number] = RefusedTicket(number, why[:_WHY], now)
        if known is None:
            log.warning("ticket_system.ticket_refused", system=system.config.name, number=number, problem=why[:_WHY])

    # --- taking ------------------------------------------------------------------------------------------------------

    async def _take(self, system: _System, ticket: TheirTicket, origin: str) -> Heard:
        name, key = system.config.name, ticket_key(system.config.name, ticket.id)
        actor = Actor(name=name, kind="system", scopes=frozenset({Scope.TICKETS}), origin=origin)
        async with self._store.reading() as tx:
            before = await system_store.state(tx, key)
        if before is None and ticket.status in (*ENDED, "resolved"):
            await self._remember(name, key, ticket)
            return Heard(key, "", detail="it had ended before it was seen: no test")
        if before is None:
            taken = await self._listener.take(actor, creation_event(name, ticket))
            await self._remember(name, key, ticket)
            return Heard(key, "created", taken.line_test, taken.detail)
        before = as_found(before, ticket.status)
        if before.status == OURS:
            await self._listener.take(actor, own_status_event(name, ticket, before.word, before.changed_at, self._ours))
            await self._remember(name, key, replace(ticket, status=before.word, their_status="", changed_at=None))
        if not ticket.status or ticket.status == before.word:
            return Heard(key, "")
        changed = await self._listener.take(actor, status_event(name, ticket, before.word, before.changed_at))
        await self._remember(name, key, ticket)
        await self._close(actor, key, ticket)
        return Heard(key, ticket.status, changed.line_test, changed.detail)

    async def _close(self, actor: Actor, key: str, ticket: TheirTicket) -> None:
        """Hand in how a ticket was closed, where its system says so in a word that we know."""
        if ticket.status != "closed" or not ticket.closing_code:
            return
        try:
            await self._quality.close(actor, key, code=ticket.closing_code)
        except (InvalidInput, NotFound) as error:
            log.info("ticket.closing_code_unknown", ticket=key, why=str(error))

    async def _remember(self, name: str, key: str, ticket: TheirTicket) -> None:
        at = ticket.changed_at or self._clock()
        async with self._store.transaction() as tx:
            await system_store.put_state(tx, TicketState(key, name, ticket.their_status[:200], ticket.status, at))


def build_ticket_systems(
    store: Store,
    config: Config,
    deliveries: Deliveries,
    listener: TicketListener,
    quality: QualityReports,
    clock: Clock,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> TicketSystems:
    """Put the systems together, and let them be told of what happens.

    Raises:
        ConfigError: an adapter, a url or a file of a secret is wrong.
    """
    systems = TicketSystems(store, config, listener, quality, clock, transport=transport)
    for target in systems.targets():
        deliveries.add(target)
    return systems


@asynccontextmanager
async def _turn(system: _System) -> AsyncIterator[None]:
    """The system for ourselves, among this process.

    Raises:
        TooMany: it is told something, or asked, and that takes long.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await system.lock.acquire()
    except TimeoutError:
        told = f"a call to {system.config.name} has not ended; nothing was taken, send the message again"
        raise TooMany(told, retry_after_s=int(_PATIENCE_S)) from None
    try:
        yield
    finally:
        system.lock.release()


def _asked(system: _System) -> bool:
    return system.config.poll_s > 0 and system.client.adapter.poll is not None


def _secrets(config: AdapterSystem) -> list[str]:
    files = {"secret_file": config.secret_file, "old_secret_file": config.old_secret_file}
    key = f"adapters.systems.{config.name}"
    return [read_secret(path, f"{key}.{name}") for name, path in files.items() if path is not None]


def _hub_verified(algorithm: str, secrets: Sequence[str], header: str, body: bytes) -> str:
    """The signature of X-Hub-Signature by which a message is believed.

    Raises:
        Forbidden: it is none by a key of ours.
    """
    given = header.strip().removeprefix(f"{algorithm}=").lower()
    for secret in secrets:
        right = hmac.new(secret.encode(), body, algorithm).hexdigest()
        if given.isascii() and hmac.compare_digest(right, given):
            return hashlib.sha256(right.encode()).hexdigest()
    raise Forbidden(f"{_HUB} is no {algorithm} of this body by a key of ours; set the same secret on both sides")


def _time_in(body: bytes, where: Sequence[str]) -> datetime | None:
    try:
        message: Any = json.loads(body)
    except ValueError:
        return None
    return instant(paths.text_at(message, where))
