"""When an outage ends: what stays down is no outage by itself, whoever told of it."""

from datetime import timedelta
from typing import Any

import pytest

from acs.services.actor import Actor
from acs.services.identifiers import new_id
from acs.services.outage_reports import SOURCE, LineUp, tell_falls, tell_ups
from acs.store import line_tests as test_store
from acs.store import outages as outage_store
from acs.store.outages import LineTrouble
from acs.store.records import LineRecord, LineTestRecord, LineTestState
from tests.services.test_outages import BOSS, LINES, World, port, splitter, survey, world

__all__ = ["world"]


@pytest.mark.parametrize("broken", [1, 2, 3])
async def test_a_splitter_of_eight_of_which_a_few_stay_broken_ends_and_names_them(world: World, broken: int) -> None:
    cut = splitter(2, "s1")
    await world.alarm("ont_los", cut)
    await world.look()
    await world.alarm("ont_up", cut[broken:])
    await world.look()
    await world.look(60)
    (waits,) = await world.open()
    assert waits.state == "candidate", "nobody believes it so soon"
    await world.look(120)
    (ended,) = await world.outages.find(BOSS)
    assert ended.state == "closed"
    assert sorted(world.tests.asked) == sorted(one.id for one in cut)
    await world.ticket("T1", cut[0].id)
    await world.look()
    await world.look(3_700)
    _, lines, tickets = await world.outages.get(BOSS, ended.id)
    assert tickets == [] and await world.open() == []
    assert {one.line for one in lines if one.back_at is None} == {one.id for one in cut[:broken]}


@pytest.mark.parametrize("down", [splitter(2, "s1"), splitter(2, "s1")[:5]])
async def test_a_group_that_stays_cut_is_an_outage_for_as_long_as_it_is(world: World, down: list[LineRecord]) -> None:
    await world.alarm("ont_los", port(2))
    await world.look()
    await world.alarm("ont_up", [one for one in port(2) if one not in down])
    for hours in (0.1, 1, 6, 24, 72):
        await world.look(hours * 3_600)
    (outage,) = await world.open()
    assert (outage.state, outage.level, outage.hit) == ("candidate", "splitter", len(down))
    assert set(world.tests.asked) <= {one.id for one in down}, "some are looked at, none is tested as after its end"


async def test_lines_here_and_there_that_stay_broken_end_it_as_time_makes_them_chance(world: World) -> None:
    """A fifth of an OLT stays down after a power failure, on no port more than a third: no group that is cut."""
    left = [one for one in LINES if (one.ont or 0) % 5 == one.port]
    await world.alarm("ont_dying_gasp", LINES)
    await world.look()
    await world.alarm("ont_up", [one for one in LINES if one not in left])
    await world.look()
    await world.look(150)
    assert [one.hit for one in await world.open()] == [len(left)], "so many at once is no chance yet"
    for _ in range(6):
        await world.look(3_600)
    (ended,) = await world.outages.find(BOSS)
    assert ended.state == "closed" and len(left) > 0.1 * len(LINES)


async def test_what_a_line_test_saw_online_ends_the_falls_that_a_line_test_told(world: World) -> None:
    async with world.store.transaction() as tx:
        now = world.clock.now
        await tell_falls(tx, [LineTrouble(one.id, "fall", "olt-1", now, now, False, SOURCE) for one in port(2)])
    (outage,) = await world.look()
    async with world.store.transaction() as tx:
        await tell_ups(tx, [LineUp(one.id, now - timedelta(seconds=1)) for one in port(2)], now)
    await world.look()
    assert [one.hit for one in await world.open()] == [16], "a reading from before they fell says nothing"
    async with world.store.transaction() as tx:
        await tell_ups(tx, [LineUp(one.id, world.clock.now) for one in port(2)], world.clock.now)
    await world.look()
    await world.look(121)
    (ended,) = await world.outages.find(BOSS)
    assert (ended.id, ended.state) == (outage.id, "closed")


async def test_a_switch_that_answers_takes_back_what_tests_told_of_it_and_no_trap(world: World) -> None:
    first, second = port(2)[:2]
    now = world.clock.now
    async with world.store.transaction() as tx:
        told = [LineTrouble(one.id, "fall", "olt-1", now, now, None, SOURCE) for one in (first,)]
        await outage_store.put_troubles(tx, [*told, LineTrouble(second.id, "fall", "olt-1", now, now, None, "trap")])
        await tell_ups(tx, [LineUp(one.id, now, only_ours=True) for one in (first, second)], now)
        left = await outage_store.troubles(tx, witness="fall")
    assert [one.line for one in left] == [second.id]


class Olt:
    """Tests that read the port of a line, whose lines are online but for those that are `dark`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.dark: list[LineRecord] = []
        self.asked: list[str] = []

    async def start(self, _actor: Actor, line: str, **more: Any) -> LineTestRecord:
        self.asked.append(line)
        now, world = self._world.clock.now, self._world
        record = LineTestRecord(new_id(), line, LineTestState.RUNNING, now, now, "outages", **more)
        ups = [LineUp(one.id, now) for one in port(int(line[1])) if one not in self.dark]
        async with world.store.transaction() as tx:
            await test_store.add(tx, record)
            await test_store.finish(tx, record.id, LineTestState.DONE, now, facts={}, verdict={"verdict": "NFF"})
            await tell_ups(tx, ups, now)
        return record


async def test_an_outage_of_which_nothing_is_heard_is_looked_at_until_it_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    olt = Olt(world)
    monkeypatch.setattr(world.tests, "start", olt.start)
    olt.dark = list(LINES)
    await world.alarm("ont_los", LINES)
    await world.look()
    for _ in range(20):
        await world.look(30)
    assert olt.asked == [], "news is waited for"
    for _ in range(12):
        await world.look(30)
    assert [one[:2] for one in olt.asked] == ["L0", "L1"], "two lines of different ports"
    for _ in range(32):
        await world.look(30)
    assert [one[:2] for one in olt.asked] == ["L0", "L1", "L2", "L3"], "then the ports that nobody asked"
    olt.dark = []
    for _ in range(80):
        await world.look(30)
    assert {one.state for one in await world.outages.find(BOSS)} == {"closed"}


async def test_an_outage_whose_node_is_polled_is_not_tested_besides(world: World) -> None:
    await world.alarm("ont_los", port(2))
    await world.look()
    for _ in range(8):
        await survey(world, [])
        await world.look(300)
    assert len(await world.open()) == 1 and world.tests.asked == []
