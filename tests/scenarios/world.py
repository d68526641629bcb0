"""The town of all scenarios at a server of its own: everything is broken, every ticket gets its verdict."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli.client import Client, connect
from cli.own_server import OwnServer
from cli.simulator.scenario_files import Scenario
from cli.simulator.scenario_town import TOLD_NOW, Registries, ScenarioTown, ticket_event
from cli.simulator.town import Settings

#: seconds that each step may take on a busy machine
STEP_S = 120.0
#: seconds that a reading of a port serves: what breaks between two tests of a port must not hide behind it
CACHE_S = 12.0
#: seconds after which what was broken shows everywhere
_SETTLE_S = 2.5
#: The file ends in [line_tests]. A silent node is not pinged, for the loopback answers every ping.
CONFIG = f"""port_cache_s = {CACHE_S}
partial_s = 2.0
ping_silent_nodes = false
at_once = 24

[line_tests.sources]
access_s = 8.0
cpe_s = 15.0

[outages]
enabled = false                         # a hundred different faults in one minute are no mass fault
"""


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of a scenario: its line test."""

    scenario: Scenario
    test: dict[str, Any]
    #: the verdict of a test of depth `quick` of the same line at the same time
    quick: dict[str, Any]
    #: the line was tested twice: a source was late the first time, without being broken
    again: bool = False

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict; empty where there is none."""
        given = self.test.get("verdict")
        return given if isinstance(given, dict) else {}


def server_in(folder: Path) -> OwnServer:
    """A server of its own, prepared and started."""
    server = OwnServer(folder)
    server.prepare()
    with server.config_file.open("a", encoding="utf-8") as file:
        file.write(CONFIG)
    server.start()
    return server


async def play(
    server: OwnServer,
    scenarios: Sequence[Scenario],
    *,
    first: int = 0,
    registries: Registries = TOLD_NOW,
    quick: bool = True,
) -> dict[str, Collected]:
    """Scenario id → what came of it; `quick`: whether a test of that depth follows. `first`: see `ScenarioTown`."""
    client = connect(server.url, server.token_file)
    settings = Settings(server.cwmp_url, server.enrol_username, server.enrol_password)
    town = ScenarioTown(scenarios, settings, client, first=first, registries=registries)
    try:
        await town.start()
        read_at = await asyncio.to_thread(_read_ports, client, town)
        async with asyncio.timeout(STEP_S):
            await town.informed()
        await asyncio.to_thread(_warm_up, client, town)
        await town.strike()
        await asyncio.sleep(max(_SETTLE_S, read_at + CACHE_S - time.monotonic()))
        tests = await asyncio.to_thread(hand_in, client, scenarios)
        again = [one for one in scenarios if held_up(one, tests[one.id])]
        tests |= await asyncio.to_thread(_ask_again, client, town, again)
        shown = await asyncio.to_thread(_quick, client, scenarios) if quick else {}
        return {
            one.id: Collected(one, tests[one.id], shown[one.id]["verdict"] if quick else {}, one in again)
            for one in scenarios
        }
    finally:
        await town.stop()
        with contextlib.suppress(OSError):
            client.close()


def held_up(scenario: Scenario, test: Mapping[str, Any]) -> list[str]:
    """The sources of a test that were late or failed although the scenario did not break them: a busy machine."""
    broken = {"access"} if scenario.node in ("silent", "half", "unknown") else set()
    broken |= {kind.partition("-")[0] for kind in scenario.hung}
    if not (scenario.up or scenario.cpe_lives):
        broken |= {"cpe", "stb"}
    sources = test["facts"]["sources"]
    missed = [one["name"] for one in sources if one["state"] in ("late", "failed")]
    return [name for name in missed if name.partition("-")[0] not in broken]


def _ask_again(client: Client, town: ScenarioTown, again: Sequence[Scenario]) -> dict[str, dict[str, Any]]:
    """Test those lines once more, one after the other; the other systems say the same as before."""
    if again:
        town.say()
    found: dict[str, dict[str, Any]] = {}
    for one in again:
        found |= ended(client, _started(client, [one], "normal"))
    return found


def _read_ports(client: Client, town: ScenarioTown) -> float:
    """Read the ports of which half will be missing later; returns when that was done, 0 where there is none."""
    half = [place.scenario.id for place in town.places if place.scenario.node == "half"]
    if not half:
        return 0.0
    ended(client, {one: client.post(f"/lines/{one}/tests", {"depth": "quick"})["id"] for one in half})
    return time.monotonic()


def _warm_up(client: Client, town: ScenarioTown) -> None:
    """Read every tree."""
    body = {"kind": "refresh", "arguments": {}, "deadline_s": STEP_S, "reason": "scenarios"}
    keys = [quote(str(cpe.key), safe="") for place in town.places for cpe in place.cpes.values()]
    waiting = [client.post(f"/devices/{key}/operations", body)["id"] for key in keys]
    deadline = time.monotonic() + STEP_S
    for id_ in waiting:
        while (state := client.get(f"/operations/{id_}")["state"]) != "succeeded":
            assert time.monotonic() < deadline, f"operation {id_}: {state}"
            time.sleep(0.1)


def hand_in(client: Client, scenarios: Sequence[Scenario]) -> dict[str, dict[str, Any]]:
    """Hand in a ticket for each scenario, and return line → its line test when all have ended."""
    waiting = {}
    for scenario in scenarios:
        told = client.post("/tickets/events", ticket_event(scenario, f"TT-{scenario.id}", datetime.now(UTC)))
        waiting[scenario.id] = told["line_test"]
    return ended(client, waiting)


def _quick(client: Client, scenarios: Sequence[Scenario]) -> dict[str, dict[str, Any]]:
    return ended(client, _started(client, scenarios, "quick"))


def _started(client: Client, scenarios: Sequence[Scenario], depth: str) -> dict[str, str]:
    """Line → its test, begun for the ticket that the line has."""
    tests = {}
    for one in scenarios:
        body = {"depth": depth, "ticket": f"TT-{one.id}", "service": one.service}
        tests[one.id] = client.post(f"/lines/{one.id}/tests", body)["id"]
    return tests


def ended(client: Client, waiting: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The line tests, in the order and under the names given, once they are over."""
    deadline = time.monotonic() + STEP_S
    found = {}
    for name, test_id in waiting.items():
        while (test := client.get(f"/line-tests/{test_id}"))["state"] == "running":
            assert time.monotonic() < deadline, f"{name}: no verdict"
            time.sleep(0.1)
        found[name] = test
    return found
