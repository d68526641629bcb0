"""Numbers of tickets: each system has its own, and neither is answered with, nor shown, what the other's stands for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.services.actor import local_actor
from acs.services.ticket_sources import TicketSources
from acs.store import Vault
from acs.store import groups as group_store
from acs.store import lines as line_store
from acs.store.groups import LineGroups
from acs.store.records import GrantRecord, LineRecord
from tests.api.conftest import NobodyAnswers, config_of, made_once
from tests.api.test_tickets import event, verdict_of

BOSS = local_actor()
STATUS = "/tmf-api/troubleTicket/v4/listener/troubleTicketStatusChangeEvent"


async def lines_of(app: App) -> None:
    """L-1 in the north, L-2 in the south."""
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-1", "pon"), LineRecord("L-2", "pon")], datetime.now(UTC))
        await group_store.put(tx, {"L-1": LineGroups(region="north"), "L-2": LineGroups(region="south")})


@asynccontextmanager
async def called_by(app: App, name: str, *groups: str) -> AsyncIterator[httpx.AsyncClient]:
    """A token of this name; with groups one of the role that is shipped for ticket systems, for these lines."""
    if groups:
        made = await app.northbound.access.create(BOSS, name, [], grants=[GrantRecord("ticket-system", groups)])
    else:
        made = await app.northbound.access.create(BOSS, name, ["tickets", "operate", "read"])
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {made.secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1", headers=headers) as client:
        yield client


def about(line: str, number: str = "1001", event_id: str = "e-1", **more: Any) -> dict[str, Any]:
    return event(event_id, number, relatedEntity=[{"id": line, "role": "line", "@referredType": "Line"}], **more)


def change(line: str, status: str, number: str = "1001", event_id: str = "s-1") -> dict[str, Any]:
    return {**about(line, number, event_id, status=status), "eventType": "TroubleTicketStatusChangeEvent"}


async def test_two_systems_with_one_number_and_one_event_are_two_tickets(app_on_both: App) -> None:
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysa") as sysa, called_by(app_on_both, "sys b/2") as sysb:
        first = await sysa.post("/tickets/events", json=about("L-1"))
        second = await sysb.post("/tickets/events", json=about("L-2"))
        assert (first.status_code, second.status_code) == (201, 201)
        assert (first.json()["id"], first.json()["number"], first.json()["line"]) == ("1001", "1001", "L-1")
        assert (second.json()["number"], second.json()["line"]) == ("1001", "L-2"), second.text
        assert second.json()["line_test"] not in (None, first.json()["line_test"])
        assert (await sysb.post("/tickets/events", json=about("L-2"))).json() == second.json()
        assert (await sysa.post("/tickets/events", json=about("L-1", event_id="e-2"))).json() == first.json()
        shown = await verdict_of(sysb, "1001")
        assert (shown["line"], shown["test"]["id"]) == ("L-2", second.json()["line_test"])
        assert (await sysa.get(second.headers["Location"].removeprefix("/api/v1"))).json()["line"] == "L-2"
        assert (await sysa.get("/tickets/1001")).json()["line"] == "L-1"
        assert {one["number"] for one in (await sysa.get("/tickets")).json()} == {"1001"}


async def test_what_a_system_asks_of_its_number_is_asked_of_its_ticket(app_on_both: App) -> None:
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysa") as sysa, called_by(app_on_both, "sysb") as sysb:
        await sysa.post("/tickets/events", json=about("L-1"))
        id_ = (await sysb.post("/tickets/events", json=about("L-2"))).json()["id"]
        await verdict_of(sysb, "1001")
        body = {"ticket": "1001", "wait_s": 0}
        for client, line in ((sysa, "L-1"), (sysb, "L-2")):
            told = await client.post("/hooks/is-it-fixed", json=body, headers={"Idempotency-Key": f"k-{line}"})
            assert told.json()["line"] == line, told.text
            closed = await client.post("/tickets/1001/closure", json={"code": "drop_fibre_cut"})
            assert closed.json()["line"] == line, closed.text
        assert [one["line"] for one in (await sysb.get("/hooks", params={"ticket": "1001"})).json()] == ["L-2"]
        tests = (await sysb.get("/line-tests", params={"ticket": "1001"})).json()
        assert {(one["line"], one["ticket"]) for one in tests} == {("L-2", id_)}


async def test_a_status_of_one_system_is_none_of_the_other(app_on_both: App) -> None:
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysa") as sysa, called_by(app_on_both, "sysb") as sysb:
        for client, line in ((sysa, "L-1"), (sysb, "L-2")):
            await client.post("/tickets/events", json=about(line))
            await verdict_of(client, "1001")
        for client in (sysa, sysb):
            taken = await client.post(f"http://server{STATUS}", json=change("L-1", "resolved"))
            assert taken.status_code == 201, taken.text
        for client, line in ((sysa, "L-1"), (sysb, "L-2")):
            tests = (await client.get("/line-tests", params={"ticket": "1001"})).json()
            assert [one["line"] for one in tests] == [line, line], "each was tested again"


async def test_tokens_that_are_named_together_are_one_system(store_url: str, tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault.key")
    system = {"name": "bss", "url": "https://192.0.2.9/v4", "sources": ["bss-2025", "bss-2026"]}
    app = await build(config_of(store_url, tmp_path, tmf={"ticket_systems": [system]}), caller=NobodyAnswers())
    await lines_of(app)
    async with called_by(app, "bss-2025") as old, called_by(app, "bss-2026") as new:
        first = await old.post("/tickets/events", json=about("L-1"))
        assert (await new.post("/tickets/events", json=about("L-1", event_id="e-2"))).json() == first.json()
        await verdict_of(new, "1001")
    await app.stop()


async def test_an_adapters_numbers_are_kept_for_it() -> None:
    sources = TicketSources(adapters=frozenset({"crm"}))
    assert sources.may_be_called("crm", "crm:6")
    assert not sources.may_be_called("bss", "crm:6")
    assert sources.may_be_called("bss", "bss:6") and sources.may_be_called("bss", "6")


async def test_two_systems_at_once_with_one_number(app_on_both: App) -> None:
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysa") as sysa, called_by(app_on_both, "sysb") as sysb:
        sent = [client.post("/tickets/events", json=about(line)) for client, line in ((sysa, "L-1"), (sysb, "L-2")) * 4]
        answers = await asyncio.gather(*sent)
        assert [answer.json()["line"] for answer in answers] == ["L-1", "L-2"] * 4
        assert len({answer.json()["id"] for answer in answers}) == 2
        for client in (sysa, sysb):
            await verdict_of(client, "1001")


async def test_a_limited_system_may_have_a_number_that_another_has_out_of_its_reach(app_on_both: App) -> None:
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysa") as sysa, called_by(app_on_both, "sysb", "region:south") as sysb:
        await sysa.post("/tickets/events", json=about("L-1"))
        taken = await sysb.post("/tickets/events", json=about("L-2"))
        assert (taken.status_code, taken.json()["line"]) == (201, "L-2"), taken.text
        await verdict_of(sysb, "1001")
        await verdict_of(sysa, "1001")


@pytest.mark.parametrize("line", ["L-2", "L-1"])
async def test_a_limited_system_gets_the_same_answer_to_the_same_event(app_on_both: App, line: str) -> None:
    """In its reach or out of it, known or not: it knows what it sent itself."""
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysb", "region:south") as sysb:
        created = [await sysb.post("/tickets/events", json=about(line)) for _ in range(2)]
        assert created[0].status_code == 201, created[0].text
        assert created[1].json() == created[0].json()
        for status, number in (("inProgress", "1001"), ("resolved", "1001"), ("closed", "2002")):
            told = change(line, status, number, f"s-{status}-{number}")
            answers = [await sysb.post(f"http://server{STATUS}", json=told) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [201, 201], answers[1].text
            assert answers[1].json() == answers[0].json()
        async with app_on_both.store.transaction() as tx:  # it moves out of reach
            await group_store.put(tx, {line: LineGroups(region="west")})
        later = (await sysb.post("/tickets/events", json=about(line))).json()
        assert {**later, "line_test": None} == {**created[0].json(), "line_test": None}, "it was tested again since"
        again = await sysb.post(f"http://server{STATUS}", json=change(line, "inProgress", event_id="s-inProgress-1001"))
        assert again.status_code == 201, again.text
    await app_on_both.northbound.line_tests.stop()
