"""Lines, facts, readings, scopes."""

from datetime import datetime, timedelta

import pytest

from acs.errors import InvalidInput, StoreError
from acs.store import Store, devices, facts, history, lines, scopes
from acs.store.records import ContextFact, IncidentRecord, LineRecord, PlannedWorkRecord, Reading
from tests.store.make import line, opening

HOUR = timedelta(hours=1)


async def test_line_comes_back_as_it_was_stored(store: Store, now: datetime) -> None:
    bare = LineRecord("bare", "dsl")
    async with store.transaction() as tx:
        assert await lines.upsert(tx, [line(), bare], now) == 2
        assert await lines.get(tx, "line-1") == line()
        assert await lines.get_many(tx, ["bare", "line-1", "none"]) == {"bare": bare, "line-1": line()}
        changed = line(address="Other street 2", device_serials=("0002", "0003"), services=())
        await lines.upsert(tx, [changed], now)
        assert await lines.get(tx, "line-1") == changed
        assert await lines.by_serial(tx, "0001") == []
        assert await lines.by_serial(tx, "0003") == [changed]
        assert await lines.by_pppoe_login(tx, "user1") == [changed]
        assert await lines.by_pppoe_login(tx, "") == []
        assert await lines.by_account(tx, "acc-1") == [changed]
        assert await lines.remove(tx, "line-1") and not await lines.remove(tx, "line-1")
        assert await lines.by_serial(tx, "0003") == []


async def test_import_is_all_or_nothing(store: Store, now: datetime) -> None:
    for bad, named in (
        (line("x", technology="docsis"), "docsis"),
        (line("x", address="y" * 600), "address"),
        (line("x", ont=2**40), "ont"),
        (line("x", device_serials=("ok", "\0")), "device_serials"),
    ):
        with pytest.raises(InvalidInput, match=named):
            async with store.transaction() as tx:
                await lines.upsert(tx, [line(), bad], now)
    async with store.reading() as tx:
        assert await lines.list_lines(tx) == []


async def test_ten_thousand_lines_are_imported_at_once(store: Store, now: datetime) -> None:
    many = [line(f"line-{n:05}", port=n % 16, device_serials=(f"S{n}", "shared")) for n in range(10_000)]
    async with store.transaction() as tx:
        assert await lines.upsert(tx, many, now) == 10_000
        assert await lines.upsert(tx, many[:100], now) == 100
    async with store.reading() as tx:
        assert len(await lines.by_serial(tx, "shared")) == 10_000
        assert len(await lines.siblings(tx, "olt-1", 1, 3)) == 625
        assert await lines.siblings(tx, "olt-1", 1, 3, frame=9) == []
        assert len(await lines.on_node(tx, "olt-1")) == 10_000
        assert [each.id for each in await lines.list_lines(tx, search="LINE-0000", after="line-00003", limit=3)] == [
            "line-00004", "line-00005", "line-00006",
        ]  # fmt: skip
        assert await lines.list_lines(tx, search="100%_") == []
        assert len(await lines.get_many(tx, [each.id for each in many])) == 10_000


async def test_devices_are_bound_to_lines(store: Store, now: datetime) -> None:
    for n in (1, 2, 3):
        await store.sessions.open(opening(now, key=f"d{n}", serial_number=f"S{n}", session_id=f"s{n}", address=f"a{n}"))
    async with store.transaction() as tx:
        await lines.upsert(tx, [line("l1", device_serials=("S1", "S2")), line("l2", device_serials=("S2",))], now)
        assert await lines.bind_by_serial(tx, ["l1", "l2"]) == 1
        assert await lines.bind_by_serial(tx, ["l1", "l2"]) == 0
        assert await lines.bind_device(tx, "l1", "d3")
        assert not await lines.bind_device(tx, "l1", "d3")
        assert not await lines.bind_device(tx, "l1", "nobody")
        assert [each.key for each in await lines.devices_on(tx, "l1")] == ["d1", "d3"]
        assert [each.key for each in await devices.by_serials(tx, ["S1", "S9"])] == ["d1"]
        assert [each.key for each in await devices.list_devices(tx, search="L1")] == ["d1", "d3"]
        assert await lines.remove(tx, "l1")
        assert await lines.devices_on(tx, "l1") == []
        assert await devices.set_line(tx, "d2", "l2") and await devices.set_line(tx, "d2", None)
        assert await devices.remove(tx, "d1") and not await devices.remove(tx, "d1")
    opened = await store.sessions.open(opening(now, key="d3", session_id="again"))
    assert opened.device.line is None


