"""Of a large network the newest counts: what came is read to the end, however much that is."""

from datetime import timedelta

import pytest

from acs.app import App
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store import outage_evidence as evidence_store
from acs.store.records import AccessNode, ContextFact, LineRecord
from tests.services.test_outages import BOSS, LINES, NOW, World, inform, lost_sessions, port, splitter, world

__all__ = ["world"]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a network is to a page of 20 000, so the 64 lines here are to one of 7."""
    monkeypatch.setattr(evidence_store, "PAGE", 7)


async def test_lost_sessions_of_a_large_network_are_an_outage(world: World) -> None:
    await lost_sessions(world, LINES, "up")
    await world.look(31)
    for _ in range(3):
        await lost_sessions(world, LINES[:32], "up")  # what is told again and again is older than the loss
        await world.look(31)
    await lost_sessions(world, port(3))
    await world.look(31)
    (outage,) = await world.open()
    assert (outage.witness, outage.level, outage.hit) == ("session", "pon", 16)
    await lost_sessions(world, port(3), "up")
    await world.look(31)
    await world.look(121)
    assert await world.open() == []


async def test_a_session_that_is_told_late_counts_once_the_horizon_is_read_again(world: World) -> None:
    await lost_sessions(world, LINES, "up")
    await world.look(31)
    lost = world.clock.now + timedelta(seconds=60)
    for _ in range(8):
        await world.look(60)
    async with world.store.transaction() as tx:
        await fact_store.put(tx, [ContextFact(one.id, "bras.session", "none", lost, "bras-7") for one in port(1)])
    for _ in range(6):
        await world.look(60)
    assert [one.hit for one in await world.open()] == [16]


async def test_boots_traps_and_tickets_of_a_large_network_are_read_to_the_end(world: World) -> None:
    for one in LINES:
        await inform(world, one, world.clock.now)
    await world.look()
    for one in port(3):
        await inform(world, one, world.clock.now, "1 BOOT")
    (booted,) = await world.look()
    assert (booted.witness, booted.hit) == ("boot", 16)
    for n, one in enumerate(LINES):
        await world.ticket(f"T{n:02}", one.id, "DISPATCH_HOME")
    await world.alarm("ont_los", splitter(0, "s1"))
    await world.look()
    (cut,) = [one for one in await world.open() if one.witness == "fall"]
    _, lines, tickets = await world.outages.get(BOSS, cut.id)
    assert {one.line for one in tickets} == {one.line for one in lines} == {one.id for one in splitter(0, "s1")}
    await world.ticket("late", splitter(0, "s1")[0].id, "DISPATCH_HOME")
    await world.look(600)
    _, _, tickets = await world.outages.get(BOSS, cut.id)
    assert "late" in {one.ticket for one in tickets} and len(tickets) == 9


async def test_sessions_of_twenty_thousand_lines_and_more_are_all_told(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_store, "PAGE", 20_000)
    many = [
        LineRecord(f"B{i:05}", "pon", node="olt-9", frame=0, slot=1, port=i % 16, ont=i // 16) for i in range(20_100)
    ]
    before = NOW - timedelta(minutes=4)
    async with app.store.transaction() as tx:
        await node_store.put(tx, AccessNode("olt-9", "192.0.2.1", NOW))
        await line_store.upsert(tx, many, NOW)
        await fact_store.put(tx, [ContextFact(one.id, "bras.session", "up", before, "aaa") for one in many[:-100]])
        await fact_store.put(tx, [ContextFact(one.id, "bras.session", "none", NOW, "aaa") for one in many[-100:]])
    async with app.store.reading() as tx:
        pages = [page async for page in evidence_store.sessions_since(tx, NOW - timedelta(hours=1))]
    assert [len(page) for page in pages] == [20_000, 100]
    assert sum(state == "none" for page in pages for _, _, state, _ in page) == 100
