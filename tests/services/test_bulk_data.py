"""Bulk reports: stored once, into the tree where newer, and into the history of the line."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from acs.cwmp.bulk import Report
from acs.errors import Forbidden, NotFound
from acs.profiles.schema import load_profiles
from acs.services.actor import Actor, local_actor
from acs.services.bulk_data import SOURCE, BulkData, Taken
from acs.services.clock import utc_now
from acs.store import history as readings
from acs.store import identity, lines, trees
from acs.store.history import Owner
from acs.store.identity import QuarantineRecord
from acs.store.records import TreeUpdate
from acs.store.store import Store
from acs.store.vault import Vault
from tests.store.make import line, opening

KEY = "001122-ONT-S1"
NOW = utc_now().replace(microsecond=0)
FREE, TOTAL = "Device.DeviceInfo.MemoryStatus.Free", "Device.DeviceInfo.MemoryStatus.Total"
ROW = "Device.BulkData.Profile.1.Parameter.1."


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", vault=Vault.create(tmp_path / "key"), commit_window_ms=1.0)
    at, namespace = NOW - timedelta(days=2), "urn:dslforum-org:cwmp-1-2"
    await store.sessions.open(opening(at, key=KEY, oui="001122", serial_number="S1", namespace=namespace, values=()))
    async with store.transaction() as tx:
        await lines.upsert(tx, [line("L-1")], NOW)
        await lines.bind_device(tx, "L-1", KEY)
        known = {FREE: ("1", "xsd:unsignedInt"), TOTAL: ("200", "xsd:unsignedInt")}
        known |= {f"{ROW}Name": ("Free", "xsd:string"), f"{ROW}Reference": (FREE, "xsd:string")}
        await trees.merge(tx, KEY, TreeUpdate(known, NOW - timedelta(days=1)))
    yield store
    await store.close()


@pytest.fixture
def service(store: Store) -> BulkData:
    return BulkData(store, load_profiles(), clock=lambda: NOW)


def report(minutes: int | None, **values: str) -> Report:
    at = None if minutes is None else NOW - timedelta(minutes=minutes)
    return Report(at, {name.replace("__", "."): (value, "xsd:string") for name, value in values.items()})


async def test_reports_reach_the_tree_and_the_history_once(store: Store, service: BulkData) -> None:
    reports = [report(60, Free="50", Device__DeviceInfo__MemoryStatus__Total="200"), report(5, Free="80", Other="x")]
    assert await service.take(KEY, reports) == Taken(stored=2, repeated=0, unknown=1, readings=1)
    assert await service.take(KEY, reports) == Taken(stored=0, repeated=2, unknown=0, readings=0)
    async with store.reading() as tx:
        tree = await trees.read(tx, KEY)
        history = await readings.readings(tx, KEY, "cpe.mem_free_pct", NOW - timedelta(days=1), NOW, of=Owner.DEVICE)
    assert tree is not None
    assert tree.values[FREE] == ("80", "xsd:unsignedInt"), "the type that the tree knew stays"
    assert tree.times[FREE] == NOW - timedelta(minutes=5)
    assert tree.times[TOTAL] == NOW - timedelta(minutes=60)
    assert [(each.value, each.at, each.source) for each in history] == [(25.0, NOW - timedelta(minutes=60), SOURCE)]


async def test_an_old_report_changes_no_newer_value(store: Store, service: BulkData) -> None:
    async with store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate({FREE: ("99", "xsd:unsignedInt")}, NOW))
    await service.take(KEY, [report(30, Free="1")])
    async with store.reading() as tx:
        tree = await trees.read(tx, KEY)
    assert tree is not None
    assert tree.values[FREE][0] == "99"


async def test_without_a_usable_time_it_is_as_old_as_its_coming_and_a_repeat_is_known_all_the_same(
    service: BulkData,
) -> None:
    for no_time in (report(None, Free="7"), report(60 * 24 * 365 * 20, Free="8")):
        assert (await service.take(KEY, [no_time])).stored == 1
        assert (await service.take(KEY, [no_time])).stored == 0
    shown = await service.of_device(local_actor(), KEY, since=NOW - timedelta(days=1))
    assert {each.at for each in shown} == {NOW}


async def test_secrets_are_not_kept_and_rights_are_asked_for(service: BulkData) -> None:
    await service.take(KEY, [report(1, Device__WiFi__AccessPoint__1__Security__KeyPassphrase="hush")])
    (kept,) = await service.of_device(local_actor(), KEY, since=NOW - timedelta(days=1))
    assert "hush" not in str(kept)
    with pytest.raises(Forbidden):
        await service.of_device(Actor("x", "token", frozenset()), KEY, since=NOW)
    with pytest.raises(NotFound):
        await service.take("nobody", [report(1, Free="1")])
    with pytest.raises(NotFound):
        await service.of_device(local_actor(), "nobody", since=NOW)


async def test_many_reports_together_are_as_many_one_after_the_other(store: Store, service: BulkData) -> None:
    week = [report(60 * hour, Free=str(hour), **{f"Device__X__{hour % 3}": str(hour)}) for hour in range(23, 0, -1)]
    assert await service.take(KEY, [*week, week[0]]) == Taken(stored=23, repeated=1, unknown=0, readings=0)
    async with store.reading() as tx:
        tree = await trees.read(tx, KEY)
    assert tree is not None
    assert tree.values[FREE] == ("1", "xsd:unsignedInt")
    assert tree.times[FREE] == NOW - timedelta(hours=1)
    assert (tree.values["Device.X.0"][0], tree.times["Device.X.0"]) == ("3", NOW - timedelta(hours=3))


async def test_of_a_device_in_quarantine_nothing_is_kept(store: Store, service: BulkData) -> None:
    async with store.transaction() as tx:
        assert await identity.quarantine(tx, QuarantineRecord(KEY, NOW, "x", ""))
    with pytest.raises(NotFound, match="quarantine"):
        await service.take(KEY, [report(1, Free="1")])
    assert not await service.of_device(local_actor(), KEY, since=NOW - timedelta(days=1))
