"""A real Redmine, and a network that fails in between: created, tested, told, mended, tested again, closed.

No ticket without its verdict, no verdict twice, no second reboot.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.cpe import Cpe
from tests.fakes.relay import Relay
from tests.redmine.server import Redmine, running_redmine
from tests.ticket_world import Served, serving

#: seconds that anything may take on a busy machine
LONG_S = 100.0
#: connections that are refused, and answers that are lost, for looks and notes alike
TROUBLE = ("drop", "lose", "", "drop", "", "lose", "lose")
#: everything of one test, with the start of Redmine before the first
pytestmark = pytest.mark.timeout(400)
ADAPTER = """
extends = "redmine"
[[rules]]
verdicts = ["DISPATCH_*"]
assignee = "{technician}"
"""


@pytest.fixture(scope="module")
async def redmine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Redmine]:
    async with running_redmine(tmp_path_factory.mktemp("redmine")) as server:
        yield server


@dataclass
class World(Served):
    """Our server, a Redmine, the relay between them, and a technician at the Redmine."""

    redmine: Redmine
    relay: Relay
    technician: httpx.AsyncClient

    async def until(self, issue: int, holds: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """Wait until an issue is as it should be.

        It is shown as it is after that: Redmine reads an issue and what belongs to it one after the other, so what it
        showed first may be of before a change and of after it.
        """
        shown: dict[str, Any] = {}
        try:
            async with asyncio.timeout(LONG_S):
                for pause_s in chain([0.0], repeat(0.7)):
                    await asyncio.sleep(pause_s)
                    if holds(shown := await self.redmine.shown(self.technician, issue)):
                        break
        except TimeoutError:
            listed = (await self.api.get("/api/v1/deliveries")).text[:2000]
            systems = (await self.api.get("/api/v1/ticket-systems")).text
            raise AssertionError(f"{what}: {shown}; deliveries {listed}; {systems}") from None
        return await self.redmine.shown(self.technician, issue)


@asynccontextmanager
async def world(folder: Path, redmine: Redmine, **settings: Any) -> AsyncIterator[World]:
    (folder / "key").write_text(redmine.made["keys"]["secondline"])
    (folder / "key").chmod(0o600)
    (folder / "redmine.toml").write_text(ADAPTER.format(technician=redmine.made["ids"]["technician"]))
    fields = {f"{name.lower()}_field": str(redmine.made["fields"][name]) for name in ("Verdict", "Cause", "Confidence")}
    async with Relay(redmine.port).serving() as relay, redmine.person("technician") as technician:
        system = {
            "name": "desk", "adapter_file": "redmine.toml", "url": f"http://127.0.0.1:{relay.port}",
            "key_file": "key", "poll_s": 1.0, "first_look_h": 0.0, "variables": fields, **settings,
        }  # fmt: skip
        sections: dict[str, Any] = {
            "webhooks": {"retry_s": 0.2, "rest_max_s": 0.5, "retry_max_s": 1.0, "plain_networks": ["127.0.0.0/8"]},
            "outages": {"enabled": False},
            "adapters": {"systems": [system]},
        }
        async with serving(folder, "engineer", LONG_S, **sections) as (app, api):
            yield World(app, api, redmine, relay, technician)


def notes(issue: dict[str, Any], word: str = "[secondline:") -> list[str]:
    return [one["notes"] for one in issue["journals"] if word in (one.get("notes") or "")]


def field(issue: dict[str, Any], name: str) -> str:
    return str(next(one["value"] for one in issue["custom_fields"] if one["name"] == name))


def told_once(issue: dict[str, Any]) -> bool:
    """Whether no mark stands in two notes."""
    marks = [text[text.rindex("[secondline:") :] for text in notes(issue)]
    return max(Counter(marks).values()) == 1


async def test_a_dispatch_is_told_and_tested_again_until_the_line_is_well(redmine: Redmine, tmp_path: Path) -> None:
    async with world(tmp_path, redmine) as here:
        await here.put_line("L-1", "drop_fibre_cut")
        here.relay.fails(TROUBLE)
        issue = await redmine.issue(here.technician, "L-1", "No Internet since yesterday")
        shown = await here.until(issue, lambda one: notes(one, "DISPATCH_HOME"), "no verdict came")
        assert (field(shown, "Verdict"), field(shown, "Cause")) == ("DISPATCH_HOME", "drop_fibre_cut")
        assert float(field(shown, "Confidence")) > 0.5
        assert shown["status"]["name"] == "In Progress"
        assert shown["assigned_to"]["id"] == redmine.made["ids"]["technician"]

        here.relay.fails(TROUBLE)
        await redmine.set_status(here.technician, issue, "Resolved", "drop replaced")
        shown = await here.until(issue, lambda one: len(notes(one)) == 2, "it was not tested again")
        assert shown["status"]["name"] == "In Progress", "it is as broken as before"

        await here.now("L-1", "nff")
        here.relay.fails(TROUBLE)
        await redmine.set_status(here.technician, issue, "Resolved", "drop replaced once more")
        shown = await here.until(issue, lambda one: one["status"]["name"] == "Closed", "it was not closed")
        assert field(shown, "Verdict") == "NFF"
        assert told_once(shown) and len(notes(shown)) == 3
        tests = (await here.api.get("/api/v1/line-tests", params={"line": "L-1"})).json()
        assert [one["verdict"]["verdict"] for one in tests] == ["NFF", "DISPATCH_HOME", "DISPATCH_HOME"]
        assert here.relay.lost, "the network failed"


async def test_a_reboot_is_done_once_and_closes_the_ticket(redmine: Redmine, tmp_path: Path) -> None:
    async with world(tmp_path, redmine, when_fixed="closed") as here:
        assert here.app.cwmp_port is not None
        cpe = Cpe(here.app.cwmp_port)
        await cpe.session(("1 BOOT", ""))
        await here.put_line("L-2", "cpe_memory")
        await here.api.put(f"/api/v1/devices/{cpe.key}/line", json={"line": "L-2"})
        here.relay.fails(TROUBLE)
        issue = await redmine.issue(here.technician, "L-2", "Slow in the evening")
        await here.until(issue, lambda one: notes(one, "REMOTE_FIX"), "no verdict came")

        body = {"ticket": f"desk:{issue}", "wait_s": 0}
        key = {"Idempotency-Key": f"desk-{issue}-reboot"}
        await here.now("L-2", "nff")
        answers = [await here.api.post("/api/v1/hooks/reboot", json=body, headers=key) for _ in range(2)]
        assert [one.status_code for one in answers] == [202, 202], answers[0].text
        await cpe.until_quiet(("2 PERIODIC", ""))
        await cpe.rebooted()
        await cpe.until_quiet()
        await here.now("L-2", "nff")
        here.relay.fails(TROUBLE)
        shown = await here.until(issue, lambda one: one["status"]["name"] == "Closed", "it was not closed")
        assert cpe.boots == 1
        assert told_once(shown) and len(notes(shown)) == 2


async def test_tickets_of_the_time_when_the_system_was_away_all_get_their_verdict(
    redmine: Redmine, tmp_path: Path
) -> None:
    async with world(tmp_path, redmine) as here:
        issues = []
        for n in range(2):
            await here.put_line(f"L-1{n}", "nff")
            issues.append(await redmine.issue(here.technician, f"L-1{n}", "No Internet"))
        first = await here.until(issues[0], notes, "no verdict came")
        assert told_once(first)
        here.relay.away = True
        more = [await redmine.issue(here.technician, f"L-1{n}", "Again no Internet") for n in range(2)]
        async with asyncio.timeout(LONG_S):
            await here.relay.was_away()
        here.relay.away = False
        for issue in (*issues, *more):
            shown = await here.until(issue, notes, "a ticket has no verdict")
            assert told_once(shown) and len(notes(shown)) == 1
