"""What is known of the tickets of other systems: how far they were read, how they stood last, what was heard before."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, select

from acs.store.instants import instant, micros
from acs.store.limits import check_record, check_text
from acs.store.schema import ticket_feeds, ticket_states, webhook_replays
from acs.store.transaction import Transaction

_PROBLEM = 1000
#: tickets of one system that could not be taken and are kept
_REFUSED = 20
_FEED = select(ticket_feeds).where(ticket_feeds.c.system == bindparam("system"))
_FEEDS = select(ticket_feeds).order_by(ticket_feeds.c.system)
_STATE = select(ticket_states).where(ticket_states.c.ticket == bindparam("ticket"))
_HEARD = select(webhook_replays.c.at).where(
    webhook_replays.c.source == bindparam("source"), webhook_replays.c.digest == bindparam("digest")
)
_FORGET = delete(webhook_replays).where(webhook_replays.c.at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class RefusedTicket:
    """A ticket of theirs that could not be taken when it was read last; `number` is "" where it has none."""

    number: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """How far the changes of a system were read, in its own time; `problem`: why the last look failed, or "".

    `refused`: the newest of the tickets that could not be taken, the newest last.
    """

    system: str
    seen_to: datetime
    looked_at: datetime
    problem: str = ""
    refused: tuple[RefusedTicket, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketState:
    """How a ticket stood last: its system's own status, and our word for it."""

    ticket: str
    system: str
    status: str
    word: str
    changed_at: datetime


async def feed(tx: Transaction, system: str) -> Feed | None:
    """Return how far a system was read; None for never."""
    row = await tx.one(_FEED, {"system": system})
    return None if row is None else _feed(row)


async def feeds(tx: Transaction) -> Sequence[Feed]:
    """Return every feed, by name."""
    return [_feed(row) for row in await tx.rows(_FEEDS)]


async def put_feed(tx: Transaction, one: Feed) -> None:
    """Note how far a system was read."""
    row = {
        "system": check_text("system", one.system),
        "seen_to": micros(one.seen_to),
        "looked_at": micros(one.looked_at),
        "problem": one.problem.replace("\0", "").encode("utf-8", "replace").decode()[:_PROBLEM],
        "refused": json.dumps([[each.number, each.why, micros(each.at)] for each in one.refused[-_REFUSED:]]),
    }
    await tx.upsert(ticket_feeds, [row])


async def state(tx: Transaction, ticket: str) -> TicketState | None:
    """Return how a ticket stood last; None where it was never seen."""
    row = await tx.one(_STATE, {"ticket": ticket})
    if row is None:
        return None
    return TicketState(row.ticket, row.system, row.status, row.word, instant(row.changed_at))


async def put_state(tx: Transaction, one: TicketState) -> None:
    """Note how a ticket stands.

    Raises:
        InvalidInput: a text is too long.
    """
    check_record(one)
    row = {
        "ticket": one.ticket,
        "system": one.system,
        "status": one.status,
        "word": one.word,
        "changed_at": micros(one.changed_at),
    }
    await tx.upsert(ticket_states, [row])


async def was_heard(tx: Transaction, source: str, digest: str) -> bool:
    """Whether a message with this signature was taken before."""
    return await tx.one(_HEARD, {"source": source, "digest": digest}) is not None


async def is_new(tx: Transaction, source: str, digest: str, now: datetime, forget_before: datetime) -> bool:
    """Remember a signature; False where it was heard before. Those older than `forget_before` are forgotten."""
    await tx.run(_FORGET, {"before": micros(forget_before)})
    return await tx.insert(webhook_replays, {"source": source, "digest": digest, "at": micros(now)})


def _feed(row: Row[Any]) -> Feed:
    refused = tuple(RefusedTicket(number, why, instant(at)) for number, why, at in json.loads(row.refused or "[]"))
    return Feed(row.system, instant(row.seen_to), instant(row.looked_at), row.problem, refused)
