"""An outage that turns out to be several: each gets its own, and none is renamed at every look."""

from acs.store import facts as fact_store
from acs.store.outages import OutageRecord
from acs.store.records import ContextFact, LineRecord
from tests.services.test_outages import BOSS, LINES, World, splitter, world

__all__ = ["world"]

TWO = [splitter(0, "s0"), splitter(3, "s0")]


async def sessions_of(world: World, lines: list[LineRecord]) -> None:
    """One BRAS tells of the sessions of these lines."""
    async with world.store.transaction() as tx:
        await fact_store.put(
            tx, [ContextFact(one.id, "bras.session", "up", world.clock.now, "bras-9") for one in lines]
        )


async def a_fall_elsewhere(world: World, n: int) -> list[OutageRecord]:
    """One ONT falls by itself, so that the falls are looked at again."""
    world.clock.pass_s(60)
    await world.alarm("ont_down", splitter(1 + n % 2, f"s{n // 2}")[:1])
    return await world.look()


async def cut_of_all_that_a_bras_is_known_to_have(world: World) -> str:
    await sessions_of(world, [one for cut in TWO for one in cut])
    await world.look(61)
    await world.alarm("ont_los", [one for cut in TWO for one in cut])
    (wide,) = await world.look()
    assert (wide.level, wide.scope, wide.hit) == ("bras", "bras-9", 16)
    return wide.id


async def test_what_seemed_to_be_one_bras_is_two_splitters(world: World) -> None:
    wide = await cut_of_all_that_a_bras_is_known_to_have(world)
    await sessions_of(world, LINES)
    await a_fall_elsewhere(world, 0)
    found = {one.scope: (one.level, one.hit, one.members) for one in await world.open()}
    assert found == {f"olt-1/0/1/{port}/s0": ("splitter", 8, 8) for port in (0, 3)}
    assert wide in {one.id for one in await world.open()}
    for one in await world.open():
        _, lines, _ = await world.outages.get(BOSS, one.id)
        assert {f"olt-1/0/1/{line.line[1]}/s0" for line in lines} == {one.scope}
    for n in range(1, 4):
        assert await a_fall_elsewhere(world, n) == [], "and so it stays"


async def test_what_a_person_confirmed_stays_as_wide_as_he_said(world: World) -> None:
    wide = await cut_of_all_that_a_bras_is_known_to_have(world)
    await world.outages.confirm(BOSS, wide, note="the BRAS is down")
    await sessions_of(world, LINES)
    for n in range(3):
        await a_fall_elsewhere(world, n)
        assert [(one.id, one.level, one.scope) for one in await world.open()] == [(wide, "bras", "bras-9")]
