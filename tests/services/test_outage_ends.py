"""When an outage ends: what stays down is no outage by itself, whoever told of it."""

import pytest

from acs.store.records import LineRecord
from tests.services.test_outages import BOSS, LINES, World, port, splitter, world

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
    assert world.tests.asked == []


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
