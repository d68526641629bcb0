"""Informs that nobody could hear: that the server was away, or busy, says nothing of the CPEs that called meanwhile."""

from datetime import timedelta

from acs.services.hearing import SentAway
from tests.services.test_outages import LINES, World, inform, port, world

__all__ = ["world"]


async def all_inform(world: World, but: int | None = None) -> None:
    for one in LINES:
        if one.port != but:
            await inform(world, one, world.clock.now)


async def away(world: World) -> None:
    """Everybody is heard, then the server is gone for twenty minutes and starts anew."""
    await all_inform(world)
    await world.look(31)
    world.clock.pass_s(1_200)
    world.watch = world.detector()


async def test_after_a_time_in_which_we_were_away_every_device_has_its_interval_again(world: World) -> None:
    await away(world)
    for _ in range(8):
        assert await world.look(31) == [], "nobody could call while we were away"


async def test_a_port_that_died_while_we_were_away_is_found_an_interval_after(world: World) -> None:
    await away(world)
    for _ in range(20):
        await all_inform(world, but=1)
        await world.look(31)
    (outage,) = await world.open()
    assert (outage.witness, outage.scope, outage.hit) == ("silent", "olt-1/0/1/1", len(port(1)))


async def test_a_look_that_is_late_was_late_for_informs_too(world: World) -> None:
    """Looks come every few seconds: one that comes minutes late says how long nobody was heard."""
    await all_inform(world)
    await world.look(31)
    await world.look(31)
    world.clock.pass_s(700)
    began = world.clock.now
    for _ in range(8):
        assert await world.look(31) == []
    assert world.clock.now - began < timedelta(seconds=300)


async def test_while_informs_are_sent_away_nobody_is_late(world: World) -> None:
    sent_away = SentAway(world.store, world.clock)
    await all_inform(world)
    for _ in range(12):
        await world.look(31)
        sent_away.note()
        sent_away.note()
        await sent_away.close()
    for _ in range(8):
        assert await world.look(31) == [], "each has its interval again"
    for _ in range(8):
        await all_inform(world, but=1)
        await world.look(31)
    (outage,) = await world.open()
    assert outage.scope == "olt-1/0/1/1"


async def test_an_outage_is_not_over_because_we_were_away(world: World) -> None:
    await all_inform(world)
    for _ in range(16):
        await all_inform(world, but=1)
        await world.look(31)
    (outage,) = await world.open()
    world.clock.pass_s(200)
    world.watch = world.detector()
    for _ in range(8):
        await all_inform(world, but=1)
        await world.look(31)
    assert [(one.id, one.hit) for one in await world.open()] == [(outage.id, outage.hit)]
