"""Depths and budgets end to end: what each depth asks, when it gives up, who shares whose work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from acs.config.support import LineTestsSection
from cli.client import Client, connect
from cli.own_server import OwnServer
from cli.simulator.olt import XPON
from cli.simulator.scenario_files import Scenario
from cli.simulator.scenario_town import ScenarioTown, ticket_event
from cli.simulator.town import Settings
from probes.snmp.agent import Agent
from probes.snmp.ber import decode_request, parse_oid
from tests.scenarios.world import ended, hand_in

#: numbers of places that no other town at the same server has
NUMBERS = count(1000)
TICKETS = 50
EXPECT = {"verdict": "NFF", "cause": "nff", "location": "unknown"}
CROWD = Scenario("crowd", "-", "Slow.", EXPECT, onts=64)
SLEEPER = Scenario("sleeper", "-", "Slow.", EXPECT, hung=("cpe-session",))


@pytest.fixture
def client(server: OwnServer) -> Iterator[Client]:
    made = connect(server.url, server.token_file)
    yield made
    made.close()


async def _standing(server: OwnServer, client: Client, *scenarios: Scenario) -> ScenarioTown:
    settings = Settings(server.cwmp_url, server.enrol_username, server.enrol_password)
    town = ScenarioTown(scenarios, settings, client, first=next(NUMBERS))
    await town.start()
    async with asyncio.timeout(60):
        await town.informed()
    await town.strike()
    return town


@contextlib.asynccontextmanager
async def standing(server: OwnServer, client: Client, *scenarios: Scenario) -> AsyncIterator[ScenarioTown]:
    town = await _standing(server, client, *scenarios)
    try:
        yield town
    finally:
        await town.stop()


class Walks:
    """Counts how often an agent is asked for the beginning of a column: each is a walk of it."""

    def __init__(self, agent: Agent, column: str) -> None:
        self._inner = agent.answer
        self._root = parse_oid(f"{XPON}.{column}")
        self.seen = 0
        agent.answer = self._answer  # type: ignore[method-assign]  # the agent looks it up for each datagram

    def _answer(self, data: bytes) -> bytes | None:
        # the root, or the root with the port behind it: anything longer is a step of a walk, or one ONT
        self.seen += any(
            oid[: len(self._root)] == self._root and len(oid) <= len(self._root) + 1
            for oid in decode_request(data).oids
        )
        return self._inner(data)


async def test_fifty_tickets_on_one_pon_cost_one_walk(server: OwnServer, client: Client) -> None:
    async with standing(server, client, CROWD) as town:
        agent = town.places[0].olt.agent
        walks = Walks(agent, "46.1.15")
        lines = [home.line for home in town.places[0].state.homes[:TICKETS]]
        tests = await asyncio.to_thread(hand_in, client, [replace(CROWD, id=line) for line in lines])
    assert len(tests) == TICKETS and all(test["verdict"] for test in tests.values())
    states = [one["value"] for test in tests.values() for one in test["facts"]["facts"] if one["name"] == "sib.n"]
    assert states == [8] * TICKETS, "each of them knows its neighbours: the eight of a splitter"
    assert walks.seen == 1


async def test_a_running_test_of_a_line_is_joined(server: OwnServer, client: Client) -> None:
    async with standing(server, client, SLEEPER):
        first, second, other = await asyncio.to_thread(_three_tickets, client)
        again = await asyncio.to_thread(client.post, "/lines/sleeper/tests", {"depth": "normal"})
        quick = await asyncio.to_thread(client.post, "/lines/sleeper/tests", {"depth": "quick"})
        tests = await asyncio.to_thread(ended, client, {"first": first, "quick": quick["id"]})
    assert first == second == other == again["id"]
    assert quick["id"] != first, "a quick test has five seconds, and waits for no deeper one"
    assert [source["name"] for source in tests["quick"]["facts"]["sources"]] == ["access"]


def _three_tickets(client: Client) -> list[str]:
    events = [ticket_event(SLEEPER, f"TT-again-{n}", datetime.now(UTC)) for n in range(3)]
    return [client.post("/tickets/events", event)["line_test"] for event in events]


async def test_a_full_test_tells_what_it_has_and_then_stops(server: OwnServer, client: Client) -> None:
    budgets = LineTestsSection()
    assert (budgets.quick_s, budgets.partial_s, budgets.hard_stop_s) == (5.0, 20.0, 60.0)
    mute = Scenario("mute", "-", "Slow.", EXPECT, node="silent")  # two tries of SNMP take over three seconds
    async with standing(server, client, mute):
        told = await asyncio.to_thread(_events_of, client, {"depth": "full", "deadline_s": 2.5})
    assert [name for name, _ in told if name != "progress"] == ["partial", "verdict", "end"]
    assert told[-1][1]["state"] == "done"
    sources = {data.get("name"): data.get("state") for name, data in told if name == "progress"}
    assert (sources["ping"], sources["access"]) == ("answered", "late"), "the node was still awaited at the end"


def _events_of(client: Client, body: dict[str, Any]) -> list[tuple[str, Any]]:
    test = client.post("/lines/mute/tests", body)
    return [(event.name, event.data) for event in client.events(f"/line-tests/{test['id']}/events", timeout_s=30.0)]


async def test_quick_asks_only_the_access_node(server: OwnServer, client: Client) -> None:
    async with standing(server, client, replace(SLEEPER, id="sleeper-2")):
        started = await asyncio.to_thread(client.post, "/lines/sleeper-2/tests", {"depth": "quick"})
        test = (await asyncio.to_thread(ended, client, {"sleeper": started["id"]}))["sleeper"]
    assert [source["name"] for source in test["facts"]["sources"]] == ["access"]


async def test_a_self_check_tells_the_subscriber_nothing_of_the_network(server: OwnServer, client: Client) -> None:
    broken = Scenario("own-page", "-", "Slow.", EXPECT, step_db=-7.7)
    async with standing(server, client, broken):
        started = await asyncio.to_thread(client.post, "/lines/own-page/self-checks")
        await asyncio.to_thread(ended, client, {"own-page": started["id"]})
        told = await asyncio.to_thread(client.get, f"/self-checks/{started['id']}")
        full = await asyncio.to_thread(client.get, f"/line-tests/{started['id']}")
    assert told.keys() == {"id", "state", "line", "text", "until"} and told["line"] == "visit"
    text = " ".join(told["text"].values()).lower()
    assert not [word for word in ("olt", "own-page-node", "dbm", "ont.", "bras", "splitter") if word in text]
    assert full["depth"] == "self-service" and full["verdict"]["cause"] == "low_rx_single"
