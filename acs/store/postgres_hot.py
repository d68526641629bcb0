"""Session batches on PostgreSQL: asyncpg directly, arrays through UNNEST, sorted by key, one transaction per batch.

The rule of this file: a batch locks device rows in the order of their keys, then operations in the order of their
ids, so that the batches of several processes never wait for each other in a circle.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped] # it ships none
from sqlalchemy.engine import URL

from acs.errors import AcsError, StoreError
from acs.store import hot, operations
from acs.store.engine import shown
from acs.store.instants import micros
from acs.store.records import (
    OperationRecord,
    OperationStep,
    OperationTransition,
    SessionCommit,
    SessionCommitted,
    SessionOpened,
    SessionOpening,
    StepName,
)

_TYPES = {
    "last_inform_at": "bigint", "last_boot_at": "bigint", "uptime_s": "bigint", "uptime_at": "bigint",
    "first_seen_at": "bigint", "last_events": "bigint", "last_retry_count": "int", "last_current_time": "bigint",
    "last_values": "bigint",
}  # fmt: skip


def _arrays(names: Sequence[str], first: int = 1) -> str:
    return ", ".join(f"${n}::{_TYPES.get(name, 'text')}[]" for n, name in enumerate(names, first))


def _update(names: Sequence[str]) -> str:
    columns = (*names, "key")
    assignments = ", ".join(f"{name} = u.{name}" for name in names)
    source = f"unnest({_arrays(columns)}) AS u({', '.join(columns)})"
    return f"UPDATE devices SET {assignments} FROM {source} WHERE devices.key = u.key"


_READ_ROWS = (
    f"SELECT {', '.join(hot.COLUMNS)}, EXISTS (SELECT 1 FROM device_quarantine q WHERE q.device = devices.key)"
    " FROM devices WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE"
)
#: The nonces that were not used with this count before, taken; sorted, so that batches never wait in a circle.
_CLAIM = (
    "INSERT INTO digest_nonces (id, nc) SELECT * FROM unnest($1::bigint[], $2::bigint[])"
    " ON CONFLICT (id) DO UPDATE SET nc = excluded.nc WHERE excluded.nc > digest_nonces.nc RETURNING id"
)
_QUARANTINE = (
    "INSERT INTO device_quarantine (device, since, actor, reason)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])"
)
_TOUCH_COLUMNS = (*hot.TOUCHED, "key")
_EVENT_COLUMNS = ("device", "last_inform_at", "session_id", "code", "command_key")
#: One statement for what every batch does: touch the rows, add the events, read the due operations.
_TOUCH_AND_READ = f"""
WITH touched AS ({_update(hot.TOUCHED)}),
added AS (
    INSERT INTO events (device, at, session_id, code, command_key)
    SELECT * FROM unnest({_arrays(_EVENT_COLUMNS, len(_TOUCH_COLUMNS) + 1)})
)
SELECT {", ".join(operations.COLUMNS)} FROM operations
WHERE device = ANY(${len(_TOUCH_COLUMNS) + len(_EVENT_COLUMNS) + 1}::text[]) AND state IN ('queued', 'sent', 'unknown')
ORDER BY id
"""
_SELDOM = _update(hot.SELDOM)
_NEW = (
    f"INSERT INTO devices ({', '.join(hot.COLUMNS)}) SELECT * FROM unnest({_arrays(hot.COLUMNS)})"
    " ON CONFLICT (key) DO NOTHING RETURNING key"
)
_VOID = (
    "UPDATE devices SET stored_session_id = NULL, stored_session = NULL, stored_session_at = NULL"
    " WHERE key = ANY($1::text[])"
)
_END = """
UPDATE devices SET stored_session_id = NULL, stored_session = NULL, stored_session_at = NULL
FROM unnest($1::text[], $2::text[]) AS u(key, session_id)
WHERE devices.key = u.key AND stored_session_id = u.session_id
"""
_KEEP = """
UPDATE devices SET stored_session_id = u.session_id, stored_session = u.session, stored_session_at = u.at
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[]) AS u(key, session_id, session, at)
WHERE devices.key = u.key AND last_session_id = u.session_id
"""
_UPTIME = """
UPDATE devices SET uptime_s = u.uptime_s, uptime_at = u.at
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u(key, uptime_s, at) WHERE devices.key = u.key
"""
_LOCK_ROWS = "SELECT 1 FROM devices WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE"
_LOCK_OPERATIONS = "SELECT 1 FROM operations WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
#: One round of transitions: at most one per operation.
_TRANSITIONS = """
WITH u AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::bool[], $4::text[], $5::int[], $6::bigint[], $7::bigint[], $8::bigint[],
        $9::int[], $10::text[], $11::text[], $12::text[], $13::int[], $14::bigint[], $15::text[], $16::text[]
    ) AS u(id, from_states, unanswered, to_state, sending, sent_at, answered_at, finished_at,
           fault_code, fault_string, result, detail, known_attempts, at, step, step_detail)
), changed AS (
    UPDATE operations o SET
        state = coalesce(u.to_state, o.state), attempts = o.attempts + u.sending, steps = o.steps + 1,
        sent_at = coalesce(u.sent_at, o.sent_at), answered_at = coalesce(u.answered_at, o.answered_at),
        finished_at = coalesce(u.finished_at, o.finished_at), fault_code = coalesce(u.fault_code, o.fault_code),
        fault_string = coalesce(u.fault_string, o.fault_string), result = coalesce(u.result, o.result),
        detail = coalesce(u.detail, o.detail)
    FROM u
    WHERE o.id = u.id AND o.state = ANY(string_to_array(u.from_states, ','))
        AND (NOT u.unanswered OR o.answered_at IS NULL) AND o.attempts = coalesce(u.known_attempts, o.attempts)
    RETURNING o.id, o.steps, u.at, u.step, u.step_detail
), added AS (
    INSERT INTO operation_steps (operation_id, n, at, name, detail) SELECT id, steps, at, step, step_detail FROM changed
)
SELECT id, steps FROM changed
"""
_ADD = (
    f"INSERT INTO operations ({', '.join(operations.COLUMNS)})"
    f" VALUES ({', '.join(f'${n}' for n in range(1, len(operations.COLUMNS) + 1))})"
)
# what a search finds by changed: see `search.note`
_NOTE = "INSERT INTO search_changes (device) SELECT unnest($1::text[])"
_ADD_STEP = "INSERT INTO operation_steps (operation_id, n, at, name, detail) VALUES ($1, $2, $3, $4, $5)"
_CHANGED = (
    "operation_id", "from_states", "unanswered", "to_state", "sending", "new_sent_at", "new_answered_at",
    "new_finished_at", "new_fault_code", "new_fault_string", "new_result", "new_detail",
    "known_attempts",
)  # fmt: skip

#: The connection is gone, or the server does not let us work now: the batch may be tried again on a new connection.
_CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
#: Another process was in the way: the batch may be tried again.
_AGAIN_ERRORS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_TRIES = 3
_TIMEOUT_S = 15.0


class _CreatedElsewhere(Exception):
    """Another process stored one of the new devices in the meantime."""


class PostgresHot:
    """The connection of one process's session batches."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Any = None

    @classmethod
    async def open(cls, url: URL) -> "PostgresHot":
        """Connect.

        Raises:
            StoreError: the server cannot be reached.
        """
        driver = cls(url)
        try:
            await driver._connected()
        except (*_CONNECTION_ERRORS, asyncpg.PostgresError) as error:
            raise StoreError(f"the store at {shown(url)} cannot be used: {error}") from error
        return driver

    async def run(self, batch: Sequence[hot.Item]) -> Sequence[hot.Outcome | AcsError]:
        """Write a batch durably; one outcome or error per item, in order."""
        failure: Exception = StoreError("never tried")
        for _ in range(_TRIES):
            try:
                return await self._in_transaction(batch)
            except _CONNECTION_ERRORS as error:
                failure = error
                self._drop()
            except (*_AGAIN_ERRORS, _CreatedElsewhere) as error:
                failure = error
            except (asyncpg.PostgresError, ValueError, OverflowError, TypeError) as error:
                if len(batch) > 1:
                    return [outcome for item in batch for outcome in await self.run([item])]
                return [StoreError(f"the store refused this session, and nothing of it was written: {error}")]
        return [StoreError(f"the store failed, and nothing was written: {failure}")] * len(batch)

    async def close(self) -> None:
        """End the connection."""
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=_TIMEOUT_S)

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                host=self._url.query.get("host", self._url.host),
                port=self._url.port,
                user=self._url.username,
                password=self._url.password,
                database=self._url.database,
                timeout=_TIMEOUT_S,
                command_timeout=_TIMEOUT_S,
                server_settings={"application_name": "secondline sessions", "synchronous_commit": "on"},
            )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _in_transaction(self, batch: Sequence[hot.Item]) -> Sequence[hot.Outcome | AcsError]:
        connection = await self._connected()
        await connection.execute("BEGIN")
        try:
            committed = iter(await _commit(connection, [item for item in batch if isinstance(item, SessionCommit)]))
            opened = iter(await _open(connection, [item for item in batch if isinstance(item, SessionOpening)]))
            await connection.execute("COMMIT")
        except asyncio.CancelledError:
            self._drop()
            raise
        except BaseException:
            if not connection.is_closed():
                await connection.execute("ROLLBACK")
            raise
        return [next(committed) if isinstance(item, SessionCommit) else next(opened) for item in batch]


