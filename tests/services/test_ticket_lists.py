"""Lists of changed tickets: read to their end though they move meanwhile, and not read over and over."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from acs.config import AdapterSystem
from acs.services.adapter_client import AdapterClient, Unread
from acs.services.adapters.mapping import TheirTicket
from acs.services.deliveries import NotTaken

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Desk:
    """Tickets with the instants of their last changes, whole seconds, listed by them. `between`: done after a page."""

    def __init__(self, changed: dict[int, datetime], between: Callable[[int], None] = lambda _: None) -> None:
        self.changed = dict(changed)
        self.between = between
        self.lists, self.reads = 0, Counter[int]()

    def since(self, at: datetime) -> list[int]:
        found = [number for number, when in self.changed.items() if when >= at]
        return sorted(found, key=lambda number: (self.changed[number], number))

    def redmine(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        numbers = self.since(datetime.fromisoformat(asked["updated_on"].removeprefix(">=")))
        start = int(asked["offset"])
        issues = [
            {"id": number, "status": {"name": "New"}, "updated_on": self.changed[number].isoformat()}
            for number in numbers[start : start + int(asked["limit"])]
        ]
        self._listed()
        return httpx.Response(200, json={"issues": issues})

    def znuny(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        if request.url.path.endswith("/Ticket"):
            at = datetime.fromisoformat(asked["TicketChangeTimeNewerDate"]).replace(tzinfo=UTC)
            numbers = self.since(at)[: int(asked["Limit"])]
            self._listed()
            return httpx.Response(200, json={"TicketID": [str(number) for number in numbers]})
        number = int(request.url.path.rsplit("/", 1)[1])
        self.reads[number] += 1
        changed = self.changed[number].strftime("%Y-%m-%d %H:%M:%S")
        return httpx.Response(200, json={"Ticket": [{"TicketID": number, "State": "new", "Changed": changed}]})

    def _listed(self) -> None:
        self.lists += 1
        self.between(self.lists)


async def read(desk: Desk, adapter: str, folder: Path) -> list[TheirTicket | Unread]:
    key = folder / "key"
    key.write_text("hush")
    key.chmod(0o600)
    config = AdapterSystem(name="desk", adapter=adapter, url="https://192.0.2.7", user="agent", key_file=key)
    transport = httpx.MockTransport(getattr(desk, adapter))
    return [one async for one in AdapterClient(config, (), transport=transport).changed(T0)]


def numbers(found: list[TheirTicket | Unread]) -> list[int]:
    return [int(one.id) for one in found if isinstance(one, TheirTicket)]


@pytest.mark.parametrize("spread_s", [1, 0])
async def test_a_ticket_that_is_changed_between_two_pages_hides_no_other(tmp_path: Path, spread_s: int) -> None:
    """Each on its own second, and 150 that were changed in one go."""

    def edited(lists: int) -> None:
        if lists == (1 if spread_s else 2):
            desk.changed[5] = T0 + timedelta(hours=1)

    desk = Desk({number: T0 + timedelta(seconds=1 + number * spread_s) for number in range(1, 151)}, edited)
    found = numbers(await read(desk, "redmine", tmp_path))
    assert set(found) == set(range(1, 151))
    assert Counter(found) == Counter([*range(1, 151), 5]), "what changed comes once more, and nothing else"


async def test_many_changed_tickets_are_read_once_where_the_list_has_no_pages(tmp_path: Path) -> None:
    desk = Desk({number: T0 + timedelta(seconds=number // 2) for number in range(1, 1_502)})
    found = await read(desk, "znuny", tmp_path)
    assert sorted(numbers(found)) == list(range(1, 1_502)) and len(found) == 1_501
    assert desk.lists == 2
    assert desk.reads.total() <= 1_503, "those of the second at which the pages meet are read twice"


async def test_an_instant_that_cannot_be_read_to_its_end_is_said_and_holds_up_nothing_later(tmp_path: Path) -> None:
    bulk = {number: T0 + timedelta(seconds=1) for number in range(1, 1_101)}
    desk = Desk({**bulk, 2_000: T0 + timedelta(minutes=5)})
    found = await read(desk, "znuny", tmp_path)
    (gap,) = [one for one in found if isinstance(one, Unread)]
    assert "2026-03-01 12:00:01" in gap.why and "offset" in gap.why
    assert set(numbers(found)) == {*range(1, 1_001), 2_000}
    assert max(desk.reads.values()) == 2


async def test_a_list_without_an_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acs.services.adapter_client._PAGES", 3)
    desk = Desk({number: T0 + timedelta(seconds=number) for number in range(1, 1_000)})
    with pytest.raises(NotTaken, match="the next look goes on"):
        await read(desk, "redmine", tmp_path)
