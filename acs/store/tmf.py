"""TM Forum interfaces: listeners of our hubs, events of tickets that were taken, what of ours is in ticket systems."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, func, select, tuple_, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, micros
from acs.store.limits import check_record
from acs.store.reach import Reach, parse_groups
from acs.store.row_rights import line_condition
from acs.store.schema import lines, tmf_remote_things, tmf_subscriptions, tmf_ticket_events
from acs.store.transaction import Transaction

#: rows of one removal of old events
_BITE = 10_000
_SUBSCRIPTION = select(tmf_subscriptions).where(tmf_subscriptions.c.id == bindparam("id"))
_SUBSCRIPTIONS = Filtered(
    select(tmf_subscriptions).order_by(tmf_subscriptions.c.id),
    interface=tmf_subscriptions.c.interface == bindparam("interface"),
)
_COUNT = select(func.count()).select_from(tmf_subscriptions)
_EVENT = select(tmf_ticket_events).where(
    tmf_ticket_events.c.source.in_(bindparam("sources", expanding=True)),
    tmf_ticket_events.c.event_id == bindparam("event_id"),
)
_OF_TICKET = select(tmf_ticket_events).where(tmf_ticket_events.c.ticket == bindparam("ticket")).limit(1)
_SENT_OF_TICKET = _OF_TICKET.where(tmf_ticket_events.c.source.in_(bindparam("sources", expanding=True)))
_LAST = _SENT_OF_TICKET.order_by(tmf_ticket_events.c.received_at.desc(), tmf_ticket_events.c.event_id.desc())
_FIRST_NOTED = _SENT_OF_TICKET.where(tmf_ticket_events.c.detail == bindparam("detail")).order_by(
    tmf_ticket_events.c.received_at
)
_OF_TEST = _OF_TICKET.where(tmf_ticket_events.c.line_test == bindparam("line_test"))
_THING = select(tmf_remote_things).where(
    tmf_remote_things.c.system == bindparam("system"),
    tmf_remote_things.c.kind == bindparam("kind"),
    tmf_remote_things.c.key == bindparam("key"),
)
_TAKE_OVER = (
    update(tmf_remote_things)
    .where(
        tmf_remote_things.c.system == bindparam("its_system"),
        tmf_remote_things.c.kind == bindparam("its_kind"),
        tmf_remote_things.c.key == bindparam("its_key"),
        tmf_remote_things.c.remote_id == "",
        tmf_remote_things.c.at < bindparam("stale"),
    )
    .values(new("at"))
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A listener of a hub. `base` is what addresses in its events begin with; `groups` empty: it hears of all lines.

    `token` is the name of the token that subscribed; empty where it was no token.
    """

    id: str
    interface: str
    callback: str
    query: str
    base: str
    token: str
    actor: str
    created_at: datetime
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketEventRecord:
    """An event of a ticket that is no creation, and the line test that followed from it.

    `ticket` is the ticket's id with us; its number where it is not known here.
    """

    source: str
    event_id: str
    ticket: str
    event_type: str
    status: str
    received_at: datetime
    line: str | None = None
    line_test: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RemoteThing:
    """Something of ours in a ticket system; `remote_id` empty: it is about to be made there."""

    system: str
    kind: str
    key: str
    remote_id: str
    at: datetime
    detail: str = ""


async def add_subscription(tx: Transaction, subscription: Subscription) -> None:
    """Store a listener.

    Raises:
        InvalidInput: a text is too long.
    """
    check_record(subscription)
    names = ("id", "interface", "query", "base", "token", "actor")
    row = {name: getattr(subscription, name) for name in names}
    row |= {
        "callback": subscription.callback,
        "groups": json.dumps(subscription.groups),
        "created_at": micros(subscription.created_at),
    }
    await tx.insert(tmf_subscriptions, row)


async def subscription(tx: Transaction, id_: str) -> Subscription | None:
    """One listener, or None."""
    row = await tx.one(_SUBSCRIPTION, {"id": id_})
    return None if row is None else _subscription(row)


async def subscriptions(tx: Transaction, interface: str | None = None) -> list[Subscription]:
    """The listeners of a hub, or of all, by id."""
    return [_subscription(row) for row in await tx.rows(*_SUBSCRIPTIONS.given(interface=interface))]


async def count_subscriptions(tx: Transaction) -> int:
    """How many listeners there are."""
    row = await tx.one(_COUNT)
    return 0 if row is None else int(row[0])


async def drop_subscription(tx: Transaction, id_: str) -> bool:
    """Remove a listener; False where there is none."""
    return await tx.run(delete(tmf_subscriptions).where(tmf_subscriptions.c.id == id_)) == 1


async def drop_subscriptions_of(tx: Transaction, person: str) -> int:
    """Remove the listeners that a person subscribed, and return how many; those of tokens are others'."""
    theirs = and_(tmf_subscriptions.c.token == "", tmf_subscriptions.c.actor == person)
    return await tx.run(delete(tmf_subscriptions).where(theirs))


