"""Alarms about the whole fleet: each opens once with its evidence, is kept up to date, and ends with why."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from acs.app import App
from acs.config import SecurityAlarmsSection
from acs.services.actor import local_actor
from acs.services.alarms import (
    AUTH_FAILURES,
    FIRMWARE,
    MANAGEMENT_LOST,
    MANAGEMENT_URL,
    UNKNOWN_DEVICES,
    Alarms,
)
from acs.services.security_notes import SecurityNotes
from acs.services.security_watch import SecurityWatch
from acs.store import backups, operations
from acs.store import devices as device_store
from acs.store import lines as line_store
from acs.store import outages as outage_store
from acs.store.alarms import AlarmRecord
from acs.store.backups import Configuration
from acs.store.outages import LineTrouble
from acs.store.records import Json, OperationState, OperationTransition, StepName, TreeUpdate
from acs.store.schema import management_urls, security_counts, software_changes
from tests.api.conftest import app_on_both as app_on_both
from tests.api.conftest import postgres_server, postgres_template, sqlite_template, url, vault
from tests.store.make import line, opening, operation

__all__ = ["postgres_server", "postgres_template", "sqlite_template", "url", "vault"]

BOSS = local_actor()
START = datetime(2026, 3, 4, 12, tzinfo=UTC)
URL = "Device.ManagementServer.URL"
OURS, ELSEWHERE = "https://acs.example.net/", "http://203.0.113.66/acs"
LIMITS = {
    "auth_failures": 20, "unknown_devices": 10, "firmware_devices": 4, "firmware_share": 0.3,
    "silent_lines": 5, "silent_share": 0.5,
}  # fmt: skip


class World:
    """A fleet whose clock stands still, one process that notes, and a worker that looks."""

    def __init__(self, app: App, **limits: Any) -> None:
        self.app, self.store, self.now = app, app.store, START
        self.config = SecurityAlarmsSection(**{**LIMITS, **limits})
        self.begin()

    def begin(self) -> None:
        """Start anew, as after a restart: only what is stored is known."""
        metrics, config = self.app.metrics, self.config
        self.alarms = Alarms(self.store, metrics, self.clock)
        self.notes = SecurityNotes(self.store, config, metrics, self.clock)
        self.watch = SecurityWatch(self.store, config, self.alarms, self.clock)

    def clock(self) -> datetime:
        return self.now

    def later(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    async def look(self, after_min: float = 1.0) -> list[AlarmRecord]:
        """Everything noted is stored, some time passes, the worker looks; the active alarms."""
        await self.notes.drain()
        self.later(after_min)
        await self.watch.look()
        return await self.alarms.list(BOSS, active=True)

    async def ended(self, kind: str) -> AlarmRecord:
        """The alarm of this kind that ended last."""
        found = await self.alarms.list(BOSS, active=False, kind=kind)
        return found[0]

    async def inform(self, n: int = 1, version: str = "V1", **more: Any) -> None:
        """An Inform of device n."""
        told = opening(
            self.now, key=key_of(n), serial_number=f"{n:04}", software_version=version,
            session_id=f"s-{n}-{self.now.timestamp()}", **more,
        )  # fmt: skip
        self.notes.came(told, await self.store.sessions.open(told))

    async def read(self, url: str, n: int = 1) -> None:
        """A session that read the address of management of device n."""
        async with self.store.reading() as tx:
            device = await device_store.get(tx, key_of(n))
        assert device is not None
        self.notes.read(device, TreeUpdate({URL: (url, "xsd:string")}, self.now))
        await self.notes.drain()

    async def did(self, kind: str, n: int = 1, **arguments: Json) -> None:
        """An operation of ours left for device n."""
        async with self.store.transaction() as tx:
            id_ = f"op-{kind}-{n}-{self.now.timestamp():.0f}"
            made = operation(self.now, id=id_, command_key=id_[-32:], device=key_of(n), kind=kind, arguments=arguments)
            await operations.add(tx, made)
            queued, sent = OperationState.QUEUED, OperationState.SENT
            left = OperationTransition(id_, (queued,), sent, self.now, StepName.RPC_SENT)
            assert await operations.transition(tx, left)


def key_of(n: int) -> str:
    return f"00AA11-ONT-{n:04}"


@pytest.fixture
def world(app_on_both: App) -> World:
    return World(app_on_both)


def only(found: Sequence[AlarmRecord], kind: str) -> AlarmRecord:
    assert [each.kind for each in found] == [kind]
    return found[0]


def guess(world: World, times: int, address: str = "203.0.113.9") -> None:
    for _ in range(times):
        world.notes.refused_cpe(address)


# Spikes


async def test_many_wrong_passwords_are_one_alarm_that_grows_and_ends_with_its_evidence(world: World) -> None:
    guess(world, 25)
    with capture_logs() as said:
        raised = only(await world.look(), AUTH_FAILURES)
        guess(world, 15, "203.0.113.10")
        grown = only(await world.look(), AUTH_FAILURES)
        assert only(await world.look(5), AUTH_FAILURES).id == grown.id == raised.id
        assert await world.look(30) == []
    assert (raised.subject, raised.detail["count"], raised.detail["usual"]) == ("cwmp", 25, 0)
    assert (grown.detail["count"], grown.detail["most"]) == (40, 40)
    assert grown.detail["addresses"] == ["203.0.113.9 (25)", "203.0.113.10 (15)"]
    over = await world.ended(AUTH_FAILURES)
    assert over.cleared_by == "system" and over.detail["most"] == 40
    assert over.detail["ended"] == "within 15 minutes there were only 0"
    events = [one["event"] for one in said if one["event"].startswith("alarm.")]
    assert events == ["alarm.raised", "alarm.cleared"], "told once each, however often it was looked at"


async def test_it_is_no_alarm_below_the_number_nor_below_what_is_usual(world: World) -> None:
    guess(world, 19)
    assert await world.look() == []
    for _ in range(24):
        world.later(60)
        guess(world, 12)
    await world.notes.drain()
    world.later(30)
    guess(world, 29)
    assert await world.look() == [], "ten times the usual 3 of a window are 30"
    guess(world, 6)
    assert only(await world.look(0.5), AUTH_FAILURES).detail["usual"] == 3.0


async def test_processes_are_counted_together_and_a_restart_forgets_nothing(world: World) -> None:
    guess(world, 12)
    await world.notes.drain()
    world.begin()
    guess(world, 12)
    alarm = only(await world.look(), AUTH_FAILURES)
    assert alarm.detail["count"] == 24
    world.begin()
    other = SecurityWatch(world.store, world.config, world.alarms, world.clock)
    assert only(await world.look(), AUTH_FAILURES).id == alarm.id
    await other.look()
    assert len(await world.alarms.list(BOSS)) == 1


async def test_workers_that_look_at_once_raise_and_end_one_alarm(world: World) -> None:
    workers = [SecurityWatch(world.store, world.config, world.alarms, world.clock) for _ in range(4)]
    guess(world, 25)
    await world.notes.drain()
    world.later(1)
    with capture_logs() as said:
        await asyncio.gather(*(each.look() for each in workers))
        assert len(await world.alarms.list(BOSS, active=True)) == 1
        world.later(30)
        await asyncio.gather(*(each.look() for each in workers))
    assert len(await world.alarms.list(BOSS)) == 1
    assert [one["event"] for one in said if one["event"].startswith("alarm.")] == ["alarm.raised", "alarm.cleared"]


async def test_what_a_person_ended_is_not_raised_by_the_same_evidence(world: World) -> None:
    guess(world, 25)
    alarm = only(await world.look(), AUTH_FAILURES)
    await world.alarms.clear(BOSS, alarm.id)
    assert await world.look(2) == []
    guess(world, 25)
    again = only(await world.look(), AUTH_FAILURES)
    assert again.id != alarm.id and again.detail["count"] == 25


async def test_wrong_tokens_at_the_api_are_an_alarm_of_their_own(world: World) -> None:
    for _ in range(20):
        world.notes.refused_user("198.51.100.7")
    alarm = only(await world.look(), AUTH_FAILURES)
    assert alarm.subject == "api"
    assert alarm.detail["why"] == "20 wrong tokens or passwords at the API within 15 minutes; 0.0 are usual"


async def test_devices_that_nobody_knew_are_an_alarm_when_they_come_in_mass(world: World) -> None:
    for n in range(9):
        await world.inform(n)
    assert await world.look() == []
    for _ in range(5):
        await world.inform(3)
    assert await world.look(0.1) == [], "a device is new once"
    await world.inform(10)
    alarm = only(await world.look(), UNKNOWN_DEVICES)
    assert (alarm.subject, alarm.detail["count"]) == ("fleet", 10)
    assert await world.look(30) == []


# Addresses of management


async def test_a_device_that_tells_another_address_of_management_is_an_alarm_until_it_is_back(world: World) -> None:
    await world.inform(1)
    await world.read(OURS)
    assert await world.look() == [], "an address that is read for the first time is no change"
    await world.inform(1, management_url="http://user:pass@203.0.113.66/acs")
    alarm = only(await world.look(), MANAGEMENT_URL)
    assert alarm.detail["urls"] == [f"{ELSEWHERE} (1)"], "a user and password in it are not kept"
    assert alarm.detail["devices"] == [key_of(1)]
    world.begin()
    assert only(await world.look(), MANAGEMENT_URL).id == alarm.id
    await world.read(OURS)
    assert await world.look() == []
    assert (await world.ended(MANAGEMENT_URL)).detail["ended"] == (
        "every device tells an address of management that is known"
    )


async def test_many_devices_at_many_addresses_are_one_alarm(world: World) -> None:
    for n in range(15):
        await world.inform(n)
        await world.read(OURS, n)
        await world.read(ELSEWHERE if n < 13 else f"http://203.0.113.{n}/", n)
    found = [each for each in await world.look() if each.kind == MANAGEMENT_URL]
    assert [each.detail["count"] for each in found] == [15]
    assert found[0].detail["urls"][0] == f"{ELSEWHERE} (13)"  # type: ignore[index, call-overload]
    assert len(found[0].detail["devices"]) == 10  # type: ignore[arg-type]


async def changed_after(world: World, kind: str, **arguments: Json) -> list[AlarmRecord]:
    await world.inform(1)
    await world.read(OURS)
    world.later(1)
    if kind:
        await world.did(kind, **arguments)
    await world.read(ELSEWHERE)
    return await world.look()


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("set", {"values": {URL: ELSEWHERE}}),
        ("set", {"values": {URL: {"value": ELSEWHERE, "type": "xsd:string"}}}),
        ("change", {"steps": [{"values": {URL: ELSEWHERE}}]}),
        ("factory_reset", {}),
        ("download", {"file_type": "config", "url": "http://192.0.2.1/f"}),
    ],
)
async def test_an_address_that_an_operation_of_ours_set_is_no_alarm(
    world: World, kind: str, arguments: dict[str, Json]
) -> None:
    assert await changed_after(world, kind, **arguments) == []


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("", {}),
        ("set", {"values": {URL: "https://other.example.net/"}}),
        ("reboot", {}),
        ("download", {"file_type": "firmware", "url": "http://192.0.2.1/f"}),
    ],
)
async def test_an_operation_that_did_something_else_explains_nothing(
    world: World, kind: str, arguments: dict[str, Json]
) -> None:
    only(await changed_after(world, kind, **arguments), MANAGEMENT_URL)


async def test_what_rules_told_a_device_and_what_the_operator_named_is_no_alarm(app_on_both: App) -> None:
    world = World(app_on_both, management_urls=("https://new.example.net/*",))
    await world.inform(1)
    await world.read(OURS)
    async with world.store.transaction() as tx:
        await backups.put_desired(tx, key_of(1), Configuration({URL: (ELSEWHERE, "xsd:string")}, {}), world.now)
    await world.read(ELSEWHERE)
    await world.read("https://new.example.net/cwmp")
    assert await world.look() == []


async def test_a_person_who_ends_the_alarm_accepts_the_addresses(world: World) -> None:
    alarm = only(await changed_after(world, ""), MANAGEMENT_URL)
    await world.alarms.clear(BOSS, alarm.id)
    assert await world.look() == []
    world.begin()
    await world.read(ELSEWHERE)
    assert await world.look() == []
    await world.read("http://198.51.100.1/")
    assert only(await world.look(), MANAGEMENT_URL).id != alarm.id


# Firmware


async def upgraded(world: World, numbers: Sequence[int], version: str) -> None:
    for n in numbers:
        await world.inform(n, version)
    await world.notes.drain()


async def fleet_of(world: World, count: int) -> None:
    for n in range(count):
        await world.inform(n)
    await world.notes.drain()
    world.later(60)
    await world.watch.look()


async def firmware_alarms(world: World, after_min: float = 1.0) -> list[AlarmRecord]:
    return [each for each in await world.look(after_min) if each.kind == FIRMWARE]


async def test_firmware_that_nobody_planned_is_an_alarm_for_its_model(world: World) -> None:
    await fleet_of(world, 20)
    await upgraded(world, range(5), "V9")
    assert await firmware_alarms(world) == [], "five of twenty are less than the share"
    await upgraded(world, range(5, 7), "V9")
    (alarm,) = await firmware_alarms(world)
    assert alarm.subject == "firmware:Example ONT V9"
    assert (alarm.detail["count"], alarm.detail["of"], alarm.detail["before"]) == (7, 20, ["V1"])
    world.begin()
    await upgraded(world, range(7, 9), "V9")
    (grown,) = await firmware_alarms(world)
    assert (grown.id, grown.detail["count"]) == (alarm.id, 9)
    assert await firmware_alarms(world, 25 * 60) == []
    assert "only 0 of 20 devices changed to V9" in str((await world.ended(FIRMWARE)).detail["ended"])


async def test_firmware_that_our_downloads_brought_is_planned(world: World) -> None:
    await fleet_of(world, 10)
    for n in range(6):
        await world.did("download", n, file_type="firmware", url="http://192.0.2.1/v2.bin")
    world.later(10)
    await upgraded(world, range(6), "V2")
    await upgraded(world, range(6, 10), "V2")
    assert await firmware_alarms(world) == [], "the last four have a version that downloads brought to others"


async def test_another_download_than_of_firmware_explains_no_firmware(world: World) -> None:
    await fleet_of(world, 10)
    for n in range(6):
        await world.did("download", n, file_type="config", url="http://192.0.2.1/c.xml")
    await upgraded(world, range(6), "V2")
    assert len(await firmware_alarms(world)) == 1


async def test_few_devices_are_no_fleet_and_a_new_device_changed_nothing(world: World) -> None:
    await fleet_of(world, 3)
    await upgraded(world, range(3), "V9")
    await upgraded(world, range(3, 9), "V9")
    assert await firmware_alarms(world) == []


async def test_an_alarm_ends_when_the_version_is_planned_by_now(world: World) -> None:
    await fleet_of(world, 10)
    await upgraded(world, range(5), "V9")
    assert len(await firmware_alarms(world)) == 1
    await world.did("download", 7, file_type="firmware", url="http://192.0.2.1/v9.bin")
    await upgraded(world, [7], "V9")
    assert await firmware_alarms(world) == []
    assert "planned by now" in str((await world.ended(FIRMWARE)).detail["ended"])


# Silence


async def test_a_fleet_that_falls_silent_is_an_alarm(world: World) -> None:
    lines = [line(f"L{n}", ont=n) for n in range(8)]
    async with world.store.transaction() as tx:
        await line_store.upsert(tx, lines, world.now)
    for n in range(8):
        await world.inform(n)
        async with world.store.transaction() as tx:
            await device_store.set_line(tx, key_of(n), f"L{n}")
    await silent(world, range(4))
    assert [each for each in await world.look() if each.kind == MANAGEMENT_LOST] == []
    await silent(world, range(6))
    alarm = only([each for each in await world.look() if each.kind == MANAGEMENT_LOST], MANAGEMENT_LOST)
    assert alarm.detail["why"] == "6 of 8 lines fell silent: their devices do not call any more"
    async with world.store.transaction() as tx:
        await outage_store.clear_troubles(tx, "silent", [f"L{n}" for n in range(6)])
    assert [each for each in await world.look() if each.kind == MANAGEMENT_LOST] == []
    assert (await world.ended(MANAGEMENT_LOST)).detail["ended"] == "0 of 8 lines are silent"


async def silent(world: World, numbers: Sequence[int]) -> None:
    async with world.store.transaction() as tx:
        troubles = [LineTrouble(f"L{n}", "silent", "olt-1", world.now, world.now, None, "Inform") for n in numbers]
        await outage_store.put_troubles(tx, troubles)


# What it costs, and what is forgotten


async def test_an_ordinary_inform_asks_the_store_for_nothing(world: World) -> None:
    await world.inform(1)
    await world.notes.drain()
    told = opening(world.now, key=key_of(1), serial_number="0001", session_id="s", management_url=OURS)
    opened = await world.store.sessions.open(told)
    world.notes.came(told, opened)
    await world.notes.drain()
    quiet = SecurityNotes(None, world.config, world.app.metrics, world.clock)  # type: ignore[arg-type]
    quiet._urls = world.notes._urls
    for _ in range(1_000):
        quiet.came(told, opened)
    assert quiet._running is None, "nothing waits to be stored"


async def test_old_counts_and_changes_go_and_a_forgotten_device_takes_its_own_along(world: World) -> None:
    await world.inform(1)
    await world.read(OURS)
    await upgraded(world, [1], "V2")
    guess(world, 3)
    await world.notes.drain()
    world.later(60 * 24 * 91)
    await world.watch.prune()
    async with world.store.transaction() as tx:
        for table in (security_counts, software_changes):
            assert await tx.rows(select(table)) == []
        assert len(await tx.rows(select(management_urls))) == 1
        assert await device_store.remove(tx, key_of(1))
        assert await tx.rows(select(management_urls)) == []


async def test_nobody_looks_where_it_is_switched_off(app_on_both: App, tmp_path: Path) -> None:
    world = World(app_on_both, enabled=False)
    guess(world, 50)
    await world.inform(1)
    assert world.watch.jobs() == {}
    await world.notes.drain()
    assert await world.look() == []
