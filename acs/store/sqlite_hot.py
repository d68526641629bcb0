"""Session batches on SQLite: one connection in a thread of its own, one transaction and one flush per batch.

The rule of this file: everything below `_write` runs in the writer thread; the loop only hands batches over, holding
the gate, so that no other writer of this process is in the database at the same time.
"""

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sqlalchemy.engine import URL

from acs.errors import AcsError, StoreError
from acs.store import hot, operations
from acs.store.gate import Gate
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
from acs.store.sqlite_file import connect, prepare_file


def _from_json(names: Sequence[str]) -> str:
    """A query that gives the rows of a JSON array of arrays, with these column names."""
    columns = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(names))
    return f"SELECT {columns} FROM json_each(?)"


# What every batch does is one step of SQLite each, however many sessions it holds: the interpreter's lock is given up
# and fought for at each step, which cost more than the statements themselves. What is JSON already stands beside the
# rows, parted by a character that JSON writes in another way: to quote a kilobyte and read it again cost most of this.
_PARTED = "\x1e"
_INFORM_JSON = hot.COLUMNS.index("inform_json")
_READ_ROWS = (
    f"SELECT json_group_array(json_array({', '.join(name for name in hot.COLUMNS if name != 'inform_json')},"
    " EXISTS (SELECT 1 FROM device_quarantine q WHERE q.device = devices.key))),"
    f" group_concat(inform_json, char({ord(_PARTED)})) FROM devices WHERE key IN (SELECT value FROM json_each(?))"
)
_KNOWN_NONCES = (
    "SELECT json_group_array(json_array(id, nc)) FROM digest_nonces WHERE id IN (SELECT value FROM json_each(?))"
)
_CLAIM = f"INSERT OR REPLACE INTO digest_nonces (id, nc) {_from_json(('id', 'nc'))}"
_QUARANTINE = "INSERT INTO device_quarantine (device, since, actor, reason) VALUES (?, ?, ?, ?)"
_READ_OPERATIONS = (
    f"SELECT {', '.join(operations.COLUMNS)} FROM operations INDEXED BY ix_operations_due"
    " WHERE device IN (SELECT value FROM json_each(?))"
    " AND state IN ('queued', 'sent', 'unknown') ORDER BY id"
)
_TOUCH = (
    f"UPDATE devices SET {', '.join(f'{name} = u.{name}' for name in hot.TOUCHED)}"
    f" FROM ({_from_json((*hot.TOUCHED, 'key'))}) AS u WHERE devices.key = u.key"
)
_SELDOM = f"UPDATE devices SET {', '.join(f'{name} = ?' for name in hot.SELDOM)} WHERE key = ?"
_NEW = f"INSERT INTO devices ({', '.join(hot.COLUMNS)}) VALUES ({', '.join('?' * len(hot.COLUMNS))})"
_EVENT_COLUMNS = ("device", "at", "session_id", "code", "command_key")
_EVENTS = f"INSERT INTO events ({', '.join(_EVENT_COLUMNS)}) {_from_json(_EVENT_COLUMNS)}"
_VOID = "UPDATE devices SET stored_session_id = NULL, stored_session = NULL, stored_session_at = NULL WHERE key = ?"
# what a search finds by changed: see `search.note`
_NOTE = "INSERT INTO search_changes (device) SELECT value FROM json_each(?)"
_END = f"{_VOID} AND stored_session_id = ?"
_KEEP = (
    "UPDATE devices SET stored_session_id = ?, stored_session = ?, stored_session_at = ?"
    " WHERE key = ? AND last_session_id = ?"
)
_UPTIME = "UPDATE devices SET uptime_s = ?, uptime_at = ? WHERE key = ?"
_TRANSITION = """
UPDATE operations SET
    state = coalesce(:to_state, state), attempts = attempts + :sending, steps = steps + 1,
    sent_at = coalesce(:new_sent_at, sent_at), answered_at = coalesce(:new_answered_at, answered_at),
    finished_at = coalesce(:new_finished_at, finished_at), fault_code = coalesce(:new_fault_code, fault_code),
    fault_string = coalesce(:new_fault_string, fault_string), result = coalesce(:new_result, result),
    detail = coalesce(:new_detail, detail)
WHERE id = :operation_id AND state IN (SELECT value FROM json_each(:from_states))
    AND (NOT :unanswered OR answered_at IS NULL) AND attempts = coalesce(:known_attempts, attempts)
RETURNING steps
"""
_ADD = f"INSERT INTO operations ({', '.join(operations.COLUMNS)}) VALUES ({', '.join('?' * len(operations.COLUMNS))})"
_STEP = "INSERT INTO operation_steps (operation_id, n, at, name, detail) VALUES (?, ?, ?, ?, ?)"

#: What one item's data can cause; anything else of SQLite concerns the whole batch.
_ITEM_ERRORS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
_VALUE_ERRORS = (ValueError, OverflowError, TypeError)


