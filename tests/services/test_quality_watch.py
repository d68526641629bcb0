"""The alarm of a cause whose verdicts closures keep denying: one, kept up to date, ended by itself or by a person."""

from datetime import UTC, datetime, timedelta

import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.services.alarms import PRECISION, Alarms
from acs.services.identifiers import new_id
from acs.services.quality_watch import QualityWatch
from acs.store import after_fix, line_tests
from acs.store import lines as line_store
from acs.store.after_fix import Closure
from acs.store.alarms import AlarmRecord
from acs.store.records import LineTestRecord, LineTestState
from tests.api.conftest import app_on_both as app_on_both
from tests.api.conftest import postgres_server, postgres_template, sqlite_template, url, vault
from tests.store.make import line

__all__ = ["postgres_server", "postgres_template", "sqlite_template", "url", "vault"]

BOSS = local_actor()
SAID = {"verdict": "DISPATCH_HOME", "cause": "low_rx_single", "posterior": 0.8}


class World:
    """Closed tickets of one line, one an hour."""

    def __init__(self, app: App) -> None:
        self.store, self.now = app.store, datetime(2026, 3, 4, 12, tzinfo=UTC)
        self.alarms = Alarms(app.store, app.metrics, self.clock)
        self.watch = QualityWatch(app.store, self.alarms, self.clock)

    def clock(self) -> datetime:
        return self.now

    async def closed(self, truth: str, times: int) -> None:
        async with self.store.transaction() as tx:
            if await line_store.get(tx, "line-1") is None:
                await line_store.upsert(tx, [line()], self.now)
            for _ in range(times):
                self.now += timedelta(hours=1)
                id_ = new_id()
                done = LineTestRecord(
                    id_,
                    "line-1",
                    LineTestState.DONE,
                    self.now,
                    self.now,
                    "test",
                    finished_at=self.now,
                    facts={},
                    verdict=SAID,
                )
                await line_tests.add(tx, done)
                await after_fix.put_closure(tx, Closure(f"T-{id_}", "c", truth, self.now, "test", line_test=id_))

    async def look(self) -> list[AlarmRecord]:
        self.now += timedelta(hours=1)
        await self.watch.look()
        return await self.alarms.list(BOSS, active=True)


@pytest.fixture
def world(app_on_both: App) -> World:
    return World(app_on_both)


async def test_the_last_fifty_closures_raise_it_whatever_came_before(world: World) -> None:
    await world.closed("low_rx_single", 320)
    await world.closed("nff", 15)
    assert await world.look() == [], "35 of 50 are right: the limit itself"
    await world.closed("nff", 1)
    (alarm,) = await world.look()
    assert (alarm.kind, alarm.subject) == (PRECISION, "cause:low_rx_single")
    assert alarm.detail == {"why": "34 of the last 50 closures agree with low_rx_single", "precision": 0.68}


async def test_fewer_than_fifty_say_nothing_yet(world: World) -> None:
    await world.closed("nff", 49)
    assert await world.look() == []


async def test_it_ends_by_itself_when_closures_agree_again(world: World) -> None:
    await world.closed("nff", 50)
    assert len(await world.look()) == 1
    await world.closed("low_rx_single", 35)
    assert await world.look() == []
    (ended,) = await world.alarms.list(BOSS, active=False, kind=PRECISION)
    assert ended.cleared_by == "system"
    assert ended.detail["ended"] == "35 of the last 50 closures agree again"


async def test_what_a_person_ended_stays_so_until_it_is_worse(world: World) -> None:
    await world.closed("low_rx_single", 30)
    await world.closed("nff", 20)
    (alarm,) = await world.look()
    await world.alarms.clear(BOSS, alarm.id)
    assert await world.look() == [], "he knows"
    await world.closed("nff", 1)
    (again,) = await world.look()
    assert again.id != alarm.id and again.detail["precision"] == 0.58


async def test_two_workers_make_one_of_it(world: World) -> None:
    await world.closed("nff", 50)
    await world.look()
    await QualityWatch(world.store, world.alarms, world.clock).look()
    assert len(await world.alarms.list(BOSS, kind=PRECISION)) == 1
