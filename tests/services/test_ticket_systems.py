"""What is asked of ticket systems: an odd ticket holds up neither itself nor those after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.errors import InvalidInput, TooMany
from acs.services.actor import local_actor
from acs.services.ticket_systems import TicketSystems
from acs.store import ticket_systems as system_store
from acs.store import tickets as ticket_store
from acs.store.records import LineRecord, TicketRecord
from acs.store.ticket_systems import Feed
from acs.store.vault import Vault
from tests.api.conftest import NobodyAnswers, config_of
from tests.services.test_adapter_sender import World, world

__all__ = ["world"]


@pytest.mark.parametrize("at", ["2090-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9" * 400, "9" * 5000])
async def test_a_ticket_of_another_century_does_not_end_the_asking(world: World, at: str) -> None:
    """What was seen to lie in the future would be asked for from then on only."""
    world.crm.changed_at = at
    await world.polls()
    async with world.app.store.reading() as tx:
        feed = await system_store.feed(tx, "crm")
    assert feed is not None and feed.seen_to <= datetime.now(UTC)
    assert feed.problem == ""


class TwoTickets:
    """A CRM whose list names an odd ticket first and a good one after it. `odd`: what the first one says of itself."""

    def __init__(self, odd: dict[str, Any]) -> None:
        self.at = datetime.now(UTC) - timedelta(minutes=1)
        self.first = {
            "id": "5",
            "subject": "x",
            "line": "L-1",
            "status": "new",
            "updated_at": self.at.isoformat(),
            **odd,
        }
        later = (self.at + timedelta(seconds=1)).isoformat()
        self.second = {"id": "6", "subject": "No Internet", "line": "L-2", "status": "new", "updated_at": later}

    def __call__(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"tickets": [self.first, self.second]})


class Looking:
    """A server that asks such a CRM."""

    def __init__(self, app: App, crm: TwoTickets) -> None:
        self.app, north = app, app.northbound
        transport = httpx.MockTransport(crm)
        self.systems = TicketSystems(
            app.store, app.config, north.tmf.listener, north.quality, app.clock, transport=transport
        )

    async def looks(self, times: int = 1) -> Feed:
        for _ in range(times):
            await self.systems._look(self.systems._systems["crm"])
        await self.app.northbound.line_tests.stop()
        async with self.app.store.reading() as tx:
            feed = await system_store.feed(tx, "crm")
        assert feed is not None
        return feed

    async def taken(self, number: str) -> TicketRecord | None:
        async with self.app.store.reading() as tx:
            return await ticket_store.get(tx, f"crm:{number}")


@asynccontextmanager
async def asking(url: str, folder: Path, crm: TwoTickets) -> AsyncIterator[Looking]:
    Vault.create(folder / "vault.key")
    system = {"name": "crm", "adapter": "generic-crm", "url": "https://192.0.2.7", "poll_s": 60}
    app = await build(config_of(url, folder, adapters={"systems": [system]}), caller=NobodyAnswers())
    for line in ("L-1", "L-2"):
        await app.northbound.lines.put(local_actor(), LineRecord(line, "pon"))
    yield Looking(app, crm)
    await app.stop()


@pytest.mark.parametrize(
    ("odd", "number"),
    [
        ({"line": "x" * 300}, "5"),
        ({"category": "c" * 300}, "5"),
        ({"status": "s" * 500}, "5"),
        ({"id": "2026/17"}, "2026%2F17"),
        ({"id": "50%"}, "50%25"),
        ({"updated_at": "yesterday"}, "5"),
    ],
)
async def test_an_odd_ticket_is_taken_and_so_is_the_one_after_it(
    store_url: str, tmp_path: Path, odd: dict[str, Any], number: str
) -> None:
    async with asking(store_url, tmp_path, TwoTickets(odd)) as world:
        feed = await world.looks()
        assert await world.taken(number) is not None
        assert await world.taken("6") is not None
        assert (feed.problem, feed.refused) == ("", ())


@pytest.mark.parametrize("number", ["", "1" * 220])
async def test_a_ticket_that_cannot_be_taken_is_named_and_holds_up_none(url: str, tmp_path: Path, number: str) -> None:
    crm = TwoTickets({"id": number})
    async with asking(url, tmp_path, crm) as world:
        feed = await world.looks(3)
        assert await world.taken("6") is not None
        (refused,) = feed.refused
        assert refused.number == number
        assert ("number" if not number else "200 characters") in refused.why
        assert feed.problem == "", "the system itself answers"
        assert feed.seen_to >= crm.at, "what comes later is asked for from then on"


async def test_a_ticket_that_is_mended_is_no_longer_refused(store_url: str, tmp_path: Path) -> None:
    crm = TwoTickets({})
    async with asking(store_url, tmp_path, crm) as world:
        real = world.systems._listener.take
        with pytest.MonkeyPatch.context() as patch:

            async def refuses(actor: Any, body: Any) -> Any:
                if body["event"]["troubleTicket"]["id"] == "crm:5":
                    raise InvalidInput("no such thing")
                return await real(actor, body)

            patch.setattr(world.systems._listener, "take", refuses)
            assert [(one.number, one.why) for one in (await world.looks()).refused] == [("5", "no such thing")]
            assert await world.taken("6") is not None
        assert (await world.looks()).refused == ()
        assert await world.taken("5") is not None


async def test_a_full_house_stops_the_look_and_the_next_one_begins_there(store_url: str, tmp_path: Path) -> None:
    crm = TwoTickets({})
    async with asking(store_url, tmp_path, crm) as world:
        with pytest.MonkeyPatch.context() as patch:

            async def full(*_: Any) -> Any:
                raise TooMany("too many line tests wait")

            patch.setattr(world.systems._listener, "take", full)
            feed = await world.looks()
            assert (feed.problem, feed.refused) == ("too many line tests wait", ())
        await world.looks()
        assert await world.taken("5") is not None and await world.taken("6") is not None
