"""A bad minute of the second line: python -m bench.tickets [--tickets 1000] [--outage 300] [--twice 0.5].

A server of its own with default budgets, simulated OLTs and CPEs on the loopback. One district is cut off: the PONs of
its lines are dark. Tickets of the district and of all other lines come mixed, at an even pace, through the TMF621 hook.

`--twice`: so many of the events are sent a second time, at once or some seconds later, as a ticket system does that
missed the answer; no line may be tested twice for that.

Told: from when a ticket was due at the hook to the stored verdict, how many took over 30 s, what the verdicts were,
what the OLTs were asked, and the server's CPU. Generator and server share the machine.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import quote

from cli.client import Client, connect
from cli.own_server import OwnServer
from cli.simulator.feed import BATCH
from cli.simulator.scenario_files import Near, Scenario, load_systems
from cli.simulator.scenario_town import ScenarioTown, ticket_event
from cli.simulator.town import Settings

PER_PON = 31  # of 32 ONTs one is dead for a month
GOAL_S = 30.0
#: tickets that may be on their way to the server at the same time
HANDS = 8
_EXPECT = {"verdict": "-", "cause": "-", "location": "-"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One ticket: whether its line is in the district, and its line test."""

    cut: bool
    due_at: datetime
    test: dict[str, Any]

    @property
    def took_s(self) -> float:
        """From when the ticket was due at the hook, however long the hook took, to the stored verdict."""
        return (datetime.fromisoformat(self.test["finished_at"]) - self.due_at).total_seconds()


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1000)
    parser.add_argument("--outage", type=int, default=300, help="of them, on the lines of one district that is cut off")
    parser.add_argument("--seconds", type=float, default=60.0, help="in which they come")
    parser.add_argument("--twice", type=float, default=0.5, help="share of the events that are sent twice")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secondline-bench-") as folder:
        server = OwnServer(Path(folder))
        server.prepare()
        server.start()
        try:
            print("\n".join(asyncio.run(_measure(server, given))))
        finally:
            server.stop()


async def _measure(server: OwnServer, given: argparse.Namespace) -> list[str]:
    client = connect(server.url, server.token_file)
    settings = Settings(server.cwmp_url, server.enrol_username, server.enrol_password)
    town = ScenarioTown(_scenarios(given.tickets, given.outage), settings, client)
    try:
        await town.start()
        await town.informed()
        await asyncio.to_thread(_read_trees, client, town)
        await town.strike()
        await asyncio.to_thread(_say, client, town)
        lines = _lines(town, given.tickets, given.outage)
        random.Random(given.seed).shuffle(lines)
        asked = sum(place.olt.agent.answered for place in town.places)
        cpu_s, began = _cpu_s(server), time.monotonic()
        sent = await _send(client, lines, given.seconds, given.twice)
        outcomes = await asyncio.to_thread(_collect, client, sent)
        took_s, cpu_s = time.monotonic() - began, _cpu_s(server) - cpu_s
        asked = sum(place.olt.agent.answered for place in town.places) - asked
        cpes = sum(len(place.cpes) for place in town.places)
        again = await asyncio.to_thread(_tested_again, client, lines, sent)
        report = _report(outcomes, took_s, cpu_s, asked, cpes, len(town.places))
        return [*report, f"{given.twice:.0%} of the events sent twice: {again} lines were tested more than once"]
    finally:
        await town.stop()
        client.close()


