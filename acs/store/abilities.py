"""What devices of one model and firmware can and bear, as JSON; and what an operation has left to do or hides."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select

from acs.store.instants import micros
from acs.store.limits import check_text, json_text
from acs.store.records import Json
from acs.store.schema import model_abilities, operation_progress, operation_secrets
from acs.store.transaction import Transaction

#: OUI, product class, software version.
Model = tuple[str, str, str]
_BODY = select(model_abilities.c.body).where(
    model_abilities.c.oui == bindparam("oui"),
    model_abilities.c.product_class == bindparam("product_class"),
    model_abilities.c.software_version == bindparam("software_version"),
)
_HELD = _BODY.with_for_update()
_PROGRESS = select(operation_progress.c.body).where(operation_progress.c.operation_id == bindparam("operation"))
_DROP_PROGRESS = delete(operation_progress).where(operation_progress.c.operation_id == bindparam("operation"))
_SEALED = select(operation_secrets.c.sealed).where(operation_secrets.c.operation_id == bindparam("operation"))


async def get(tx: Transaction, model: Model) -> dict[str, Any]:
    """What is known of the model; empty for one that is not."""
    row = await tx.one(_BODY, _named(model))
    return {} if row is None else dict(json.loads(row.body))


async def hold(tx: Transaction, model: Model, now: datetime) -> dict[str, Any]:
    """What is known of the model; until the transaction ends nobody else learns of it."""
    await tx.insert(model_abilities, _row(model, {}, now))
    row = await tx.one(_HELD, _named(model))
    return {} if row is None else dict(json.loads(row.body))


async def put(tx: Transaction, model: Model, body: Mapping[str, Json], now: datetime) -> None:
    """Write what is known of the model. Who adds to what was known has held it.

    Raises:
        InvalidInput: a text is too long.
    """
    await tx.upsert(model_abilities, [_row(model, body, now)])


async def get_progress(tx: Transaction, operation_id: str) -> Json:
    """What an operation has left to do; None when nothing was noted."""
    row = await tx.one(_PROGRESS, {"operation": operation_id})
    return None if row is None else json.loads(row.body)


async def put_progress(tx: Transaction, operation_id: str, body: Json, now: datetime) -> None:
    """Note what an operation has left to do."""
    row = {"operation_id": operation_id, "body": json_text("progress", body), "updated_at": micros(now)}
    await tx.upsert(operation_progress, [row])


async def drop_progress(tx: Transaction, operation_id: str) -> None:
    """Forget it: the operation is over."""
    await tx.run(_DROP_PROGRESS, {"operation": operation_id})


async def seal_arguments(tx: Transaction, operation_id: str, secrets: Json) -> None:
    """Keep the secret arguments of a new operation, sealed."""
    sealed = tx.vault.seal(json_text("arguments", secrets).encode())
    await tx.insert(operation_secrets, {"operation_id": operation_id, "sealed": sealed})


async def open_arguments(tx: Transaction, operation_id: str) -> Json:
    """The secret arguments of an operation in clear; None when it has none.

    Raises:
        StoreError: they were sealed with another key.
    """
    row = await tx.one(_SEALED, {"operation": operation_id})
    return None if row is None else json.loads(tx.vault.open(bytes(row.sealed)))


def _named(model: Model) -> dict[str, str]:
    return dict(zip(("oui", "product_class", "software_version"), model, strict=True))


def _row(model: Model, body: Mapping[str, Json], now: datetime) -> dict[str, object]:
    named = {name: check_text(name, text) for name, text in _named(model).items()}
    return {**named, "body": json_text("abilities", body), "updated_at": micros(now)}
