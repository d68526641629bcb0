"""The outbox of webhooks: a delivery is stored with what caused it, in the same transaction, and sent afterwards."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from acs.errors import Conflict
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, json_text
from acs.store.records import DeliveryState, WebhookDelivery
from acs.store.schema import webhook_deliveries
from acs.store.transaction import Transaction

_TABLE = webhook_deliveries


async def add(tx: Transaction, delivery: WebhookDelivery) -> None:
    """Put a delivery in the outbox.

    Raises:
        Conflict: its id is taken.
        InvalidInput: a text or the body is too long.
    """
    check_record(delivery)
    row = {
        "id": delivery.id,
        "hook": delivery.hook,
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
        raise Conflict(f"webhook delivery {delivery.id} exists already")


async def due(tx: Transaction, now: datetime, *, limit: int = 50) -> list[WebhookDelivery]:
    """Return pending deliveries whose time has come, the longest due first."""
    query = (
        select(_TABLE)
        .where(_TABLE.c.state == DeliveryState.PENDING.value, _TABLE.c.next_at <= micros(now))
        .order_by(_TABLE.c.next_at, _TABLE.c.id)
        .limit(limit)
    )
    return [_record(row) for row in await tx.rows(query)]


async def claim(tx: Transaction, delivery_id: str, attempts: int, until: datetime) -> bool:
    """Take a delivery for one attempt: other workers leave it alone until `until`. False where another took it.

    `attempts` is what `due` returned; the claim counts one more.
    """
    statement = (
        update(_TABLE)
        .where(
            _TABLE.c.id == delivery_id,
            _TABLE.c.state == DeliveryState.PENDING.value,
            _TABLE.c.attempts == attempts,
        )
        .values(attempts=attempts + 1, next_at=micros(until))
    )
    return await tx.run(statement) == 1


async def mark_delivered(tx: Transaction, delivery_id: str, at: datetime) -> bool:
    """Note that the receiver took it; False where it had ended already."""
    return await _end(tx, delivery_id, DeliveryState.DELIVERED, at, "")


async def mark_failed(
    tx: Transaction, delivery_id: str, at: datetime, error: str, *, retry_at: datetime | None
) -> bool:
    """Note a failed attempt: it is due again at `retry_at`, or given up where that is None.

    The error is cut to its limit: it is a receiver's text. False where the delivery had ended already.
    """
    error = error.replace("\0", "").encode("utf-8", "replace").decode()[:2000]
    if retry_at is None:
        return await _end(tx, delivery_id, DeliveryState.FAILED, at, error)
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == delivery_id, _TABLE.c.state == DeliveryState.PENDING.value)
        .values(next_at=micros(retry_at), last_error=error)
    )
    return await tx.run(statement) == 1


async def list_deliveries(
    tx: Transaction, *, states: Sequence[DeliveryState] | None = None, limit: int = 100
) -> list[WebhookDelivery]:
    """Return deliveries, newest first."""
    query = select(_TABLE).order_by(_TABLE.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(_TABLE.c.state.in_([state.value for state in states]))
    return [_record(row) for row in await tx.rows(query)]


async def _end(tx: Transaction, delivery_id: str, state: DeliveryState, at: datetime, error: str) -> bool:
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == delivery_id, _TABLE.c.state == DeliveryState.PENDING.value)
        .values(state=state.value, finished_at=micros(at), last_error=error)
    )
    return await tx.run(statement) == 1


def _record(row: Row[Any]) -> WebhookDelivery:
    return WebhookDelivery(
        id=row.id,
        hook=row.hook,
        event_type=row.event_type,
        body=json.loads(row.body),
        state=DeliveryState(row.state),
        created_at=instant(row.created_at),
        next_at=instant(row.next_at),
        attempts=row.attempts,
        finished_at=instant_or_none(row.finished_at),
        last_error=row.last_error,
    )
