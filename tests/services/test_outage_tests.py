"""The tests after an outage: they wait for room, and end with an outage that a person ends first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from acs.errors import TooMany
from acs.services.actor import Actor
from acs.store.records import LineTestRecord
from acs.store.transaction import Transaction
from tests.services.test_outages import BOSS, World, splitter, world

__all__ = ["world"]


async def test_tests_that_wait_for_room_are_not_begun_once_a_person_has_ended_the_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()

    async def full(_actor: Actor, _line: str, **_: Any) -> LineTestRecord:
        raise TooMany("there is no room", retry_after_s=1)

    with monkeypatch.context() as busy:
        busy.setattr(world.tests, "start", full)
        await world.alarm("ont_up", splitter(2, "s1"))
        await world.look()
        await world.look(200)
    (waiting,) = await world.outages.find(BOSS)
    assert (waiting.id, waiting.state) == (outage.id, "restored")
    await world.outages.close(BOSS, outage.id, note="seen to")
    await world.look()
    assert world.tests.asked == []
    (ended,) = await world.outages.find(BOSS)
    assert (ended.state, ended.closed_by) == ("closed", BOSS.name)


async def test_what_a_person_says_of_a_restored_outage_stands(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person ends it while the server, which has read it as restored, waits to write its own end of it."""
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()

    async def full(_actor: Actor, _line: str, **_: Any) -> LineTestRecord:
        raise TooMany("there is no room", retry_after_s=1)

    monkeypatch.setattr(world.tests, "start", full)
    await world.alarm("ont_up", splitter(2, "s1"))
    await world.look()
    await world.look(200)
    real, persons = world.store.transaction, ["our own works"]

    @asynccontextmanager
    async def person_first(*, first: bool = False) -> AsyncIterator[Transaction]:
        if persons:
            await world.outages.close(BOSS, outage.id, note=persons.pop(), dismiss=True)
        async with real(first=first) as tx:
            yield tx

    world.clock.pass_s(24 * 3600.0)  # no test is waited for so long
    monkeypatch.setattr(world.store, "transaction", person_first)
    await world.watch._tests.go_on(world.clock.now)
    assert persons == []
    (ended,) = await world.outages.find(BOSS)
    assert (ended.state, ended.closed_by, ended.note) == ("dismissed", BOSS.name, "our own works")
