"""Derived from the OpenAPI document: every route under /tmf-api refuses who may not, in its own form, and audits it."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx

from acs.app import App
from acs.services.actor import local_actor
from acs.store import access as access_store
from acs.store import line_tests as test_store
from acs.store import tmf as tmf_store
from acs.store.access import AccessAlarm
from acs.store.records import GrantRecord
from tests.api.conftest import made_once
from tests.api.test_every_refusal import refused_by_audit, world
from tests.tmf_definitions import definition

__all__ = ["world"]

#: routes of the four interfaces: 5 and a hub, 4 and a hub, 2 and a hub, 6 events in two versions
ROUTES = 7 + 6 + 4 + 12
SOUTH = ("line-south", "test-south", "outage-olt-south", "olt-south", "ticket-south")
THINGS = {"test_id": "test-south", "problem_id": "outage-olt-south", "specification_id": "full", "subscription_id": "x"}
EVENT: dict[str, Any] = {
    "eventId": "e-9",
    "event": {"troubleTicket": {"id": "ticket-south", "status": "resolved",
                                "relatedEntity": [{"id": "line-south", "@referredType": "Line"}]}},
}  # fmt: skip
BODIES: dict[str, Any] = {
    "/serviceTest": {
        "name": "x",
        "relatedService": {"id": "line-south"},
        "testSpecification": {"id": "normal"},
    },
    "/problemAcknowledgement": {"problem": [{"id": "outage-olt-south"}]},
    "/serviceProblem/{problem_id}": {"status": "closed"},
    "/hub": {"callback": "https://8.8.8.8/x"},
}


def every(app: App) -> list[tuple[str, str]]:
    paths = made_once(app.northbound).openapi()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods if "/tmf-api/" in path]
    assert len(found) == ROUTES, found
    return found


def body_for(path: str) -> Any:
    if "/listener/" in path:
        name = path.rsplit("/", 1)[-1]
        return EVENT | {"eventType": name[0].upper() + name[1:], "eventId": f"e-{path}"}
    return next((body for end, body in BODIES.items() if path.endswith(end)), None)


async def asked(app: App, token: str | None, alarm: int) -> list[tuple[str, httpx.Response]]:
    """Every route, about the south's things."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    found = []
    async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=headers) as client:
        for method, path in every(app):
            things = {**THINGS, "alarm_id": str(alarm)}
            url = re.sub(r"\{(\w+)\}", lambda name, things=things: things[name[1]], path)
            body = body_for(path) if method in ("POST", "PATCH") else None
            found.append((f"{method} {url}", await client.request(method, url, json=body)))
    return found


async def an_alarm(app: App) -> int:
    at = datetime.now(UTC)
    told = AccessAlarm("olt-south", "192.0.2.1", "ont_los", at, at, place="0/1/3", line="line-south")
    async with app.store.transaction() as tx:
        return (await access_store.add_alarms(tx, [told]))[0].id


async def test_without_a_token_every_route_refuses_and_audits(world: App) -> None:
    answers = await asked(world, None, await an_alarm(world))
    for name, answer in answers:
        assert answer.status_code == 401, (name, answer.text)
        definition("tmf642").check("Error", answer.json())
    assert sorted(await refused_by_audit(world, "nobody")) == sorted(name for name, _ in answers)


async def test_a_foreign_region_gets_and_changes_nothing(world: App) -> None:
    grants = [GrantRecord("everything", ("region:north",))]
    made = await world.northbound.access.create(local_actor(), "north", grants=grants)
    refused = []
    for name, answer in await asked(world, made.secret, await an_alarm(world)):
        assert answer.status_code < 500, (name, answer.text)
        if answer.status_code in (403, 404):
            refused.append(name)
        if any(f"/{thing}" in name for thing in SOUTH) or name.endswith("/problemAcknowledgement"):
            assert answer.status_code in (403, 404), (name, answer.status_code, answer.text)
        elif answer.status_code < 400:
            assert not any(word in answer.text for word in SOUTH), (name, answer.text)
    assert len(refused) >= 8, "what is the south's by its address, and what is of all lines"
    assert not set(refused) - set(await refused_by_audit(world, "north")), "each of them is audited"
    async with world.store.reading() as tx:
        tests = await test_store.list_line_tests(tx, line="line-south")
        heard = await tmf_store.subscriptions(tx)
    assert [one.id for one in tests] == ["test-south"], "nothing was begun on the south's line"
    assert all(one.interface == "serviceTest" and one.groups == ("region:north",) for one in heard)
    ours = await world.northbound.outages.get(local_actor(), "outage-olt-south")
    assert ours[0].state == "candidate"


async def test_a_lower_role_is_refused_and_audited(world: App) -> None:
    made = await world.northbound.access.create(local_actor(), "page", grants=[GrantRecord("self-service")])
    answers = await asked(world, made.secret, await an_alarm(world))
    assert [(name, one.status_code) for name, one in answers if one.status_code != 403] == []
    assert sorted(await refused_by_audit(world, "page")) == sorted(name for name, _ in answers)
