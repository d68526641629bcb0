"""SQLite's connections stay open: each transaction begins and ends in one of them, and a doubtful one is never lent."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from acs.errors import StoreError
from acs.store import Store, Vault, connections
from acs.store.schema import switches
from acs.store.sqlite_steps import OneStepConnection

ROW = {"name": "s", "engaged": 1, "actor": "a", "at": 1, "reason": "r"}


@pytest.fixture
async def store(sqlite_template: Path, tmp_path: Path, vault: Vault) -> AsyncIterator[Store]:
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    store = await Store.open(f"sqlite:///{path}", vault=vault)
    yield store
    await store.close()


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


async def test_what_a_reader_sees_stays_the_same_until_it_ends(store: Store) -> None:
    async with store.reading() as reader:
        assert await reader.rows(select(switches)) == []
        async with store.transaction() as tx:
            await tx.insert(switches, ROW)
        assert await reader.rows(select(switches)) == []
    assert await stored(store) == 1


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
    end = OneStepConnection.end

    async def slow_end(self: OneStepConnection, *, keep: bool) -> None:
        ending.set()
        await asyncio.sleep(60)
        await end(self, keep=keep)

    async def write() -> None:
        async with store.transaction() as tx:
            await tx.insert(switches, ROW)
            if not keep:
                raise RuntimeError

    monkeypatch.setattr(OneStepConnection, "end", slow_end)
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
    sqlite_template: Path, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SQLITE_CONNECTIONS", 1)
    monkeypatch.setattr(connections, "_WAIT_S", 0.05)
    path = tmp_path / "one.db"
    shutil.copy(sqlite_template, path)
    store = await Store.open(f"sqlite:///{path}", vault=vault)
    async with store.reading():
        with pytest.raises(StoreError, match="none of its 1 connections was free"):
            async with store.reading():
                pass
    assert await stored(store) == 0
    await store.close()
