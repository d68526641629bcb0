"""`kill -9` in mid-stream: whatever was acknowledged is there afterwards."""

import asyncio
import os
import signal
import sqlite3
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from acs.errors import StoreError
from acs.store import Store, Vault, devices, operations, upgrade
from acs.store.records import OperationState
from tests.postgres import PostgresServer, running_postgres
from tests.store.crash_writer import DEVICES, START
from tests.store.make import opening, operation

_ROOT = Path(__file__).parents[2]
_ACKNOWLEDGED = 400


async def test_acknowledged_sessions_survive_kill_9(url: str, tmp_path: Path) -> None:
    key_file = tmp_path / "crash-key"
    vault = Vault.create(key_file)
    await _prepare(url, vault)
    lines = await _run_and_kill(url, key_file)
    opened = {tuple(line.split()[1:]) for line in lines if line.startswith("open ")}
    sent = {line.split()[2] for line in lines if line.startswith("sent ")}
    assert len(opened) >= _ACKNOWLEDGED / 2 and len(sent) == DEVICES
    store = await Store.open(url, vault=vault)
    async with store.reading() as tx:
        events = {
            (key, event.command_key)
            for key in (f"device-{n}" for n in range(DEVICES))
            for event in await devices.list_events(tx, key, limit=100_000)
            if event.code == "M Reboot"
        }
        states = {each.id: each.state for each in await operations.list_operations(tx, limit=1000)}
    await store.close()
    assert opened <= events
    assert {states[each] for each in sent} == {OperationState.SENT}


async def test_sqlite_file_is_whole_after_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    key_file = tmp_path / "crash-key"
    vault = Vault.create(key_file)
    await _prepare(url, vault)
    await _run_and_kill(url, key_file)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


async def test_postgresql_that_stops_and_comes_back(vault: Vault, now: datetime) -> None:
    """Sessions fail with a clear error while it is away, and the same store goes on when it is back."""
    with running_postgres() as server:
        store = await _open_on(server, vault)
        assert (await store.sessions.open(opening(now))).created
        await asyncio.to_thread(server.stop, at_once=True)
        with pytest.raises(StoreError, match="nothing was written"):
            await store.sessions.open(opening(now, session_id="session-2"))
        with pytest.raises(StoreError):
            async with store.transaction() as tx:
                await devices.get(tx, "x")
        await asyncio.to_thread(server.start)
        opened = await store.sessions.open(opening(now + timedelta(seconds=9), session_id="session-3"))
        assert not opened.created
        async with store.reading() as tx:
            assert len(await devices.list_events(tx, opened.device.key)) == 2
        await store.close()


async def _open_on(server: PostgresServer, vault: Vault) -> Store:
    url = server.url(await server.create_database())
    await upgrade(url)
    return await Store.open(url, vault=vault)


async def _prepare(url: str, vault: Vault) -> None:
    """A queued operation for each device, so that commits happen too."""
    store = await Store.open(url, vault=vault)
    for n in range(DEVICES):
        await store.sessions.open(opening(START - timedelta(days=1), key=f"device-{n}", session_id=f"first-{n}"))
    async with store.transaction() as tx:
        for n in range(DEVICES):
            await operations.add(tx, operation(START, n, device=f"device-{n}"))
    await store.close()


async def _run_and_kill(url: str, key_file: Path) -> list[str]:
    """Return the whole lines that the writer printed before it was killed."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.crash_writer", url, str(key_file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=_ROOT,
    )  # fmt: skip
    assert writer.stdout is not None and writer.stderr is not None
    lines: list[bytes] = []
    async with asyncio.timeout(60):
        while len(lines) < _ACKNOWLEDGED:
            line = await writer.stdout.readline()
            if not line:
                pytest.fail((await writer.stderr.read()).decode())
            lines.append(line)
        os.kill(writer.pid, signal.SIGKILL)
        rest = await writer.stdout.read()
        await writer.stderr.read()
        await writer.wait()
    lines += rest.splitlines(keepends=True)
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]
