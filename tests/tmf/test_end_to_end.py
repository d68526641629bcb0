"""From the creation of a ticket to its end, with a TMF621 server that enforces the official definition, and a network
that fails in between: no ticket without its verdict, no verdict twice, no second reboot."""

import asyncio
import base64
import json
from collections import deque
from pathlib import Path

import pytest

from tests.fakes.cpe import Cpe
from tests.fakes.ticket_system import TicketSystem
from tests.tmf.world import World, world
from tests.tmf_definitions import definition

LINE = [{"id": "L-1", "role": "line", "@referredType": "Line"}]
LINE_V5 = [{"@type": "RelatedEntity", "role": "line",
            "entity": {"@type": "EntityRef", "id": "L-1", "@referredType": "Line"}}]  # fmt: skip
#: answers that are lost, late, or none: before and after the ticket was changed
TROUBLE = ("drop_before", "500", "hang", "", "drop_after")


def entity_ids(ticket: dict[str, object]) -> list[str]:
    found = ticket.get("relatedEntity")
    return [one.get("id") or one["entity"]["id"] for one in found] if isinstance(found, list) else []


async def created(here: World, ticket: str, version: str) -> None:
    """The ticket system opens a ticket and tells so, twice, as it does when the answer comes late."""
    here.system.add(ticket, relatedEntity=LINE if version == "v4" else LINE_V5)
    for _ in range(2):
        answer = await here.tell(f"e-{ticket}", "TroubleTicketCreateEvent", ticket)
        assert answer.status_code == (201 if version == "v4" else 204), answer.text
        if version == "v4":
            definition("tmf621-v4").check("EventSubscription", answer.json())


@pytest.mark.parametrize("version", ["v4"])
async def test_a_remote_fix_with_network_failures_in_between(tmp_path: Path, version: str) -> None:
    system = TicketSystem(version)
    async with world(tmp_path, system, when_fixed="closed") as here:
        assert here.app.cwmp_port is not None
        cpe = Cpe(here.app.cwmp_port)
        await cpe.session(("1 BOOT", ""))
        await here.put_line("L-1", "cpe_memory")
        await here.api.put(f"/api/v1/devices/{cpe.key}/line", json={"line": "L-1"})
        system.failures = deque(TROUBLE)
        await created(here, "TT-1", version)
        await here.until(lambda: system.notes("TT-1", "REMOTE_FIX"), "no verdict came")
        ticket = system.tickets["TT-1"]
        assert ticket["status"] == "inProgress"
        assert system.notes("TT-1")[0] == "call from the customer", "what others wrote is kept"

        key = {"Idempotency-Key": "TT-1-reboot"}
        body = {"ticket": "TT-1", "wait_s": 0}
        await here.now("L-1", "nff")
        first = await here.api.post("/api/v1/hooks/reboot", json=body, headers=key)
        again = await here.api.post("/api/v1/hooks/reboot", json=body, headers=key)
        assert first.status_code == again.status_code == 202, first.text
        await cpe.until_quiet(("2 PERIODIC", ""))
        await cpe.rebooted()
        await cpe.until_quiet()
        await here.now("L-1", "nff")
        system.failures = deque(TROUBLE)
        await here.until(lambda: ticket["status"] == "closed", "the ticket was not closed")
        assert cpe.boots == 1
        third = await here.api.post("/api/v1/hooks/reboot", json=body, headers=key)
        assert third.json()["id"] == first.json()["id"]
        assert len(system.notes("TT-1", "REMOTE_FIX")) == 1
        assert len(system.notes("TT-1")) == 3, "the customer's, the verdict, and that it helped"
        assert len(ticket["attachment"]) == 2
        assert system.faults == []


