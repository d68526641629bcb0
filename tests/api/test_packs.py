"""Rule packs, explanations and self-checks over HTTP: rights, forms, and what a subscriber may never see."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.store import lines as line_store
from acs.store.records import GrantRecord, LineRecord
from tests.api.conftest import client_of

HEAD = '[pack]\nid = "north"\nversion = "1"\nowner = "me"\nextends = "default"\n'
LINE = LineRecord("L-77", "pon", address="Secret street 5", node="olt-north", slot=1, port=2, pppoe_login="user77")


@pytest.fixture
async def line(app: App) -> str:
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LINE], utc_now())
    return LINE.id


async def signed_in(app: App, name: str) -> dict[str, str]:
    """The headers of a person who keeps the rules."""
    person = await app.northbound.people.add(local_actor(), name, [GrantRecord("operations")])
    async with app.store.transaction() as tx:
        session = await app.northbound.sign_ins.open_session(tx, person, "192.0.2.1")
    return {"Authorization": f"Bearer {session.token}"}


async def ended(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    for _ in range(1200):
        found: dict[str, Any] = (await client.get(path)).json()
        if found["state"] != "running":
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{path} never ended")


async def test_a_pack_goes_its_way(client: httpx.AsyncClient, app: App) -> None:
    body = {"files": {"site.toml": HEAD + "[engine]\nmin_posterior = 0.6\n"}, "note": "stricter"}
    made = await client.post("/packs", json=body)
    assert made.status_code == 201
    digest = made.json()["hash"]
    assert len(made.json()["lacks"]) == 2
    assert (await client.post("/packs", json=body)).status_code == 409
    assert (await client.post(f"/packs/{digest}/approvals")).status_code == 403, "a token is nobody's word"
    ann, ben = await signed_in(app, "ann"), await signed_in(app, "ben")
    approved = await client.post(f"/packs/{digest}/approvals", headers=ann)
    assert [(each["actor"], each["note"]) for each in approved.json()["approvals"]] == [("ann", "")]
    assert (await client.post(f"/packs/{digest}/approvals", headers=ann)).status_code == 409
    refused = await client.post(f"/packs/{digest}/activations", json={"reason": "now"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    second = await client_of(app, "write", "read")
    await client.post(f"/packs/{digest}/approvals", json={"note": "seen"}, headers=ben)
    done = await second.post(f"/packs/{digest}/activations", json={"reason": "now", "without_shadow": "a drill"})
    assert done.json()["decides_in"] == [""]
    assert (await client.get("/packs/active")).json()["hash"] == digest
    back = await second.post("/packs/rollback", json={"reason": "drill over"})
    assert back.json()["hash"] is None
    assert [each["kind"] for each in (await client.get("/packs/activations")).json()] == ["rollback", "activate"]
    assert (await client.get("/packs/overrides")).json() == []


async def test_reading_is_not_writing(app: App) -> None:
    reader = await client_of(app, "read")
    assert (await reader.get("/packs")).status_code == 200
    assert (await reader.post("/packs", json={"files": {"a.toml": HEAD}})).status_code == 403
    assert (await reader.post("/packs/rollback", json={"reason": "none"})).status_code == 403


async def test_a_wrong_pack_names_its_faults(client: httpx.AsyncClient) -> None:
    body = {"files": {"site.toml": HEAD + "[engine]\nmin_posterior = 7\n"}}
    answer = await client.post("/packs", json=body)
    assert answer.status_code == 422
    assert "engine.min_posterior" in answer.json()["message"]
    assert (await client.get("/packs/0000000000000000")).status_code == 404


async def test_a_comparison_of_files_that_are_not_stored(client: httpx.AsyncClient) -> None:
    body = {"old": "packaged", "new_files": {"a.toml": HEAD + "[engine]\nmin_posterior = 0.7\n"}, "days": 1}
    told = (await client.post("/packs/compare", json=body)).json()
    assert {"key": "engine.min_posterior", "old": 0.55, "new": 0.7} in told["keys"]
    assert told["replay"]["judged"] == 0


async def test_a_test_is_explained_and_replayed(client: httpx.AsyncClient, line: str) -> None:
    started = (await client.post(f"/lines/{line}/tests", json={"depth": "quick"})).json()
    test = await ended(client, f"/line-tests/{started['id']}")
    assert test["verdict"]["depth"] == "quick"
    told = (await client.get(f"/line-tests/{test['id']}/explanation")).json()
    assert told["verdict"]["verdict"] == test["verdict"]["verdict"]
    replay = (await client.get(f"/line-tests/{test['id']}/replay")).json()
    assert (replay["same"], replay["differing"]) == (True, [])


async def test_a_subscriber_is_told_what_to_do_and_nothing_else(client: httpx.AsyncClient, app: App, line: str) -> None:
    await app.northbound.nodes.put(local_actor(), "olt-north", "192.0.2.1", credentials={"community": "x"})
    started = (await client.post(f"/lines/{line}/self-checks")).json()
    told = await ended(client, f"/self-checks/{started['id']}")
    assert set(told) == {"id", "state", "line", "text", "until"}
    assert (told["line"], set(told["text"])) == ("call_us", {"ru", "en"})
    shown = json.dumps(told)
    assert not any(word in shown for word in ("olt", "192.0.2", "user77", "Secret", "noc", "l2-remote", "ont."))
    again = (await client.post(f"/lines/{line}/self-checks")).json()
    assert again["id"] == told["id"], "a line is tested once a minute"
