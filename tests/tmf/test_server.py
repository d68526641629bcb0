"""TMF653, TMF656 and TMF642 as a server: every payload by the official definition, pages, filters, rights, errors."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.services.identifiers import new_id
from acs.services.tmf import alarms, service_problems, service_tests
from acs.store import access as access_store
from acs.store import alarms as alarm_store
from acs.store import outages as outage_store
from acs.store.access import AccessAlarm
from acs.store.outages import OutageLine, OutageRecord, OutageTicket
from acs.store.records import LineRecord
from probes.facts import FACTS
from tests.api.conftest import client_of, made_once
from tests.ticket_world import facts_of
from tests.tmf_definitions import definition

AT = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
TESTS, PROBLEMS, ALARMS = service_tests.BASE, service_problems.BASE, alarms.BASE


def at_root(app: App, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same token, for paths that begin at the root."""
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://server", headers=client.headers)


@pytest.fixture
async def api(app: App) -> AsyncIterator[httpx.AsyncClient]:
    await app.northbound.lines.put(local_actor(), LineRecord("L-1", "pon"))
    async with at_root(app, await client_of(app, "read", "operate", "write")) as made:
        yield made


async def judged_test(api: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """A service test that is over."""
    now = datetime.now(UTC).isoformat()
    facts = [{"line": "L-1", "name": name, "value": value, "at": now} for name, value in facts_of("nff").items()]
    assert (await api.post("/api/v1/facts", json={"source": "nms", "facts": facts})).status_code == 200
    body = {"name": "x", "relatedService": {"id": "L-1", "name": "internet"}, "testSpecification": {"id": "normal"}}
    definition("tmf653").check("ServiceTest_Create", body | more)
    made = await api.post(f"{TESTS}/serviceTest", json=body | more)
    assert made.status_code == 201, made.text
    definition("tmf653").check("ServiceTest", made.json())
    assert made.json()["state"] == "inProgress"
    for _ in range(600):
        found = (await api.get(made.headers["Location"])).json()
        if found["state"] != "inProgress":
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("the test did not end")


async def test_a_service_test_is_started_measured_and_judged(api: httpx.AsyncClient) -> None:
    said = [{"name": "ticketId", "valueType": "string", "value": "TT-7"}]
    found = await judged_test(api, characteristic=said)
    definition("tmf653").check("ServiceTest", found)
    assert found["state"] == "completed"
    told = {one["name"]: one["value"] for one in found["characteristic"]}
    assert (told["ticketId"], told["verdict"], told["cause"]) == ("TT-7", "NFF", "nff")
    assert told["rulePack"] and told["confidence"] > 0
    measures = {one["metricName"]: one for one in found["testMeasure"]}
    light = measures["ont.rx_dbm"]
    assert (light["value"]["value"], light["unitOfMeasure"]) == (-19.6, "dBm")
    assert light["captureDateTime"] <= found["endDateTime"]
    assert found["relatedService"]["id"] == "L-1"


async def test_service_tests_are_paged_filtered_and_cut_to_members(api: httpx.AsyncClient) -> None:
    first, second = await judged_test(api), await judged_test(api)
    listed = await api.get(f"{TESTS}/serviceTest", params={"limit": 1, "fields": "state,mode"})
    assert [one["id"] for one in listed.json()] == [second["id"]]
    assert set(listed.json()[0]) == {"id", "href", "state", "mode", "@type"}
    assert (listed.headers["X-Total-Count"], listed.headers["X-Result-Count"]) == ("2", "1")
    following = listed.headers["Link"].removeprefix("<").partition(">")[0]
    assert [one["id"] for one in (await api.get(following)).json()] == [first["id"]]
    for query, count in (
        ({"state": "completed,failed"}, 2),
        ({"state": "inProgress"}, 0),
        ({"relatedService.id": "L-2"}, 0),
        ({"id": first["id"]}, 1),
        ({"startDateTime.gte": "2020-01-01T00:00:00Z", "endDateTime.lt": "2020-01-01T00:00:00Z"}, 0),
    ):
        found = await api.get(f"{TESTS}/serviceTest", params=query)
        assert found.headers["X-Total-Count"] == str(count), query
    for one in (await api.get(f"{TESTS}/serviceTest")).json():
        definition("tmf653").check("ServiceTest", one)


async def test_specifications_are_the_depths_with_every_measure(api: httpx.AsyncClient) -> None:
    listed = (await api.get(f"{TESTS}/serviceTestSpecification")).json()
    assert {one["id"] for one in listed} == {"quick", "self-service", "normal", "full"}
    for one in listed:
        definition("tmf653").check("ServiceTestSpecification", one)
        assert len(one["testMeasureDefinition"]) == len(FACTS)
    one = (await api.get(f"{TESTS}/serviceTestSpecification/full", params={"fields": "name"})).json()
    assert one["name"] == "Full line test"


def outage(**more: Any) -> OutageRecord:
    values: dict[str, Any] = {
        "id": new_id(), "state": "candidate", "witness": "fall", "level": "pon_port", "scope": "OLT-3/0/2/5",
        "node": "OLT-3", "kind": "fibre", "since": AT, "opened_at": AT, "changed_at": AT, "hit": 31, "members": 32,
        "log_chance": -40.0, "gasp_share": 0.03,
    }  # fmt: skip
    return OutageRecord(**values | more)


async def test_outages_are_service_problems(app: App, api: httpx.AsyncClient) -> None:
    one = outage()
    async with app.store.transaction() as tx:
        await outage_store.put(tx, one)
        await outage_store.put_lines(tx, [OutageLine(one.id, "L-1", AT)])
        await outage_store.add_tickets(tx, [OutageTicket(one.id, "TT-1", "L-1", AT)])
        for state in ("confirmed", "restored", "closed", "dismissed"):
            ended = AT if state != "confirmed" else None
            await outage_store.put(tx, outage(state=state, restored_at=ended, closed_at=ended, hit=3))
    listed = await api.get(f"{PROBLEMS}/serviceProblem")
    assert listed.headers["X-Total-Count"] == "5"
    for shown in listed.json():
        definition("tmf656").check("ServiceProblem", shown)
    assert {shown["status"] for shown in listed.json()} == {
        "acknowledged", "inProgress", "resolved", "closed", "cancelled",
    }  # fmt: skip
    severe = await api.get(f"{PROBLEMS}/serviceProblem", params={"priority.lte": "3", "fields": "priority"})
    assert [shown["id"] for shown in severe.json()] == [one.id]
    whole = (await api.get(f"{PROBLEMS}/serviceProblem/{one.id}")).json()
    definition("tmf656").check("ServiceProblem", whole)
    required = definition("tmf656").document["definitions"]["ServiceProblem_Create"]["required"]
    assert set(required) <= set(whole)
    assert whole["affectedService"] == [{"id": "L-1", "@referredType": "Line"}]
    assert whole["troubleTicket"][0]["id"] == "TT-1"


async def test_a_problem_is_confirmed_and_ended_by_tmf656(app: App, api: httpx.AsyncClient) -> None:
    one, other = outage(), outage()
    async with app.store.transaction() as tx:
        await outage_store.put(tx, one)
        await outage_store.put(tx, other)
    asked = {"problem": [{"id": one.id}]}
    definition("tmf656").check("ProblemAcknowledgement_Create", asked)
    done = await api.post(f"{PROBLEMS}/problemAcknowledgement", json=asked)
    assert done.status_code == 201
    definition("tmf656").check("ProblemAcknowledgement", done.json())
    path = f"{PROBLEMS}/serviceProblem"
    assert (await api.get(f"{path}/{one.id}")).json()["status"] == "inProgress"
    ended = await api.patch(f"{path}/{one.id}", json={"status": "closed", "statusChangeReason": "mended"})
    assert (ended.json()["status"], ended.json()["statusChangeReason"]) == ("closed", "mended")
    none = await api.patch(f"{path}/{other.id}", json={"status": "rejected"})
    assert none.json()["status"] == "cancelled"
    for answer, status in (
        (await api.patch(f"{path}/{one.id}", json={"status": "closed"}), 409),
        (await api.patch(f"{path}/{one.id}", json={"status": "held"}), 400),
        (await api.patch(f"{path}/none", json={"status": "closed"}), 404),
    ):
        assert answer.status_code == status
        definition("tmf656").check("Error", answer.json())


async def test_alarms_of_nodes_and_our_own_have_numbers(app: App, api: httpx.AsyncClient) -> None:
    told = [
        AccessAlarm("OLT-3", "192.0.2.1", kind, AT, AT, place="0/1/3", clears=kind.endswith("_up"), line=line)
        for kind, line in (("ont_los", "L-1"), ("pon_los", None), ("pon_up", None), ("other", None))
    ]
    ours = new_id()
    async with app.store.transaction() as tx:
        stored = await access_store.add_alarms(tx, told)
        await alarm_store.raise_alarm(tx, ours, "device.cloned", "device:d-1", {"serial": "x"}, AT)
    listed = await api.get(f"{ALARMS}/alarm")
    assert listed.headers["X-Total-Count"] == "5"
    required = definition("tmf642").document["definitions"]["Alarm_Create"]["required"]
    for shown in listed.json():
        definition("tmf642").check("Alarm", shown)
        assert set(required) <= set(shown)
        same = await api.get(f"{ALARMS}/alarm/{shown['id']}")
        assert same.json() == shown
    assert {shown["id"] for shown in listed.json()} == {*(one.id for one in stored), alarms.number_of(ours)}
    raised = await api.get(f"{ALARMS}/alarm", params={"state": "raised", "perceivedSeverity": "critical"})
    assert [shown["specificProblem"] for shown in raised.json()] == ["pon_los"]
    assert alarms.number_of(ours) < 2**53, "a number that every JSON reader holds"
    missing = await api.get(f"{ALARMS}/alarm/4")
    assert missing.status_code in (200, 404)
    cleared = next(one for one in await app.northbound.alarms.list(local_actor()) if one.id == ours)
    ended = alarms.alarm_of(await app.northbound.alarms.clear(local_actor(), cleared.id), "", "secondline")
    definition("tmf642").check("Alarm", ended)
    assert (ended["state"], ended["perceivedSeverity"]) == ("cleared", "cleared")


#: (method, path, body, status)
WRONG: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", f"{TESTS}/serviceTest/none", None, 404),
    ("GET", f"{TESTS}/serviceTest?mood=bad", None, 400),
    ("GET", f"{TESTS}/serviceTest?startDateTime.gte=yesterday", None, 400),
    ("GET", f"{TESTS}/serviceTest?limit=0", None, 400),
    ("GET", f"{TESTS}/serviceTestSpecification/deep", None, 404),
    ("POST", f"{TESTS}/serviceTest", {"name": "x"}, 400),
    (
        "POST",
        f"{TESTS}/serviceTest",
        {"name": "x", "relatedService": {"id": "L-9"}, "testSpecification": {"id": "full"}},
        404,
    ),
    (
        "POST",
        f"{TESTS}/serviceTest",
        {"name": "x", "relatedService": {"id": "L-1"}, "testSpecification": {"id": "deep"}},
        400,
    ),
    ("GET", f"{ALARMS}/alarm/none", None, 400),
    ("DELETE", f"{TESTS}/hub/none", None, 404),
    ("POST", f"{TESTS}/hub", {}, 400),
)


