"""A real PostgreSQL for tests: Debian's server in a temporary folder, on its own port of 127.0.0.1.

`initdb` refuses root, so as root the server runs as the `postgres` user. Crash tests take one of their own, which is
durable; the one that other tests share never waits for the disk: they make and drop a database each.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped] # it ships none
import pytest

from cli.ports import free_port
from tests.absent import absent

MISSING = (
    "PostgreSQL's server is not installed, so the store was not tested on it; "
    "on Debian or Ubuntu: sudo apt-get install postgresql"
)
_USER = "secondline"


class PostgresServer:
    """A running server; `url(database)` names a database of it."""

    def __init__(self, folder: Path, port: int, *, durable: bool) -> None:
        self.folder = folder
        self.port = port
        self.durable = durable
        self._made = 0

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    async def create_database(self, template: str = "template0") -> str:
        """Return the name of a new database."""
        self._made += 1
        name = f"test_{self._made}"
        await self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    async def drop_database(self, name: str) -> None:
        await self.run(f"DROP DATABASE {name} WITH (FORCE)")

    async def run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it: in order, or at once as a loss of power would."""
        _as_owner(_program("pg_ctl"), "-D", str(self._data), "stop", "-m", "immediate" if at_once else "fast", "-w")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options += " -c max_connections=60 -c shared_buffers=64MB -c max_wal_size=256MB"
        if not self.durable:
            options += " -c fsync=off -c full_page_writes=off"
        log = str(self.folder / "log")
        _as_owner(_program("pg_ctl"), "-D", str(self._data), "-l", log, "-o", options, "-w", "-t", "60", "start")

    @property
    def _data(self) -> Path:
        return self.folder / "data"


@contextmanager
def running_postgres(*, durable: bool = True) -> Iterator[PostgresServer]:
    """Run a server for as long as the block lasts; without the server's programs the test skips or, in CI, fails."""
    if _program("initdb") is None:
        absent(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="secondline-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = PostgresServer(folder, free_port(), durable=durable)
        _as_owner(
            _program("initdb"), "-D", str(folder / "data"), "-U", _USER, "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL."""
    with running_postgres(durable=False) as server:
        yield server


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def _as_owner(*command: str | None) -> None:
    words = [word for word in command if word is not None]
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        words = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", *words]
    done = subprocess.run(
        words, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} failed: {done.stdout.strip()[-2000:]}")
