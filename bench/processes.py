"""The measured processes: the yardstick, the server and its PostgreSQL, each on a core, with their CPU clocks.

A clock is the kernel's own per process (nanoseconds, user and system), so that a slice of half a second is enough.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from acs.store import migrate
from cli.ports import free_port
from tests.postgres import running_postgres

ROOT = Path(__file__).parents[1]
PASSWORD = "bench-password"
USERNAME = "bench"
#: Clock id of a whole process, from its pid (Linux: CPUCLOCK_SCHED in the low bits).
_CPUCLOCK_SCHED = 2
_START_S = 30.0
#: Share of a core that servers take when nobody asks anything.
_RESTING = 0.1


@dataclass(slots=True)
class Running:
    """A process that serves on a port of 127.0.0.1."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_s(self) -> float:
        """CPU seconds of the process so far."""
        return cpu_s(self.process.pid)

    def rss_mb(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(slots=True)
class Database:
    """A database server of its own process tree."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds of all its processes so far."""
        return sum(cpu_s(each) for each in family(self.pid))


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of one process with all its threads; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found


def pin(pid: int, core: int | None) -> None:
    """Keep a process, with its threads and descendants, on one core; None leaves them where they are."""
    if core is None:
        return
    for each in family(pid):
        for thread in Path(f"/proc/{each}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def store(stack: ExitStack, folder: Path, kind: str) -> tuple[str, Database | None]:
    """The URL of a new store, and its database server where it has one of its own."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'store.db'}", None
    database = postgres(stack, None)
    if database is None:
        raise SystemExit(1)
    return database.url, database


def postgres(stack: ExitStack, core: int | None) -> Database | None:
    """A new database on a PostgreSQL of our own, with the newest schema; None, with a message, where it is missing."""
    try:
        server = stack.enter_context(running_postgres())
    except pytest.skip.Exception as missing:
        print(f"no PostgreSQL figures: {missing}", file=sys.stderr)
        return None
    url = server.url(asyncio.run(server.create_database()))
    asyncio.run(migrate.upgrade(url))
    pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    pin(pid, core)
    return Database(url, pid)


@contextmanager
def echo(core: int | None) -> Iterator[Running]:
    """The bare twisted.web yardstick."""
    process = subprocess.Popen([sys.executable, "-m", "bench.echo"], cwd=ROOT, stdout=subprocess.PIPE)
    with _ended_after(process):
        assert process.stdout is not None
        line = process.stdout.readline().split()
        if len(line) != 2:
            raise SystemExit("the echo server did not start")
        pin(process.pid, core)
        yield Running(process, int(line[1]))


def write_config(folder: Path, store_url: str, *, digest: bool, port: int) -> Path:
    """The configuration of one measured server: defaults but for what keeps it on loopback and lets one address in."""
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    enrolment = f'auth = "digest"\nenrol_username = "{USERNAME}"\nenrol_password_file = "password"'
    path = folder / "secondline.toml"
    path.write_text(
        f"""[cwmp]
host = "127.0.0.1"
port = {port}
{enrolment if digest else 'auth = "open"'}

[[cwmp.networks]]
network = "127.0.0.0/8"
connections_per_address = 20000

[store]
url = "{store_url}"
vault_key_file = "vault.key"

[api]
port = {free_port()}

[backups]
enabled = false  # a week's work of the worker is no part of a session
"""
    )
    return path


def api_of(config: Path) -> tuple[int, str]:
    """Port of the API of a configured server, and a new token that may operate."""
    command = [sys.executable, "-m", "cli.main", "token", "create", "bench", "--scope", "operate"]
    made = subprocess.run([*command, "--config", str(config)], cwd=ROOT, capture_output=True, text=True, check=True)
    return tomllib.loads(config.read_text())["api"]["port"], made.stdout.split()[-1]


def keep(report: object, file: str) -> None:
    """Write a report as JSON to the file of `--json`, where one is named."""
    if file:
        Path(file).write_text(json.dumps(report, indent=1) + "\n")


@contextmanager
def server(config: Path, port: int, core: int | None) -> Iterator[Running]:
    """`secondline serve`, with its log in a file beside the configuration."""
    with (config.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", "--config", str(config)], cwd=ROOT, stdout=log, stderr=log
        )
    with _ended_after(process):
        _wait_for(process, port, config.parent / "log")
        pin(process.pid, core)
        yield Running(process, port)


async def settle(seconds: float = 0.1) -> None:
    """Let the servers write what they still hold, so that it counts in the slice that caused it."""
    await asyncio.sleep(seconds)


async def rest(clocks: Sequence[Callable[[], float]], limit_s: float = 120.0) -> None:
    """Return when all servers together take less than a tenth of a core of themselves, or after `limit_s`.

    New devices are put into the index of searches for a while; that belongs to no periodic session.
    """
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        began, before = time.monotonic(), sum(clock() for clock in clocks)
        await asyncio.sleep(1.0)
        if (sum(clock() for clock in clocks) - before) / (time.monotonic() - began) < _RESTING:
            return


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"the server did not start:\n{log.read_text()[-4000:]}")


@contextmanager
def _ended_after(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