async def test_errors_have_the_official_form(api: httpx.AsyncClient) -> None:
    for method, path, body, status in WRONG:
        answer = await api.request(method, path, json=body)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        for name in ("tmf653", "tmf656", "tmf642", "tmf621-v4", "tmf621-v5"):
            definition(name).check("Error", answer.json())
        assert answer.json()["status"] == str(status)
        assert answer.json()["message"]


async def test_scopes_hold_and_what_is_refused_is_told_in_the_official_form(app: App, api: httpx.AsyncClient) -> None:
    async with at_root(app, await client_of(app, "tickets")) as other:
        for path in (f"{TESTS}/serviceTest", f"{PROBLEMS}/serviceProblem", f"{ALARMS}/alarm"):
            refused = await other.get(path)
            assert refused.status_code == 403
            definition("tmf653").check("Error", refused.json())
            assert refused.json()["code"] == "forbidden"
    api.headers.pop("Authorization")
    refused = await api.get(f"{ALARMS}/alarm")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    definition("tmf642").check("Error", refused.json())


def test_what_is_served_is_at_the_paths_of_the_definitions() -> None:
    for base, name in ((TESTS, "tmf653"), (PROBLEMS, "tmf656"), (ALARMS, "tmf642")):
        assert definition(name).document["basePath"].rstrip("/") == base
