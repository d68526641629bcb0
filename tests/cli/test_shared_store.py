"""The server and a command on one SQLite store at the same time: neither takes the other's data away."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

from acs.services.access import Access
from acs.services.actor import local_actor
from acs.store.store import Store
from acs.store.vault import Vault
from tests.cli.conftest import run


async def test_a_command_that_closes_the_store_leaves_the_servers_log_alone(tmp_path: Path) -> None:
    run("serve", "--init", str(tmp_path / "d"))
    folder = tmp_path / "d"
    store = await Store.open(f"sqlite:///{folder}/secondline.db", vault=Vault.from_file(folder / "vault.key"))
    try:
        wal = folder / "secondline.db-wal"
        before = await asyncio.to_thread(wal.stat)
        other = ["token", "create", "other", "--scope", "read", "--config", str(folder / "secondline.toml")]
        command = [sys.executable, "-m", "cli.main", *other]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        after = await asyncio.to_thread(wal.stat)
        assert after.st_ino == before.st_ino, "the log that the server writes to was deleted"
        made = await Access(store).create(local_actor(), "mine", ["read"])
        names = await asyncio.to_thread(_names, folder / "secondline.db")
        assert names == {"mine", "other"}, made.record.id
    finally:
        await store.close()


def _names(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%token%'")]
        table = next(name for name in tables if not name.startswith(("sqlite_", "ix_")))
        return {row[0] for row in connection.execute(f"SELECT name FROM {table}")}
    finally:
        connection.close()
