"""Operations and their steps. A state changes only under a guard: the caller names the states it may leave.

The rule of this file: `changed_values` derives what a transition writes, for these functions and for the session
hot path alike.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, Text, bindparam, false, func, insert, or_, select, update

from acs.errors import Conflict
from acs.store.built import Filtered
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, check_text, json_text
from acs.store.records import (
    FINAL_STATES,
    Json,
    OperationRecord,
    OperationState,
    OperationStep,
    OperationTransition,
    StepName,
)
from acs.store.schema import devices, operation_steps, operations
from acs.store.transaction import Transaction

#: The columns of an OperationRecord, in its order: what every query of operations selects.
COLUMNS = (
    "id", "device", "kind", "arguments", "state", "command_key", "created_at", "deadline_at", "actor", "reason",
    "ticket", "idempotency_key", "sent_at", "answered_at", "finished_at", "attempts", "fault_code", "fault_string",
    "result", "detail", "steps",
)  # fmt: skip
_SELECT = select(*(operations.c[name] for name in COLUMNS))
_BY_ID = _SELECT.where(operations.c.id == bindparam("id"))
_BY_IDEMPOTENCY_KEY = _SELECT.where(
    operations.c.actor == bindparam("actor"), operations.c.idempotency_key == bindparam("idempotency_key")
)
_BY_COMMAND_KEY = _SELECT.where(
    operations.c.command_key == bindparam("command_key"), operations.c.device == bindparam("device")
)
_IN_STATES = operations.c.state.in_(bindparam("states", expanding=True))
_OF_KINDS = operations.c.kind.in_(bindparam("kinds", expanding=True))
_LISTED = Filtered(
    _SELECT.order_by(operations.c.id.desc()).limit(bindparam("limit")),
    device=operations.c.device == bindparam("device"),
    states=_IN_STATES,
    kinds=_OF_KINDS,
    before=operations.c.id < bindparam("before"),
)
_UNFINISHED = Filtered(
    _SELECT.where(_IN_STATES, operations.c.id > bindparam("after")).order_by(operations.c.id).limit(bindparam("limit")),
    kinds=_OF_KINDS,
)
_OVERDUE = (
    _SELECT.where(_IN_STATES, operations.c.deadline_at <= bindparam("now"))
    .order_by(operations.c.deadline_at, operations.c.id)
    .limit(bindparam("limit"))
)
_AMONG = _SELECT.where(operations.c.id.in_(bindparam("ids", expanding=True)))
_DEVICE = select(devices.c.key).where(devices.c.key == bindparam("key"))
_STEPS = (
    select(operation_steps)
    .where(operation_steps.c.operation_id == bindparam("operation"))
    .order_by(operation_steps.c.n)
)
_ADD_STEP = insert(operation_steps)
_COUNT_STEP = (
    update(operations)
    .where(operations.c.id == bindparam("operation_id"))
    .values(steps=operations.c.steps + 1)
    .returning(operations.c.steps)
)
_SENDING = (StepName.RPC_SENT, StepName.RESENT)
_NOT_ENDED = [state.value for state in (OperationState.QUEUED, OperationState.SENT, OperationState.UNKNOWN)]


async def add(tx: Transaction, operation: OperationRecord, *, step_detail: str = "") -> OperationRecord:
    """Store a new operation with its first step, `queued`, and return it as stored.

    With an idempotency key that the same actor used before, nothing is stored and the earlier operation comes back.

    Raises:
        Conflict: its id or command key is taken, its idempotency key stands for what may not be seen, or the device
            is not known.
        InvalidInput: a text or document is too long.
    """
    check_record(operation)
    if operation.idempotency_key is not None:
        earlier = await by_idempotency_key(tx, operation.actor, operation.idempotency_key)
        if earlier is not None:
            return earlier
    if await tx.one(_DEVICE, {"key": operation.device}) is None:
        raise Conflict(f"device {operation.device} is not known: it has never connected")
    if not await tx.insert(operations, _stored(operation)):
        if operation.idempotency_key is not None:
            earlier = await by_idempotency_key(tx, operation.actor, operation.idempotency_key)
            if earlier is not None:
                return earlier
            raise Conflict(
                "Idempotency-Key: it was used for an operation that you may not see; "
                "a new operation needs a key of its own"
            )
        raise Conflict(f"operation {operation.id}: its id or its command key {operation.command_key} is taken")
    await step(tx, operation.id, StepName.QUEUED, operation.created_at, step_detail)
    stored = await get(tx, operation.id)
    assert stored is not None
    return stored


async def get(tx: Transaction, operation_id: str) -> OperationRecord | None:
    """Return the operation, or None."""
    row = await tx.one(_BY_ID, {"id": operation_id})
    return None if row is None else record(row)


async def get_many(tx: Transaction, ids: Sequence[str]) -> dict[str, OperationRecord]:
    """Return id → operation of those that are there; some thousands at most."""
    found = await tx.rows(_AMONG, {"ids": list(ids)}) if ids else ()
    return {row.id: record(row) for row in found}


async def by_command_key(tx: Transaction, device: str, command_key: str) -> OperationRecord | None:
    """Return the device's operation with this command key, or None."""
    row = await tx.one(_BY_COMMAND_KEY, {"command_key": command_key, "device": device})
    return None if row is None else record(row)


