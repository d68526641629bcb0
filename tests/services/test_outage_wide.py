"""Groups that span access nodes are held against all of their lines, not only against those of nodes in trouble."""

from datetime import timedelta

import pytest

from acs.store import access as access_store
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store import tickets as ticket_store
from acs.store.access import AccessAlarm
from acs.store.records import AccessNode, ContextFact, LineRecord, TicketRecord
from probes.linetest.mass_outage import Area, AreaLine, Fall, find_outages
from tests.services.test_outages import NOW, World, world

__all__ = ["world"]

#: house switches, and lines of each; one ticket each of so many of them is what an hour brings
SWITCHES, LINES, TICKETS = 125, 24, 12


async def test_tickets_here_and_there_are_no_outage_of_what_all_share(world: World) -> None:
    rows = [
        LineRecord(f"F{n}-{m:02}", "fttb", node=f"sw-{n}", slot=0, port=m)
        for n in range(SWITCHES)
        for m in range(LINES)
    ]
    async with world.store.transaction() as tx:
        await line_store.upsert(tx, rows, NOW)
        await fact_store.put(tx, [ContextFact(one.id, "bras.session", "up", NOW, "bras-7") for one in rows])
    await world.look(3_601)  # the lines of a BRAS are counted once an hour
    for n in range(TICKETS):
        now = world.clock.now + timedelta(seconds=n * 200)
        async with world.store.transaction() as tx:
            await ticket_store.add(tx, TicketRecord(f"T{n}", f"e{n}", now, "crm", {}, f"F{n * 7}-00"))
    for _ in range(TICKETS * 200 // 60 + 2):
        await world.look(60)
    assert await world.open() == []


async def test_two_dead_house_switches_of_a_street_are_two_outages_and_none_of_the_street(world: World) -> None:
    """The street has 20 houses, each with its switch: of what is looked at all is down, of the street a tenth."""
    rows = [
        LineRecord(f"S{s}-{n:02}", "fttb", address=f"Town, Long st., {s}, apt {n + 1}", node=f"sw-{s}", port=n)
        for s in range(1, 21)
        for n in range(24)
    ]
    async with world.store.transaction() as tx:
        for s in range(1, 21):
            await node_store.put(tx, AccessNode(f"sw-{s}", f"192.0.2.{s + 10}", world.clock.now))
        await line_store.upsert(tx, rows, world.clock.now)
    await world.look(100)  # the lines of a street are counted once an hour, and after an import
    alarms = []
    for one in rows:
        if one.node in ("sw-3", "sw-17"):
            world.clock.pass_s(0.1)
            now = world.clock.now
            alarms.append(
                AccessAlarm(
                    one.node,
                    "192.0.2.13",
                    "link_down",
                    now,
                    now,
                    one.id,
                    False,
                    None,
                    None,
                    one.port,
                    None,
                    line=one.id,
                )
            )
    async with world.store.transaction() as tx:
        await access_store.add_alarms(tx, alarms)
    found = await world.look()
    assert sorted((one.level, one.scope, one.hit) for one in found) == [("switch", "sw-17", 24), ("switch", "sw-3", 24)]


@pytest.mark.parametrize(("size", "found"), [(0, 1), (12 * 24, 1), (125 * 24, 0)])
def test_a_group_has_the_lines_that_it_has_anywhere(size: int, found: int) -> None:
    area = Area.of(AreaLine(f"{n}-{m}", (("switch", f"sw-{n}"), ("bras", "b"))) for n in range(12) for m in range(24))
    area.sizes = {("bras", "b"): size}
    falls = [Fall(f"{n}-0", NOW - timedelta(seconds=200 * n)) for n in range(12)]
    outages = find_outages(area, falls, NOW, lambda _: 0.05)
    assert [(one.level, one.members) for one in outages] == [("bras", max(size, 12 * 24))] * found
