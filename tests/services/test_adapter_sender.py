"""What we write into tickets by adapter, when a write is done by half: our own status is never taken for theirs."""

import json
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.services.actor import local_actor
from acs.services.adapter_sender import AdapterSender
from acs.services.deliveries import Fault, NotTaken
from acs.services.identifiers import new_id
from acs.services.ticket_systems import TicketSystems
from acs.services.tmf.ticket_patches import Story
from acs.store import line_tests as test_store
from acs.store.deliveries import Delivery, DeliveryState
from acs.store.records import LineRecord
from acs.store.vault import Vault
from tests.api.conftest import NobodyAnswers, config_of

BOSS = local_actor()


class Crm:
    """A CRM with one ticket. `goes_wrong`: what becomes of the next writes: 500, 422, or lost (done, not answered)."""

    def __init__(self) -> None:
        self.status, self.notes = "new", list[str]()
        self.goes_wrong: deque[str] = deque()
        self.changed_at = ""

    def ticket(self) -> dict[str, Any]:
        at = self.changed_at or datetime.now(UTC).isoformat()
        return {"ticket": {"id": "5", "subject": "No Internet", "line": "L-1", "status": self.status, "updated_at": at}}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path == "/tickets/5/notes":
            return httpx.Response(200, json={"notes": [{"text": text} for text in self.notes]})
        if request.method == "GET":
            one = request.url.path == "/tickets/5"
            return httpx.Response(200, json=self.ticket() if one else {"tickets": [self.ticket()]})
        wrong = self.goes_wrong.popleft() if self.goes_wrong else ""
        if wrong.isdigit():
            return httpx.Response(int(wrong), text="no")
        body = json.loads(request.content)
        if request.method == "PATCH":
            self.status = body.get("status", self.status)
        else:
            self.notes.append(body["text"])
        if wrong == "lost":
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(200)


class World:
    """A server beside the CRM."""

    def __init__(self, app: App, crm: Crm) -> None:
        self.app, self.crm, north = app, crm, app.northbound
        self.systems = TicketSystems(
            app.store, app.config, north.tmf.listener, north.quality, app.clock, transport=httpx.MockTransport(crm)
        )
        (target,) = self.systems.targets()
        assert isinstance(target.sender, AdapterSender)
        self.sender = target.sender

    async def polls(self) -> int:
        """Ask what changed; returns how many tests the line has had."""
        await self.systems._look(self.systems._systems["crm"])
        await self.app.northbound.line_tests.stop()
        async with self.app.store.reading() as tx:
            return len(await test_store.list_line_tests(tx, line="L-1"))

    async def resolves(self) -> str:
        """Bring the end of a repair to the ticket, as the outbox does."""
        now = datetime.now(UTC)
        body = {"ticket": "crm:5", "line": "L-1"}
        return await self.sender.send(
            Delivery(new_id(), "adapter-crm", "after_fix.fixed", body, DeliveryState.PENDING, now, now)
        )


@pytest.fixture
async def world(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    Vault.create(tmp_path / "vault.key")
    system = {"name": "crm", "adapter": "generic-crm", "url": "https://192.0.2.7", "poll_s": 60}
    app = await build(config_of(store_url, tmp_path, adapters={"systems": [system]}), caller=NobodyAnswers())
    await app.northbound.lines.put(BOSS, LineRecord("L-1", "pon"))
    made = World(app, Crm())

    async def story(*_: object) -> tuple[Story, None]:
        return Story("m1", datetime.now(UTC), "It works again.", status="resolved"), None

    monkeypatch.setattr(made.sender._stories, "story", story)
    assert await made.polls() == 1
    yield made
    await app.stop()


@pytest.mark.parametrize("wrong", [["", "500"], ["lost"], ["", "lost"]])
async def test_our_status_is_ours_though_the_write_was_not_finished(world: World, wrong: list[str]) -> None:
    world.crm.goes_wrong.extend(wrong)
    with pytest.raises(NotTaken):
        await world.resolves()
    assert world.crm.status == "resolved"
    assert await world.polls() == 1
    await world.resolves()
    assert await world.polls() == 1
    assert len(world.crm.notes) == 1
    for status, tests in (("open", 1), ("resolved", 2)):
        world.crm.status = status
        assert await world.polls() == tests


async def test_the_poll_that_comes_after_the_repetition_takes_it_as_ours_too(world: World) -> None:
    world.crm.goes_wrong.extend(["", "500"])
    with pytest.raises(NotTaken):
        await world.resolves()
    await world.resolves()
    assert await world.polls() == 1


@pytest.mark.parametrize("answer", ["422", "500"])
async def test_a_status_that_was_not_taken_is_not_ours(world: World, answer: str) -> None:
    world.crm.goes_wrong.append(answer)
    with pytest.raises(NotTaken):
        await world.resolves()
    assert await world.polls() == 1
    world.crm.status = "resolved"
    assert await world.polls() == 2, "somebody else resolved it"


async def test_a_write_that_may_have_arrived_and_did_not_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> str:
        raise NotTaken("no answer within 10 s", Fault.AWAY)

    with monkeypatch.context() as silent:
        silent.setattr(world.sender._client, "tell", away)
        with pytest.raises(NotTaken):
            await world.resolves()
    assert await world.polls() == 1
    world.crm.status = "open"
    assert await world.polls() == 1
    await world.resolves()
    assert world.crm.status == "resolved"
    assert await world.polls() == 1
