"""PostgreSQL for management queries: one round trip per statement, and none around them that nobody needs.

    SQLAlchemy's adapter:   ping (three round trips) · BEGIN · statement … · COMMIT, each through a greenlet
    this one:               BEGIN with the first statement that writes · statement … · COMMIT if something began

A query in a reading needs no transaction: PostgreSQL shows each statement what was committed before it, in one as
without (READ COMMITTED). The rule of this file: what a statement does and raises is the driver's (asyncpg); only the
number of round trips differs.
"""

import re
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped] # it ships none
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection, AsyncAdapt_asyncpg_dbapi
from sqlalchemy.util import await_only

from acs.store.steps import Done

#: "INSERT 0 3", "UPDATE 3": how many rows a statement changed
_CHANGED = re.compile(r"(?:SELECT|UPDATE|DELETE|INSERT \d+) (\d+)")


class PostgresConnection(AsyncAdapt_asyncpg_connection):
    """A connection that begins a transaction when something is written. See `acs.store.steps.Driver`."""

    __slots__ = ("at_rest", "reading")

    def __init__(self, dbapi: Any, connection: Any, **options: Any) -> None:
        super().__init__(dbapi, connection, **options)  # type: ignore[no-untyped-call]
        self.reading, self.at_rest = False, True

    @property
    def lost(self) -> bool:
        """Whether the server has gone or has ended it."""
        return bool(self._connection.is_closed())

    def begin(self, *, reading: bool) -> None:
        """Let the next statement that writes begin a transaction."""
        self.reading, self.at_rest = reading, False

    async def step(self, operation: str, parameters: Sequence[Any]) -> tuple[Done, list[Any]]:
        """Run one statement, and return what is left of it and its rows.

        Raises:
            AsyncAdapt_asyncpg_dbapi.Error: what the server or the driver said.
        """
        async with self._execute_mutex:
            if self._transaction is None and not (self.reading and operation.startswith("SELECT")):
                await self._start_transaction()  # type: ignore[no-untyped-call]
            try:
                statement, _ = await self._prepare(operation, 0)  # type: ignore[no-untyped-call]
                rows = await statement.fetch(*parameters)
            except Exception as error:  # noqa: BLE001 - the adapter translates it, as on its own way
                self._prepared_statement_cache.pop(operation, None)  # its plan may be what broke
                self._handle_exception(error)
            changed = _CHANGED.match(statement.get_statusmsg() or "")
            return Done(rowcount=int(changed[1]) if changed else -1), [tuple(row) for row in rows]

    async def end(self, *, keep: bool) -> None:
        """Commit or undo what was begun.

        Raises:
            AsyncAdapt_asyncpg_dbapi.Error: what the server or the driver said.
        """
        async with self._execute_mutex:
            transaction, self._transaction = self._transaction, None
            if transaction is not None:
                try:
                    await (transaction.commit() if keep else transaction.rollback())
                except Exception as error:  # noqa: BLE001 - the adapter translates it, as on its own way
                    self._handle_exception(error)
            self.at_rest = True


class PostgresModule(AsyncAdapt_asyncpg_dbapi):
    """The driver as SQLAlchemy's engine wants it, with our connections."""

    def __init__(self) -> None:
        super().__init__(asyncpg)  # type: ignore[no-untyped-call]

    def connect(self, *arg: Any, **options: Any) -> PostgresConnection:
        """Open a connection; `prepared_statement_cache_size` is ours, the other options are the driver's."""
        prepared = options.pop("prepared_statement_cache_size")
        opening = PostgresConnection.create(
            self, self.asyncpg.connect(*arg, **options), prepared_statement_cache_size=prepared
        )
        return await_only(opening)
