"""Tickets: the TM Forum example, idempotency, tickets without a line, the verdict and its webhook."""

import asyncio
import json
from copy import deepcopy
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.services.tmf import TroubleTicket
from acs.store.records import LineRecord
from tests.api.conftest import client_of
from tests.shared_data import shared

EVENT: dict[str, Any] = {
    "eventId": "e-1",
    "eventTime": "2024-11-21T18:02:11Z",
    "eventType": "TroubleTicketCreateEvent",
    "event": {
        "troubleTicket": {
            "id": "TT-1",
            "description": "No Internet",
            "ticketType": "incident",
            "creationDate": "2024-11-21T18:02:10Z",
            "relatedEntity": [{"id": "L-1", "role": "line", "@referredType": "Line"}],
        }
    },
}


def event(event_id: str = "e-1", ticket: str = "TT-1", **more: Any) -> dict[str, Any]:
    body = deepcopy(EVENT)
    body["eventId"] = event_id
    body["event"]["troubleTicket"] |= {"id": ticket, **more}
    return body


async def with_line(app: App) -> httpx.AsyncClient:
    line = LineRecord("L-1", "pon", account="ACC-7781", pppoe_login="user-7781")
    await app.northbound.lines.put(local_actor(), line)
    return await client_of(app, "tickets", "write", "read", "operate")


async def verdict_of(client: httpx.AsyncClient, ticket: str) -> dict[str, Any]:
    for _ in range(1200):
        answer = (await client.get(f"/tickets/{ticket}")).json()
        if answer["verdict"] is not None:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError("no verdict came")


async def test_an_event_is_taken_once_and_gets_a_verdict(app_on_both: App) -> None:
    async with await with_line(app_on_both) as client:
        first = await client.post("/tickets/events", json=event())
        assert first.status_code == 201, first.text
        assert first.headers["Location"] == "/api/v1/tickets/TT-1"
        again = await client.post("/tickets/events", json=event())
        assert again.status_code == 201
        assert again.json() == first.json()
        other_event = await client.post("/tickets/events", json=event("e-2"))
        assert other_event.json() == first.json()
        taken = await verdict_of(client, "TT-1")
        assert taken["line"] == "L-1"
        assert taken["verdict"]["verdict"]
        assert taken["verdict"]["needs_human"] is True
        tests = (await client.get("/line-tests", params={"line": "L-1"})).json()
        assert [test["id"] for test in tests] == [first.json()["line_test"]]


async def test_events_at_once_make_one_ticket_and_one_test(app_on_both: App) -> None:
    async with await with_line(app_on_both) as client:
        answers = await asyncio.gather(*(client.post("/tickets/events", json=event()) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        await verdict_of(client, "TT-1")
        assert len((await client.get("/line-tests")).json()) == 1


async def test_the_tm_forum_example_is_taken(app: App) -> None:
    example = json.loads(shared("data/tmf-examples.json").read_text("utf-8"))["event"]
    async with await with_line(app) as client:
        taken = (await client.post("/tickets/events", json=example)).json()
        assert taken["id"] == "TT-1001"
        assert taken["line"] == "L-1", taken["detail"]
        answer = await verdict_of(client, "TT-1001")
        assert answer["test"]["service"] == "internet"


@pytest.mark.parametrize(
    ("ticket", "line"),
    [
        ({"relatedEntity": [], "externalId": "L-1"}, "L-1"),
        ({"relatedEntity": [{"id": "user-7781", "@referredType": "Service"}]}, "L-1"),
        ({"relatedEntity": [], "relatedParty": [{"id": "ACC-7781", "@referredType": "Customer"}]}, "L-1"),
        ({"relatedEntity": [], "troubleTicketCharacteristic": [{"name": "line", "value": "L-1"}]}, "L-1"),
        ({"relatedEntity": [{"id": "L-2", "@referredType": "Line"}]}, None),
        ({"relatedEntity": []}, None),
    ],
)
async def test_a_ticket_names_its_line_in_several_ways(app: App, ticket: dict[str, Any], line: str | None) -> None:
    async with await with_line(app) as client:
        taken = (await client.post("/tickets/events", json=event(**ticket))).json()
        assert taken["line"] == line
        if line is None:
            assert "no line found" in taken["detail"]
            assert taken["line_test"] is None


async def test_a_ticket_of_an_untested_type_is_kept_without_a_test(app: App) -> None:
    async with await with_line(app) as client:
        taken = (await client.post("/tickets/events", json=event(ticketType="request"))).json()
        assert taken["line"] == "L-1"
        assert taken["line_test"] is None


async def test_what_the_subscriber_said_counts_in_this_tickets_test_alone(app: App) -> None:
    said = [
        {"name": "led.los", "value": "red"},
        {"name": "home.outlet_ok", "value": True},
        {"name": "led.power", "value": "purple"},
        {"name": "mood", "value": "bad"},
    ]
    async with await with_line(app) as client:
        await client.post("/tickets/events", json=event(troubleTicketCharacteristic=said))
        taken = await verdict_of(client, "TT-1")
        test = (await client.get(f"/line-tests/{taken['line_test']}")).json()
        facts = {fact["name"]: fact for fact in test["facts"]["facts"]}
        assert facts["led.los"]["value"] == "red"
        assert facts["led.los"]["source"] == "ticket TT-1"
        assert facts["home.outlet_ok"]["value"] is True
        assert facts["ticket.opened_at"]["value"] == EVENT["event"]["troubleTicket"]["creationDate"]
        assert not {"led.power", "mood"} & set(facts)
        other = (await client.post("/lines/L-1/tests")).json()
        streamed = await client.get(f"/line-tests/{other['id']}/events")
        assert "event: verdict" in streamed.text
        test = (await client.get(f"/line-tests/{other['id']}")).json()
        assert "led.los" not in {fact["name"] for fact in test["facts"]["facts"]}


async def test_the_members_that_are_read_are_members_of_the_official_models(app: App) -> None:
    v4 = json.loads(shared("data/tmf/tmf621-v4.0.0.swagger.json").read_text("utf-8"))["definitions"]["TroubleTicket"]
    names = {field.alias or name for name, field in TroubleTicket.model_fields.items()}
    assert names - set(v4["properties"]) == {"troubleTicketCharacteristic"}, "that one is of v5"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "eventId"),
        ({"eventId": "e", "eventType": "X", "event": {"troubleTicket": {"id": "T"}}}, "eventType"),
        ({"eventId": "e", "eventType": "TroubleTicketCreateEvent", "event": {}}, "troubleTicket"),
        ({"eventId": "", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": {"id": "T"}}}, "eventId"),
        (
            {"eventId": "e", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": {"id": "a/b"}}},
            "troubleTicket.id",
        ),
        (
            {
                "eventId": "e",
                "eventType": "TroubleTicketCreateEvent",
                "event": {"troubleTicket": {"id": "T", "relatedEntity": "L-1"}},
            },
            "relatedEntity",
        ),
    ],
)
async def test_a_wrong_event_is_refused_with_the_member(app: App, body: dict[str, Any], told: str) -> None:
    async with await client_of(app, "tickets") as client:
        answer = await client.post("/tickets/events", json=body)
        assert answer.status_code == 422
        assert told in answer.json()["message"]
        for text in ("[1", "[]", "null", '"x"', "{" * 3000):
            refused = await client.post("/tickets/events", content=text, headers={"Content-Type": "application/json"})
            assert refused.status_code == 422, text[:10]