def _scenarios(tickets: int, outage: int) -> list[Scenario]:
    """PONs of the district, all dark, and PONs that are well, where every home has a CPE."""
    dark = Scenario("cut", "-", "Nothing works.", _EXPECT, onts=32, down="losi", near=(Near(30, "ABCD", "losi"),))
    well = Scenario("well", "-", "Slow.", _EXPECT, onts=32, cpes=32)
    numbers = range(-(-outage // PER_PON)), range(-(-(tickets - outage) // PER_PON))
    return [
        *(replace(dark, id=f"cut{number:02d}") for number in numbers[0]),
        *(replace(well, id=f"well{number:02d}") for number in numbers[1]),
    ]


def _lines(town: ScenarioTown, tickets: int, outage: int) -> list[tuple[Scenario, bool]]:
    """(the scenario under the line's own name, whether it is in the district) of every ticket."""
    found: dict[bool, list[Scenario]] = {True: [], False: []}
    for place in town.places:
        cut = bool(place.scenario.down)
        found[cut] += [replace(place.scenario, id=home.line) for home in place.state.homes[:PER_PON]]
    return [(one, True) for one in found[True][:outage]] + [(one, False) for one in found[False][: tickets - outage]]


def _say(client: Client, town: ScenarioTown) -> None:
    """What the other systems say of the lines that a scenario does not name."""
    systems, at = load_systems(), datetime.now(UTC).isoformat()
    by_source: dict[str, list[dict[str, Any]]] = {}
    for place in town.places:
        for home in place.state.homes[1:PER_PON]:
            if place.scenario.has_session:
                address = {"line": home.line, "name": "bras.address", "value": "127.0.0.1", "at": at}
                by_source.setdefault("aaa", []).append(address)
            for system, name, value in systems.words(place.scenario):
                by_source.setdefault(system, []).append({"line": home.line, "name": name, "value": value, "at": at})
    for source, facts in by_source.items():
        for first in range(0, len(facts), BATCH):
            client.post("/facts", {"source": source, "facts": facts[first : first + BATCH]})


def _read_trees(client: Client, town: ScenarioTown) -> None:
    """Every tree is known before the bad minute, as it is in a network that runs."""
    body = {"kind": "refresh", "arguments": {}, "deadline_s": 600, "reason": "bench"}
    keys = [quote(str(cpe.key), safe="") for place in town.places for cpe in place.cpes.values()]
    for operation in [client.post(f"/devices/{key}/operations", body)["id"] for key in keys]:
        while client.get(f"/operations/{operation}")["state"] in ("queued", "waiting", "running", "sent", "answered"):
            time.sleep(0.1)


async def _send(
    client: Client, lines: Sequence[tuple[Scenario, bool]], seconds: float, twice: float
) -> list[tuple[bool, datetime, str]]:
    """Hand in the tickets at an even pace, whatever the answers take; returns (in the district, due, line test)."""
    began, hands = datetime.now(UTC), asyncio.Semaphore(HANDS)

    async def one(number: int, line: Scenario, cut: bool) -> tuple[bool, datetime, str]:
        due = began + timedelta(seconds=number * seconds / len(lines))
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        async with hands:
            event = ticket_event(line, f"TT-{line.id}", datetime.now(UTC))
            told = await asyncio.to_thread(client.post, "/tickets/events", event)
        if number % 100 < twice * 100:
            await asyncio.sleep(number % 7)
            async with hands:
                again = await asyncio.to_thread(client.post, "/tickets/events", event)
            assert again["line_test"] == told["line_test"], "the same event, another test"
        return cut, due, str(told["line_test"])

    return list(await asyncio.gather(*(one(number, *line) for number, line in enumerate(lines))))


def _tested_again(
    client: Client, lines: Sequence[tuple[Scenario, bool]], sent: Sequence[tuple[bool, datetime, str]]
) -> int:
    """How many lines have another test than that of their ticket."""
    ours = {test for _, _, test in sent}
    found = (client.get("/line-tests", line=line.id) for line, _ in lines)
    return sum(bool({test["id"] for test in tests} - ours) for tests in found)


def _collect(client: Client, sent: Sequence[tuple[bool, datetime, str]]) -> list[Outcome]:
    found = []
    for cut, due, test_id in sent:
        while (test := client.get(f"/line-tests/{test_id}"))["state"] == "running":
            time.sleep(0.2)
        found.append(Outcome(cut, due, test))
    return found


def _report(outcomes: Sequence[Outcome], took_s: float, cpu_s: float, asked: int, cpes: int, olts: int) -> list[str]:
    out = [
        f"{len(outcomes)} tickets, {sum(one.cut for one in outcomes)} of them in the district; "
        f"{cpes} CPEs, {olts} OLTs",
        f"last verdict after {took_s:.1f} s; server CPU {cpu_s:.1f} s; {asked} SNMP requests",
    ]
    for name, group in (("district", [o for o in outcomes if o.cut]), ("others", [o for o in outcomes if not o.cut])):
        if len(group) < 2:
            continue
        times = [one.took_s for one in group]
        cuts = quantiles(times, n=100, method="inclusive")
        late = sum(took > GOAL_S for took in times)
        out.append(
            f"{name:9} ticket to verdict: median {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, p99 {cuts[98]:.2f} s, "
            f"most {max(times):.2f} s; over {GOAL_S:.0f} s: {late}"
        )
        given = Counter(
            f"{(one.test['verdict'] or {}).get('verdict')} {(one.test['verdict'] or {}).get('cause')}" for one in group
        )
        out += [f"{'':9} {count:5} {verdict}" for verdict, count in given.most_common(6)]
    return out


def _cpu_s(server: OwnServer) -> float:
    """CPU seconds of the server's process so far."""
    fields = Path(f"/proc/{server.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
