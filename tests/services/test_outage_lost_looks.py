"""Looks for outages whose transaction fails: what they took in is taken in by the next one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from acs.errors import StoreError
from acs.services.outage_reports import SOURCE
from acs.store import outages as outage_store
from acs.store.access import Endpoint
from acs.store.outages import LineTrouble
from tests.services.test_outages import LINES, World, incident_scopes, lost_sessions, port, splitter, survey, world

__all__ = ["world"]


async def lost_looks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks whose transaction fails at its end."""

    async def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(world.watch, "_keep", fails)
        for _ in range(2):
            with pytest.raises(StoreError):
                await world.look(31)


async def test_what_a_failed_look_took_in_is_taken_in_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traps, sessions and a line test's own fall: each is read again after the store was away."""
    await lost_sessions(world, LINES, "up")
    await world.look(31)
    await world.alarm("ont_los", splitter(2, "s1"))
    await lost_sessions(world, port(3))
    async with world.store.transaction() as tx:
        now = world.clock.now
        seen = [LineTrouble(one.id, "fall", "olt-1", now, now, False, SOURCE) for one in splitter(0, "s0")]
        await outage_store.put_troubles(tx, seen)
    await lost_looks(world, monkeypatch)
    await world.look(31)
    found = {(one.witness, one.scope) for one in await world.open()}
    assert {("fall", "olt-1/0/1/2/s1"), ("fall", "olt-1/0/1/0/s0"), ("session", "olt-1/0/1/3")} <= found


async def test_a_round_of_a_failed_look_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fell = world.clock.now + timedelta(seconds=30)
    world.clock.pass_s(60)
    down = Endpoint("olt-1", "ont", "", world.clock.now, 0, 1, 1, 0, "offline", None, fell, down_cause="losi")
    await survey(world, [replace(down, line=one.id, key=one.id, ont=one.ont) for one in splitter(1, "s0")])
    await lost_looks(world, monkeypatch)
    (outage,) = await world.look()
    assert outage.scope == "olt-1/0/1/1/s0"


async def test_the_incident_of_an_outage_that_is_over_goes_though_a_look_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.alarm("ont_los", splitter(2, "s1"))
    await world.look()
    assert await incident_scopes(world) != []
    await world.alarm("ont_up", splitter(2, "s1"))
    world.clock.pass_s(200)
    await lost_looks(world, monkeypatch)
    await world.look()
    assert await incident_scopes(world) == []


async def test_what_fell_in_an_hour_is_learned_though_the_store_was_away_at_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look(3600)
    await world.alarm("ont_los", port(0)[:1])
    await world.look()
    world.clock.pass_s(3600)

    async def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(outage_store, "learn", fails)
        with pytest.raises(StoreError):
            await world.look()
    await world.look()
    async with world.store.reading() as tx:
        rates = await outage_store.rates_at(tx, world.clock.now.hour - 1)
    assert rates["fall", "olt-1/0/1/0"][0] == 1.0
