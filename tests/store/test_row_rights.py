"""What a limited view may see and touch, whichever table it is in."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import select, update

from acs.errors import Forbidden, InvalidInput
from acs.store import Store, devices, groups, lines, operations
from acs.store.groups import LineGroups
from acs.store.reach import Group, Reach, View, parse_group, parse_groups, unlimited, viewing
from acs.store.row_rights import condition_of
from acs.store.schema import devices as device_table
from acs.store.schema import metadata
from acs.store.schema import operations as operation_table
from tests.store.make import line, opening, operation

NORTH = Reach(frozenset({Group(region="north")}))
#: tables whose rows belong to no line: each with why nobody learns another region's line from them
NOBODYS = {
    "audit": "asks for the verb audit, on all lines", "audit_anchors": "see audit", "audit_chain": "see audit",
    "audit_links": "see audit",
    "backup_schemas": "names of parameters", "tree_schemas": "names of parameters",
    "campaigns": "asks for the verb campaigns, on all lines; its devices are held by campaign_devices",
    "context_sources": "other systems, no line", "ticket_feeds": "other systems, no line",
    "deliveries": "asks for all lines", "delivery_attempts": "see deliveries",
    "digest_nonces": "the CPE side", "udp_orders": "the CPE side",
    "fall_rates": "rates of areas", "outage_cursors": "the worker's place",
    "incidents": "scopes of the network; shown for a line in reach", "planned_works": "see incidents",
    "scope_snapshots": "see incidents",
    "kept_answers": "by the caller's own token",
    "model_abilities": "models",
    "operation_gates": "reached through its operation", "operation_progress": "see operation_gates",
    "operation_secrets": "see operation_gates", "operation_steps": "see operation_gates",
    "pack_activations": "rules", "pack_approvals": "rules", "pack_shadows": "rules", "rule_packs": "rules",
    "people": "asks for the verb people, on all lines", "sign_ins": "see people", "token_grants": "see people",
    "tokens": "see people",
    "sample_blocks": "reached through its series", "samples": "see sample_blocks",
    "search_groups": "saved questions; their answers are held", "search_numbers": "reached through search_docs",
    "search_words": "see search_numbers",
    "security_counts": "of the whole fleet, shown by nobody",
    "switches": "the freeze, for everybody",
    "ticket_states": "reached through its ticket",
    "tmf_remote_things": "ids of other systems", "tmf_subscriptions": "carries the groups of who subscribed",
    "webhook_replays": "digests of messages",
}  # fmt: skip


@pytest.fixture
async def two_regions(store: Store, now: datetime) -> Store:
    for n, where in enumerate(("north", "south"), 1):
        key = f"00AA11-ONT-{where}"
        await store.sessions.open(opening(now, key=key, serial_number=where))
        async with store.transaction() as tx:
            await lines.upsert(tx, [line(where, node=f"olt-{where}", device_serials=(where,))], now)
            await groups.put(tx, {where: LineGroups(region=where, operator="acme", tags=("vip", where))})
            await devices.set_line(tx, key, where)
            await operations.add(tx, operation(now, n, device=key))
    return store


def test_every_table_is_held_or_says_why_not() -> None:
    bare = {table.name for table in metadata.sorted_tables if condition_of(table, NORTH) is None}
    assert bare == NOBODYS.keys(), "name a line, device or node in the new table, or say here why it needs none"


async def test_queries_see_what_is_in_reach(two_regions: Store) -> None:
    with viewing(View("ann", (NORTH,))) as view:
        async with two_regions.reading() as tx:
            assert [each.id for each in await lines.list_lines(tx)] == ["north"]
            assert [each.key for each in await devices.list_devices(tx)] == ["00AA11-ONT-north"]
            assert [each.device for each in await operations.list_operations(tx)] == ["00AA11-ONT-north"]
            assert await lines.get(tx, "south") is None
            assert await lines.get(tx, "nowhere") is None
        assert view.refused == ["lines:south"], "what is there but out of reach is remembered, what is not is not"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("region:north", ["north"]),
        ("operator:acme", ["north", "south"]),
        ("tag:south", ["south"]),
        ("operator:acme,tag:north", ["north"]),
        ("region:north,tag:south", []),
        ("unbound", []),
    ],
)
async def test_groups_name_regions_operators_and_tags(two_regions: Store, text: str, seen: list[str]) -> None:
    reach = parse_groups([text])
    assert reach is not None
    with viewing(View("ann", (reach,))):
        async with two_regions.reading() as tx:
            assert [each.id for each in await lines.list_lines(tx)] == seen


async def test_several_groups_are_added_and_several_reaches_narrow(two_regions: Store) -> None:
    both, south = parse_groups(["region:north", "tag:south"]), parse_groups(["region:south"])
    assert both is not None and south is not None
    view = View("ann", (both,))
    with viewing(view):
        async with two_regions.reading() as tx:
            assert len(await lines.list_lines(tx)) == 2
            view.narrow(south)
            assert [each.id for each in await lines.list_lines(tx)] == ["south"]


async def test_writes_touch_what_is_in_reach(two_regions: Store, now: datetime) -> None:
    with viewing(View("ann", (NORTH,))):
        async with two_regions.transaction() as tx:
            assert not await devices.set_line(tx, "00AA11-ONT-south", None)
            changed = await tx.run(update(operation_table).values(reason="mine"))
            assert changed == 1
        with pytest.raises(Forbidden, match="south is not among the lines of 'ann'"):
            async with two_regions.transaction() as tx:
                await lines.upsert(tx, [line("south", address="elsewhere")], now)
        with pytest.raises(Forbidden):
            async with two_regions.transaction() as tx:
                await groups.put(tx, {"south": LineGroups(region="north")})
    async with two_regions.reading() as tx:
        rows = await tx.rows(select(operation_table.c.device, operation_table.c.reason))
    assert {row.device: row.reason for row in rows} == {"00AA11-ONT-north": "mine", "00AA11-ONT-south": ""}


async def test_devices_on_no_line_are_a_group_of_their_own(two_regions: Store, now: datetime) -> None:
    await two_regions.sessions.open(opening(now, key="00AA11-ONT-loose", serial_number="loose"))
    for texts, seen in ((["region:north"], 1), (["region:north", "unbound"], 2)):
        reach = parse_groups(texts)
        assert reach is not None
        with viewing(View("ann", (reach,))):
            async with two_regions.reading() as tx:
                assert len(await devices.list_devices(tx)) == seen


async def test_a_new_line_of_a_limited_actor_is_in_his_group(two_regions: Store, now: datetime) -> None:
    with viewing(View("ann", (NORTH,))):
        async with two_regions.transaction() as tx:
            await lines.upsert(tx, [line("new")], now)
            assert [each.id for each in await lines.list_lines(tx)] == ["new", "north"]
    both = parse_groups(["region:north", "region:south"])
    assert both is not None
    with viewing(View("ann", (both,))), pytest.raises(Forbidden, match="in none of them"):
        async with two_regions.transaction() as tx:
            await lines.upsert(tx, [line("newer")], now)


async def test_work_of_nobody_sees_everything(two_regions: Store) -> None:
    async def count() -> int:
        async with two_regions.reading() as tx:
            return len(await lines.list_lines(tx))

    with viewing(View("ann", (NORTH,))):
        assert await count() == 1
        assert await asyncio.get_running_loop().create_task(count(), context=unlimited()) == 2


async def test_a_subquery_that_cannot_be_held_is_refused(two_regions: Store) -> None:
    inner = select(device_table.c.key).subquery()
    with viewing(View("ann", (NORTH,))), pytest.raises(AssertionError, match="subquery"):
        async with two_regions.reading() as tx:
            await tx.rows(select(inner))


@pytest.mark.parametrize(
    "text", ["", "north", "region:", "region:a,region:b", "city:x", "region:a\tb", f"region:{65 * 'x'}"]
)
def test_a_group_that_is_none_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="region:NAME"):
        parse_group(text)


def test_groups_are_written_as_they_are_read() -> None:
    for text in ("region:north", "region:north,operator:acme,tag:vip", "unbound"):
        assert str(parse_group(text)) == text
