"""What other systems are told: written with what it tells of, sent at least once, in order per line, and never lost.

    pending ─→ delivered
       ├─(receiver away)─→ pending: the target rests, nothing is counted
       ├─(not taken)─────→ pending: this message waits, longer each time
       └─(refused, or its tries used up)─→ failed: a dead letter, shown and sent again on request

The rule of this file: a message is stored in the transaction of the thing that it tells; nothing is sent from there.
A `Sender` brings messages to one system; how (webhook, TMF621, an adapter) is its own matter.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from time import monotonic
from typing import Protocol

import structlog

from acs.config import WebhooksSection
from acs.errors import AcsError, Conflict, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.background import repeat, try_until_done
from acs.services.clock import Clock, utc_now
from acs.services.identifiers import new_id
from acs.store import deliveries as delivery_store
from acs.store.deliveries import Attempt, Delivery, DeliveryState
from acs.store.records import Json
from acs.store.store import Store
from acs.store.transaction import Transaction

#: messages of one target in one turn, at most this many of them at the same time
_BATCH = 100
_AT_ONCE = 8
#: characters kept of what went wrong
_ERROR_CHARS = 300

log = structlog.get_logger()


class Fault(StrEnum):
    """Why a message was not taken."""

    #: nobody answered: the target rests, and the message has lost nothing
    AWAY = "away"
    #: an answer, but not a yes: this message is tried again later
    LATER = "later"
    #: an answer that will not change: a dead letter at once
    REFUSED = "refused"


class NotTaken(AcsError):
    """The other system did not take a message. `retry_after_s`: what it asked for."""

    def __init__(self, why: str, fault: Fault = Fault.LATER, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.fault = fault
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """Brings messages to one system."""

    async def send(self, delivery: Delivery) -> str:
        """Hand a message over and return what the system answered, in a few words ("HTTP 200").

        It is called at least once: after a break nobody knows whether the last call got through, so a sender whose
        receiver does not drop repeats by `delivery.id` looks first whether it is there.

        Raises:
            NotTaken: with the fault that decides what follows; an unexpected error counts as `Fault.LATER`.
        """
        ...


def _everything(_event_type: str, _body: Mapping[str, Json]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Target:
    """A system that is told things. `wants` says which; `timeout_s` None is that of the configuration."""

    name: str
    sender: Sender
    wants: Callable[[str, Mapping[str, Json]], bool] = _everything
    timeout_s: float | None = None


@dataclass(slots=True)
class _Line:
    """The way to a target: how often it was away in a row, and until when it rests."""

    target: Target
    wake: asyncio.Event
    failures: int = 0
    rests_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A message with its log."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]


class Deliveries:
    """The outbox and its senders."""

    def __init__(self, store: Store, config: WebhooksSection, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        #: hears of every message in the transaction that it is written in; see `Hubs.outage`
        self.also: Callable[[Transaction, str, Mapping[str, Json]], Awaitable[int]] | None = None

    def add(self, target: Target) -> None:
        """Make a system known; before `run`.

        Raises:
            Conflict: another one has its name.
        """
        if target.name in self._lines:
            raise Conflict(f"two receivers are called {target.name!r}; give each its own name")
        self._lines[target.name] = _Line(target, asyncio.Event())

    @property
    def names(self) -> Sequence[str]:
        """The systems that are told things."""
        return tuple(self._lines)

    async def enqueue(
        self,
        tx: Transaction,
        event_type: str,
        body: Mapping[str, Json],
        now: datetime,
        *,
        subject: str | None = None,
    ) -> int:
        """Write one message per target that wants it, in the caller's transaction, and return how many were written.

        `subject`: messages of one subject arrive in the order in which they were written; None takes the body's
        `line`, or its `ticket`.
        """
        if subject is None:
            subject = next((f"{key}:{body[key]}" for key in ("line", "ticket") if body.get(key)), "")
        ticket = body.get("ticket")
        wanting = [name for name, line in self._lines.items() if line.target.wants(event_type, body)]
        for name in wanting:
            delivery = Delivery(
                id=new_id(),
                target=name,
                event_type=event_type,
                body=dict(body),
                state=DeliveryState.PENDING,
                created_at=now,
                next_at=now,
                subject=subject,
                ticket=ticket if isinstance(ticket, str) else None,
            )
            await delivery_store.add(tx, delivery)
        others = 0 if self.also is None else await self.also(tx, event_type, body)
        return len(wanting) + others

    def wake(self) -> None:
        """Tell the senders that there is something to send; called after the transaction."""
        for line in self._lines.values():
            line.wake.set()

    async def run(self, idle_s: float = 1.0) -> None:
        """Send for ever: at once when woken, and every `idle_s` for retries; ends when it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(try_until_done(self._give_up_unknown, partial(_failed, "(others)"), pause_s=idle_s))
            for line in self._lines.values():
                turns = repeat(partial(self._round, line, idle_s), partial(_failed, line.target.name), pause_s=idle_s)
                group.create_task(turns, name=f"deliveries to {line.target.name}")

    async def pump(self) -> int:
        """Send once what is due, to every target, and return how many messages were tried."""
        return sum([(await self._turn(line))[0] for line in list(self._lines.values())])

    async def list(
        self,
        actor: Actor,
        state: DeliveryState | None = None,
        limit: int = 100,
        *,
        target: str | None = None,
        ticket: str | None = None,
        before: str | None = None,
    ) -> list[Delivery]:
        """Messages, newest first; `failed` are the dead letters."""
        actor.require_all_lines(Scope.READ)
        async with self._store.reading() as tx:
            states = None if state is None else (state,)
            return await delivery_store.list_deliveries(
                tx, states=states, target=target, ticket=ticket, limit=limit, before=before
            )

    async def get(self, actor: Actor, delivery_id: str) -> DeliveryView:
        """A message with every try.

        Raises:
            NotFound: no such message.
        """
        actor.require_all_lines(Scope.READ)
        async with self._store.reading() as tx:
            found = await _known(tx, delivery_id)
            return DeliveryView(found, tuple(await delivery_store.attempts_of(tx, delivery_id)))

    async def resend(self, actor: Actor, delivery_id: str) -> Delivery:
        """Send a dead letter again; it keeps its id, so a receiver that had taken it drops it.

        Raises:
            NotFound: no such message.
            Conflict: it is no dead letter.
        """
        actor.require_all_lines(Scope.OPERATE)
        now = self._clock()
        async with self._store.transaction() as tx:
            found = await _known(tx, delivery_id)
            if not await delivery_store.send_again(tx, delivery_id, now):
                raise Conflict(f"delivery {delivery_id} is {found.state.value}; only a failed one is sent again")
            await audit.note(tx, actor, "delivery.resent", f"delivery:{delivery_id}", now, after={"to": found.target})
            again = await _known(tx, delivery_id)
        if (line := self._lines.get(found.target)) is not None:
            line.rests_until = None
            line.wake.set()
        return again

    # --- the senders' loops ------------------------------------------------------------------------------------------

    async def _round(self, line: _Line, idle_s: float) -> None:
        """Send what is due, and wait for more where nothing was taken."""
        line.wake.clear()
        _, taken = await self._turn(line)
        if taken:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(idle_s):
                await line.wake.wait()

    async def _turn(self, line: _Line) -> tuple[int, int]:
        """Send what is due to one target; how many were tried, and how many taken."""
        now = self._clock()
        if line.rests_until is not None and now < line.rests_until:
            return 0, 0
        limit = 1 if line.failures else _BATCH
        async with self._store.reading() as tx:
            due = await delivery_store.due(tx, line.target.name, now, limit=limit)
        slots = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._deliver(line, delivery, slots)) for delivery in due]
        return len(due), sum(task.result() for task in tasks)

    async def _deliver(self, line: _Line, delivery: Delivery, slots: asyncio.Semaphore) -> bool:
        timeout_s = line.target.timeout_s or self._config.timeout_s
        async with slots:
            if line.failures and line.rests_until is not None and self._clock() < line.rests_until:
                return False  # it went away while this one waited for its turn
            claimed_until = self._clock() + timedelta(seconds=2 * timeout_s)
            async with self._store.transaction() as tx:
                if not await delivery_store.claim(tx, delivery.id, delivery.attempts, claimed_until):
                    return False
            at, began = self._clock(), monotonic()
            answer, problem = await _tried(line.target.sender, delivery, timeout_s)
            attempt = Attempt(delivery.id, at, round((monotonic() - began) * 1000), problem is None, answer)
        await self._store_outcome(line, delivery, attempt, problem)
        return problem is None

    async def _store_outcome(self, line: _Line, delivery: Delivery, attempt: Attempt, problem: NotTaken | None) -> None:
        now = self._clock()
        self._look_after(line, problem, now)
        retry_at = None if problem is None else self._retry_at(line, delivery, problem, now)
        async with self._store.transaction() as tx:
            await delivery_store.note(tx, attempt)
            if problem is None:
                await delivery_store.mark_delivered(tx, delivery.id, now)
            else:
                counted = problem.fault is not Fault.AWAY
                await delivery_store.mark_failed(
                    tx, delivery.id, now, attempt.answer, retry_at=retry_at, counted=counted
                )
        if problem is not None:
            log.warning(
                "delivery.failed",
                target=delivery.target,
                delivery=delivery.id,
                fault=problem.fault.value,
                given_up=retry_at is None,
                problem=attempt.answer,
            )

    def _look_after(self, line: _Line, problem: NotTaken | None, now: datetime) -> None:
        """A target that does not answer rests; whatever it answers, it is there."""
        if problem is None or problem.fault is not Fault.AWAY:
            line.failures, line.rests_until = 0, None
            return
        line.failures += 1
        pause = self._pause_s(line.failures, self._config.rest_max_s)
        line.rests_until = now + timedelta(seconds=pause)

    def _retry_at(self, line: _Line, delivery: Delivery, problem: NotTaken, now: datetime) -> datetime | None:
        attempts = delivery.attempts + 1
        if problem.fault is Fault.REFUSED or now - delivery.created_at > timedelta(seconds=self._config.give_up_s):
            return None
        if problem.fault is Fault.AWAY:
            return line.rests_until or now
        if attempts >= self._config.attempts:
            return None
        pause = self._pause_s(attempts, self._config.retry_max_s)
        if problem.retry_after_s is not None:
            pause = min(max(pause, problem.retry_after_s), self._config.retry_max_s)
        return now + timedelta(seconds=pause)

    def _pause_s(self, failures: int, longest_s: float) -> float:
        pause = min(self._config.retry_s * 2.0 ** min(failures - 1, 30), longest_s)
        return pause * (0.8 + 0.4 * secrets.randbelow(1000) / 1000)

    async def _give_up_unknown(self) -> None:
        why = "no receiver is called so any more; add it to the configuration again, then send this again"
        async with self._store.transaction() as tx:
            count = await delivery_store.give_up_others(tx, self.names, self._clock(), why)
        if count:
            log.warning("deliveries.orphaned", count=count)


def _failed(target: str, error: Exception) -> None:
    log.error("deliveries.failed", target=target, error=str(error), exc_info=error)


async def _tried(sender: Sender, delivery: Delivery, timeout_s: float) -> tuple[str, NotTaken | None]:
    """What the other system answered, and the fault where that was no yes."""
    try:
        async with asyncio.timeout(timeout_s):
            return await sender.send(delivery), None
    except NotTaken as error:
        return str(error)[:_ERROR_CHARS], error
    except TimeoutError:
        said = f"no answer within {timeout_s:g} s"
        return said, NotTaken(said, Fault.AWAY)
    except Exception as error:  # noqa: BLE001 - the edge to other systems: one odd answer must not hold up the rest
        said = f"{type(error).__name__}: {error}"[:_ERROR_CHARS]
        return said, NotTaken(said)


async def _known(tx: Transaction, delivery_id: str) -> Delivery:
    found = await delivery_store.get(tx, delivery_id)
    if found is None:
        raise NotFound(f"there is no delivery {delivery_id[:80]!r}; `secondline delivery list` shows them")
    return found
