"""One transaction: what every typed function of the store takes as its first argument.

A statement that every session or test makes is built once, in its module, and given its values: building one costs
three times what running it costs (`docs/decisions/0311`).

The rule of this file: a service opens a transaction around one use case (`store.transaction()`), never across a wait
for a CPE or a probe. On SQLite it is the only writer while it is open. What a limited view may not see is not there,
and what it may not touch is refused (`acs/store/row_rights.py`).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, Select, Table, bindparam, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from acs.errors import Forbidden
from acs.store import row_rights, short_way
from acs.store.reach import View
from acs.store.schema import devices, lines
from acs.store.vault import Vault

#: Rows of one INSERT: the number of bound values of a statement is limited (SQLite 32766, PostgreSQL 32767).
_MAX_BOUND = 30_000
#: Keys out of reach that are looked for when many were named.
_NOTED = 1_000


class Transaction:
    """An open transaction on either database, and the vault for its sealed columns."""

    __slots__ = ("connection", "vault", "view", "waiting")

    def __init__(self, connection: AsyncConnection, vault: Vault, view: View | None = None) -> None:
        self.connection = connection
        self.vault = vault
        #: whose request this is; None: the server's own work, which may see everything
        self.view = view
        #: audit entries that are written before the commit, each with its ticket; see `acs/store/audit.py`
        self.waiting: list[tuple[dict[str, Any], str]] = []

    @property
    def limited(self) -> bool:
        """Whether this is somebody's request who may not see every line."""
        return self.view is not None and bool(self.view.reaches)

    async def rows(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> Sequence[Row[Any]]:
        """Return all rows of a query."""
        return await self._found(self._guarded(statement), parameters)

    async def one(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> Row[Any] | None:
        """Return the first row of a query, or None; a limited view remembers what it asked for in vain."""
        row = next(iter(await self._found(self._guarded(statement), parameters)), None)
        if row is None and self.view is not None and self.limited and isinstance(statement, Select):
            hidden = (await self.connection.execute(statement, parameters)).first()
            if hidden is not None:
                self.view.refuse(row_rights.named(statement, hidden))
        return row

    async def run(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> int:
        """Run a statement that changes rows and return how many it changed."""
        return await self._changed(self._guarded(statement), parameters)

    async def insert(self, table: Table, values: Mapping[str, object]) -> bool:
        """Insert one row; False when a row with one of its unique values exists already.

        Raises:
            Forbidden: it belongs to a line that is out of reach.
        """
        await self._check_reach(table, [values])
        return await self._changed(_insertion(self.connection.dialect.name, table), _row(table, values)) == 1

    async def insert_many(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows; those that would break a unique value are left out.

        Raises:
            Forbidden: one of them belongs to a line that is out of reach.
        """
        await self._check_reach(table, rows)
        step = max(1, _MAX_BOUND // len(table.columns))
        for start in range(0, len(rows), step):
            part = [_row(table, row) for row in rows[start : start + step]]
            statement = _insertion(self.connection.dialect.name, table)
            if len(part) > self._few:
                await self.connection.execute(statement, part)
                continue
            for row in part:
                await self._changed(statement, row)

    async def upsert(
        self, table: Table, rows: Sequence[Mapping[str, object]], *, newer: str | None = None, keep: Sequence[str] = ()
    ) -> int:
        """Insert rows, or replace those whose primary key exists, and return how many were written.

        Rows of one call are de-duplicated by primary key (the last one stands; with `newer`, the greatest) and
        sorted by it, so that concurrent calls never wait for each other in a circle.

        Args:
            newer: a column; a stored row is replaced only when the new row's value is not smaller.
            keep: columns that a replaced row keeps.

        Raises:
            Forbidden: a row belongs to a line that is out of reach.
        """
        await self._check_reach(table, rows)
        key = [column.name for column in table.primary_key]
        unique: dict[tuple[Any, ...], Mapping[str, object]] = {}
        for row in sorted(rows, key=lambda row: row[newer]) if newer else rows:  # type: ignore[arg-type,return-value] # instants
            unique[tuple(row[name] for name in key)] = row
        ordered = [unique[each] for each in sorted(unique)]
        written = 0
        step = max(1, _MAX_BOUND // len(table.columns))
        for start in range(0, len(ordered), step):
            part = ordered[start : start + step]
            many = len(part) > self._few
            arrays = many and self.connection.dialect.name == "postgresql"
            statement = _replacement(self.connection.dialect.name, table, tuple(part[0]), newer, tuple(keep), arrays)
            if many:
                written += await self._replaced(statement, [dict(row) for row in part])
                continue
            for row in part:
                written += await self._changed(statement, dict(row))
        return written

    @property
    def _few(self) -> int:
        """Up to how many rows are written one by one: on SQLite a hand-over to the thread costs as much as five."""
        return 5 if self.connection.dialect.name == "sqlite" else 1

    async def _replaced(self, statement: postgresql.Insert | sqlite.Insert, rows: list[dict[str, object]]) -> int:
        if self.connection.dialect.name == "sqlite":
            return (await self.connection.execute(statement, rows)).rowcount
        # asyncpg counts nothing where one statement runs for many rows; columns as arrays make it one row of values
        return await self._changed(statement, {_array(name): [row[name] for row in rows] for name in rows[0]})

    async def note_hidden(self, table: Table, key: ColumnElement[str], missing: Sequence[str]) -> None:
        """Remember which of these keys, named by a limited view and not found, are there but out of reach."""
        if self.view is None or not self.view.reaches or not missing:
            return
        query = select(key).where(key.in_(list(missing[:_NOTED])))
        for row in await self.connection.execute(query):
            self.view.refuse(f"{table.name}:{row[0]}")

    async def _found(self, statement: Executable, parameters: Mapping[str, object] | None) -> Sequence[Row[Any]]:
        short = await short_way.answer(self.connection, statement, parameters)
        return short.rows if short is not None else (await self.connection.execute(statement, parameters)).all()

    async def _changed(self, statement: Executable, row: Mapping[str, object] | None = None) -> int:
        short = await short_way.answer(self.connection, statement, row)
        return short.count if short is not None else (await self.connection.execute(statement, row)).rowcount

    def _guarded(self, statement: Executable) -> Executable:
        if self.view is None or not self.view.reaches:
            return statement
        return row_rights.guarded(statement, self.view.reaches, self.view.name)

    async def _check_reach(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        if self.view is None or not self.view.reaches:
            return
        line_ids, device_keys = row_rights.keys_of(table, rows)
        for reach in self.view.reaches:
            for owners, keys in ((lines, line_ids), (devices, device_keys)):
                for query in row_rights.out_of_reach(owners, keys, reach):
                    found = (await self.connection.execute(query)).first()
                    if found is not None:
                        self.view.refuse(f"{owners.name}:{found[0]}")
                        raise Forbidden(
                            f"{found[0]} is not among the lines of {self.view.name!r} ({reach}); "
                            "ask somebody whose right reaches it"
                        )


def _row(table: Table, values: Mapping[str, object]) -> dict[str, object]:
    """The values of a row. One that has no column is an error: an INSERT that was built before would leave it out."""
    if not values.keys() <= _columns(table):
        raise KeyError(f"{table.name} has no column {', '.join(sorted(values.keys() - _columns(table)))}")
    return dict(values)


@cache
def _columns(table: Table) -> frozenset[str]:
    return frozenset(table.columns.keys())


@cache
def _insertion(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that leaves out what is there; what is built once is compiled once."""
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _replacement(
    dialect: str, table: Table, names: tuple[str, ...], newer: str | None, keep: tuple[str, ...], arrays: bool
) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of these columns, as one row or as arrays, that replaces the row with the same primary key."""
    statement = _insertion_of_arrays(table, names) if arrays else _insert(dialect, table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in key and name not in keep}
    where = statement.excluded[newer] >= table.c[newer] if newer else None
    return statement.on_conflict_do_update(index_elements=key, set_=changed, where=where)


def _insertion_of_arrays(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    columns = [table.c[name] for name in names]
    arrays = [bindparam(_array(each.name), type_=postgresql.ARRAY(each.type)) for each in columns]
    rows = func.unnest(*arrays).table_valued(*(column(each.name, each.type) for each in columns)).render_derived()
    return postgresql.insert(table).from_select(names, select(rows))


def _array(name: str) -> str:
    return f"all_{name}"


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