async def _open(connection: Any, openings: Sequence[SessionOpening]) -> Sequence[SessionOpened | AcsError]:
    if any(opening.nonce is not None for opening in openings):
        refused = await _claim(connection, openings)
        if refused:
            taken = [each for place, each in enumerate(openings) if place not in refused]
            rest = iter(await _open_all(connection, taken))
            return [refused[place] if place in refused else next(rest) for place in range(len(openings))]
    return await _open_all(connection, openings)


async def _claim(connection: Any, openings: Sequence[SessionOpening]) -> dict[int, AcsError]:
    """Use up the nonces of a batch; the errors of those that were used before, by their place."""
    claims, refused = hot.split_replayed(openings, {})
    rows = sorted(claims.items())
    taken = {row[0] for row in await connection.fetch(_CLAIM, *_columns(rows, 2))}
    for place, opening in enumerate(openings):
        if opening.nonce is not None and opening.nonce[0] not in taken:
            refused.setdefault(place, hot.replayed())
    return refused


async def _open_all(connection: Any, openings: Sequence[SessionOpening]) -> list[SessionOpened]:
    if not openings:
        return []
    keys = sorted({opening.key for opening in openings})
    rows = {row[0]: list(row) for row in await connection.fetch(_READ_ROWS, keys)}
    plan = hot.Plan(quarantined={key for key, row in rows.items() if row.pop()}, rows=rows)
    told = [hot.apply(plan, opening) for opening in openings]
    if plan.created:
        written = await connection.fetch(_NEW, *_columns(plan.new(), len(hot.COLUMNS)))
        if len(written) != len(plan.created):
            raise _CreatedElsewhere
        if plan.quarantines:
            await connection.execute(_QUARANTINE, *_columns(plan.quarantines, 4))
    if plan.changed - plan.created:
        await connection.execute(_SELDOM, *_columns(plan.seldom(), len(hot.SELDOM) + 1))
    if plan.created or plan.changed:
        await connection.execute(_NOTE, sorted(plan.created | plan.changed))
    if plan.unstored:
        await connection.execute(_VOID, sorted(plan.unstored))
    due: defaultdict[str, list[OperationRecord]] = defaultdict(list)
    touched = _columns(plan.touched(), len(_TOUCH_COLUMNS))
    for row in await connection.fetch(_TOUCH_AND_READ, *touched, *_columns(plan.events, len(_EVENT_COLUMNS)), keys):
        due[row[1]].append(operations.record(row))
    return [
        hot.opened(plan, opening, each, due.get(opening.key, ())) for opening, each in zip(openings, told, strict=True)
    ]


