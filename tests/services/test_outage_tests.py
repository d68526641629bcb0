"""The tests after an outage: they wait for room, and end with an outage that a person ends first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from acs.errors import NotFound, TooMany
from acs.services.actor import Actor
from acs.services.outage_cases import Case, evidence_text, outcome_of
from acs.store.outages import OutageLine, OutageRecord
from acs.store.records import LineRecord, LineTestRecord
from acs.store.transaction import Transaction
from tests.services.test_outages import BOSS, NOW, World, splitter, world

__all__ = ["world"]


async def full(*_: object, **__: object) -> LineTestRecord:
    """There is no room for a test."""
    raise TooMany("there is no room", retry_after_s=1)


async def test_tests_that_wait_for_room_are_not_begun_once_a_person_has_ended_the_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()

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


async def cut_and_back(world: World) -> list[LineRecord]:
    """The lines of a splitter that fell together and came back: their outage is restored, their tests are due."""
    cut = splitter(2, "s1")
    await world.alarm("ont_los", cut)
    await world.look()
    await world.alarm("ont_up", cut)
    await world.look()
    return cut


async def test_tests_that_are_due_at_a_restart_are_begun_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = await cut_and_back(world)
    with monkeypatch.context() as busy:
        busy.setattr(world.tests, "start", full)
        await world.look(200)
    world.watch = world.detector()
    await world.look(3_600)  # the server was away for longer than tests are waited for
    assert sorted(world.tests.asked) == sorted(one.id for one in cut)
    (ended,) = await world.outages.find(BOSS)
    assert ended.state == "closed" and "; 8 tested" in ended.detail
    assert "not tested" not in ended.detail


async def test_an_outage_for_whose_tests_there_was_no_room_in_time_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_and_back(world)
    monkeypatch.setattr(world.tests, "start", full)
    for _ in range(6):
        await world.look(200)
    (ended,) = await world.outages.find(BOSS)
    assert ended.state == "closed" and "; 0 tested; not tested: 8" in ended.detail
    _, lines, _ = await world.outages.get(BOSS, ended.id)
    assert {one.outcome for one in lines} == {"not_tested"}


async def test_a_line_that_is_gone_is_not_tested_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = await cut_and_back(world)
    real = world.tests.start

    async def gone(actor: Actor, line: str, **more: Any) -> LineTestRecord:
        if line == cut[0].id:
            raise NotFound("there is no such line")
        return await real(actor, line, **more)

    monkeypatch.setattr(world.tests, "start", gone)
    await world.look(200)
    (ended,) = await world.outages.find(BOSS)
    assert ended.state == "closed" and "; 7 tested; not tested: 1" in ended.detail


BACK, DOWN = OutageLine("O", "L", NOW, back_at=NOW), OutageLine("O", "L", NOW)


@pytest.mark.parametrize(
    ("verdict", "back", "down"),
    [
        ({"verdict": "NFF", "needs_human": False}, "healthy", "healthy"),
        ({"verdict": "NFF", "needs_human": True}, "unknown", "broken"),
        ({"verdict": "MONITOR_24H", "cause": "transient"}, "healthy", "healthy"),
        ({"verdict": "MONITOR_24H", "cause": "restored_unmeasured"}, "unknown", "broken"),
        ({"verdict": "GUIDE_CUSTOMER", "cause": "account_blocked", "location": "account"}, "unknown", "broken"),
        ({"verdict": "GUIDE_CUSTOMER", "cause": "ont_power", "location": "home-power"}, "broken", "broken"),
        ({"verdict": "DISPATCH_LINE", "cause": "drop_fibre_cut", "location": "drop"}, "broken", "broken"),
        ({"verdict": "INCONCLUSIVE"}, "unknown", "broken"),
        ({"verdict": "ATTACH_OUTAGE"}, "unknown", "broken"),
        (None, "unknown", "broken"),
    ],
)
def test_what_a_test_after_an_outage_says_of_a_line(verdict: dict[str, object] | None, back: str, down: str) -> None:
    assert (outcome_of(verdict, BACK), outcome_of(verdict, DOWN)) == (back, down)


def test_how_an_outage_ended_tells_healthy_broken_unknown_and_not_tested_apart() -> None:
    said = ("healthy", "healthy", "broken", "unknown", "not_tested")
    lines = [
        replace(BACK, line=f"L{n}", outcome=outcome, line_test=None if outcome == "not_tested" else f"T{n}")
        for n, outcome in enumerate(said)
    ]
    case = Case(cast(OutageRecord, None), {one.line: one for one in lines})
    text = evidence_text(case)
    assert text.endswith("; 4 tested; not known: 1; not tested: 1; still broken: L2")
