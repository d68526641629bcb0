"""Server-sent events end with the right to them, and are numbered alike while a test runs and after it."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.store import line_tests, lines
from acs.store.records import GrantRecord, LineTestRecord, LineTestState
from tests.api.conftest import client_of
from tests.api.test_every_refusal import client_with, world
from tests.routed_api import described
from tests.store.make import line

__all__ = ["world"]

BOSS = local_actor()
#: every stream, on something that does not end
STREAMS = {
    "/outages/stream": "/outages/stream",
    "/operations/{operation_id}/events": "/operations/op-north/events",
    "/line-tests/{test_id}/events": "/line-tests/test-runs/events",
}


@pytest.fixture
async def running(world: App, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """A world with a test that another process runs, whose streams beat often."""
    monkeypatch.setattr("acs.api.sse.HEARTBEAT_S", 0.05)
    now = datetime.now(UTC)
    async with world.store.transaction() as tx:
        record = LineTestRecord("test-runs", "line-north", LineTestState.RUNNING, now, now + timedelta(hours=1), "x")
        await line_tests.add(tx, record)
    yield world


def test_every_stream_is_known() -> None:
    """Derived from the OpenAPI document, so that none is forgotten."""
    found = {
        path.removeprefix("/api/v1")
        for path, methods in described()["paths"].items()
        for one in methods.values()
        if "text/event-stream" in one["responses"].get("200", {}).get("content", {})
    }
    assert found == set(STREAMS)


async def until_open(app: App, listening: asyncio.Task[httpx.Response]) -> None:
    """Wait until the stream listens to what happens."""
    async with asyncio.timeout(60):
        while not app.northbound.bus._topics:
            assert not listening.done(), listening.result().text
            await asyncio.sleep(0.01)


async def ended(listening: asyncio.Task[httpx.Response]) -> None:
    """The stream ends, and says why."""
    async with asyncio.timeout(60):
        answer = await listening
    assert answer.status_code == 200
    name, _, data = answer.text.strip().rsplit("event: ", 1)[-1].partition("\n")
    assert name == "error" and '"code":"forbidden"' in data, answer.text


@pytest.mark.parametrize("path", STREAMS.values())
async def test_a_stream_ends_when_its_token_is_revoked(running: App, path: str) -> None:
    made = await running.northbound.access.create(BOSS, "nms", ["read"])
    async with client_with(running, made.secret) as client:
        listening = asyncio.create_task(client.get(path))
        await until_open(running, listening)
        await running.northbound.access.revoke(BOSS, made.record.id)
        await ended(listening)


async def test_a_stream_ends_when_its_person_is_disabled_or_has_other_roles(running: App) -> None:
    people, password = running.northbound.people, "a long enough password"
    for name, change in (
        ("anna", lambda: people.set_disabled(BOSS, "anna", disabled=True)),
        ("boris", lambda: people.set_grants(BOSS, "boris", [GrantRecord("viewer", ("region:south",))])),
    ):
        await people.add(BOSS, name, [GrantRecord("viewer")], password=password)
        session = await running.northbound.sign_ins.sign_in(name, password, "", "192.0.2.1")
        async with client_with(running, session.token) as client:
            listening = asyncio.create_task(client.get("/outages/stream"))
            await until_open(running, listening)
            await change()
            await ended(listening)


async def test_a_stream_ends_with_its_token(running: App) -> None:
    made = await running.northbound.access.create(BOSS, "nms", ["read"], datetime.now(UTC) + timedelta(seconds=2))
    async with client_with(running, made.secret) as client:
        await ended(asyncio.create_task(client.get("/outages/stream")))


def numbers(text: str) -> dict[str, int]:
    """name → the number of the last event of this name."""
    return {one[1]: int(one[0]) for one in re.findall(r"id: (\d+)\nevent: (\w+)\n", text)}


async def test_who_comes_back_is_told_the_verdict_of_a_test_once(app: App) -> None:
    async with app.store.transaction() as tx:
        await lines.upsert(tx, [line("L-1")], datetime.now(UTC))
    async with await client_of(app, "read", "test") as client:
        test = (await client.post("/lines/L-1/tests", json={"depth": "quick"})).json()["id"]
        path = f"/line-tests/{test}/events"
        live = (await client.get(path)).text
        job = app.northbound.line_tests._running.get(test)
        if job is not None and job.task is not None:
            await asyncio.wait_for(job.task, 60)
        ended = (await client.get(path)).text
        assert numbers(live)["verdict"] == numbers(ended)["verdict"], "the same event has the same number"
        assert numbers(live)["progress"] < numbers(live)["verdict"]
        for seen, told in ((numbers(live)["verdict"], False), (numbers(live)["progress"], True), (0, True)):
            again = (await client.get(path, headers={"Last-Event-ID": str(seen)})).text
            assert ("event: verdict" in again) is told, again
            assert "event: end" in again