async def hears_of(tx: Transaction, groups: tuple[str, ...], line: str) -> bool:
    """Whether a line is in one of these groups; without groups every line is."""
    reach: Reach | None = parse_groups(groups)
    if reach is None:
        return True
    return (
        await tx.one(select(lines.c.id).where(and_(lines.c.id == line, line_condition(lines.c.id, reach)))) is not None
    )


async def add_ticket_event(tx: Transaction, event: TicketEventRecord) -> bool:
    """Store an event; False where its source sent it before.

    Raises:
        InvalidInput: a text is too long.
    """
    check_record(event)
    names = ("source", "event_id", "ticket", "event_type", "status", "line", "line_test", "detail")
    row = {name: getattr(event, name) for name in names}
    return await tx.insert(tmf_ticket_events, {**row, "received_at": micros(event.received_at)})


async def ticket_event(tx: Transaction, sources: Sequence[str], event_id: str) -> TicketEventRecord | None:
    """The event that one of these sources sent under an id, or None."""
    row = await tx.one(_EVENT, {"sources": list(sources), "event_id": event_id})
    return None if row is None else _event(row)


async def last_ticket_event(tx: Transaction, sources: Sequence[str], ticket: str) -> TicketEventRecord | None:
    """The event of a ticket that came last from these sources, or None."""
    row = await tx.one(_LAST, {"sources": list(sources), "ticket": ticket})
    return None if row is None else _event(row)


async def first_noted(tx: Transaction, sources: Sequence[str], ticket: str, detail: str) -> TicketEventRecord | None:
    """The first event of a ticket from these sources of which that was noted, or None."""
    row = await tx.one(_FIRST_NOTED, {"sources": list(sources), "ticket": ticket, "detail": detail})
    return None if row is None else _event(row)


async def event_of_test(tx: Transaction, line_test: str, ticket: str) -> TicketEventRecord | None:
    """The event of a ticket that a line test followed from, or None."""
    row = await tx.one(_OF_TEST, {"line_test": line_test, "ticket": ticket})
    return None if row is None else _event(row)


async def prune_ticket_events(tx: Transaction, before: datetime) -> int:
    """Remove events that are older; returns how many."""
    table = tmf_ticket_events
    old = select(table.c.source, table.c.event_id).where(table.c.received_at < micros(before)).limit(_BITE)
    return await tx.run(delete(table).where(tuple_(table.c.source, table.c.event_id).in_(old)))


async def remote_thing(tx: Transaction, system: str, kind: str, key: str) -> RemoteThing | None:
    """What is known of a thing of ours in a ticket system, or None."""
    row = await tx.one(_THING, {"system": system, "kind": kind, "key": key})
    if row is None:
        return None
    return RemoteThing(row.system, row.kind, row.key, row.remote_id, instant(row.at), row.detail)


async def claim_remote_thing(tx: Transaction, thing: RemoteThing, stale: datetime) -> bool:
    """Say that this process makes a thing now; False where another does, or it is made.

    A claim from before `stale` was left by a process that broke, and is taken over.
    """
    check_record(thing)
    row = {name: getattr(thing, name) for name in ("system", "kind", "key", "remote_id", "detail")}
    if await tx.insert(tmf_remote_things, {**row, "at": micros(thing.at)}):
        return True
    left = {
        "its_system": thing.system,
        "its_kind": thing.kind,
        "its_key": thing.key,
        "stale": micros(stale),
        "new_at": micros(thing.at),
    }
    return await tx.run(_TAKE_OVER, left) == 1


async def put_remote_thing(tx: Transaction, thing: RemoteThing) -> None:
    """Note a thing of ours and its id there."""
    check_record(thing)
    row = {name: getattr(thing, name) for name in ("system", "kind", "key", "remote_id", "detail")}
    await tx.upsert(tmf_remote_things, [{**row, "at": micros(thing.at)}])


async def drop_remote_thing(tx: Transaction, system: str, kind: str, key: str) -> bool:
    """Forget a thing of ours; False where it was not known."""
    table = tmf_remote_things
    return await tx.run(delete(table).where(table.c.system == system, table.c.kind == kind, table.c.key == key)) == 1


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        interface=row.interface,
        callback=row.callback,
        query=row.query,
        base=row.base,
        token=row.token,
        actor=row.actor,
        created_at=instant(row.created_at),
        groups=tuple(json.loads(row.groups)),
    )


def _event(row: Row[Any]) -> TicketEventRecord:
    return TicketEventRecord(
        source=row.source,
        event_id=row.event_id,
        ticket=row.ticket,
        event_type=row.event_type,
        status=row.status,
        received_at=instant(row.received_at),
        line=row.line,
        line_test=row.line_test,
        detail=row.detail,
    )
