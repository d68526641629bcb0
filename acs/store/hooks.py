"""Calls of hooks: one row per key of a caller, with what it began."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update

from acs.store.instants import instant, micros
from acs.store.limits import check_text, json_text
from acs.store.records import Json
from acs.store.schema import hook_calls
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call. `key` is the caller's idempotency key; `operations` and `line_test` are what was begun for it."""

    id: str
    actor: str
    key: str
    hook: str
    body_hash: str
    body: dict[str, Json]
    line: str
    device: str | None
    ticket: str | None
    created_at: datetime
    deadline_at: datetime
    operations: tuple[str, ...] = ()
    line_test: str | None = None


async def add(tx: Transaction, call: HookCall) -> bool:
    """Store a new call; False, and nothing written, where the caller's key is taken.

    Raises:
        InvalidInput: a text is too long.
    """
    row = {
        "id": call.id,
        "actor": check_text("actor", call.actor),
        "key": check_text("idempotency_key", call.key),
        "hook": call.hook,
        "body_hash": call.body_hash,
        "body": json_text("body", call.body),
        "line": call.line,
        "device": call.device,
        "ticket": None if call.ticket is None else check_text("ticket", call.ticket),
        "operations": json.dumps(call.operations),
        "line_test": call.line_test,
        "created_at": micros(call.created_at),
        "deadline_at": micros(call.deadline_at),
    }
    return await tx.insert(hook_calls, row)


async def get(tx: Transaction, id_: str) -> HookCall | None:
    """Return the call, or None."""
    row = await tx.one(select(hook_calls).where(hook_calls.c.id == id_))
    return None if row is None else _record(row)


async def by_key(tx: Transaction, actor: str, key: str) -> HookCall | None:
    """Return what the caller began with this key, or None."""
    row = await tx.one(select(hook_calls).where(hook_calls.c.actor == actor, hook_calls.c.key == key))
    return None if row is None else _record(row)


async def begin_test(tx: Transaction, call: HookCall, line_test: str) -> HookCall | None:
    """Note the test of a call; None where it has one already."""
    statement = update(hook_calls).where(hook_calls.c.id == call.id, hook_calls.c.line_test.is_(None))
    written = await tx.run(statement.values(line_test=line_test))
    return replace(call, line_test=line_test) if written else None


async def set_operations(tx: Transaction, call: HookCall, operations: Sequence[str]) -> HookCall:
    """Note the operations of a call."""
    await tx.run(update(hook_calls).where(hook_calls.c.id == call.id).values(operations=json.dumps(list(operations))))
    return replace(call, operations=tuple(operations))


async def forget(tx: Transaction, id_: str) -> None:
    """Delete a call that began nothing: its key is free again, and it is not counted."""
    await tx.run(delete(hook_calls).where(hook_calls.c.id == id_))


async def count(
    tx: Transaction, hooks: Sequence[str], since: datetime, *, line: str | None = None, ticket: str | None = None
) -> tuple[int, datetime | None]:
    """Return how many calls of these hooks there were since, and when the oldest of them was."""
    query = select(func.count(), func.min(hook_calls.c.created_at)).where(
        hook_calls.c.hook.in_(list(hooks)), hook_calls.c.created_at > micros(since)
    )
    if line is not None:
        query = query.where(hook_calls.c.line == line)
    if ticket is not None:
        query = query.where(hook_calls.c.ticket == ticket)
    row = await tx.one(query)
    number, oldest = (0, None) if row is None else tuple(row)
    return number, None if oldest is None else instant(oldest)


async def find(
    tx: Transaction, *, line: str | None = None, ticket: str | None = None, limit: int = 100
) -> list[HookCall]:
    """Return calls, newest first."""
    query = select(hook_calls).order_by(hook_calls.c.id.desc()).limit(limit)
    if line is not None:
        query = query.where(hook_calls.c.line == line)
    if ticket is not None:
        query = query.where(hook_calls.c.ticket == ticket)
    return [_record(row) for row in await tx.rows(query)]


async def prune(tx: Transaction, before: datetime) -> int:
    """Delete calls that are older, and return how many."""
    return await tx.run(delete(hook_calls).where(hook_calls.c.created_at < micros(before)))


def _record(row: Row[Any]) -> HookCall:
    return HookCall(
        id=row.id,
        actor=row.actor,
        key=row.key,
        hook=row.hook,
        body_hash=row.body_hash,
        body=json.loads(row.body),
        line=row.line,
        device=row.device,
        ticket=row.ticket,
        created_at=instant(row.created_at),
        deadline_at=instant(row.deadline_at),
        operations=tuple(json.loads(row.operations)),
        line_test=row.line_test,
    )
