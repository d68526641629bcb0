"""The file of an SQLite store: whoever opens it is let in, in write-ahead mode, or is told why not."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import aiosqlite
import pytest

from acs.errors import StoreError
from acs.store import Store, Vault
from acs.store.sqlite_file import connect

TOGETHER = 6


def test_many_who_open_a_new_file_at_once_are_all_let_in(tmp_path: Path) -> None:
    """SQLite refuses the first change to write-ahead mode at once to whoever is second, without its busy time."""
    start = Barrier(TOGETHER)

    def opened(path: Path) -> str:
        start.wait(timeout=60)
        connection = connect(path)
        mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
        connection.close()
        return mode

    with ThreadPoolExecutor(TOGETHER) as threads:
        for n in range(100):
            modes = list(threads.map(opened, [tmp_path / f"{n}.db"] * TOGETHER))
            assert modes == ["wal"] * TOGETHER


def test_a_commit_survives_loss_of_power_and_rows_that_belong_to_nobody_are_refused(tmp_path: Path) -> None:
    connection = connect(tmp_path / "a.db")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert connection.execute("PRAGMA busy_timeout").fetchone() == (15_000,)
    connection.close()


def test_a_file_that_is_no_database_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database, but longer than its header of a hundred bytes" * 3)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        connect(path)


async def test_a_store_that_does_not_open_leaves_no_thread_behind(
    tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command ends its loop at once: a thread that comes later to tell of its end printed a traceback."""
    (tmp_path / "a.db").write_bytes(b"no database at all" * 1000)
    stopping, may_end = asyncio.Event(), Event()
    threads = []
    stop = aiosqlite.Connection.stop

    def held(connection: aiosqlite.Connection) -> object:
        threads.append(connection._thread)
        connection._tx.put_nowait((None, lambda: may_end.wait(60)))
        stopping.set()
        return stop(connection)

    monkeypatch.setattr(aiosqlite.Connection, "stop", held)
    opening = asyncio.create_task(Store.open(f"sqlite:///{tmp_path / 'a.db'}", vault=vault))
    await stopping.wait()
    for _turn in range(100):
        await asyncio.sleep(0)
    assert not opening.done()
    may_end.set()
    with pytest.raises(StoreError, match="not a database"):
        await opening
    assert [thread.is_alive() for thread in threads] == [False]
