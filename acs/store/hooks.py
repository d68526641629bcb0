"""Calls of hooks: one row per key of a caller, with what it began."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, micros
from acs.store.limits import check_text, json_text
from acs.store.records import Json
from acs.store.schema import hook_calls
from acs.store.transaction import Transaction

_OF_LINE_OR_TICKET = {
    "line": hook_calls.c.line == bindparam("line"),
    "ticket": hook_calls.c.ticket == bindparam("ticket"),
}
_BY_ID = select(hook_calls).where(hook_calls.c.id == bindparam("id"))
_BY_KEY = select(hook_calls).where(hook_calls.c.actor == bindparam("actor"), hook_calls.c.key == bindparam("key"))
_COUNTED = Filtered(
    select(func.count(), func.min(hook_calls.c.created_at)).where(
        hook_calls.c.hook.in_(bindparam("hooks", expanding=True)), hook_calls.c.created_at > bindparam("since")
    ),
    **_OF_LINE_OR_TICKET,
)
_LISTED = Filtered(
    select(hook_calls).order_by(hook_calls.c.id.desc()).limit(bindparam("limit")),
    **_OF_LINE_OR_TICKET,
    actor=hook_calls.c.actor == bindparam("actor"),
)
_TICKETS_OF_TEST = (
    select(hook_calls.c.ticket)
    .where(
        hook_calls.c.line == bindparam("line"),
        hook_calls.c.line_test == bindparam("line_test"),
        hook_calls.c.ticket.is_not(None),
    )
    .order_by(hook_calls.c.id)
)
_THIS = update(hook_calls).where(hook_calls.c.id == bindparam("its_id"))
_BEGIN_TEST = _THIS.where(hook_calls.c.line_test.is_(None)).values(new("line_test"))
_SET_OPERATIONS = _THIS.values(new("operations"))
_FORGET = delete(hook_calls).where(hook_calls.c.id == bindparam("id"))


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


async def tickets_of_test(tx: Transaction, line: str, line_test: str) -> list[str]:
    """Return the tickets for which calls on a line began this test or joined it, in the order of the calls."""
    return [row.ticket for row in await tx.rows(_TICKETS_OF_TEST, {"line": line, "line_test": line_test})]


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
    row = await tx.one(_BY_ID, {"id": id_})
    return None if row is None else _record(row)


async def by_key(tx: Transaction, actor: str, key: str) -> HookCall | None:
    """Return what the caller began with this key, or None."""
    row = await tx.one(_BY_KEY, {"actor": actor, "key": key})
    return None if row is None else _record(row)


async def begin_test(tx: Transaction, call: HookCall, line_test: str) -> HookCall | None:
    """Note the test of a call; None where it has one already."""
    written = await tx.run(_BEGIN_TEST, {"its_id": call.id, "new_line_test": line_test})
    return replace(call, line_test=line_test) if written else None


async def set_operations(tx: Transaction, call: HookCall, operations: Sequence[str]) -> HookCall:
    """Note the operations of a call."""
    await tx.run(_SET_OPERATIONS, {"its_id": call.id, "new_operations": json.dumps(list(operations))})
    return replace(call, operations=tuple(operations))


async def forget(tx: Transaction, id_: str) -> None:
    """Delete a call that began nothing: its key is free again, and it is not counted."""
    await tx.run(_FORGET, {"id": id_})


async def count(
    tx: Transaction, hooks: Sequence[str], since: datetime, *, line: str | None = None, ticket: str | None = None
) -> tuple[int, datetime | None]:
    """Return how many calls of these hooks there were since, and when the oldest of them was."""
    row = await tx.one(*_COUNTED.given(hooks=list(hooks), since=micros(since), line=line, ticket=ticket))
    number, oldest = (0, None) if row is None else tuple(row)
    return number, None if oldest is None else instant(oldest)


async def find(
    tx: Transaction,
    *,
    line: str | None = None,
    ticket: str | None = None,
    actor: str | None = None,
    limit: int = 100,
) -> list[HookCall]:
    """Return calls, of everybody or of one caller, newest first."""
    found = await tx.rows(*_LISTED.given(limit=limit, line=line, ticket=ticket, actor=actor))
    return [_record(row) for row in found]


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
