"""`python -m bench.store [postgresql-url]`: CPU of the store per periodic session, open and commit, by batch size.

SQLite runs in a temporary folder; PostgreSQL is Debian's server in a temporary folder unless a URL is given. CPU is
user + system of this process, and of the PostgreSQL server's processes beside it. "+ operation" also writes a
guarded transition in each commit; "no store" is what the callers and the batching cost without a database.
"""

import asyncio
import gc
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import uvloop

from acs.store import Store, Vault, operations, trees, upgrade
from acs.store.records import (
    OperationRecord,
    OperationState,
    OperationTransition,
    SessionCommit,
    SessionOpened,
    SessionOpening,
    StepName,
)
from acs.store.sessions import Sessions
from tests.postgres import running_postgres

_DEVICES = 400
_SESSIONS = 4000
_ROUNDS = 3
_START = datetime(2026, 3, 5, 12, tzinfo=UTC)
#: what a periodic Inform of a common ONT carries
_VALUES = tuple((f"InternetGatewayDevice.DeviceInfo.Forced{n}", f"value-{n}", "xsd:string") for n in range(8))


def opening(device: int, session: int) -> SessionOpening:
    return SessionOpening(
        key=f"00AA11-ONT-{device:06}",
        manufacturer="Example",
        oui="00AA11",
        product_class="ONT",
        serial_number=f"{device:06}",
        root="InternetGatewayDevice.",
        software_version="V1.2.3",
        hardware_version="H1",
        connection_request_url="http://192.0.2.1:7547/cr",
        address="192.0.2.1",
        namespace="urn:dslforum-org:cwmp-1-0",
        at=_START + timedelta(seconds=session),
        session_id=f"{session:032x}",
        events=(("2 PERIODIC", ""),),
        values=_VALUES,
    )


async def main() -> None:
    rows: list[tuple[str, ...]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secondline-bench-")))
        vault = Vault.create(folder / "key")
        if len(sys.argv) > 1:
            postgres_url, pids = sys.argv[1], Path("/nonexistent")
        else:
            server = stack.enter_context(running_postgres())
            postgres_url, pids = server.url(await server.create_database()), server.folder / "data" / "postmaster.pid"
        await upgrade(postgres_url)
        rows += await measured("sqlite", f"sqlite:///{folder / 'store.db'}", vault, None)
        rows += await measured("postgresql", postgres_url, vault, pids)
    heads = ("database", "session", "batch", "client µs", "server µs", "wall µs")
    for row in (heads, *rows):
        print("  ".join(cell.rjust(12) for cell in row))


async def measured(name: str, url: str, vault: Vault, pids: Path | None) -> list[tuple[str, ...]]:
    """Return the table's rows of one database."""
    store = await Store.open(url, vault=vault)
    postmaster = _postmaster(pids)
    await prepare(store)
    rows: list[tuple[str, ...]] = []
    for title, work in (("no store", idle), ("open+commit", sessions), ("+ operation", with_operations)):
        for size in (1, 20, 200):
            rows.append((name, title, str(size), *await best(partial(work, store, size), postmaster)))
    await store.close()
    return rows


async def idle(store: Store, size: int) -> int:
    """The same callers on a driver that stores nothing: what is above it is the store's."""
    answer = await store.sessions.open(opening(0, 0))

    class Nothing:
        async def run(self, batch: Sequence[object]) -> Sequence[SessionOpened]:
            return [answer] * len(batch)

        async def close(self) -> None:
            """Nothing to end."""

    return await sessions(Sessions(Nothing(), store.transaction, window_s=0.008), size)


async def prepare(store: Store) -> None:
    """Make the devices known, each with a tree of 1 000 parameters."""
    await asyncio.gather(*(store.sessions.open(opening(n, 0)) for n in range(_DEVICES)))
    values = {f"InternetGatewayDevice.X.{n}.Name": (f"value {n}", "xsd:string") for n in range(1000)}
    async with store.transaction() as tx:
        for n in range(_DEVICES):
            await trees.write(tx, opening(n, 0).key, values, _START)


async def sessions(store: Store | Sessions, size: int) -> int:
    calls = store.sessions if isinstance(store, Store) else store
    count = _SESSIONS if size > 1 else _SESSIONS // 10

    async def one(n: int) -> None:
        each = opening(n % _DEVICES, n)
        await calls.open(each)
        await calls.commit(SessionCommit(each.key, each.session_id, each.at, ended=True))

    for start in range(0, count, size):
        await asyncio.gather(*(one(n) for n in range(start, start + size)))
    return count


async def with_operations(store: Store, size: int) -> int:
    count = 1000 if size > 1 else 200
    run = time.monotonic_ns()
    async with store.transaction() as tx:
        for n in range(count):
            key = opening(n % _DEVICES, n).key
            await operations.add(
                tx,
                OperationRecord(
                    f"{run}-{n}", key, "get", {"names": ["Device."]}, OperationState.QUEUED, f"{run % 10**18}-{n}",
                    _START, _START, "bench",
                ),
            )  # fmt: skip
    gc.collect()

    async def one(n: int) -> None:
        each = opening(n % _DEVICES, n)
        opened = await store.sessions.open(each)
        change = OperationTransition(
            f"{run}-{n}", (OperationState.QUEUED,), OperationState.SUCCEEDED, each.at, StepName.SUCCEEDED
        )
        assert opened.operations
        await store.sessions.commit(SessionCommit(each.key, each.session_id, each.at, (change,), ended=True))

    _mark()
    for start in range(0, count, size):
        await asyncio.gather(*(one(n) for n in range(start, start + size)))
    return count


#: (client CPU, server CPU, instant) at the beginning of what counts
_marks: list[tuple[float, float, float]] = []
_postmasters: list[int] = [0]


def _mark() -> None:
    _marks.append((_cpu(), _server_cpu(_postmasters[-1]), time.perf_counter()))


async def best(work: Callable[[], Awaitable[int]], postmaster: int) -> tuple[str, str, str]:
    """Return the best round's client CPU, server CPU and wall time per session, in µs."""
    found: list[tuple[float, float, float]] = []
    for _ in range(_ROUNDS):
        gc.collect()
        _postmasters.append(postmaster)
        _mark()
        count = await work()
        client, server, began = _marks[-1]
        client, server, wall = _cpu() - client, _server_cpu(postmaster) - server, time.perf_counter() - began
        found.append((client / count, server / count, wall / count))
    client, on_server, wall = min(found)
    return f"{client * 1e6:.1f}", f"{on_server * 1e6:.1f}" if postmaster else "-", f"{wall * 1e6:.0f}"


def _postmaster(pids: Path | None) -> int:
    return int(pids.read_text().splitlines()[0]) if pids is not None and pids.exists() else 0


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _server_cpu(postmaster: int) -> float:
    """CPU of the server's processes, from /proc; the marks of its set-up are counted too."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat") if postmaster else ():
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == postmaster or stat.parent.name == str(postmaster):
            total += int(fields[11]) + int(fields[12])
    return total / 100


if __name__ == "__main__":
    uvloop.run(main())
