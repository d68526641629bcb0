"""CPU per periodic session, side by side with a bare twisted.web echo in the same run.

    python -m bench.session [--quick] [--stores sqlite,postgres] [--rounds 20] [--sessions 600] [--json FILE]

A session is POST Inform (4.2 KB, 8 parameters) → InformResponse → empty POST → 204 on a new connection. Servers share
one core, the generator has another; a round gives every case one slice, so that neighbours disturb all alike. CPU is
user + system of the server and, for PostgreSQL, of all its processes. Compare ratios, never absolute figures.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from acs.store.records import SessionCommit, SessionOpening, TreeUpdate
from acs.store.store import Store
from acs.store.vault import Vault
from bench import processes
from bench.load import OUI, PRODUCT_CLASS, Device, Tally, Target, closed_loop
from cli.ports import free_port

KNOWN = (8, 1000, 3000)
#: Parameters that every Inform of `bench.load` carries.
INFORM_PARAMETERS = 8


Row = dict[str, str | int | float]


@dataclass(slots=True)
class Case:
    """One row of the report: a store, and how many parameters are known of each device."""

    store: str
    known: int
    target: Target
    devices: Sequence[Device]
    server_cpu: Callable[[], float]
    database_cpu: Callable[[], float] = lambda: 0.0
    #: µs per session of each slice: server, database
    slices: list[tuple[float, float]] = field(default_factory=list)
    failed: int = 0
    sessions: int = 0
    posts: int = 0

    @property
    def median(self) -> float:
        """µs per session, server and database, in the median slice."""
        return statistics.median(map(sum, self.slices))

    @property
    def best(self) -> float:
        """µs per session in the least disturbed slice."""
        return min(map(sum, self.slices))

    @property
    def database(self) -> float:
        """µs per session in the database's own processes, median."""
        return statistics.median(database for _, database in self.slices)

    async def slice(self, sessions: int, concurrency: int, first_number: int) -> Tally:
        """Play one slice and note its CPU."""
        server, database = self.server_cpu(), self.database_cpu()
        tally = await closed_loop(
            self.target, self.devices, sessions, concurrency=concurrency, first_number=first_number
        )
        await processes.settle()
        done = max(tally.done, 1)
        self.slices.append(((self.server_cpu() - server) / done * 1e6, (self.database_cpu() - database) / done * 1e6))
        self.failed += tally.failed
        self.sessions += tally.done
        self.posts += tally.posts
        for error, count in tally.errors.items():
            print(f"{self.store}, {self.known} known: {count} × {error}", file=sys.stderr)
        return tally


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit code 1 when a session failed."""
    options = _parse(arguments)
    report = run(options)
    print(table(report))
    processes.keep(report, options.json)
    return 1 if any(row["failed"] for row in report["rows"]) else 0


def run(options: argparse.Namespace) -> dict[str, list[Row]]:
    """Start everything, play all rounds, and return the report."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-session-")))
        options.server_core, own_core = _cores()
        cases = list(_cases(stack, folder, options))
        processes.pin(os.getpid(), own_core)
        uvloop.run(_play(cases, options))
        return {"rows": [_row(case, cases) for case in cases]}


def table(report: dict[str, list[Row]]) -> str:
    """The report for people."""
    lines = [
        f"{'store':<14}{'known':>6}{'µs median':>11}{'best':>7}{'database':>10}{'× echo':>8}{'best':>7}"
        f"{'× 8 known':>11}{'posts':>7}{'failed':>8}"
    ]
    lines += [
        "{store:<14}{known:>6}{median_us:>11.0f}{best_us:>7.0f}{database_us:>10.0f}{ratio:>8.2f}{ratio_best:>7.2f}"
        "{flatness:>11.2f}{posts_per_session:>7.2f}{failed:>8}".format_map(row)
        for row in report["rows"]
    ]
    return "\n".join(lines)


async def preload(url: str, vault_file: Path, devices: Mapping[int, Sequence[Device]]) -> None:
    """Write the devices with as many known parameters as the dictionary's keys say."""
    store = await Store.open(url, vault=Vault.open_or_create(vault_file))
    try:
        for known, group in devices.items():
            await asyncio.gather(*(_introduce(store, device, known) for device in group))
    finally:
        await store.close()


