"""Quarantine, credentials and alarms through the API."""

from datetime import UTC, datetime

import httpx
import pytest

from acs.app import App
from acs.services.alarms import CLONED
from tests.api.conftest import client_of
from tests.store.make import opening

NOW = datetime(2026, 3, 5, tzinfo=UTC)
KEY = "00AA11-ONT-0001"


@pytest.fixture
async def known(app: App) -> str:
    await app.store.sessions.open(opening(NOW))
    return KEY


async def test_a_device_is_quarantined_and_admitted(client: httpx.AsyncClient, known: str) -> None:
    path = f"/devices/{known}/admission"
    assert (await client.get(f"/devices/{known}")).json()["quarantined_since"] is None
    assert (await client.put(path, json={"admitted": False, "reason": "odd"})).status_code == 204
    assert (await client.put(path, json={"admitted": False})).status_code == 409
    (listed,) = (await client.get("/quarantine")).json()
    assert (listed["device"], listed["reason"]) == (known, "odd")
    assert (await client.get(f"/devices/{known}")).json()["quarantined_since"] is not None
    refused = await client.post(f"/devices/{known}/operations", json={"kind": "reboot"})
    assert refused.status_code == 409
    assert "secondline device admit" in refused.json()["message"]
    assert (await client.put(path, json={"admitted": True})).status_code == 204
    assert (await client.get("/quarantine")).json() == []
    assert (await client.put("/devices/nobody/admission", json={"admitted": True})).status_code == 404


async def test_a_credential_is_renewed_and_forgotten(client: httpx.AsyncClient, known: str) -> None:
    path = f"/devices/{known}/credentials"
    assert (await client.delete(path)).status_code == 409
    queued = await client.post(path)
    assert queued.status_code == 202
    assert queued.json()["kind"] == "own_credentials"
    assert "assword" not in queued.text
    assert queued.json()["actor"] == "test admin"
    again = await client.post(path)
    assert (again.status_code, again.json()["id"]) == (202, queued.json()["id"]), "one at a time"
    waiting = (await client.get("/operations", params={"device": known})).json()
    assert [one["kind"] for one in waiting].count("own_credentials") == 1
    trail = (await client.get("/audit", params={"action": "credential.renewed"})).json()
    assert [(one["actor"], one["target"]) for one in trail] == [("test admin", f"device:{known}")]
    assert not (await client.get(f"/devices/{known}")).json()["own_credentials"]
    assert (await client.delete(path)).status_code == 204
    assert (await client.post("/devices/nobody/credentials")).status_code == 404


async def test_alarms_are_listed_and_cleared(app: App, client: httpx.AsyncClient) -> None:
    app.northbound.alarms.raise_soon(CLONED, f"device:{KEY}", {"why": "two boxes"})
    await app.northbound.alarms.close()
    (alarm,) = (await client.get("/alarms", params={"active": True, "subject": f"device:{KEY}"})).json()
    assert (alarm["kind"], alarm["detail"]["why"], alarm["count"]) == (CLONED, "two boxes", 1)
    cleared = await client.post(f"/alarms/{alarm['id']}/clear")
    assert cleared.json()["cleared_by"]
    assert (await client.post(f"/alarms/{alarm['id']}/clear")).status_code == 409
    assert (await client.post("/alarms/nobody/clear")).status_code == 404
    assert (await client.get("/alarms", params={"active": True})).json() == []
    assert "acs_alarms_total" in (await client.get("/metrics")).text


async def test_reading_alone_admits_nobody(app: App, known: str) -> None:
    async with await client_of(app, "read") as reader:
        assert (await reader.get("/quarantine")).status_code == 200
        assert (await reader.get("/alarms")).status_code == 200
        assert (await reader.put(f"/devices/{known}/admission", json={"admitted": True})).status_code == 403
        assert (await reader.post(f"/devices/{known}/credentials")).status_code == 403
        assert (await reader.delete(f"/devices/{known}/credentials")).status_code == 403
        assert (await reader.post("/alarms/x/clear")).status_code == 403
