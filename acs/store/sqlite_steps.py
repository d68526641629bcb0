"""SQLite for management queries: at most one step into the driver's thread per statement, instead of four.

    SQLAlchemy's adapter:   cursor() · execute() · fetchall() · close()      each a hand-over to the thread and back
    this one:               all of it in one, and BEGIN together with the first statement after it
    a step that is short:   none

A line test makes some forty statements, and a hand-over costs more than most of them do (`bench/tickets.py`). The rules
of this file: what a statement does and raises is the driver's; only the number of hand-overs differs. What may wait for
another writer or for the disk (BEGIN IMMEDIATE, COMMIT), and what may touch many rows (UPDATE, DELETE, a query that
turns out to be long), goes to the thread (`docs/decisions/0361-short-steps-of-sqlite-stay-in-the-loop.md`).
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util import await_only

from acs.store.sqlite_file import connect
from acs.store.steps import Done

#: how a transaction begins, together with its first statement
_READING, _WRITING = "BEGIN", "BEGIN IMMEDIATE"
#: what a step that stays in the loop begins with: a query, which can be given up, or one row that is added
_QUERY, _ONE_ROW = "SELECT", "INSERT"
#: instructions of SQLite's machine after which a query counts as long, about a millisecond
_LONG = 10_000
#: steps that one transaction may make in the loop before the others have their turn
_IN_A_ROW = 10


class SqliteCursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor whose statement is executed, read and closed in one hand-over."""

    __slots__ = ()
    _awaitable_cursor_close = False

    def _make_new_cursor(self, connection: Any) -> Any:
        return Done()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        adapted: Any = self._adapt_connection
        async with adapted._execute_mutex:
            await self._step(adapted, operation, () if parameters is None else parameters, many=False)
        return self

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        adapted: Any = self._adapt_connection
        async with adapted._execute_mutex:
            await self._step(adapted, operation, seq_of_parameters, many=True)
        return self

    async def _step(self, adapted: Any, operation: str, parameters: Any, *, many: bool) -> None:
        done, rows = await adapted.hand_over(operation, parameters, many)
        self._cursor, self._rows = done, deque(rows)

    def close(self) -> None:
        """Forget the rows; the driver's cursor is closed already."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Nothing is open."""


class SqliteConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors do everything in one step. See `acs.store.steps.Driver`.

    `beginning`: a BEGIN that goes with the next statement. `reading`: the transaction writes nothing. `at_rest`: the
    last transaction is known to have ended. `in_a_row`: steps that were made in the loop.
    """

    __slots__ = ("at_rest", "beginning", "in_a_row", "reading")
    _cursor_cls = SqliteCursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.beginning, self.reading, self.at_rest = "", False, True
        self.in_a_row = 0

    @property
    def lost(self) -> bool:
        """A file does not go."""
        return False

    async def step(self, operation: str, parameters: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Run one statement from a coroutine, and return what is left of its cursor, and its rows.

        Raises:
            sqlite3.Error: as the driver says it.
        """
        async with self._execute_mutex:
            if not self._short(operation):
                return await self.hand_over(operation, parameters, False)
            self.in_a_row = (self.in_a_row + 1) % _IN_A_ROW
            if not self.in_a_row:
                await asyncio.sleep(0)
            return self._here(operation, parameters) or await self.hand_over(operation, parameters, False)

    def _short(self, operation: str) -> bool:
        """Whether a step waits for nobody and ends soon, or can be given up."""
        if self.reading:
            return operation.startswith(_QUERY)
        return not self.beginning and operation.startswith((_QUERY, _ONE_ROW))

    def _here(self, operation: str, parameters: Sequence[Any]) -> tuple[Any, list[Any]] | None:
        """Run a statement in the caller's thread; None where it is a query that is given up, and nothing happened."""
        connection: Any = self._connection
        driver: sqlite3.Connection = connection._conn
        beginning, self.beginning = self.beginning, ""
        _begin(driver, beginning)  # before anything may be given up: SQLite counts what a statement did at any time
        driver.set_progress_handler(_give_up if operation.startswith(_QUERY) else None, _LONG)
        try:
            return _run(driver, "", operation, parameters, many=False)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return None
        finally:
            driver.set_progress_handler(None, _LONG)

    async def hand_over(self, operation: str, parameters: Any, many: bool) -> tuple[Any, list[Any]]:
        """Run a statement in the driver's thread, the waiting BEGIN before it; the caller holds the mutex."""
        beginning, self.beginning = self.beginning, ""
        connection: Any = self._connection
        found: tuple[Any, list[Any]] = await connection._execute(
            _run, connection._conn, beginning, operation, parameters, many
        )
        return found

    def begin(self, *, reading: bool) -> None:
        """Let the next statement begin a transaction."""
        self.beginning, self.reading, self.at_rest = _READING if reading else _WRITING, reading, False

    async def end(self, *, keep: bool) -> None:
        """Commit or undo; a transaction in which nothing was said was never begun.

        Raises:
            sqlite3.Error: as the driver says it.
        """
        async with self._execute_mutex:
            if self.beginning:
                self.beginning = ""
            elif self.reading and keep:
                self._here("COMMIT", ())  # nothing goes to the disk
            else:
                await (self._connection.commit() if keep else self._connection.rollback())
            self.at_rest = True

    def commit(self) -> None:
        """Commit; a transaction in which nothing was said was never begun."""
        if self.beginning:
            self.beginning = ""
            return
        super().commit()

    def rollback(self) -> None:
        """Roll back; a transaction in which nothing was said was never begun."""
        if self.beginning:
            self.beginning = ""
            return
        super().rollback()


class SqliteModule(AsyncAdapt_aiosqlite_dbapi):
    """The driver as SQLAlchemy's engine wants it, with our connections."""

    def __init__(self, driver: ModuleType = aiosqlite, sqlite: ModuleType = sqlite3) -> None:
        super().__init__(driver, sqlite)

    def connect(self, *arg: Any, **kw: Any) -> SqliteConnection:
        """Open a connection with a thread of its own."""
        # its cursors are read whole, never by chunks
        connection = aiosqlite.Connection(partial(connect, *arg, **kw), iter_chunk_size=1)
        connection._thread.daemon = True
        try:
            return SqliteConnection(self, await_only(connection))
        except BaseException:
            # its thread ends by itself, and says so to the loop, which must be there then
            await_only(asyncio.to_thread(connection._thread.join))
            raise


def _give_up() -> int:
    """Interrupt the query."""
    return 1


def _begin(driver: sqlite3.Connection, beginning: str) -> None:
    """Begin the transaction, if one waits to begin."""
    if beginning:
        driver.execute(beginning).close()


def _run(
    driver: sqlite3.Connection, beginning: str, operation: str, parameters: Sequence[Any], many: bool
) -> tuple[Done, list[Any]]:
    """In the driver's thread: the waiting BEGIN, the statement, its rows."""
    _begin(driver, beginning)
    cursor = driver.cursor()
    try:
        if many:
            cursor.executemany(operation, parameters)
        else:
            cursor.execute(operation, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return Done(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()
