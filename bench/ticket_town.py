"""The network of the ticket benchmarks: simulated OLTs that answer SNMP, CPEs with CWMP, the words of the others.

PONs of one district are cut off: all dark. The other PONs are well, and every home on them has a CPE.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from acs.store import upgrade
from cli.client import Client, connect
from cli.own_server import OwnServer
from cli.simulator.feed import BATCH
from cli.simulator.scenario_files import Near, Scenario, load_systems
from cli.simulator.scenario_town import ScenarioTown
from cli.simulator.town import Settings
from tests.own_server import own_server
from tests.postgres import running_postgres

PER_PON = 31  # of 32 ONTs one is dead for a month
_EXPECT = {"verdict": "-", "cause": "-", "location": "-"}
_RUNNING = ("queued", "waiting", "running", "sent", "answered")


@contextmanager
def serving(config: str = "", *, postgresql: bool = False) -> Iterator[OwnServer]:
    """A server of its own, with these lines at the end of its configuration, for the length of a block.

    Its store is SQLite, or a new database of a PostgreSQL server of its own on the same machine.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="secondline-bench-"))
        options = {"store_url": _new_database(stack)} if postgresql else {}
        yield stack.enter_context(own_server(Path(folder), config, **options))


def _new_database(stack: ExitStack) -> str:
    server = stack.enter_context(running_postgres())
    url = server.url(asyncio.run(server.create_database()))
    asyncio.run(upgrade(url))
    return url


@asynccontextmanager
async def struck_town(server: OwnServer, well: int, cut: int) -> AsyncIterator[tuple[Client, ScenarioTown]]:
    """A town of so many lines, all of whose CPEs have called, whose trees are read and whose district is cut off."""
    settings = Settings(server.cwmp_url, server.enrol_username, server.enrol_password)
    client = connect(server.url, server.token_file)
    town = ScenarioTown(scenarios(well, cut), settings, client)
    try:
        await town.start()
        await town.informed()
        await asyncio.to_thread(read_trees, client, town)
        await town.strike()
        await asyncio.to_thread(say, client, town)
        yield client, town
    finally:
        await town.stop()
        client.close()


def scenarios(well: int, cut: int) -> list[Scenario]:
    """PONs for so many lines that are well and so many that are cut off."""
    dark = Scenario("cut", "-", "Nothing works.", _EXPECT, onts=32, down="losi", near=(Near(30, "ABCD", "losi"),))
    fine = Scenario("well", "-", "Slow.", _EXPECT, onts=32, cpes=32)
    return [
        *(replace(dark, id=f"cut{number:02d}") for number in range(-(-cut // PER_PON))),
        *(replace(fine, id=f"well{number:02d}") for number in range(-(-well // PER_PON))),
    ]


def lines_of(town: ScenarioTown, well: int, cut: int) -> list[tuple[Scenario, bool]]:
    """(the scenario under the line's own name, whether it is in the district) of so many lines of each."""
    found: dict[bool, list[Scenario]] = {True: [], False: []}
    for place in town.places:
        dark = bool(place.scenario.down)
        found[dark] += [replace(place.scenario, id=home.line) for home in place.state.homes[:PER_PON]]
    return [(one, True) for one in found[True][:cut]] + [(one, False) for one in found[False][:well]]


def say(client: Client, town: ScenarioTown) -> None:
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


def read_trees(client: Client, town: ScenarioTown) -> None:
    """Every tree is known before the bad minute, as it is in a network that runs."""
    body = {"kind": "refresh", "arguments": {}, "deadline_s": 600, "reason": "bench"}
    keys = [quote(str(cpe.key), safe="") for place in town.places for cpe in place.cpes.values()]
    for operation in [client.post(f"/devices/{key}/operations", body)["id"] for key in keys]:
        while client.get(f"/operations/{operation}")["state"] in _RUNNING:
            time.sleep(0.1)


def snmp_answered(town: ScenarioTown) -> int:
    """SNMP requests that the access nodes answered so far."""
    return sum(place.olt.agent.answered for place in town.places)


def cpes(town: ScenarioTown) -> int:
    """CPEs of the town."""
    return sum(len(place.cpes) for place in town.places)