async def by_idempotency_key(tx: Transaction, actor: str, idempotency_key: str) -> OperationRecord | None:
    """Return the actor's operation with this idempotency key, or None."""
    row = await tx.one(_BY_IDEMPOTENCY_KEY, {"actor": actor, "idempotency_key": idempotency_key})
    return None if row is None else record(row)


async def list_operations(
    tx: Transaction,
    *,
    device: str | None = None,
    states: Sequence[OperationState] | None = None,
    kinds: Sequence[str] | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[OperationRecord]:
    """Return operations, newest first; `before` is the id of the last one of the page before."""
    wanted = None if states is None else [state.value for state in states]
    query = _LISTED.given(limit=limit, device=device, states=wanted, kinds=kinds, before=before)
    return [record(row) for row in await tx.rows(*query)]


async def unfinished(
    tx: Transaction, *, limit: int = 1000, after: str = "", kinds: Sequence[str] | None = None
) -> list[OperationRecord]:
    """Return operations that are queued, sent or unknown, oldest first, for the worker.

    `after` an id pages on; `kinds` leaves out all others.
    """
    query = _UNFINISHED.given(states=_NOT_ENDED, after=after, limit=limit, kinds=kinds)
    return [record(row) for row in await tx.rows(*query)]


async def due_expired(tx: Transaction, now: datetime, *, limit: int = 1000) -> list[OperationRecord]:
    """Return unfinished operations whose deadline has passed, the longest overdue first."""
    overdue = await tx.rows(_OVERDUE, {"states": _NOT_ENDED, "now": micros(now), "limit": limit})
    return [record(row) for row in overdue]


async def transition(tx: Transaction, change: OperationTransition) -> OperationStep | None:
    """Make a guarded change and write its step; None, and nothing written, where the guard refused.

    Raises:
        InvalidInput: a text or document is too long.
    """
    values = changed_values(change)
    changed = await tx.rows(_TRANSITION, values)
    if not changed:
        return None
    return await _write_step(tx, change.operation_id, changed[0][0], change.at, change.step, change.step_detail)


async def step(
    tx: Transaction, operation_id: str, name: StepName, at: datetime, detail: str = ""
) -> OperationStep | None:
    """Write a step that changes no state; None where there is no such operation.

    Raises:
        InvalidInput: the detail is too long.
    """
    check_text("detail", detail)
    counted = await tx.rows(_COUNT_STEP, {"operation_id": operation_id})
    return await _write_step(tx, operation_id, counted[0][0], at, name, detail) if counted else None


async def steps(tx: Transaction, operation_id: str) -> list[OperationStep]:
    """Return the steps of an operation in the order in which they happened."""
    return [
        OperationStep(row.operation_id, row.n, instant(row.at), StepName(row.name), row.detail)
        for row in await tx.rows(_STEPS, {"operation": operation_id})
    ]


def changed_values(change: OperationTransition) -> dict[str, Any]:
    """Return what a transition writes, checked: None leaves a column as it is.

    Raises:
        InvalidInput: a text or document is too long.
    """
    check_record(change)
    at = micros(change.at)
    return {
        "operation_id": change.operation_id,
        "from_states": [state.value for state in change.from_states],
        "unanswered": change.only_unanswered,
        "known_attempts": change.attempts,
        "to_state": None if change.to_state is None else change.to_state.value,
        "sending": 1 if change.step in _SENDING else 0,
        "new_sent_at": at if change.step in _SENDING else None,
        "new_answered_at": at if change.step is StepName.RPC_ANSWERED else None,
        "new_finished_at": at if change.to_state in FINAL_STATES else None,
        "new_fault_code": change.fault_code,
        "new_fault_string": change.fault_string,
        "new_result": None if change.result is None else json_text("result", change.result),
        "new_detail": change.detail,
    }


def new_row(operation: OperationRecord) -> tuple[object, ...]:
    """Return the row of a new operation in the order of COLUMNS, its first step counted.

    Raises:
        InvalidInput: a text or document is too long.
    """
    check_record(operation)
    values = _stored(operation) | {"steps": 1}
    return tuple(values[name] for name in COLUMNS)


def record(row: Sequence[Any]) -> OperationRecord:
    """Return the operation of a row that holds COLUMNS in order."""
    row = tuple(row)
    (id_, device, kind, arguments, state, command_key, created_at, deadline_at, actor, reason, ticket) = row[:11]
    (idempotency_key, sent_at, answered_at, finished_at, attempts, fault_code, fault_string) = row[11:18]
    (result, detail, step_count) = row[18:]
    return OperationRecord(
        id=id_,
        device=device,
        kind=kind,
        arguments=json.loads(arguments),
        state=OperationState(state),
        command_key=command_key,
        created_at=instant(created_at),
        deadline_at=instant(deadline_at),
        actor=actor,
        reason=reason,
        ticket=ticket,
        idempotency_key=idempotency_key,
        sent_at=instant_or_none(sent_at),
        answered_at=instant_or_none(answered_at),
        finished_at=instant_or_none(finished_at),
        attempts=attempts,
        fault_code=fault_code,
        fault_string=fault_string,
        result=_json(result),
        detail=detail,
        steps=step_count,
    )


def _json(stored: str | None) -> Json:
    return None if stored is None else json.loads(stored)


def _stored(operation: OperationRecord) -> dict[str, object]:
    return {
        "id": operation.id,
        "device": operation.device,
        "kind": operation.kind,
        "arguments": json_text("arguments", operation.arguments),
        "state": operation.state.value,
        "command_key": operation.command_key,
        "created_at": micros(operation.created_at),
        "deadline_at": micros(operation.deadline_at),
        "actor": operation.actor,
        "reason": operation.reason,
        "ticket": operation.ticket,
        "idempotency_key": operation.idempotency_key,
        "sent_at": micros_or_none(operation.sent_at),
        "answered_at": micros_or_none(operation.answered_at),
        "finished_at": micros_or_none(operation.finished_at),
        "attempts": operation.attempts,
        "fault_code": operation.fault_code,
        "fault_string": operation.fault_string,
        "result": None if operation.result is None else json_text("result", operation.result),
        "detail": operation.detail,
        "steps": 0,
    }


async def _write_step(
    tx: Transaction, operation_id: str, n: int, at: datetime, name: StepName, detail: str
) -> OperationStep:
    values = {"operation_id": operation_id, "n": n, "at": micros(at), "name": name.value, "detail": detail}
    await tx.run(_ADD_STEP, values)
    return OperationStep(operation_id, n, at, name, detail)


def _coalesced(column: str) -> Any:
    return func.coalesce(bindparam(f"new_{column}", type_=operations.c[column].type), operations.c[column])


_TRANSITION = (
    update(operations)
    .where(
        operations.c.id == bindparam("operation_id"),
        operations.c.state.in_(bindparam("from_states", expanding=True)),
        or_(operations.c.answered_at.is_(None), bindparam("unanswered", type_=Boolean).is_(false())),
        operations.c.attempts == func.coalesce(bindparam("known_attempts", type_=Integer), operations.c.attempts),
    )
    .values(
        state=func.coalesce(bindparam("to_state", type_=Text), operations.c.state),
        attempts=operations.c.attempts + bindparam("sending", type_=Integer),
        steps=operations.c.steps + 1,
        **{
            name: _coalesced(name)
            for name in ("sent_at", "answered_at", "finished_at", "fault_code", "fault_string", "result", "detail")
        },
    )
    .returning(operations.c.steps)
)