class SqliteHot:
    """The writer thread of one SQLite store."""

    def __init__(self, thread: ThreadPoolExecutor, connection: sqlite3.Connection, gate: Gate) -> None:
        self._thread = thread
        self._connection = connection
        self._gate = gate

    @classmethod
    async def open(cls, url: URL, gate: Gate) -> "SqliteHot":
        """Open the file, in a new thread that this driver owns.

        Raises:
            StoreError: SQLite cannot open it.
        """
        path = prepare_file(Path(url.database or ""))
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(
                thread, partial(connect, path, cached_statements=64)
            )
        except sqlite3.Error as error:
            thread.shutdown(wait=False)
            raise StoreError(f"the SQLite store {path} cannot be opened: {error}") from error
        return cls(thread, connection, gate)

    async def run(self, batch: Sequence[hot.Item]) -> Sequence[hot.Outcome | AcsError]:
        """Write a batch durably; one outcome or error per item, in order."""
        async with self._gate.writing(urgent=True):
            return await asyncio.get_running_loop().run_in_executor(self._thread, _write, self._connection, batch)

    async def close(self) -> None:
        """End the connection and its thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=True)


def _write(connection: sqlite3.Connection, batch: Sequence[hot.Item]) -> Sequence[hot.Outcome | AcsError]:
    """Write a batch; where one item's data breaks it, write each item for itself."""
    try:
        return _in_transaction(connection, batch)
    except (*_ITEM_ERRORS, *_VALUE_ERRORS) as error:
        if len(batch) == 1:
            return [StoreError(f"the store refused this session, and nothing of it was written: {error}")]
        return [outcome for item in batch for outcome in _write(connection, [item])]
    except sqlite3.Error as error:
        return [StoreError(f"the SQLite store failed, and nothing was written: {error}")] * len(batch)


def _in_transaction(connection: sqlite3.Connection, batch: Sequence[hot.Item]) -> Sequence[hot.Outcome | AcsError]:
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        committed = {n: _commit(cursor, item) for n, item in enumerate(batch) if isinstance(item, SessionCommit)}
        opened = _open(cursor, [item for item in batch if isinstance(item, SessionOpening)])
        cursor.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    answers = iter(opened)
    return [committed[n] if n in committed else next(answers) for n in range(len(batch))]


def _open(cursor: sqlite3.Cursor, openings: Sequence[SessionOpening]) -> Sequence[SessionOpened | AcsError]:
    if any(opening.nonce is not None for opening in openings):
        refused = _claim(cursor, openings)
        if refused:
            taken = [each for place, each in enumerate(openings) if place not in refused]
            rest = iter(_open_all(cursor, taken))
            return [refused[place] if place in refused else next(rest) for place in range(len(openings))]
    return _open_all(cursor, openings)


def _claim(cursor: sqlite3.Cursor, openings: Sequence[SessionOpening]) -> dict[int, AcsError]:
    """Use up the nonces of a batch; the errors of those that were used before, by their place."""
    ids = json.dumps([opening.nonce[0] for opening in openings if opening.nonce is not None])
    known = dict(json.loads(cursor.execute(_KNOWN_NONCES, (ids,)).fetchone()[0]))
    claims, refused = hot.split_replayed(openings, known)
    if claims:
        cursor.execute(_CLAIM, (json.dumps(sorted(claims.items())),))
    return refused


def _open_all(cursor: sqlite3.Cursor, openings: Sequence[SessionOpening]) -> list[SessionOpened]:
    if not openings:
        return []
    keys = json.dumps(sorted({opening.key for opening in openings}))
    found, informs = cursor.execute(_READ_ROWS, (keys,)).fetchone()
    rows = json.loads(found)
    plan = hot.Plan(quarantined={row[0] for row in rows if row.pop()}, rows={row[0]: row for row in rows})
    if rows:
        for row, inform in zip(rows, informs.split(_PARTED), strict=True):
            row.insert(_INFORM_JSON, inform)
    told = [hot.apply(plan, opening) for opening in openings]
    if plan.created:
        cursor.executemany(_NEW, plan.new())
        cursor.executemany(_QUARANTINE, plan.quarantines)
    cursor.execute(_TOUCH, (json.dumps(plan.touched()),))
    if plan.changed:
        cursor.executemany(_SELDOM, plan.seldom())
    if plan.created or plan.changed:
        cursor.execute(_NOTE, (json.dumps(sorted(plan.created | plan.changed)),))
    if plan.unstored:
        cursor.executemany(_VOID, [(key,) for key in sorted(plan.unstored)])
    cursor.execute(_EVENTS, (json.dumps(plan.events),))
    due: defaultdict[str, list[OperationRecord]] = defaultdict(list)
    for row in cursor.execute(_READ_OPERATIONS, (keys,)).fetchall():
        due[row[1]].append(operations.record(row))
    return [
        hot.opened(plan, opening, each, due.get(opening.key, ())) for opening, each in zip(openings, told, strict=True)
    ]


def _commit(cursor: sqlite3.Cursor, commit: SessionCommit) -> SessionCommitted:
    at = micros(commit.at)
    if commit.uptime_s is not None:
        cursor.execute(_UPTIME, (commit.uptime_s, at, commit.key))
    if commit.ended:
        cursor.execute(_END, (commit.key, commit.session_id))
    elif commit.session is not None:
        cursor.execute(_KEEP, (commit.session_id, commit.session, at, commit.key, commit.session_id))
    for operation in commit.operations:
        cursor.execute(_ADD, operations.new_row(operation))
        cursor.execute(_STEP, (operation.id, 1, micros(operation.created_at), StepName.QUEUED.value, ""))
    return SessionCommitted(tuple(_transition(cursor, change) for change in commit.transitions))


def _transition(cursor: sqlite3.Cursor, change: OperationTransition) -> OperationStep | None:
    values = operations.changed_values(change)
    values["from_states"] = json.dumps(values["from_states"])
    rows = cursor.execute(_TRANSITION, values).fetchall()
    if not rows:
        return None
    n = rows[0][0]
    cursor.execute(_STEP, (change.operation_id, n, micros(change.at), change.step.value, change.step_detail))
    return OperationStep(change.operation_id, n, change.at, change.step, change.step_detail)
