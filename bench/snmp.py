"""What an SNMP read costs, beside net-snmp and the bare library in the same run: walks, GETs, ports, whole OLTs.

    python -m bench.snmp [--rows 20000] [--rounds 5] [--olts 200]

CPU is user + system of the reading process alone; the agent runs in a process of its own. Rounds are interleaved,
and the medians are shown: compare ratios within one run, for the neighbours move absolute figures.
"""

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import uvloop
from gufo.snmp.aio import SnmpSession

from bench.beside import beside
from bench.olt_rows import PROFILE, port_row
from probes.access import AccessReader, NodeTarget, OntPlace
from probes.gentle import Gentle, Limits, polling
from probes.snmp import client
from probes.snmp.agent import Agent, AgentTable, Cell, integer, octets
from probes.snmp.client import SnmpTarget
from probes.survey import survey_olt

INDEX = port_row(1, 1)
ROOT = "1.3.6.1.4.1.99999.1"
ONTS = 32
ONTS_OF_OLT = 2_000


def cells(rows: int) -> dict[str, Cell]:
    """A long table, and a port of 32 ONTs."""
    found = {f"{ROOT}.{row // 1000}.{row % 1000}": integer(row) for row in range(rows)}
    columns = PROFILE.columns
    for ont in range(ONTS):
        for name in {*PROFILE.reads.ont, *PROFILE.reads.port_walk, *PROFILE.reads.port_light} - {"uni_link"}:
            cell = octets(b"\x07\xea\x0b\x14\x15\x0e\x09\x00") if columns[name].kind == "date-and-time" else integer(1)
            found[f"{columns[name].oid}.{INDEX}.{ont}"] = cell
        found[f"{columns['serial'].oid}.{INDEX}.{ont}"] = octets(b"HWTC" + ont.to_bytes(4, "big"))
        found |= {f"{columns['uni_link'].oid}.{INDEX}.{ont}.{uni}": integer(1) for uni in range(1, 5)}
    return found


def serve(pipe: Connection, rows: int) -> None:
    """The agent's process."""

    async def main() -> None:
        agent = Agent(AgentTable(cells(rows)))
        await agent.start()
        pipe.send(agent.port)
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        await agent.stop()

    uvloop.run(main())


def cpu_of(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


async def ours(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """CPU and wall seconds of one piece of work in this process."""
    cpu, began = cpu_of(resource.RUSAGE_SELF), time.perf_counter()
    await work()
    return cpu_of(resource.RUSAGE_SELF) - cpu, time.perf_counter() - began


def theirs(port: int) -> tuple[float, float]:
    """CPU and wall seconds of one snmpbulkwalk."""
    cpu, began = cpu_of(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = ["snmpbulkwalk", "-v2c", "-c", "public", "-Cr25", "-On", "-m", "", f"127.0.0.1:{port}", ROOT]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "MIBS": ""})
    return cpu_of(resource.RUSAGE_CHILDREN) - cpu, time.perf_counter() - began


async def measure(port: int, rows: int, rounds: int) -> None:
    target = SnmpTarget("127.0.0.1", port)
    node, now, place = NodeTarget("olt", target), datetime.now(UTC), OntPlace(0, 1, 1, 3)
    peer = shutil.which("snmpbulkwalk") is not None
    walks, peers, ont, whole = [], [], [], []
    reader = AccessReader(cache_s=0)
    for _ in range(rounds):
        walks.append(await ours(lambda: client.walk(target, ROOT)))
        if peer:
            peers.append(theirs(port))
        ont.append(await ours(lambda: reader.read_ont(node, PROFILE, place, now)))
        whole.append(await ours(lambda: reader.read_port(node, PROFILE, place, now)))
    reading = await reader.read_port(node, PROFILE, place, now)
    assert reading.complete and reading.light_complete and len(reading.onts) == ONTS
    report("our walk, per varbind", walks, rows)
    if peer:
        report("snmpbulkwalk, per varbind", peers, rows)
        ratio = statistics.median(one / other for (one, _), (other, _) in zip(walks, peers, strict=True))
        print(f"{'ours / snmpbulkwalk, CPU':34} {ratio:10.2f}   (target: at most 2)")
    else:
        print("snmpbulkwalk is not installed (apt-get install snmp): no comparison")
    await against_the_library(port, rows, rounds)
    await against_snmpget(port, rounds)
    report("one ONT, one GET", ont, 1)
    report(f"one port of {ONTS} ONTs", whole, 1)


async def against_the_library(port: int, rows: int, rounds: int) -> None:
    """Our walk and our GET, and the same through the library alone."""
    target = SnmpTarget("127.0.0.1", port)
    oid = f"{ROOT}.0.1"

    async def bare_walk() -> None:
        async with SnmpSession(addr="127.0.0.1", port=port, community="public", max_repetitions=25) as session:
            assert len([row async for row in session.getbulk(ROOT)]) == rows

    async def bare_gets() -> None:
        async with SnmpSession(addr="127.0.0.1", port=port, community="public") as session:
            for _ in range(500):
                await session.get_many([oid])

    async def our_gets() -> None:
        async with client.open_session(target) as session:
            for _ in range(500):
                await session.get([oid])

    async def gentle_gets() -> None:
        gentle = Gentle(Limits(per_second=1e9, burst=10**9))
        for _ in range(500):
            await gentle.get(target, [oid])

    walks, bare, ours_one, theirs_one, gently = [], [], [], [], []
    for _ in range(rounds):
        walks.append(await ours(lambda: client.walk(target, ROOT)))
        bare.append(await ours(bare_walk))
        ours_one.append(await ours(our_gets))
        theirs_one.append(await ours(bare_gets))
        gently.append(await ours(gentle_gets))
    report("our walk, per varbind", walks, rows)
    report("bare gufo-snmp, per varbind", bare, rows)
    report("our GET, one session", ours_one, 500)
    report("bare gufo-snmp GET, one session", theirs_one, 500)
    report("our GET through all limits", gently, 500)


async def against_snmpget(port: int, rounds: int) -> None:
    """A GET as net-snmp makes it: a process each."""
    if shutil.which("snmpget") is None:
        return
    command = ["snmpget", "-v2c", "-c", "public", "-On", "-m", "", f"127.0.0.1:{port}", f"{ROOT}.0.1"]
    samples = []
    for _ in range(rounds):
        cpu, began = cpu_of(resource.RUSAGE_CHILDREN), time.perf_counter()
        for _ in range(10):
            await asyncio.to_thread(
                subprocess.run, command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "MIBS": ""}
            )
        samples.append((cpu_of(resource.RUSAGE_CHILDREN) - cpu, time.perf_counter() - began))
    report("snmpget, a process each", samples, 10)