async def _commit(connection: Any, commits: Sequence[SessionCommit]) -> list[SessionCommitted]:
    if not commits:
        return []
    await _device_changes(connection, commits)
    new = [operation for commit in commits for operation in commit.operations]
    if new:
        await connection.executemany(_ADD, [operations.new_row(operation) for operation in new])
        steps_of_new = [(each.id, 1, micros(each.created_at), StepName.QUEUED.value, "") for each in new]
        await connection.executemany(_ADD_STEP, steps_of_new)
    changes = list(enumerate(change for commit in commits for change in commit.transitions))
    if len({change.operation_id for _, change in changes}) > 1:
        await connection.fetch(_LOCK_OPERATIONS, sorted({change.operation_id for _, change in changes}))
    steps: dict[int, OperationStep | None] = {}
    while changes:
        this, changes = _round(changes)
        written = await _transitions(connection, [change for _, change in this])
        steps |= {n: written.get(change.operation_id) for n, change in this}
    ordered = iter([steps[n] for n in sorted(steps)])
    return [SessionCommitted(tuple(next(ordered) for _ in commit.transitions)) for commit in commits]


async def _device_changes(connection: Any, commits: Sequence[SessionCommit]) -> None:
    uptimes = {each.key: each for each in commits if each.uptime_s is not None}
    kept = {each.key: each for each in commits if each.session is not None and not each.ended}
    ended = {each.key: each for each in commits if each.ended and each.stored}
    keys = sorted({*uptimes, *kept, *ended})
    if len(keys) > 1:
        await connection.fetch(_LOCK_ROWS, keys)
    if uptimes:
        rows = [(key, each.uptime_s, micros(each.at)) for key, each in sorted(uptimes.items())]
        await connection.execute(_UPTIME, *_columns(rows, 3))
    if kept:
        forms = [(key, each.session_id, each.session, micros(each.at)) for key, each in sorted(kept.items())]
        await connection.execute(_KEEP, *_columns(forms, 4))
    if ended:
        await connection.execute(_END, *_columns([(key, each.session_id) for key, each in sorted(ended.items())], 2))


async def _transitions(connection: Any, changes: Sequence[OperationTransition]) -> dict[str, OperationStep]:
    rows: list[tuple[Any, ...]] = []
    for change in changes:
        values = operations.changed_values(change)
        values["from_states"] = ",".join(values["from_states"])
        at = micros(change.at)
        rows.append((*(values[name] for name in _CHANGED), at, change.step.value, change.step_detail))
    happened = {row[0]: row[1] for row in await connection.fetch(_TRANSITIONS, *_columns(rows, len(_CHANGED) + 3))}
    return {
        change.operation_id: OperationStep(
            change.operation_id, happened[change.operation_id], change.at, change.step, change.step_detail
        )
        for change in changes
        if change.operation_id in happened
    }


def _round(
    changes: Sequence[tuple[int, OperationTransition]],
) -> tuple[list[tuple[int, OperationTransition]], list[tuple[int, OperationTransition]]]:
    """Split off at most one transition per operation: the first of each."""
    this: dict[str, tuple[int, OperationTransition]] = {}
    rest: list[tuple[int, OperationTransition]] = []
    for each in changes:
        if each[1].operation_id in this:
            rest.append(each)
        else:
            this[each[1].operation_id] = each
    return [this[key] for key in sorted(this)], rest


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
