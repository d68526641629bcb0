"""What tickets tell of outages: one whose own test runs tells nothing yet, and a crowd of them convicts no line."""

import pytest

from acs.services.context import scope_facts
from acs.services.identifiers import new_id
from acs.store import line_tests as test_store
from acs.store import tickets as ticket_store
from acs.store.records import Json, LineRecord, LineTestRecord, LineTestState, TicketRecord
from tests.services.test_outages import BOSS, LINES, World, splitter, world

__all__ = ["world"]

#: the lines of one house, six of which complain
HOUSE = [one for one in LINES if one.address.startswith("Town, Main st., 2,")]
SIX = HOUSE[:6]


async def begun(world: World, lines: list[LineRecord]) -> list[str]:
    """A ticket of each line, whose test is not through yet."""
    now, tests = world.clock.now, [new_id() for _ in lines]
    async with world.store.transaction() as tx:
        for test, one in zip(tests, lines, strict=True):
            await test_store.add(tx, LineTestRecord(test, one.id, LineTestState.RUNNING, now, now, "crm"))
            await ticket_store.add(tx, TicketRecord(f"T-{one.id}", f"e-{one.id}", now, "crm", {}, one.id, test))
    return tests


async def ended(world: World, tests: list[str], verdict: str | None) -> None:
    state = LineTestState.DONE if verdict else LineTestState.FAILED
    async with world.store.transaction() as tx:
        for test in tests:
            said: Json = {"verdict": verdict} if verdict else None
            await test_store.finish(tx, test, state, world.clock.now, facts={}, verdict=said)


@pytest.mark.parametrize(("verdict", "opened"), [("DISPATCH_HOME", 0), ("NFF", 1), ("INCONCLUSIVE", 1), (None, 1)])
async def test_a_ticket_whose_own_test_still_runs_tells_nothing_until_it_has_ended(
    world: World, verdict: str | None, opened: int
) -> None:
    """However late we are with the tests: that they wait for us says nothing of the lines."""
    tests = await begun(world, SIX)
    for _ in range(20):
        assert await world.look(10) == []
    await ended(world, tests, verdict)
    await world.look(5)
    assert len(await world.open()) == opened


async def test_an_outage_that_only_tickets_tell_of_says_nothing_of_a_line_until_a_person_confirms_it(
    world: World,
) -> None:
    await ended(world, await begun(world, HOUSE), "NFF")
    await world.look(5)
    (outage,) = await world.open()
    assert (outage.witness, outage.state) == ("ticket", "candidate")
    assert await told_of(world, HOUSE[0]) == []
    _, _, tickets = await world.outages.get(BOSS, outage.id)
    assert {one.line for one in tickets} == {one.id for one in HOUSE}, "they are attached for all that"
    await world.outages.confirm(BOSS, outage.id, note="the provider of films is down")
    await world.look(5)
    assert await told_of(world, HOUSE[0]) == [outage.id]


async def told_of(world: World, line: LineRecord) -> list[object]:
    async with world.store.reading() as tx:
        facts = await scope_facts(tx, line.scopes(), world.clock.now)
    return [fact.value for fact in facts if fact.name == "incident.match"]


async def test_tickets_of_an_outage_are_no_slow_fault_unless_it_was_none(world: World) -> None:
    cut = splitter(2, "s1")
    for n, one in enumerate(cut):
        await world.ticket(f"T{n}", one.id)
    await world.alarm("ont_los", cut)
    (outage,) = await world.look()
    assert await world.outages.systemic(BOSS, days=30) == []
    await world.outages.close(BOSS, outage.id, note="it was none", dismiss=True)
    assert "splitter" in {one.level for one in await world.outages.systemic(BOSS, days=30)}
