"""Connections stay open: each transaction begins and ends in one of them, and a doubtful or dead one is never lent."""

import asyncio

import pytest
from sqlalchemy import select, text

from acs.errors import StoreError
from acs.store import Store, Vault, connections
from acs.store.postgres_steps import PostgresConnection
from acs.store.schema import switches
from acs.store.sqlite_steps import SqliteConnection
from acs.store.transaction import Transaction

ROW = {"name": "s", "engaged": 1, "actor": "a", "at": 1, "reason": "r"}


END = text("SELECT pg_terminate_backend(:pid, 10000)")


async def backend(tx: Transaction) -> int:
    """The process of PostgreSQL behind a transaction."""
    number: int = (await tx.connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return number


async def stored(store: Store) -> int:
    async with store.reading() as tx:
        return len(await tx.rows(select(switches)))


async def test_one_connection_serves_one_after_the_other(store: Store) -> None:
    used = set()
    for _ in range(5):
        async with store.transaction() as tx:
            used.add(id(tx.connection))
        async with store.reading() as tx:
            used.add(id(tx.connection))
    assert len(used) == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_what_a_reader_of_a_file_sees_stays_the_same_until_it_ends(store: Store) -> None:
    async with store.reading() as reader:
        assert await reader.rows(select(switches)) == []
        async with store.transaction() as tx:
            await tx.insert(switches, ROW)
        assert await reader.rows(select(switches)) == []
    assert await stored(store) == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_reading_whose_query_is_given_up_has_begun(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite counts the steps of a statement over all its runs, so that even a BEGIN comes to the limit one day."""
    monkeypatch.setattr("acs.store.sqlite_steps._LONG", 5)
    for _ in range(20):
        async with store.reading() as tx:
            await tx.rows(select(switches))
            async with store.transaction() as other:
                await other.insert(switches, ROW | {"name": "t"})
            assert await tx.rows(select(switches)) == []
            async with store.transaction() as other:
                await other.connection.execute(text("DELETE FROM switches"))


async def test_an_error_undoes_what_was_written_on_both_ways(store: Store) -> None:
    with pytest.raises(RuntimeError):
        async with store.transaction() as tx:
            await tx.insert(switches, ROW)
            await tx.connection.execute(text("UPDATE switches SET at = 2"))
            raise RuntimeError
    assert await stored(store) == 0


@pytest.mark.parametrize("keep", [True, False])
async def test_a_connection_whose_end_was_cut_short_is_not_lent_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    ending = asyncio.Event()

    async def slow_end(_self: object, *, keep: bool) -> None:
        ending.set()
        await asyncio.sleep(60)

    async def write() -> None:
        async with store.transaction() as tx:
            await tx.insert(switches, ROW)
            if not keep:
                raise RuntimeError

    for driver in (SqliteConnection, PostgresConnection):
        monkeypatch.setattr(driver, "end", slow_end)
    task = asyncio.create_task(write())
    for _ in range(2 if keep else 1):  # the commit where there is one, and the undoing
        await ending.wait()
        ending.clear()
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    async with store.transaction() as tx:
        assert await tx.rows(select(switches)) == []
        assert await tx.insert(switches, ROW)
    assert await stored(store) == 1


async def test_who_waits_too_long_for_a_connection_is_told_why(
    url: str, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 1)
    monkeypatch.setattr(connections, "_WAIT_S", 0.05)
    store = await Store.open(url, vault=vault)
    async with store.reading():
        with pytest.raises(StoreError, match="none of its 1 connections was free"):
            async with store.reading():
                pass
    assert await stored(store) == 0
    await store.close()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_connection_that_the_server_ended_costs_nobody_an_error(store: Store) -> None:
    async with store.transaction() as tx, store.reading() as kept:
        await tx.insert(switches, ROW)
        number, driver = await backend(kept), connections.driver_of(kept.connection)
    async with store.transaction() as tx:  # in the one that was given back last
        assert await backend(tx) != number
        await tx.connection.execute(END, {"pid": number})
        async with asyncio.timeout(30):
            while not driver.lost:  # noqa: ASYNC110 - the driver notices by itself
                await asyncio.sleep(0.01)
        assert await asyncio.gather(*(stored(store) for _ in range(3))) == [1, 1, 1]
    assert await stored(store) == 1


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_connection_that_the_server_ends_in_the_middle_is_said_and_dropped(store: Store) -> None:
    async with store.reading() as other:
        with pytest.raises(StoreError, match="nothing was written"):
            async with store.transaction() as tx:
                await tx.insert(switches, ROW)
                await other.connection.execute(END, {"pid": await backend(tx)})
                await tx.rows(select(switches))
    assert await stored(store) == 0


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_reading_that_writes_is_undone_with_it_all_the_same(store: Store) -> None:
    with pytest.raises(RuntimeError):
        async with store.reading() as tx:
            await tx.rows(select(switches))
            await tx.insert(switches, ROW)
            raise RuntimeError
    assert await stored(store) == 0