async def _introduce(store: Store, device: Device, known: int) -> None:
    now = datetime.now(UTC)
    session_id = f"preload-{device.serial}"
    root = "InternetGatewayDevice."
    await store.sessions.open(
        SessionOpening(
            key=device.key,
            manufacturer="Bench",
            oui=OUI,
            product_class=PRODUCT_CLASS,
            serial_number=device.serial,
            root=root,
            software_version="V5R020C00S115-bench",
            hardware_version="BENCH-HW-1.0.A",
            connection_request_url="",
            address="127.0.0.1",
            namespace="urn:dslforum-org:cwmp-1-0",
            at=now,
            session_id=session_id,
            events=(("1 BOOT", ""),),
        )
    )
    values = {
        f"{root}X_BENCH_Table.{n // 10 + 1}.Value{n % 10}": (f"value-{n:06d}", "xsd:string")
        for n in range(known - INFORM_PARAMETERS)
    }
    tree = TreeUpdate(values, now, ("",)) if values else None
    await store.sessions.commit(SessionCommit(device.key, session_id, now, tree=tree, ended=True))


def _cases(stack: ExitStack, folder: Path, options: argparse.Namespace) -> Iterator[Case]:
    echo = stack.enter_context(processes.echo(options.server_core))
    target = Target(echo.port)
    yield Case("echo", 0, target, _devices(target, "E", options), echo.cpu_s)
    if "sqlite" in options.stores:
        yield from _server_cases(stack, folder / "sqlite", f"sqlite:///{folder}/sqlite/store.db", KNOWN, options)
        url = f"sqlite:///{folder}/sqlite-digest/store.db"
        yield from _server_cases(stack, folder / "sqlite-digest", url, KNOWN[:1], options, digest=True)
    if "postgres" in options.stores:
        database = processes.postgres(stack, options.server_core)
        if database is not None:
            cpu = database.cpu_s
            yield from _server_cases(stack, folder / "postgres", database.url, KNOWN, options, database_cpu=cpu)


def _server_cases(
    stack: ExitStack,
    folder: Path,
    url: str,
    known: Sequence[int],
    options: argparse.Namespace,
    *,
    digest: bool = False,
    database_cpu: Callable[[], float] = lambda: 0.0,
) -> Iterator[Case]:
    folder.mkdir()
    port = free_port()
    target = Target(port, username=processes.USERNAME, password=processes.PASSWORD) if digest else Target(port)
    devices = {count: _devices(target, f"K{count:04d}N", options) for count in known}
    config = processes.write_config(folder, url, digest=digest, port=port)
    uvloop.run(preload(url, folder / "vault.key", devices))
    server = stack.enter_context(processes.server(config, port, options.server_core))
    for count, group in devices.items():
        yield Case(folder.name, count, target, group, server.cpu_s, database_cpu)


def _devices(target: Target, prefix: str, options: argparse.Namespace) -> list[Device]:
    """One for each session of a slice: an Inform that comes twice in a second looks like one sent again."""
    return [Device(target, f"{prefix}{n:05d}") for n in range(options.sessions)]


async def _play(cases: Sequence[Case], options: argparse.Namespace) -> None:
    number = 0
    for round_ in range(options.rounds + 1):
        for case in cases:
            await case.slice(options.sessions, options.concurrency, number)
            number += options.sessions
        if round_ == 0:  # it warms caches up, and its devices are new to the server
            await processes.rest(list({case.server_cpu for case in cases}))
            for case in cases:
                case.slices.clear()


def _row(case: Case, cases: Sequence[Case]) -> Row:
    echo = cases[0]
    fewest = next(other for other in cases if other.store == case.store)
    return {
        "store": case.store,
        "known": case.known,
        "median_us": round(case.median, 1),
        "best_us": round(case.best, 1),
        "database_us": round(case.database, 1),
        "ratio": round(case.median / echo.median, 3),
        "ratio_best": round(case.best / echo.best, 3),
        "flatness": round(case.median / fewest.median, 3),
        "flatness_best": round(case.best / fewest.best, 3),
        "posts_per_session": round(case.posts / max(case.sessions, 1), 2),
        "sessions": case.sessions,
        "failed": case.failed,
    }


def _cores() -> tuple[int | None, int | None]:
    """The servers' core and the generator's; None, None on a machine with one core."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.session", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="slices of each case (20)")
    parser.add_argument("--sessions", type=int, default=600, help="sessions in a slice, one per device (600)")
    parser.add_argument("--concurrency", type=int, default=64, help="sessions in flight (64)")
    parser.add_argument("--stores", default="sqlite,postgres", help="which stores (sqlite,postgres)")
    parser.add_argument("--quick", action="store_true", help="one small round: does it work at all?")
    parser.add_argument("--json", default="", help="write the report here too")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.sessions, options.concurrency = 1, 60, 20
    return options


if __name__ == "__main__":
    sys.exit(main())
