"""One transaction: what every typed function of the store takes as its first argument.

The rule of this file: a service opens a transaction around one use case (`store.transaction()`), never across a wait
for a CPE or a probe. On SQLite it is the only writer while it is open.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from acs.store.vault import Vault

#: Rows of one INSERT: the number of bound values of a statement is limited (SQLite 32766, PostgreSQL 32767).
_MAX_BOUND = 30_000


class Transaction:
    """An open transaction on either database, and the vault for its sealed columns."""

    __slots__ = ("connection", "vault")

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self.connection = connection
        self.vault = vault

    async def rows(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> Sequence[Row[Any]]:
        """Return all rows of a query."""
        return (await self.connection.execute(statement, parameters)).all()

    async def one(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> Row[Any] | None:
        """Return the first row of a query, or None."""
        return (await self.connection.execute(statement, parameters)).first()

    async def run(self, statement: Executable) -> int:
        """Run a statement that changes rows and return how many it changed."""
        return (await self.connection.execute(statement)).rowcount

    async def insert(self, table: Table, values: Mapping[str, object]) -> bool:
        """Insert one row; False when a row with one of its unique values exists already."""
        statement = self._insert(table).values(dict(values)).on_conflict_do_nothing()
        return (await self.connection.execute(statement)).rowcount == 1

    async def insert_many(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows; those that would break a unique value are left out."""
        step = max(1, _MAX_BOUND // len(table.columns))
        for start in range(0, len(rows), step):
            part = [dict(row) for row in rows[start : start + step]]
            await self.connection.execute(self._insert(table).values(part).on_conflict_do_nothing())

    async def upsert(
        self, table: Table, rows: Sequence[Mapping[str, object]], *, newer: str | None = None, keep: Sequence[str] = ()
    ) -> int:
        """Insert rows, or replace those whose primary key exists, and return how many were written.

        Rows of one call are de-duplicated by primary key (the last one stands; with `newer`, the greatest) and
        sorted by it, so that concurrent calls never wait for each other in a circle.

        Args:
            newer: a column; a stored row is replaced only when the new row's value is not smaller.
            keep: columns that a replaced row keeps.
        """
        key = [column.name for column in table.primary_key]
        unique: dict[tuple[Any, ...], Mapping[str, object]] = {}
        for row in sorted(rows, key=lambda row: row[newer]) if newer else rows:  # type: ignore[arg-type,return-value] # instants
            unique[tuple(row[name] for name in key)] = row
        ordered = [unique[each] for each in sorted(unique)]
        written = 0
        step = max(1, _MAX_BOUND // len(table.columns))
        for start in range(0, len(ordered), step):
            part = ordered[start : start + step]
            statement = self._insert(table).values([dict(row) for row in part])
            changed = {name: statement.excluded[name] for name in part[0] if name not in key and name not in keep}
            where = statement.excluded[newer] >= table.c[newer] if newer else None
            written += await self.run(statement.on_conflict_do_update(index_elements=key, set_=changed, where=where))
        return written

    def _insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        if self.connection.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)
