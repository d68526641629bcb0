"""Devices and lines that are no more: what goes, what stays, and what stands in the way."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from acs.app import App
from acs.errors import AcsError
from acs.services import forgetting
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.services.context import Entry
from acs.store import audit, line_tests, operations, tickets, trees
from acs.store import devices as device_store
from acs.store.records import LineRecord, LineTestRecord, LineTestState, OperationState, TicketRecord, TreeUpdate
from acs.store.schema import metadata
from tests.api.conftest import client_of
from tests.held_rows import ended_or_waiting
from tests.store.make import opening, operation

KEY = "00AA11-ONT-0001"
ACTOR = local_actor()
#: what only tells the search index to look
MARKS = {"search_changes"}


@pytest.fixture
async def client(app_on_both: App) -> httpx.AsyncClient:
    """A line with a fact and a ticket, and a device on it with a tree and an operation that has ended."""
    app, now = app_on_both, utc_now()
    await app.northbound.lines.put(ACTOR, LineRecord("L-1", "pon", device_serials=("0001",)))
    await app.store.sessions.open(opening(now))
    await app.northbound.devices.set_line(ACTOR, KEY, "L-1")
    await app.northbound.context.put_facts(ACTOR, "crm", [Entry("L-1", "account.state", "active", now)])
    async with app.store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate({"Device.DeviceInfo.UpTime": ("5", "xsd:unsignedInt")}, now))
        await operations.add(tx, operation(now, state=OperationState.SUCCEEDED))
        await tickets.add(tx, TicketRecord("T-1", "e-1", now, "tmf621", {}, "L-1"))
    return await client_of(app, "read", "write", "operate")


async def rows_of(app: App, name: str, value: str) -> dict[str, int]:
    """Rows in every table that has a column of that name and this value in it; tables with none are left out."""
    found = {}
    async with app.store.reading() as tx:
        for table in metadata.sorted_tables:
            if name in table.c:
                row = await tx.one(select(func.count()).where(table.c[name] == value))
                if row is not None and row[0]:
                    found[table.name] = row[0]
    return found


async def test_a_forgotten_device_leaves_nothing_but_its_audit(app_on_both: App, client: httpx.AsyncClient) -> None:
    assert "device_trees" in await rows_of(app_on_both, "device", KEY)
    async with client:
        assert (await client.delete(f"/devices/{KEY}")).status_code == 204
        assert (await client.get(f"/devices/{KEY}")).status_code == 404
        assert (await client.delete(f"/devices/{KEY}")).status_code == 404
        assert (await client.get("/lines/L-1")).json()["devices"] == []
    assert set(await rows_of(app_on_both, "device", KEY)) <= MARKS
    async with app_on_both.store.reading() as tx:
        last = (await audit.list_entries(tx, limit=1))[0]
    assert (last.action, last.target) == ("device.forgotten", f"device:{KEY}")
    assert last.detail["before"]["serial_number"] == "0001"
    opened = await app_on_both.store.sessions.open(opening(utc_now(), session_id="session-2"))
    assert opened.created, "it comes as a new one"


async def test_a_device_with_work_under_way_is_not_forgotten(app_on_both: App, client: httpx.AsyncClient) -> None:
    async with app_on_both.store.transaction() as tx:
        await operations.add(tx, operation(utc_now(), 2, state=OperationState.SENT))
    async with client:
        refused = await client.delete(f"/devices/{KEY}")
    assert refused.status_code == 409
    assert "operation-0002 (reboot), which is sent" in refused.json()["message"]
    async with app_on_both.store.reading() as tx:
        assert await device_store.get(tx, KEY) is not None


async def test_a_backup_by_the_schedule_that_waits_keeps_no_device(app_on_both: App, client: httpx.AsyncClient) -> None:
    """Nobody asked for it, and a device that is no more never fetches it."""
    async with app_on_both.store.transaction() as tx:
        await operations.add(tx, operation(utc_now(), 2, kind="scheduled_backup"))
    async with client:
        assert (await client.delete(f"/devices/{KEY}")).status_code == 204


async def test_one_that_is_being_taken_does(app_on_both: App, client: httpx.AsyncClient) -> None:
    async with app_on_both.store.transaction() as tx:
        await operations.add(tx, operation(utc_now(), 2, kind="scheduled_backup", state=OperationState.SENT))
        await operations.add(tx, operation(utc_now(), 3, kind="scheduled_backup"))
    async with client:
        refused = await client.delete(f"/devices/{KEY}")
    assert "operation-0002 (scheduled_backup), which is sent" in refused.json()["message"]


async def test_a_forgotten_line_leaves_its_tickets_and_its_device(app_on_both: App, client: httpx.AsyncClient) -> None:
    async with client:
        assert (await client.delete("/lines/L-1")).status_code == 204
        assert (await client.get("/lines/L-1")).status_code == 404
        assert (await client.get(f"/devices/{KEY}")).json()["line"] is None
        assert (await client.get("/tickets/T-1")).json()["line"] == "L-1"
    assert set(await rows_of(app_on_both, "line", "L-1")) - MARKS == {"tickets"}


async def test_a_line_that_is_being_tested_is_not_forgotten(app_on_both: App, client: httpx.AsyncClient) -> None:
    now = utc_now()
    test = LineTestRecord("test-1", "L-1", LineTestState.RUNNING, now, now, "engineer")
    async with app_on_both.store.transaction() as tx:
        await line_tests.add(tx, test)
    async with client:
        refused = await client.delete("/lines/L-1")
        assert (await client.get("/lines/L-1")).status_code == 200
    assert refused.status_code == 409 and "test-1" in refused.json()["message"]


async def test_what_is_asked_of_a_device_while_it_is_forgotten_is_refused(
    app_on_both: App, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that was taken is never lost with its device."""
    app, asked = app_on_both, []
    note = forgetting.audit.note

    async def meanwhile(*told: Any, **more: Any) -> None:
        wanted = app.northbound.operations.request(ACTOR, KEY, "reboot", {})
        asked.append(asyncio.get_running_loop().create_task(wanted))
        await ended_or_waiting(app.store, asked[0])
        await note(*told, **more)

    monkeypatch.setattr(forgetting, "audit", SimpleNamespace(note=meanwhile))
    async with client:
        forgotten = await client.delete(f"/devices/{KEY}")
    (error,) = await asyncio.gather(*asked, return_exceptions=True)
    assert forgotten.status_code == 204
    assert isinstance(error, AcsError), error
