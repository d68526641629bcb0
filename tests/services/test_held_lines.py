"""What two processes change of one line at the same time: both changes are kept."""

from datetime import UTC, datetime

import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.services.takeovers import Takeovers
from acs.store import devices as device_store
from acs.store import groups as group_store
from acs.store import lines as line_store
from acs.store.groups import LineGroups
from acs.store.records import LineRecord
from acs.store.transaction import Transaction
from tests.held_rows import meanwhile
from tests.store.make import opening

ACTOR = local_actor()
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
OLD, NEW = "414243441A2B3C4D", "4142434400000007"
LINE = LineRecord("L-1", "pon", node="olt-1", frame=0, slot=1, port=2, ont=3, device_serials=(OLD,))


@pytest.fixture
async def app(app_on_both: App) -> App:
    """A server that knows one line."""
    async with app_on_both.store.transaction() as tx:
        await line_store.upsert(tx, [LINE], NOW)
    return app_on_both


async def kept(app: App) -> LineRecord:
    async with app.store.reading() as tx:
        found = await line_store.get(tx, "L-1")
    assert found is not None
    return found


async def test_what_an_import_says_during_a_swap_is_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    key = (await app.store.sessions.open(opening(NOW, serial_number=OLD))).device.key
    async with app.store.transaction() as tx:
        await device_store.set_line(tx, key, "L-1")
        device = await device_store.get(tx, key)
    assert device is not None
    others = meanwhile(
        monkeypatch, app.store, line_store, "upsert",
        lambda: app.northbound.lines.import_csv(ACTOR, "id,technology,account\nL-1,pon,A-7\n"),
    )  # fmt: skip
    await Takeovers(app.store, clock=lambda: NOW).begin(ACTOR, device, NEW, "broken")
    await others[0]
    line = await kept(app)
    assert (line.account, line.device_serials) == ("A-7", (NEW,))


async def test_two_imports_of_other_columns_are_both_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = app.northbound.lines
    others = meanwhile(
        monkeypatch, app.store, line_store, "upsert",
        lambda: lines.import_csv(ACTOR, "id,technology,account\nL-1,pon,A-7\n"),
    )  # fmt: skip
    done = await lines.import_csv(ACTOR, "id,technology,address\nL-1,pon,Street 1\n")
    await others[0]
    line = await kept(app)
    assert (done.changed, line.account, line.address) == (1, "A-7", "Street 1")


async def test_a_line_that_two_put_into_regions_at_once_is_in_one(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region gives rights: two of them would let in whom neither of the two people meant."""
    desk = app.northbound.line_groups
    others = meanwhile(
        monkeypatch, app.store, Transaction, "insert_many", lambda: desk.put(ACTOR, "L-1", LineGroups(region="north"))
    )
    await desk.put(ACTOR, "L-1", LineGroups(region="south"))
    await others[0]
    async with app.store.reading() as tx:
        rows = await tx.connection.execute(group_store._OF_LINES, {"lines": ["L-1"]})
        assert [(row.kind, row.name) for row in rows] == [("region", "north")]


async def test_two_imports_of_groups_in_other_columns_are_both_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = app.northbound.line_groups
    others = meanwhile(
        monkeypatch, app.store, group_store, "put", lambda: desk.import_csv(ACTOR, "id,region\nL-1,north\n")
    )
    await desk.import_csv(ACTOR, "id,operator\nL-1,acme\n")
    await others[0]
    assert await desk.get(ACTOR, "L-1") == LineGroups("north", "acme")


async def test_of_two_lists_of_numbers_of_a_line_the_later_stands(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    search = app.northbound.search
    others = meanwhile(
        monkeypatch, app.store, Transaction, "insert_many",
        lambda: search.put_phones(ACTOR, "L-1", ["+74950000002"]),
    )  # fmt: skip
    await search.put_phones(ACTOR, "L-1", ["+74950000001"])
    await others[0]
    assert await search.phones(ACTOR, "L-1") == ("+74950000002",)
