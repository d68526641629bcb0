"""What an SNMP read costs: our walk against net-snmp's snmpbulkwalk in the same run, and one ONT, and one PON port.

    python -m bench.snmp [--rows 20000] [--rounds 5]

CPU is user + system of the reading process alone; the agent runs in a process of its own. Rounds are interleaved,
and the medians are shown: compare ratios within one run, for the neighbours move absolute figures.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import uvloop

from probes.access import AccessReader, NodeTarget, OntPlace
from probes.profiles.schema import load_profiles
from probes.snmp import client
from probes.snmp.agent import Agent, AgentTable, Cell, integer, octets
from probes.snmp.client import SnmpTarget

PROFILE = load_profiles()["huawei-smartax"]
INDEX = PROFILE.index.encode(0, 1, 1)
ROOT = "1.3.6.1.4.1.99999.1"
ONTS = 32


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
    report("one ONT, one GET", ont, 1)
    report(f"one port of {ONTS} ONTs", whole, 1)


def report(name: str, samples: list[tuple[float, float]], units: int) -> None:
    cpu, wall = (statistics.median(column) / units * 1e6 for column in zip(*samples, strict=True))
    print(f"{name:34} {cpu:10.1f} µs CPU {wall:10.1f} µs wall")


def main() -> None:
    parser = argparse.ArgumentParser(description="What an SNMP read costs.")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    agent: BaseProcess = context.Process(target=serve, args=(there, arguments.rows), daemon=True)
    agent.start()
    try:
        uvloop.run(measure(here.recv(), arguments.rows, arguments.rounds))
    finally:
        here.send(None)
        agent.join(10)


if __name__ == "__main__":
    main()
