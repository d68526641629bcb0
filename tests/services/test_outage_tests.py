"""The tests after an outage: they wait for room, and end with an outage that a person ends first."""

from typing import Any

import pytest

from acs.errors import TooMany
from acs.services.actor import Actor
from acs.store.records import LineTestRecord
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
