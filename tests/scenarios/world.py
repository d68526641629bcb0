"""The town of all scenarios at a server of its own: everything is broken, every ticket gets its verdict."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli import output
from cli.client import Client, connect
from cli.own_server import OwnServer
from cli.simulator.scenario_files import Scenario
from cli.simulator.scenario_town import ScenarioTown, ticket_event
from cli.simulator.town import Settings

#: seconds that each step may take on a busy machine
STEP_S = 120.0
#: The file ends in [line_tests]. A port is read anew after a second, for what is broken is broken between two tests;
#: a silent node is not pinged, for the loopback answers every ping.
CONFIG = """port_cache_s = 1.0
ping_silent_nodes = false
at_once = 48

[line_tests.sources]
access_s = 5.0
cpe_s = 6.0
"""


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of a scenario: its line test and how long the verdict took."""

    scenario: Scenario
    test: dict[str, Any]
    took_s: float

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


async def play(server: OwnServer, scenarios: Sequence[Scenario]) -> dict[str, Collected]:
    """Scenario id → what came of it."""
    client = connect(server.url, server.token_file)
    settings = Settings(server.cwmp_url, server.enrol_username, server.enrol_password)
    town = ScenarioTown(scenarios, settings, client)
    try:
        await town.start()
        async with asyncio.timeout(STEP_S):
            await town.informed()
        await asyncio.to_thread(_warm_up, client, town)
        await town.strike()
        await asyncio.sleep(2.5)
        return await asyncio.to_thread(_tickets, client, scenarios)
    finally:
        await town.stop()
        with contextlib.suppress(OSError):
            client.close()


def _warm_up(client: Client, town: ScenarioTown) -> None:
    """Read every tree, and each port that will be read by half later."""
    body = {"kind": "refresh", "arguments": {}, "deadline_s": STEP_S, "reason": "scenarios"}
    waiting = [
        ("operations", client.post(f"/devices/{quote(str(cpe.key), safe='')}/operations", body)["id"])
        for place in town.places
        for cpe in place.cpes.values()
    ]
    for place in town.places:
        if place.scenario.node == "half":
            waiting.append(("line-tests", client.post(f"/lines/{place.scenario.id}/tests", {"depth": "quick"})["id"]))
    deadline = time.monotonic() + STEP_S
    for path, id_ in waiting:
        while client.get(f"/{path}/{id_}")["state"] not in ("succeeded", "done"):
            assert time.monotonic() < deadline, f"{path} {id_}: {client.get(f'/{path}/{id_}')}"
            time.sleep(0.1)


def _tickets(client: Client, scenarios: Sequence[Scenario]) -> dict[str, Collected]:
    began = time.monotonic()
    for scenario in scenarios:
        client.post("/tickets/events", ticket_event(scenario, f"TT-{scenario.row}", datetime.now(UTC)))
    found: dict[str, Collected] = {}
    while len(found) < len(scenarios):
        assert time.monotonic() - began < STEP_S, f"no verdict: {[s.id for s in scenarios if s.id not in found]}"
        for scenario in scenarios:
            tests = [] if scenario.id in found else output.items(client.get("/line-tests", ticket=f"TT-{scenario.row}"))
            if tests and tests[0]["state"] != "running":
                test = client.get(f"/line-tests/{tests[0]['id']}")
                found[scenario.id] = Collected(scenario, test, time.monotonic() - began)
        time.sleep(0.2)
    return found
