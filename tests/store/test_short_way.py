"""The short way of a statement gives the rows, counts and errors of the long one, on either database."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Executable, bindparam, delete, func, insert, select, update

from acs.errors import StoreError
from acs.store import Store
from acs.store.lines import upsert
from acs.store.schema import device_credentials, lines, series, switches
from acs.store.short_way import answer
from acs.store.sqlite_steps import SqliteConnection
from tests.store.make import line

ROWS = [{"name": f"s{n}", "engaged": n % 2, "actor": "a", "at": n, "reason": f"é{n}"} for n in range(4)]


QUERIES: list[tuple[Executable, dict[str, object] | None]] = [
    (select(switches).order_by(switches.c.name), None),
    (select(switches).where(switches.c.name == "s1"), None),
    (select(switches.c.name, switches.c.at).where(switches.c.at >= bindparam("since")), {"since": 2}),
    (select(switches.c.at).where(switches.c.name.in_(["s0", "s3", "none"])).order_by(switches.c.at), None),
    (select(switches.c.at).where(switches.c.name.in_([])), None),
    (select(func.count().label("count"), func.max(switches.c.at)).where(switches.c.engaged == 1), None),
    (select(switches).order_by(switches.c.at.desc()).limit(2), None),
    (select(switches.c.name, series.c.id).outerjoin(series, series.c.name == switches.c.name), None),
]


@pytest.mark.parametrize("number", range(len(QUERIES)))
async def test_rows_are_those_of_the_long_way(store: Store, number: int) -> None:
    query, given = QUERIES[number]
    async with store.transaction() as tx:
        await tx.insert_many(switches, ROWS)
        for _ in range(2):  # compiled, and found compiled
            short = await answer(tx.connection, query, given)
            assert short is not None
            long = (await tx.connection.execute(query, given)).all()
            assert list(short.rows) == long
            assert [dict(row._mapping) for row in short.rows] == [dict(row._mapping) for row in long]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rows", [1, 4])
async def test_a_query_that_turns_out_to_be_long_goes_to_the_thread(
    store: Store, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    handed: list[str] = []
    thread = SqliteConnection.hand_over

    async def hand_over(self: SqliteConnection, operation: str, parameters: Any, many: bool) -> tuple[Any, list[Any]]:
        handed.append(operation)
        return await thread(self, operation, parameters, many)

    async with store.transaction() as tx:
        await tx.insert_many(switches, ROWS[:rows])
    monkeypatch.setattr(SqliteConnection, "hand_over", hand_over)
    many = [switches.alias(f"s{n}") for n in range(8)]
    query = select(func.count().label("count")).select_from(*many)
    async with store.reading() as tx:
        assert [row.count for row in await tx.rows(query)] == [rows**8]
        assert [row.name for row in await tx.rows(select(switches.c.name).order_by(switches.c.name).limit(1))] == ["s0"]
    assert len(handed) == (rows > 1)


async def test_a_transaction_that_asks_much_lets_the_others_have_their_turn(store: Store) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    async with store.reading() as tx:
        for _ in range(1_000):
            await tx.rows(select(switches))
    task.cancel()
    assert turns >= 100


async def test_a_number_with_a_fraction_comes_back_whichever_way_it_goes(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await upsert(tx, [replace(line(), cable_length_m=1234.5)], now)
        query = select(lines.c.cable_length_m)
        short = await answer(tx.connection, query, None)
        assert short is not None
        assert [tuple(row) for row in short.rows] == [(1234.5,)] == (await tx.connection.execute(query)).all()
        assert [tuple(row) for row in await tx.rows(select(func.max(lines.c.cable_length_m)))] == [(1234.5,)]


async def test_changes_are_counted_and_bytes_come_back(store: Store) -> None:
    async with store.transaction() as tx:
        row = {"device": "d", "kind": "k", "username": "u", "sealed_secret": b"\0\xff", "updated_at": 1}
        with pytest.raises(StoreError):
            async with store.reading() as other:
                await other.insert(device_credentials, row)  # no such device
        assert [await tx.insert(switches, ROWS[0]) for _ in range(2)] == [True, False]
        changed = await answer(tx.connection, update(switches).values(at=9).returning(switches.c.name), None)
        assert changed is not None
        assert [row.name for row in changed.rows] == ["s0"]
        assert await tx.run(delete(switches).where(switches.c.at == 9)) == 1
        assert await tx.run(delete(switches)) == 0


@pytest.mark.parametrize("call", ["insert", "insert_many", "upsert"])
async def test_a_value_without_a_column_is_never_left_out(store: Store, call: str) -> None:
    row: dict[str, object] = {**ROWS[0], "reasn": "misspelt"}
    with pytest.raises(KeyError, match="reasn"):
        async with store.transaction() as tx:
            if call == "insert":
                await tx.insert(switches, row)
            else:
                await getattr(tx, call)(switches, [row])
    async with store.reading() as tx:
        assert await tx.rows(select(switches)) == []


async def test_what_breaks_is_said_as_on_the_long_way_and_undone(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)unique"):
        async with store.transaction() as tx:
            await tx.run(insert(switches).values(ROWS[0]))
            await tx.run(insert(switches).values(ROWS[0]))
    async with store.reading() as tx:
        assert await tx.rows(select(switches)) == []


async def test_a_cancelled_statement_leaves_no_transaction_behind(store: Store) -> None:
    written = asyncio.Event()

    async def write() -> None:
        async with store.transaction() as tx:
            await tx.insert(switches, ROWS[0])
            written.set()
            while True:
                await tx.rows(select(switches))

    for _ in range(20):  # more often than there are connections
        written.clear()
        task = asyncio.create_task(write())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with store.transaction() as tx:
        assert await tx.rows(select(switches)) == []
        assert await tx.insert(switches, ROWS[1])
