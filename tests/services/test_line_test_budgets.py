"""Budgets and silence of line tests: partial and hard stop in time, joiners keep them, what is down is said."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from acs.app import App
from acs.config import LineTestsSection, OutagesSection, SourcesSection
from acs.services.clock import utc_now
from acs.services.context import Entry
from acs.services.gathering import TIME_IS_UP
from acs.services.obtainable import access_facts_known
from acs.services.outage_watch import OutageWatch
from acs.store import context_sources as source_store
from acs.store import lines as line_store
from acs.store import outages as outage_store
from acs.store import tickets as ticket_store
from acs.store.records import LineTestState, TicketRecord
from tests.services.test_line_tests import ACTOR, LINE, World, facts_of, finished, sources_of, tell, world

__all__ = ["world"]


def budgets(world: World, *, partial_s: float, hard_stop_s: float, source_s: float) -> None:
    sources = SourcesSection(access_s=source_s, cpe_s=source_s, cpe_full_s=source_s, ping_s=source_s)
    world.config = LineTestsSection(sources=sources, partial_s=partial_s, hard_stop_s=hard_stop_s, fresh_contact_s=0.0)


def why_not(record: Any) -> dict[str, tuple[str, str, str]]:
    """fact → because, source, problem."""
    return {one["fact"]: (one["because"], one["source"], one["problem"]) for one in record.facts["unmeasured"]}


def test_the_budgets_are_those_of_a_phone_call() -> None:
    usual = LineTestsSection()
    assert (usual.quick_s, usual.partial_s, usual.hard_stop_s) == (5.0, 20.0, 60.0)
    longest = max(usual.sources.model_dump().values())
    assert longest <= 8.0 and usual.path.whole_packets_s <= 8.0 and usual.path.answer_s <= 8.0


async def test_sources_that_never_end_are_stopped_and_the_verdict_is_given_all_the_same(world: World) -> None:
    """The access node sleeps for an hour: a partial verdict at `partial_s`, the last one at the hard stop."""
    budgets(world, partial_s=0.4, hard_stop_s=1.2, source_s=3600.0)
    world.reader.delay_s = 3600.0
    world.operations.behaviour = "silent"
    tests = world.line_tests()
    started = await tests.start(ACTOR, "L-1", depth="full")
    assert started.deadline_at - started.created_at == timedelta(seconds=1.2)
    told = [(one.kind, one.data, one.at - started.created_at) async for one in tests.watch(ACTOR, started.id)]
    verdicts = [(data["partial"], after) for kind, data, after in told if kind == "verdict"]
    assert [partial for partial, _ in verdicts] == [True, False]
    assert timedelta(seconds=0.4) <= verdicts[0][1] < verdicts[1][1]
    assert verdicts[1][1] >= timedelta(seconds=1.2), "the time that it has is used"
    record = await tests.get(ACTOR, started.id)
    assert record.state is LineTestState.DONE
    assert {sources_of(record)[name] for name in ("access", "cpe-1")} == {"late"}, "cut off by the hard stop"
    assert why_not(record)["sib.down_ratio"] == ("late", "access", TIME_IS_UP)
    assert facts_of(record)["probe.planned_n"]["value"] > facts_of(record)["probe.done_n"]["value"]


async def test_who_joins_waits_no_longer_than_who_began(world: World) -> None:
    """A joiner that asks for 50 seconds of a test that has one gets it at the end of that second."""
    budgets(world, partial_s=0.3, hard_stop_s=60.0, source_s=3600.0)
    world.reader.delay_s = 3600.0
    tests = world.line_tests()
    first = await tests.start(ACTOR, "L-1", deadline_s=1.0)
    joined = await tests.start(ACTOR, "L-1", deadline_s=50.0)
    assert joined == first, "the same record, the same deadline"
    async with asyncio.timeout(40):
        record = await finished(tests, joined.id)
    assert (record.deadline_at, record.state) == (first.deadline_at, LineTestState.DONE)
    assert world.reader.asked == 1


async def test_a_partial_verdict_is_told_to_who_joined_after_it(world: World) -> None:
    budgets(world, partial_s=0.2, hard_stop_s=1.5, source_s=3600.0)
    world.reader.delay_s = 3600.0
    tests = world.line_tests()
    first = await tests.start(ACTOR, "L-1")
    async with aclosing(tests.watch(ACTOR, first.id)) as told:
        await anext(one async for one in told if one.kind == "verdict")
    joined = await tests.start(ACTOR, "L-1")
    kinds = [(one.kind, one.data.get("partial")) async for one in tests.watch(ACTOR, joined.id)]
    assert joined.id == first.id
    assert [partial for kind, partial in kinds if kind == "verdict"] == [True, False]


@pytest.mark.parametrize(
    ("error", "state", "problem"),
    [(OSError("no route to olt-1"), "failed", "no route to olt-1"), (None, "late", "no answer within 0.3 s")],
)
async def test_every_fact_of_a_source_that_is_down_is_said_to_lack_because_of_it(
    world: World, error: Exception | None, state: str, problem: str
) -> None:
    budgets(world, partial_s=5.0, hard_stop_s=20.0, source_s=0.3)
    world.reader.error, world.reader.delay_s = error, 0.0 if error else 3600.0
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    lacking = why_not(record)
    by_cpe = {"ont.rx_dbm", "ont.tx_dbm", "ont.temp_c", "ont.bias_ma", "ont.lan_link"}
    of_node = [name for name in record.verdict["not_measured"] if name in access_facts_known("pon") - by_cpe]
    assert {"sib.down_ratio", "olt.unprovisioned_on_port"} <= set(of_node)
    assert {lacking[name] for name in of_node} == {(state, "access", problem)}
    assert list(lacking) == record.verdict["not_measured"], "each of them has a reason"


async def test_a_system_that_is_down_is_named_for_what_it_told_before(world: World) -> None:
    old = utc_now() - timedelta(hours=5)
    await world.app.northbound.context.put_facts(ACTOR, "billing", [Entry("L-1", "account.state", "active", old)])
    async with world.app.store.transaction() as tx:
        await source_store.put(
            tx, source_store.ContextSource("billing", "pull", old, down_since=old, problem="HTTP 503")
        )
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert why_not(record)["account.state"][:2] == ("failed", "context:billing")
    assert why_not(record)["account.state"][2].endswith(": HTTP 503")


async def test_who_would_have_to_tell_it_is_named_where_nobody_here_measures(world: World) -> None:
    await tell(world.app, contacts_14d=0)
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    account = next(one for one in record.facts["unmeasured"] if one["fact"] == "account.state")
    assert (account["because"], account["by"]) == ("told", {"ru": "биллинг", "en": "billing"})
    incident = next(one for one in record.facts["unmeasured"] if one["fact"] == "incident.match")
    assert (incident["because"], incident["by"]) == ("missing", None)


# --- OPEN_OUTAGE -----------------------------------------------------------------------------------------------------


def detector(app: App) -> OutageWatch:
    return app.northbound.outage_watch


async def with_neighbours(world: World) -> None:
    lines = [replace(LINE, id=f"N-{n}", ont=n, pppoe_login="", device_serials=()) for n in range(16) if n != 3]
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, lines, utc_now())


async def test_a_verdict_of_a_mass_fault_opens_a_candidate_and_attaches_its_tickets(world: World) -> None:
    await with_neighbours(world)
    await detector(world.app).look()
    await tell(world.app, account__state="active", contacts_14d=0)
    world.reader.state, world.reader.neighbours_down = "offline", 12
    world.operations.behaviour = "silent"
    async with world.app.store.transaction() as tx:
        await ticket_store.add(tx, TicketRecord("TT-1", "e-1", utc_now(), "crm", {}, "L-1"))
    tests = world.line_tests()
    tests.hearers.tells_falls = OutagesSection().enabled
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert (record.verdict["verdict"], record.verdict["cause"]) == ("OPEN_OUTAGE", "mass_fibre")
    (outage,) = await detector(world.app).look()
    assert (outage.state, outage.witness, outage.kind, outage.hit) == ("candidate", "fall", "fibre", 12)
    async with world.app.store.reading() as tx:
        assert [one.ticket for one in await outage_store.tickets_of(tx, outage.id)] == ["TT-1"]
    assert await detector(world.app).look() == [], "said once"
    first, *later = world.reader.targets
    assert later == [first], "the reading that the test made answers for the falls too"
    again = await finished(tests, (await tests.start(ACTOR, "N-1")).id)
    assert (again.verdict["verdict"], again.verdict["scope"]) == ("ATTACH_OUTAGE", outage.id)


async def test_what_a_trap_told_before_is_not_told_otherwise_by_a_test(world: World) -> None:
    await with_neighbours(world)
    fell = utc_now() - timedelta(minutes=9)
    trap = outage_store.LineTrouble("N-5", "fall", "olt-1", fell, fell, True, "trap")
    async with world.app.store.transaction() as tx:
        await outage_store.put_troubles(tx, [trap])
    world.reader.state, world.reader.neighbours_down = "offline", 12
    world.operations.behaviour = "silent"
    tests = world.line_tests()
    tests.hearers.tells_falls = True
    await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    async with world.app.store.reading() as tx:
        troubles = {one.line: one for one in await outage_store.troubles(tx, witness="fall")}
    assert len(troubles) == 12 and troubles["N-5"].gasp is True
    assert {one.source for line, one in troubles.items() if line != "N-5"} == {"line test"}


async def test_a_line_without_a_port_keeps_its_verdict_of_a_mass_fault(world: World) -> None:
    await with_neighbours(world)
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, [replace(LINE, slot=None, port=None)], utc_now())
    told = {"sib__n": 16, "sib__others_down_window": 12, "sib__down_ratio": 0.8, "sib__dg_ratio": 0.0}
    await tell(world.app, ont__run_state="offline", **told)
    world.operations.behaviour = "silent"
    tests = world.line_tests()
    tests.hearers.tells_falls = True
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert (record.state, record.verdict["verdict"]) == (LineTestState.DONE, "OPEN_OUTAGE")
    async with world.app.store.reading() as tx:
        assert await outage_store.troubles(tx, witness="fall") == []


async def test_a_single_fall_tells_nothing_of_others(world: World) -> None:
    await with_neighbours(world)
    world.reader.state = "offline"
    tests = world.line_tests()
    tests.hearers.tells_falls = True
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert record.verdict["verdict"] != "OPEN_OUTAGE"
    async with world.app.store.reading() as tx:
        assert await outage_store.troubles(tx, witness="fall") == []


@pytest.mark.parametrize("depth", ["quick", "normal"])
async def test_a_test_that_reads_a_port_ends_the_falls_of_who_is_online_on_it(world: World, depth: str) -> None:
    """Whatever its verdict, as a round does; without traps and rounds an outage would have no other end."""
    await with_neighbours(world)
    await detector(world.app).look()
    fell = utc_now() - timedelta(seconds=60)
    told = [outage_store.LineTrouble(f"N-{n}", "fall", "olt-1", fell, fell, False, "line test") for n in range(4, 16)]
    async with world.app.store.transaction() as tx:
        await outage_store.put_troubles(tx, told)
    (outage,) = await detector(world.app).look()
    world.reader.neighbours_down = 6
    tests = world.line_tests()
    tests.hearers.tells_falls = True
    await finished(tests, (await tests.start(ACTOR, "L-1", depth=depth)).id)
    async with world.app.store.reading() as tx:
        left = [one.line for one in await outage_store.troubles(tx, witness="fall")]
    assert sorted(left) == ["N-4", "N-5"]
    (less,) = await detector(world.app).look()
    assert (outage.hit, less.id, less.hit) == (12, outage.id, 2)