def whole_olt(onts: int) -> dict[str, Cell]:
    """An OLT of so many ONTs by eight columns: 128 to a port, every tenth offline."""
    found: dict[str, Cell] = {}
    for number in range(onts):
        port, ont = divmod(number, 128)
        row = f"{port_row(1 + port // 16, port % 16)}.{ont}"
        values = {name: integer(1) for name in EIGHT}
        values |= {
            "serial": octets(b"HWTC" + number.to_bytes(4, "big")),
            "run_state": integer(2 if number % 10 == 9 else 1),
            "last_down_at": octets(b"\x07\xea\x0b\x14\x15\x0e\x09\x00"),
            "last_up_at": octets(b"\x07\xea\x0b\x14\x15\x0e\x09\x00"),
        }
        found |= {f"{PROFILE.columns[name].oid}.{row}": values[name] for name in EIGHT}
    return found


EIGHT = ("serial", "run_state", "last_down_cause", "last_down_at", "last_up_at", "rx", "olt_rx", "distance")


def serve_olts(pipe: Connection, onts: int, agents: int) -> None:
    """The process of OLTs: one large one, and many small ones of a port of 32."""

    async def main() -> None:
        tables = [AgentTable(whole_olt(onts)), *(AgentTable(whole_olt(32)) for _ in range(agents))]
        running = [Agent(table) for table in tables]
        for agent in running:
            await agent.start()
        pipe.send([agent.port for agent in running])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        for agent in running:
            await agent.stop()

    uvloop.run(main())


async def whole_nodes(ports: list[int], onts: int, rounds: int) -> None:
    """A large OLT by eight columns beside net-snmp, and many small ones polled at once with their light."""
    now, target = datetime.now(UTC), SnmpTarget("127.0.0.1", ports[0], timeout_s=5.0)
    oids = {name: PROFILE.columns[name].oid for name in EIGHT}
    free = Limits(per_second=1e9, burst=10**9, polling_per_second=1e9)
    tables, peers = [], []
    for _ in range(rounds):
        tables.append(await ours(lambda: Gentle(free).columns(target, oids)))
        if shutil.which("snmpbulkwalk") is not None:
            peers.append(theirs_of(ports[0], list(oids.values())))
    table = await Gentle(free).columns(target, oids)
    assert table.complete and len(table.rows) == onts
    report(f"{onts} ONTs by 8 columns, per cell", tables, onts * 8)
    if peers:
        report("snmpbulkwalk, per cell", peers, onts * 8)

    async def poll_all(at_once: int) -> None:
        reader, gate = AccessReader(cache_s=0, gentle=Gentle()), asyncio.Semaphore(at_once)

        async def one(port: int) -> None:
            async with gate:
                node = NodeTarget(f"olt-{port}", SnmpTarget("127.0.0.1", port, timeout_s=5.0), PROFILE.id)
                found = await survey_olt(reader, node, PROFILE, now)
                assert found.complete and found.light_complete and len(found.onts) == 32

        with polling():
            await asyncio.gather(*(one(port) for port in ports[1:]))

    if len(ports) > 1:
        count = len(ports) - 1
        report(f"{count} OLTs of 32 ONTs at once, each", [await ours(lambda: poll_all(count))], count)


def theirs_of(port: int, roots: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of snmpbulkwalk over several columns."""
    cpu, began = cpu_of(resource.RUSAGE_CHILDREN), time.perf_counter()
    for root in roots:
        command = ["snmpbulkwalk", "-v2c", "-c", "public", "-Cr25", "-On", "-m", "", f"127.0.0.1:{port}", root]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "MIBS": ""})
    return cpu_of(resource.RUSAGE_CHILDREN) - cpu, time.perf_counter() - began


def report(name: str, samples: list[tuple[float, float]], units: int) -> None:
    cpu, wall = (statistics.median(column) / units * 1e6 for column in zip(*samples, strict=True))
    print(f"{name:34} {cpu:10.1f} µs CPU {wall:10.1f} µs wall")


def main() -> None:
    parser = argparse.ArgumentParser(description="What an SNMP read costs.")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--olts", type=int, default=200)
    arguments = parser.parse_args()
    with beside(serve, arguments.rows) as agent:
        uvloop.run(measure(agent.recv(), arguments.rows, arguments.rounds))
    with beside(serve_olts, ONTS_OF_OLT, arguments.olts) as olts:
        uvloop.run(whole_nodes(olts.recv(), ONTS_OF_OLT, arguments.rounds))


if __name__ == "__main__":
    main()