def test_scopes_of_a_line() -> None:
    assert line().topology_path() == "olt-1/0/1/2/s1"
    assert line().scopes() == ("olt-1", "olt-1/0", "olt-1/0/1", "olt-1/0/1/2", "olt-1/0/1/2/s1", "line:line-1")
    assert LineRecord("x", "dsl").scopes() == ("line:x",)
    assert line(port=None).topology_path() == "olt-1/0/1"


async def test_newest_fact_wins_whatever_the_order(store: Store, now: datetime) -> None:
    first = ContextFact("line-1", "account.state", "active", now, "billing")
    later = ContextFact("line-1", "account.state", "blocked", now + HOUR, "billing")
    other = ContextFact("line-1", "account.state", "active", now + 2 * HOUR, "crm")
    number = ContextFact("line-1", "line.bytes", 2**40, now, "gis")
    flag = ContextFact("line-1", "bras.session_up", True, now, "bras")
    async with store.transaction() as tx:
        await lines.upsert(tx, [line()], now)
        assert await facts.put(tx, [later, first, number, flag]) == 3
        assert await facts.put(tx, [first]) == 0
        assert (await facts.latest(tx, "line-1"))["account.state"] == later
        await facts.put(tx, [other])
        assert await facts.latest(tx, "line-1") == {
            "account.state": other, "line.bytes": number, "bras.session_up": flag,
        }  # fmt: skip
        assert await facts.by_value(tx, "account.state", "blocked") == [later]
        assert await facts.latest(tx, "nobody") == {}


async def test_facts_that_cannot_be_stored(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await lines.upsert(tx, [line()], now)
    for value in (float("nan"), float("inf"), "\0", "x" * 5000):
        with pytest.raises(InvalidInput):
            async with store.transaction() as tx:
                await facts.put(tx, [ContextFact("line-1", "name", value, now, "source")])
    with pytest.raises(StoreError):
        async with store.transaction() as tx:
            await facts.put(tx, [ContextFact("nobody", "name", 1, now, "source")])
    with pytest.raises(InvalidInput):
        async with store.transaction() as tx:
            await history.put(tx, [Reading("line-1", "name", float("inf"), now, "source")])


async def test_readings_series_and_medians(store: Store, now: datetime) -> None:
    many = [
        Reading(id_, "ont.rx_dbm", -20.0 - n - offset, now + n * HOUR, "feed")
        for id_, offset in (("l1", 0), ("l2", 5))
        for n in range(24 * 7)
    ]
    async with store.transaction() as tx:
        await lines.upsert(tx, [line("l1"), line("l2"), line("l3")], now)
        assert await history.put(tx, many) == len(many)
        assert await history.put(tx, [many[0]]) == 1
        series = await history.readings(tx, "l1", "ont.rx_dbm", now + HOUR, now + 4 * HOUR)
        medians = await history.medians(tx, ["l1", "l2", "l3"], "ont.rx_dbm", now, now + 3 * HOUR)
        assert await history.names(tx, "l1") == ["ont.rx_dbm"]
    assert series == many[1:4]
    assert medians == {"l1": -21.0, "l2": -26.0}


async def test_snapshot_replaces_only_an_older_one(store: Store, now: datetime) -> None:
    def incident(id_: str, scope: str, source: str = "noc") -> IncidentRecord:
        return IncidentRecord(source, id_, scope, "fibre cut", now)

    async with store.transaction() as tx:
        assert (await scopes.snapshots(tx))[scopes.INCIDENTS] == {}
        assert await scopes.put_incidents(tx, "noc", now, [incident("i1", "olt-1/0/1"), incident("i2", "olt-2")])
        assert await scopes.put_incidents(tx, "other", now, [incident("i9", "line:line-1", "other")])
        assert not await scopes.put_incidents(tx, "noc", now - HOUR, [])
        found = await scopes.incidents_covering(tx, line().scopes())
        assert [each.id for each in found] == ["i1", "i9"]
        assert await scopes.put_incidents(tx, "noc", now + HOUR, [])
        assert [each.id for each in await scopes.incidents_covering(tx, line().scopes())] == ["i9"]
        assert (await scopes.snapshots(tx))[scopes.INCIDENTS] == {"noc": now + HOUR, "other": now}
        with pytest.raises(InvalidInput, match="source"):
            await scopes.put_incidents(tx, "noc", now + HOUR, [incident("i1", "olt-1", "other")])


async def test_planned_works_cover_while_they_last(store: Store, now: datetime) -> None:
    work = PlannedWorkRecord("noc", "w1", "olt-1", now, now + HOUR)
    async with store.transaction() as tx:
        assert await scopes.put_planned_works(tx, "noc", now, [work])
        for at, found in ((now - HOUR, []), (now, [work]), (now + HOUR, [])):
            assert await scopes.planned_works_covering(tx, line().scopes(), at) == found
        assert (await scopes.snapshots(tx))[scopes.PLANNED_WORKS] == {"noc": now}
