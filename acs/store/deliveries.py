"""The outbox: a message to another system is stored with what caused it, in the same transaction, and sent afterwards.

The rule of this file: of one target and subject only the oldest pending message is ever due, so order needs no lock.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer, Row, bindparam, exists, or_, select, update

from acs.errors import Conflict
from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, json_text
from acs.store.records import Json
from acs.store.schema import deliveries, delivery_attempts
from acs.store.transaction import Transaction

_TABLE = deliveries
#: characters kept of what another system said
_SAID = 2000


class DeliveryState(StrEnum):
    """Where a message is: pending → delivered | failed; a failed one may be made pending again."""

    #: to be sent at next_at
    PENDING = "pending"
    #: the receiver took it
    DELIVERED = "delivered"
    #: given up: a dead letter
    FAILED = "failed"


_EARLIER = _TABLE.alias("earlier")
_BEHIND = exists().where(
    _EARLIER.c.target == _TABLE.c.target,
    _EARLIER.c.subject == _TABLE.c.subject,
    _EARLIER.c.state == DeliveryState.PENDING.value,
    _EARLIER.c.id < _TABLE.c.id,
)
_DUE = (
    select(_TABLE)
    .where(
        _TABLE.c.target == bindparam("target"),
        _TABLE.c.state == DeliveryState.PENDING.value,
        _TABLE.c.next_at <= bindparam("now"),
        or_(_TABLE.c.subject == "", ~_BEHIND),
    )
    .order_by(_TABLE.c.id)
    .limit(bindparam("limit"))
)
_BY_ID = select(_TABLE).where(_TABLE.c.id == bindparam("id"))
_LISTED = Filtered(
    select(_TABLE).order_by(_TABLE.c.id.desc()).limit(bindparam("limit")),
    states=_TABLE.c.state.in_(bindparam("states", expanding=True)),
    target=_TABLE.c.target == bindparam("target"),
    ticket=_TABLE.c.ticket == bindparam("ticket"),
    before=_TABLE.c.id < bindparam("before"),
)
_PENDING = update(_TABLE).where(_TABLE.c.id == bindparam("its_id"), _TABLE.c.state == DeliveryState.PENDING.value)
_CLAIM = _PENDING.where(_TABLE.c.attempts == bindparam("its_attempts")).values(new("attempts", "next_at"))
_END = _PENDING.values(new("state", "finished_at", "last_error"))
_LATER = _PENDING.values(
    attempts=_TABLE.c.attempts - bindparam("taken_back", type_=Integer), **new("next_at", "last_error")
)
_ATTEMPTS = (
    select(delivery_attempts)
    .where(delivery_attempts.c.delivery == bindparam("delivery"))
    .order_by(delivery_attempts.c.id)
    .limit(1000)
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one target, kept until it was taken or given up.

    `subject` is what it is about, such as `line:L-1`: those of one subject go in order; "" is in no order.
    `attempts`: the tries that were answered, and the one that runs.
    """

    id: str
    target: str
    event_type: str
    body: Json
    state: DeliveryState
    created_at: datetime
    next_at: datetime
    subject: str = ""
    ticket: str | None = None
    attempts: int = 0
    finished_at: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: what the other side answered, and how long it took. `taken`: it was not for nothing."""

    delivery: str
    at: datetime
    duration_ms: int
    taken: bool
    answer: str


async def add(tx: Transaction, delivery: Delivery) -> None:
    """Put a message in the outbox.

    Raises:
        Conflict: its id is taken.
        InvalidInput: a text or the body is too long.
    """
    check_record(delivery)
    row = {
        "id": delivery.id,
        "target": delivery.target,
        "subject": delivery.subject,
        "ticket": delivery.ticket,
        "event_type": delivery.event_type,
        "body": json_text("body", delivery.body),
        "state": delivery.state.value,
        "created_at": micros(delivery.created_at),
        "next_at": micros(delivery.next_at),
        "attempts": delivery.attempts,
        "finished_at": micros_or_none(delivery.finished_at),
        "last_error": delivery.last_error,
    }
    if not await tx.insert(_TABLE, row):
        raise Conflict(f"delivery {delivery.id} exists already")


async def due(tx: Transaction, target: str, now: datetime, *, limit: int = 50) -> list[Delivery]:
    """Return the messages for a target whose time and turn have come, the oldest first."""
    rows = await tx.rows(_DUE, {"target": target, "now": micros(now), "limit": limit})
    return [_record(row) for row in rows]


async def claim(tx: Transaction, delivery_id: str, attempts: int, until: datetime) -> bool:
    """Take a message for one attempt: other workers leave it alone until `until`. False where another took it.

    `attempts` is what `due` returned; the claim counts one more.
    """
    values = {
        "its_id": delivery_id,
        "its_attempts": attempts,
        "new_attempts": attempts + 1,
        "new_next_at": micros(until),
    }
    return await tx.run(_CLAIM, values) == 1


async def mark_delivered(tx: Transaction, delivery_id: str, at: datetime) -> bool:
    """Note that the receiver took it; False where it had ended already."""
    return await _end(tx, delivery_id, DeliveryState.DELIVERED, at, "")


async def mark_failed(
    tx: Transaction, delivery_id: str, at: datetime, error: str, *, retry_at: datetime | None, counted: bool = True
) -> bool:
    """Note a failed attempt: it is due again at `retry_at`, or given up where that is None.

    The error is cut to its limit: it is a receiver's text. `counted` False takes the attempt of the claim back: the
    receiver was not there. False is returned where the message had ended already.
    """
    error = _said(error)
    if retry_at is None:
        return await _end(tx, delivery_id, DeliveryState.FAILED, at, error)
    values = {
        "its_id": delivery_id,
        "taken_back": 0 if counted else 1,
        "new_next_at": micros(retry_at),
        "new_last_error": error,
    }
    return await tx.run(_LATER, values) == 1


async def send_again(tx: Transaction, delivery_id: str, now: datetime) -> bool:
    """Make a dead letter pending again, with all its tries before it; False where it is none."""
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == delivery_id, _TABLE.c.state == DeliveryState.FAILED.value)
        .values(state=DeliveryState.PENDING.value, next_at=micros(now), attempts=0, finished_at=None)
    )
    return await tx.run(statement) == 1


async def give_up_others(tx: Transaction, targets: Sequence[str], at: datetime, error: str) -> int:
    """Put aside what waits for a target that is none of these, and return how many messages that were."""
    statement = (
        update(_TABLE)
        .where(_TABLE.c.state == DeliveryState.PENDING.value, _TABLE.c.target.not_in(targets))
        .values(state=DeliveryState.FAILED.value, finished_at=micros(at), last_error=_said(error))
    )
    return await tx.run(statement)


async def note(tx: Transaction, attempt: Attempt) -> None:
    """Write one line of the delivery log."""
    row = {
        "delivery": attempt.delivery,
        "at": micros(attempt.at),
        "duration_ms": attempt.duration_ms,
        "taken": int(attempt.taken),
        "answer": _said(attempt.answer),
    }
    await tx.insert(delivery_attempts, row)


async def get(tx: Transaction, delivery_id: str) -> Delivery | None:
    """Return a message, or None."""
    row = await tx.one(_BY_ID, {"id": delivery_id})
    return None if row is None else _record(row)


async def attempts_of(tx: Transaction, delivery_id: str) -> list[Attempt]:
    """Return the delivery log of a message, the first try first."""
    return [
        Attempt(row.delivery, instant(row.at), row.duration_ms, bool(row.taken), row.answer)
        for row in await tx.rows(_ATTEMPTS, {"delivery": delivery_id})
    ]


async def list_deliveries(
    tx: Transaction,
    *,
    states: Sequence[DeliveryState] | None = None,
    target: str | None = None,
    ticket: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Delivery]:
    """Return messages, newest first; `before` is the id of the last one of the page before."""
    wanted = None if states is None else [state.value for state in states]
    query = _LISTED.given(limit=limit, states=wanted, target=target, ticket=ticket, before=before)
    return [_record(row) for row in await tx.rows(*query)]


async def _end(tx: Transaction, delivery_id: str, state: DeliveryState, at: datetime, error: str) -> bool:
    values = {
        "its_id": delivery_id,
        "new_state": state.value,
        "new_finished_at": micros(at),
        "new_last_error": error,
    }
    return await tx.run(_END, values) == 1


def _said(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:_SAID]


def _record(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        target=row.target,
        event_type=row.event_type,
        body=json.loads(row.body),
        state=DeliveryState(row.state),
        created_at=instant(row.created_at),
        next_at=instant(row.next_at),
        subject=row.subject,
        ticket=row.ticket,
        attempts=row.attempts,
        finished_at=instant_or_none(row.finished_at),
        last_error=row.last_error,
    )
