"""One statement without the detour: compiled by SQLAlchemy, run by the driver, read as its rows.

    SQLAlchemy:  execute ─► context ─► greenlet ─► cursor ─► driver ─► result with metadata of its own ─► rows
    this way:    compiled statement from the same cache ─► driver ─► rows

A line test makes some eighty statements, and what surrounds one on the long way costs five times the statement
(`docs/benchmarks.md`). The rule of this file: the text of the statement, its values, its rows and its errors are those
of the long way; whatever is not plain goes there (None is returned).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Delete, Executable, Float, Insert, Row, Select, Update
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from acs.store.connections import driver_of
from acs.store.steps import DRIVER_ERRORS

#: PostgreSQL's number of the type "double precision", in which every fraction of ours is kept
FLOAT8 = 701
_PLAIN = (Select, Insert, Update, Delete)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same in every run of a compiled statement. `shape` is None where it gives no rows.

    `read`: for each column what makes a value of what the driver gives, or None; None where there is no such column.
    """

    shape: SimpleResultMetaData | None
    read: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a statement, and how many it changed."""

    rows: Sequence[Row[Any]]
    count: int


#: what is known of compiled statements; None: they go the long way
_plans: WeakKeyDictionary[Any, _Plan | None] = WeakKeyDictionary()


async def answer(
    connection: AsyncConnection, statement: Executable, parameters: Mapping[str, object] | None
) -> Answer | None:
    """What a statement gives; None where it has to go the long way.

    Raises:
        DBAPIError: as on the long way.
    """
    inner: Any = connection.sync_connection
    if inner is None or not isinstance(statement, _PLAIN):
        return None
    compiled: Any
    compiled, extracted, given, _ = statement._compile_w_cache(
        inner.dialect, compiled_cache=inner.engine._compiled_cache, column_keys=sorted(parameters or ())
    )
    try:
        plan = _plans[compiled]
    except KeyError:
        plan = _plans[compiled] = _planned(compiled, inner.dialect)
    if plan is None:
        return None
    values = compiled.construct_params(
        parameters or None, extracted_parameters=extracted, escape_names=False, _collected_params=given
    )
    sql, bound = _bound(compiled, values)
    try:
        done, found = await driver_of(connection).step(sql, bound)
    except DRIVER_ERRORS as error:
        raise DBAPIError.instance(sql, None, error, inner.dialect.dbapi.Error, dialect=inner.dialect) from error
    except asyncio.CancelledError as error:  # nobody knows what the database did: this connection is done
        await connection.invalidate(error)
        raise
    return Answer(_rows(plan, found), done.rowcount)


def _planned(compiled: Any, dialect: Any) -> _Plan | None:
    """What holds for every run, or None for what is not plain."""
    if compiled.insert_prefetch or compiled.update_prefetch or not compiled.positional:
        return None
    columns = compiled._result_columns
    if not columns:
        return _Plan(None, None)
    names = [column.keyname for column in columns]
    if not compiled._ordered_columns or compiled._ad_hoc_textual or len(set(names)) != len(names):
        return None
    try:
        read = [column.type._cached_result_processor(dialect, _kind(column)) for column in columns]
    except TypeError:  # PostgreSQL has many kinds of numbers, and which one an expression gives is seen in its answer
        return None
    return _Plan(SimpleResultMetaData(names), read if any(read) else None)


def _kind(column: Any) -> int | None:
    """What PostgreSQL calls the type of a result where that has to be known: of a number with a fraction."""
    whole = any(isinstance(each, Column) for each in column.objects)
    return FLOAT8 if isinstance(column.type, Float) and whole else None


def _bound(compiled: Any, values: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The text of the statement and its values in their order; a list of values makes a text of its own."""
    sql, order, write = compiled.string, compiled.positiontup, compiled._bind_processors
    if compiled.literal_execute_params or compiled.post_compile_params:
        state = compiled._process_parameters_for_postcompile(values)
        sql, order, values = state.statement, state.positiontup, state.parameters
        write = {**write, **state.processors}
    return sql, tuple(write[name](values[name]) if name in write else values[name] for name in order)


def _rows(plan: _Plan, found: Sequence[Any]) -> list[Row[Any]]:
    if plan.shape is None:
        return []
    places = plan.shape._key_to_index
    return [Row(plan.shape, plan.read, places, values) for values in found]
