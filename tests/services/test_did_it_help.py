"""Whether an action helped is answered from after it: the same service, no word of before, no remembered tree."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from acs.config import AfterFixSection, FixRule, TicketsSection
from acs.services.actor import local_actor
from acs.services.after_fix import AfterFix
from acs.services.automation import Automation
from acs.services.clock import utc_now
from acs.services.context import Entry
from acs.services.identifiers import new_id
from acs.store import after_fix as fix_store
from acs.store import line_tests as test_store
from acs.store import operations as operation_store
from acs.store import ticket_checks as check_store
from acs.store import tickets as ticket_store
from acs.store import trees
from acs.store.records import Json, LineTestRecord, LineTestState, OperationRecord, OperationState, TicketRecord
from acs.store.ticket_checks import TicketCheck
from tests.services.test_line_tests import ACTOR, KEY, TREE, World, facts_of, finished, informed, tell, world
from tests.store.make import opening
from tests.ticket_world import facts_of as facts_of_case

__all__ = ["world"]

BOSS = local_actor()
FREE = "InternetGatewayDevice.DeviceInfo.MemoryStatus.Free"


async def remembered(world: World, age: timedelta, **values: str) -> None:
    """The tree was read so long ago, and has nothing younger."""
    read = {name: (value, "xsd:string") for name, value in (TREE | {FREE: "8"} | values).items()}
    async with world.app.store.transaction() as tx:
        await trees.write(tx, KEY, read, utc_now() - age)


async def started(world: World, age: timedelta) -> None:
    """The CPE told so long ago that it started."""
    at = utc_now() - age
    await world.app.store.sessions.open(
        opening(
            at, key=KEY, manufacturer="Huawei Technologies Co., Ltd", oui="00259E", product_class="EG8145V5",
            root="InternetGatewayDevice.", software_version="V5R020C00S280", address="192.0.2.50", values=(),
            connection_request_url="http://192.0.2.50:7547/x", events=(("1 BOOT", ""),), session_id=new_id(),
        )
    )  # fmt: skip


async def done(world: World, kind: str, age: timedelta, state: OperationState = OperationState.SUCCEEDED) -> None:
    """Something was sent to the CPE so long ago."""
    at = utc_now() - age
    sent = OperationRecord(new_id(), KEY, kind, {}, state, new_id(), at, at + timedelta(hours=1), "x", sent_at=at)
    async with world.app.store.transaction() as tx:
        await operation_store.add(tx, sent)


async def healthy_otherwise(world: World, *, contacts_days_ago: float = 0) -> None:
    """Everything is known and well, but what the CPE alone tells; no contacts, as was told so long ago."""
    own = {"cpe.mem_free_pct", "cpe.reachable", "cpe.boots_24h", "cpe.uptime_s", "cpe.cpu_pct", "fw.outdated_known_bug"}
    case = {name: value for name, value in facts_of_case("nff").items() if name not in own}
    gates: dict[str, Any] = {"account.state": "active"}
    context = world.app.northbound.context
    counted_at = utc_now() - timedelta(days=contacts_days_ago)
    await context.put_facts(ACTOR, "crm", [Entry("L-1", "contacts_14d", 0, counted_at)])
    await context.put_incidents(ACTOR, "noc", utc_now(), [])
    await context.put_planned_works(ACTOR, "noc", utc_now(), [])
    await tell(world.app, **{name.replace(".", "__"): value for name, value in (case | gates).items()})


async def tested(world: World) -> LineTestRecord:
    tests = world.line_tests()
    record: LineTestRecord = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    return record


async def test_a_tree_from_before_the_last_start_neither_accuses_nor_is_repaired(world: World) -> None:
    world.operations.behaviour = "silent"
    await healthy_otherwise(world)
    await remembered(world, timedelta(minutes=58))
    record = await tested(world)
    assert isinstance(record.verdict, dict)
    assert record.verdict["action"] == "reboot_cpe", "it has not started since: its memory may accuse"
    await started(world, timedelta(minutes=10))
    record = await tested(world)
    assert isinstance(record.verdict, dict)
    assert "cpe.mem_free_pct" not in facts_of(record), "what was read before the start is history"
    assert record.verdict["verdict"] == "INCONCLUSIVE"
    await remembered(world, timedelta(minutes=9))
    assert facts_of(await tested(world))["cpe.mem_free_pct"]["value"] == 4, "read since"


@pytest.mark.parametrize("kind", ["reboot", "set", "download", "change", "provision"])
async def test_what_was_read_before_something_was_done_is_history(world: World, kind: str) -> None:
    world.operations.behaviour = "silent"
    await remembered(world, timedelta(minutes=10))
    assert "cpe.mem_free_pct" in facts_of(await tested(world))
    await done(world, "get", timedelta(minutes=5))
    assert "cpe.mem_free_pct" in facts_of(await tested(world)), "a question changes nothing"
    await done(world, kind, timedelta(minutes=5))
    assert "cpe.mem_free_pct" not in facts_of(await tested(world))


@pytest.mark.parametrize("state", [OperationState.SENT, OperationState.UNKNOWN, OperationState.SUCCEEDED])
async def test_an_inform_of_before_a_restart_is_no_contact(world: World, state: OperationState) -> None:
    world.operations.behaviour = "silent"
    await done(world, "set", timedelta(seconds=20))
    assert facts_of(await tested(world))["cpe.reachable"]["value"] is True, "who was asked to change has answered"
    await done(world, "reboot", timedelta(seconds=15), state)
    assert "cpe.reachable" not in facts_of(await tested(world))
    await informed(world.app, utc_now())
    assert facts_of(await tested(world))["cpe.reachable"]["value"] is True, "it came back"


async def test_settings_that_were_put_right_for_the_ticket_were_tried(world: World) -> None:
    at = utc_now() - timedelta(minutes=5)
    sent = OperationRecord(
        "o", KEY, "provision", {}, OperationState.SUCCEEDED, "k", at, at, "x", sent_at=at, ticket="TT-1"
    )
    async with world.app.store.transaction() as tx:
        await operation_store.add(tx, sent)
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1", ticket="TT-1")).id)
    assert facts_of(record)["actions.tried"]["value"] == "push_settings"


# --- the test after an action -------------------------------------------------------------------------------------


class Later:
    """The clock, some minutes on."""

    def __init__(self) -> None:
        self.minutes = 0.0

    def __call__(self) -> datetime:
        return utc_now() + timedelta(minutes=self.minutes)


def after_fix(world: World, clock: Later) -> AfterFix:
    services, tests = world.app.northbound, world.line_tests()
    return AfterFix(world.app.store, AfterFixSection(), tests, services.packs, services.deliveries, (), clock)


@pytest.mark.parametrize("of_ticket", [False, True])
async def test_the_test_after_an_action_is_about_the_same_service(world: World, of_ticket: bool) -> None:
    clock, tests = Later(), world.line_tests()
    looked = after_fix(world, clock)
    before = await tests.start(ACTOR, "L-1", service="iptv")
    await finished(tests, before.id)
    if of_ticket:  # the ticket is about television, whatever was tested last
        ticket = TicketRecord("TT-1", "e", utc_now(), "crm", {}, "L-1", before.id)
        async with world.app.store.transaction() as tx:
            await ticket_store.add(tx, ticket)
        await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    view = await looked.begin(BOSS, "L-1", "visit", ticket="TT-1" if of_ticket else None)
    clock.minutes = 6
    await looked.turn()
    async with world.app.store.reading() as tx:
        run = (await fix_store.runs_of(tx, [view.checkup.id]))[view.checkup.id][0]
        again = await test_store.get(tx, str(run.line_test))
    assert again is not None
    assert again.service == "iptv"
    await looked._tests.stop()


async def test_what_was_read_before_a_visit_does_not_say_that_it_was_in_vain(world: World) -> None:
    world.operations.behaviour = "silent"
    await healthy_otherwise(world)
    await remembered(world, timedelta(minutes=5))
    assert (await tested(world)).verdict["action"] == "reboot_cpe"  # type: ignore[index,call-overload]  # a verdict
    clock = Later()
    looked = after_fix(world, clock)
    view = await looked.begin(BOSS, "L-1", "another router")
    clock.minutes = 6
    await looked.turn()
    async with world.app.store.reading() as tx:
        run = (await fix_store.runs_of(tx, [view.checkup.id]))[view.checkup.id][0]
    again = await finished(looked._tests, str(run.line_test))
    assert "cpe.mem_free_pct" not in facts_of(again)
    await looked.turn()
    assert (await looked.get(BOSS, view.checkup.id)).runs[0].outcome == "unknown"


STB_HUNG: Json = {"verdict": "REMOTE_FIX", "cause": "stb_hung", "posterior": 0.9}
NFF: Json = {"verdict": "NFF", "cause": "nff", "posterior": 0.9}


def said_by(verdict: Json, at: datetime, **facts: tuple[Any, datetime]) -> LineTestRecord:
    listed: list[Json] = [
        {"name": name.replace("__", "."), "value": value, "at": seen.isoformat(), "quality": "ok"}
        for name, (value, seen) in facts.items()
    ]
    return LineTestRecord(
        new_id(), "L-1", LineTestState.DONE, at, at, "x", facts={"facts": listed}, verdict=verdict, finished_at=at
    )


@pytest.mark.parametrize(
    ("contact", "wanted"),
    [(None, "unknown"), ((True, -1), "unknown"), ((False, -1), "unknown"), ((True, 4), "fixed"), ((False, 4), "same")],
)
async def test_a_tv_cause_is_fixed_only_by_its_own_check_of_after_the_action(
    world: World, contact: tuple[bool, float] | None, wanted: str
) -> None:
    at, looked = utc_now(), after_fix(world, Later())
    facts = {} if contact is None else {"stb__reachable": (contact[0], at + timedelta(minutes=contact[1]))}
    before = said_by(STB_HUNG, at - timedelta(minutes=2))
    after = said_by(NFF, at + timedelta(minutes=5), **facts)
    async with world.app.store.reading() as tx:
        assert (await looked.compare(tx, "L-1", before, after, at)).outcome == wanted


async def test_without_an_action_the_check_is_answered_by_what_is_younger_than_the_test_before(world: World) -> None:
    at, looked = utc_now(), after_fix(world, Later())
    low = said_by({"verdict": "REMOTE_FIX", "cause": "cpe_memory"}, at)
    for minutes, wanted in ((-1, "fixed"), (1, "same")):
        after = said_by(NFF, at + timedelta(minutes=2), cpe__mem_free_pct=(4, at + timedelta(minutes=minutes)))
        async with world.app.store.reading() as tx:
            assert (await looked.compare(tx, "L-1", low, after)).outcome == wanted


# --- fixes that run by themselves -----------------------------------------------------------------------------------


async def test_a_fix_that_waited_is_left_out_where_the_device_started_since(world: World) -> None:
    rule = FixRule(name="hung", action="reboot_cpe")
    config = TicketsSection(automatic_fixes=True, fixes=(rule,))
    services = world.app.northbound
    automation = Automation(world.app.store, config, services.hooks, utc_now)
    test = replace(said_by(NFF, utc_now() - timedelta(minutes=12)), state=LineTestState.RUNNING)
    at = utc_now() - timedelta(minutes=11)
    check = TicketCheck("TT-1", "L-1", at, test.id, decided_at=at, fix="hung:reboot_cpe")
    async with world.app.store.transaction() as tx:
        await ticket_store.add(tx, TicketRecord("TT-1", "e", utc_now(), "crm", {}, "L-1", test.id))
        await test_store.add(tx, test)
        await check_store.put(tx, check)
    await started(world, timedelta(minutes=10))
    assert await automation.turn() == 0
    async with world.app.store.reading() as tx:
        left = await check_store.get(tx, "TT-1")
        assert await operation_store.list_operations(tx, device=KEY, kinds=("reboot",)) == []
    assert left is not None
    assert "started" in left.fix_detail
