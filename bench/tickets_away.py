"""The ticket system is away while tickets come: python -m bench.tickets_away [--away 600] [--tickets 300] [--deaf].

A server of its own, simulated OLTs and CPEs as in `bench.tickets`, and a ticket system with TMF621 that nobody reaches
for so many seconds: its connections are refused, or, `--deaf`, taken and never answered. Tickets come all the while,
three of each line, half of them twice. Then the ticket system is back.

Told: verdicts per ticket in the ticket system, whether those of each line came in the order in which they were given,
how far from the order of all of them any came, and how long after the return the first and the last came. The end is 1
where a verdict is missing, came twice, or came before an earlier one of its line.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.ticket_events import Due, Tally, TicketEvents
from bench.ticket_system import BenchTicketSystem
from bench.ticket_town import lines_of, serving, struck_town
from cli.client import Client, read_token
from cli.own_server import OwnServer
from cli.ports import free_port
from cli.simulator.scenario_files import Scenario

#: tickets of each line while the ticket system is away
PER_LINE = 3
#: share of the time away in which tickets come; the rest is for the last tests
_COMING = 0.9
#: share of the lines that are in the district that is cut off
_CUT = 0.3
#: seconds after the return until a verdict counts as lost
_END_S = 600.0

CONFIG = """
[tmf]
plain_networks = ["127.0.0.0/8"]

[[tmf.ticket_systems]]
name = "bench"
url = "{url}"
"""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How the verdicts came to the ticket system."""

    #: so many verdicts: so many tickets
    per_ticket: Counter[int]
    #: lines whose verdicts came in another order than they were given
    disordered: int
    #: how far a verdict came from its place in the order of all
    furthest: int

    @property
    def kept(self) -> bool:
        """Whether each ticket got its verdict once, and each line its verdicts in order."""
        return set(self.per_ticket) == {1} and not self.disordered

    def said(self) -> str:
        """Two lines for who reads them."""
        often = ", ".join(f"{count} for {tickets}" for count, tickets in sorted(self.per_ticket.items()))
        return (
            f"verdicts per ticket: {often}; lines whose verdicts came in another order: {self.disordered}; "
            f"furthest from its place among all: {self.furthest}\n"
            f"aim (every verdict, in order, none twice): {'kept' if self.kept else 'NOT kept'}"
        )


def main() -> None:
    """Run it, print the figures, and end with 1 where they are not what they should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--away", type=float, default=600.0, help="seconds in which nobody reaches the ticket system")
    parser.add_argument("--tickets", type=int, default=300)
    parser.add_argument("--twice", type=float, default=0.5, help="share of the events that are sent twice")
    parser.add_argument("--deaf", action="store_true", help="connections are taken and never answered")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    system = BenchTicketSystem(free_port())
    with serving(CONFIG.format(url=system.url)) as server:
        arrivals = asyncio.run(_measure(server, system, given))
    print(arrivals.said())
    sys.exit(0 if arrivals.kept else 1)


async def _measure(server: OwnServer, system: BenchTicketSystem, given: argparse.Namespace) -> Arrivals:
    lines = max(1, given.tickets // PER_LINE)
    cut = int(lines * _CUT)
    async with struck_town(server, lines - cut, cut) as (client, town):
        due = rounds_due(lines_of(town, lines - cut, cut), given.away * _COMING, given.seed)
        system.tickets = {one.ticket: _ticket(one.ticket) for one in due}
        system.go_away(deaf=given.deaf)
        left, events = time.monotonic(), TicketEvents(server.url, read_token(server.token_file), twice=given.twice)
        try:
            tests = {one.ticket: one.test for one in await events.send(due)}
            await asyncio.sleep(max(0.0, left + given.away - time.monotonic()))
            deliveries = await _returned(client, system, events.tally, due, given)
        finally:
            await system.stop()
        return arrivals_of(system.told, due, tests, deliveries)


def rounds_due(lines: Sequence[tuple[Scenario, bool]], seconds: float, seed: int) -> list[Due]:
    """`PER_LINE` rounds over all lines, each in another order, at an even pace."""
    order, pause_s = random.Random(seed), seconds / (len(lines) * PER_LINE)
    found = [
        (f"TT-{number}-{line.id}", line, cut)
        for number in range(PER_LINE)
        for line, cut in order.sample(lines, len(lines))
    ]
    return [Due(ticket, line, cut, number * pause_s) for number, (ticket, line, cut) in enumerate(found)]


def _ticket(id_: str) -> dict[str, Any]:
    return {"id": id_, "creationDate": "2026-01-01T00:00:00Z", "description": "No Internet", "severity": "Major",
            "ticketType": "incident", "status": "acknowledged", "note": []}  # fmt: skip


async def _returned(
    client: Client, system: BenchTicketSystem, tally: Tally, due: list[Due], given: argparse.Namespace
) -> list[dict[str, Any]]:
    """Let the ticket system come back, and return every message once all were sent."""
    before = await asyncio.to_thread(_deliveries, client)
    waiting, back = Counter(one["state"] for one in before), time.monotonic()
    await system.come_back()
    first_s = last_s = 0.0
    while time.monotonic() - back < _END_S:
        await asyncio.sleep(0.1)
        first_s = first_s or (time.monotonic() - back if system.told else 0.0)
        pending = await asyncio.to_thread(client.get, "/deliveries", state="pending", limit=1)
        running = [one for one in await asyncio.to_thread(client.get, "/line-tests", limit=100)
                   if one["state"] == "running"]  # fmt: skip
        if not pending and not running:
            last_s = time.monotonic() - back
            break
    after = await asyncio.to_thread(_deliveries, client)
    manner = "deaf" if given.deaf else "refusing connections"
    print(f"{len(due)} tickets of {len({one.line.id for one in due})} lines in {given.away * _COMING:.0f} s; "
          f"{tally.sent} events sent, {tally.twice} of them a second time, lost: {tally.lost}; "
          f"ticket system {manner} for {given.away:.0f} s")  # fmt: skip
    print(f"at its return: {dict(waiting)}; at the end: {dict(Counter(one['state'] for one in after))}")
    print(f"first message after {first_s:.1f} s, all after {last_s:.1f} s; {system.calls} calls")
    return after


def arrivals_of(
    told: Sequence[tuple[str, str]], due: Sequence[Due], tests: Mapping[str, str], deliveries: Sequence[dict[str, Any]]
) -> Arrivals:
    """How the verdicts came, of all (ticket, key of the note) that the ticket system was told.

    `tests` has each ticket's test, which is the key of its verdict; the order in which verdicts were given is that of
    the ids of the messages.
    """
    verdicts = sorted((one["id"], one["ticket"]) for one in deliveries if one["event_type"] == "line_test.verdict")
    place = {ticket: number for number, (_, ticket) in enumerate(verdicts)}
    came = [ticket for ticket, key in told if tests.get(ticket) == key and ticket in place]
    line, by_line = {one.ticket: one.line.id for one in due}, defaultdict[str, list[int]](list)
    for ticket in came:
        by_line[line[ticket]].append(place[ticket])
    often = Counter(came)
    return Arrivals(
        per_ticket=Counter(often[one.ticket] for one in due),
        disordered=sum(order != sorted(order) for order in by_line.values()),
        furthest=max((abs(place[ticket] - number) for number, ticket in enumerate(came)), default=0),
    )


def _deliveries(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := client.get("/deliveries", limit=500, before=found[-1]["id"] if found else None):
        found += page
    return found


if __name__ == "__main__":
    main()