@pytest.mark.parametrize("version", ["v5"])
async def test_a_dispatch_that_is_resolved_is_tested_again_and_closed(tmp_path: Path, version: str) -> None:
    system = TicketSystem(version)
    async with world(tmp_path, system) as here:
        await here.put_line("L-1", "drop_fibre_cut")
        system.failures = deque(TROUBLE)
        await created(here, "TT-1", version)
        await here.until(lambda: system.notes("TT-1", "DISPATCH_HOME"), "no verdict came")
        ticket = system.tickets["TT-1"]
        assert ticket["status"] == "inProgress"
        attached = json.loads(base64.b64decode(ticket["attachment"][0]["content"]))
        definition("tmf653").check("ServiceTest", attached)
        assert attached["id"] in entity_ids(ticket)

        ticket |= {"status": "resolved", "statusChangeReason": "drop replaced"}
        await still_broken(here, version)
        await here.now("L-1", "nff")
        assert "[secondline:" in ticket["statusChangeReason"]
        ticket["status"] = "resolved"  # with no reason of its own: the one of our change before stays
        system.failures = deque(TROUBLE)
        told = ("TroubleTicketStatusChangeEvent", "TroubleTicketResolvedEvent", "TroubleTicketStatusChangeEvent")
        for n, event_type in enumerate(told):
            answer = await here.tell(f"e-resolved-{n % 2}", event_type, "TT-1")
            assert answer.status_code == (201 if version == "v4" else 204), answer.text
        await here.until(lambda: ticket["status"] == "closed", "the ticket was not closed")
        listed = (await here.api.get("/api/v1/line-tests", params={"line": "L-1"})).json()
        assert [one["verdict"]["verdict"] for one in listed] == ["NFF", "DISPATCH_HOME", "DISPATCH_HOME"]
        assert len(system.notes("TT-1")) == 4, "the customer's and three verdicts"
        assert len(system.notes("TT-1", "NFF")) == 1
        assert entity_ids(ticket) == ["L-1", *(one["id"] for one in reversed(listed))]
        assert system.faults == []


async def test_what_a_person_must_confirm_leaves_a_resolved_ticket_resolved(tmp_path: Path) -> None:
    """Nobody tells of incidents: all that was measured is well, and the ticket waits for a person."""
    system = TicketSystem("v4")
    async with world(tmp_path, system) as here:
        await here.put_line("L-1", "drop_fibre_cut", quiet=False)
        await created(here, "TT-1", "v4")
        await here.until(lambda: system.notes("TT-1", "DISPATCH_HOME"), "no verdict came")
        system.tickets["TT-1"] |= {"status": "resolved", "statusChangeReason": "drop replaced"}
        await here.now("L-1", "nff", quiet=False)
        await here.tell("e-resolved", "TroubleTicketResolvedEvent", "TT-1")
        await here.until(lambda: system.notes("TT-1", "NFF"), "it was not tested again")
        assert system.notes("TT-1", "A person has to confirm it: unknown: Incident that covers the line")
        assert system.tickets["TT-1"]["status"] == "resolved"


async def still_broken(here: World, version: str) -> None:
    """It is said to be resolved, and it is not: the ticket goes back to work, and that starts nothing here."""
    ticket = here.system.tickets["TT-1"]
    await here.tell("e-too-early", "TroubleTicketStatusChangeEvent", "TT-1")
    await here.until(lambda: len(here.system.notes("TT-1", "DISPATCH_HOME")) == 2, "no second verdict came")
    assert ticket["status"] == "inProgress"
    tests = len((await here.api.get("/api/v1/line-tests", params={"line": "L-1"})).json())
    await here.tell("e-echo", "TroubleTicketStatusChangeEvent", "TT-1")
    assert len((await here.api.get("/api/v1/line-tests", params={"line": "L-1"})).json()) == tests


async def test_every_verdict_arrives_after_the_ticket_system_was_away(tmp_path: Path) -> None:
    system = TicketSystem("v4", etags=True, own_note_ids=True)
    async with world(tmp_path, system) as here:
        await here.put_line("L-1", "nff")
        system.failures = deque(["drop_before"] * 3)
        system.end()
        for n in range(3):
            await created(here, f"TT-{n}", "v4")
        await refused(here)
        await system.begin(system.port)
        tickets = [f"TT-{n}" for n in range(3)]
        await here.until(lambda: all(system.notes(one, "[secondline:") for one in tickets), "a verdict is missing")
        assert [len(system.notes(one, "[secondline:")) for one in tickets] == [1, 1, 1]
        assert [ticket for ticket, _ in system.patches] == tickets, "in the order in which they came"
        assert system.faults == []


async def refused(here: World) -> None:
    """Until the server has met a closed door."""
    for _ in range(600):
        listed = (await here.api.get("/api/v1/deliveries")).json()
        if any("nobody answers at 127.0.0.1:" in one["last_error"] for one in listed):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was refused")
