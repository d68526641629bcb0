"""The rules of tickets: which check, which queue, which fix; and what they do over real services."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from acs.app import App, build
from acs.config import CheckRule, FixRule, QueueRule
from acs.config.automation import When
from acs.services.actor import local_actor
from acs.services.slots import Priority, Slots
from acs.services.ticket_rules import TicketWords, check_rule, fix_rule, holds, queue_of
from acs.store import Vault
from acs.store import lines as line_store
from acs.store import ticket_checks as check_store
from acs.store.instants import micros
from acs.store.records import LineRecord
from acs.store.schema import events, operations
from tests.api.conftest import NobodyAnswers, client_of, config_of
from tests.api.test_hooks import KEY, failing_once, line_with_cpe
from tests.api.test_tickets import event, verdict_of

UTC_ZONE, MOSCOW = ZoneInfo("UTC"), ZoneInfo("Europe/Moscow")
MONDAY = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
BOSS = local_actor()

RULES = (
    CheckRule(name="orders", types=("order*",), test=False),
    CheckRule(name="vip", keywords=("VIP", "hospital"), priority="operator", depth="full"),
    CheckRule(name="tv-day", products=("iptv", "*-tv-*"), hours="08:00-20:00", depth="quick"),
    CheckRule(name="robot", sources=("bulk-*",), priority="bulk"),
)


@pytest.mark.parametrize(
    ("ticket", "rule"),
    [
        (TicketWords("Order-new", ("",), "VIP"), "orders"),
        (TicketWords("incident", ("",), "the Hospital has no link"), "vip"),
        (TicketWords("incident", ("iptv",), "no picture"), "tv-day"),
        (TicketWords("incident", ("", "svc-tv-7"), "no picture"), "tv-day"),
        (TicketWords("incident", ("internet",), "slow", "bulk-import"), "robot"),
        (TicketWords("incident", ("internet",), "slow", "crm"), None),
    ],
)
def test_the_first_rule_that_fits_decides(ticket: TicketWords, rule: str | None) -> None:
    found = check_rule(RULES, ticket, MONDAY, MOSCOW)
    assert (found.name if found is not None else None) == rule


def test_hours_and_days_are_those_of_the_operator() -> None:
    day = When(hours="08:00-20:00")
    assert not holds(day, MONDAY, UTC_ZONE)
    assert holds(day, MONDAY, MOSCOW)
    night = When(hours="22:00-07:00", days=("sun",))
    assert holds(night, MONDAY, UTC_ZONE), "the night of Sunday ends on Monday"
    assert not holds(night, MONDAY.replace(hour=23), UTC_ZONE)
    assert holds(When(days=("mon",)), MONDAY, UTC_ZONE)
    assert holds(When(hours="00:00-24:00"), MONDAY, UTC_ZONE)


def test_a_verdict_names_its_queue_by_rule_else_by_pack() -> None:
    rules = (
        QueueRule(queue="doubtful", needs_human=True),
        QueueRule(queue="field-north", verdicts=("DISPATCH_*",), causes=("low_rx_*",), min_posterior=0.7),
    )
    verdict: dict[str, Any] = {
        "verdict": "DISPATCH_HOME",
        "cause": "low_rx_single",
        "posterior": 0.8,
        "queue": "pack-q",
    }
    assert queue_of(rules, verdict, "incident") == ("field-north", "2")
    assert queue_of(rules, {**verdict, "posterior": 0.6}, "incident") == ("pack-q", "pack")
    assert queue_of(rules, {**verdict, "needs_human": True}, "incident") == ("doubtful", "1")


def test_nothing_that_a_person_must_confirm_runs_by_itself() -> None:
    rules = (FixRule(name="night", action="reboot_cpe", causes=("cpe_*",), min_posterior=0.9),)
    verdict: dict[str, Any] = {"action": "reboot_cpe", "cause": "cpe_hung", "posterior": 0.95, "needs_human": False}
    assert fix_rule(rules, verdict, MONDAY, UTC_ZONE) is rules[0]
    for but in (
        {"needs_human": True},
        {"posterior": 0.8},
        {"cause": "other"},
        {"action": "push_settings"},
        {"partial": True},
    ):
        assert fix_rule(rules, {**verdict, **but}, MONDAY, UTC_ZONE) is None, but


class Waiter:
    """Something that waits for a place."""

    def __init__(self, priority: Priority) -> None:
        self.priority = priority


async def test_an_engineer_goes_before_tickets_and_tickets_before_our_own_work() -> None:
    slots, order = Slots(1), []
    let_go = asyncio.Event()

    async def hold(who: Waiter, name: str) -> None:
        async with slots.place(who):
            order.append(name)
            if name == "first":
                await let_go.wait()

    waiters = [Waiter(Priority.BULK), Waiter(Priority.TICKET), Waiter(Priority.OPERATOR), Waiter(Priority.BULK)]
    first = asyncio.create_task(hold(Waiter(Priority.BULK), "first"))
    tasks = [asyncio.create_task(hold(who, f"{who.priority.name}{n}")) for n, who in enumerate(waiters)]
    gone = asyncio.create_task(hold(Waiter(Priority.OPERATOR), "gone"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert slots.waiting == 5
    waiters[3].priority = Priority.OPERATOR  # an engineer joined what waited as bulk
    gone.cancel()
    let_go.set()
    await asyncio.gather(first, *tasks)
    assert order == ["first", "OPERATOR2", "BULK3", "TICKET1", "BULK0"]
    async with slots.place(Waiter(Priority.BULK)):
        assert slots.waiting == 0


AUTOMATIC = {
    "tickets": {
        "automatic_fixes": True,
        "fixes": [{"name": "hung", "action": "reboot_cpe"}],
        "checks": [{"name": "vip", "keywords": ["vip"], "priority": "operator", "depth": "quick"},
                   {"name": "ads", "keywords": ["advert"], "test": False}],
        "queues": [{"queue": "second-line", "verdicts": ["INCONCLUSIVE"]}],
    },
    "hooks": {"reboots_per_line": 1},
}  # fmt: skip


@pytest.fixture
async def automatic(store_url: str, tmp_path: Path) -> Any:
    Vault.create(tmp_path / "vault.key")
    built = await build(config_of(store_url, tmp_path, **AUTOMATIC), caller=NobodyAnswers())
    await line_with_cpe(built)
    yield built
    await built.stop()


async def restarts(app: App) -> list[tuple[str, str | None, str]]:
    async with app.store.reading() as tx:
        rows = await tx.rows(select(operations).where(operations.c.kind == "reboot").order_by(operations.c.id))
    return [(row.actor, row.ticket, row.device) for row in rows]


async def test_a_ticket_is_checked_by_its_rule_and_sent_to_its_queue(automatic: App) -> None:
    async with await client_of(automatic, "tickets", "read") as client:
        await client.post("/tickets/events", json=event(description="A VIP has no link"))
        told = await verdict_of(client, "TT-1")
        assert (told["check"]["rule"], told["check"]["priority"], told["test"]["depth"]) == ("vip", "operator", "quick")
        assert (told["check"]["queue"], told["check"]["queue_rule"]) == ("second-line", "1")
        left = await client.post("/tickets/events", json=event("e-2", "TT-2", description="advert"))
        assert (left.json()["line_test"], "'ads'" in left.json()["detail"]) == (None, True)
    assert await restarts(automatic) == [], "an inconclusive verdict fixes nothing"


def advised(ticket: str) -> dict[str, Any]:
    return {"verdict": "REMOTE_FIX", "cause": "cpe_hung", "action": "reboot_cpe", "posterior": 0.97, "ticket": ticket}


async def decided(app: App, client: httpx.AsyncClient, number: int) -> str:
    """A ticket whose test advises a reboot."""
    ticket = f"TT-{number}"
    taken = await client.post("/tickets/events", json=event(f"e-{number}", ticket))
    await verdict_of(client, ticket)
    async with app.store.transaction() as tx:
        await app.northbound.automation.decided(tx, taken.json()["line_test"], advised(ticket), datetime.now(UTC))
    return ticket


async def fix_of(app: App, ticket: str) -> tuple[str, bool, str]:
    async with app.store.reading() as tx:
        check = await check_store.get(tx, ticket)
    assert check is not None
    return check.fix, check.fix_call is not None, check.fix_detail


async def test_a_fix_runs_once_and_is_looked_at_afterwards_and_no_rule_gets_past_the_limits(automatic: App) -> None:
    automation = automatic.northbound.automation
    async with await client_of(automatic, "tickets", "read", "freeze") as client:
        ticket = await decided(automatic, client, 1)
        await client.put("/freeze", json={"frozen": True, "reason": "works"})
        assert await automation.turn() == 0
        assert await fix_of(automatic, ticket) == ("hung:reboot_cpe", False, ""), "it waits for the switch"
        await client.put("/freeze", json={"frozen": False, "reason": "over"})
        assert await automation.turn() == 1
        assert await automation.turn() == 0
        assert await restarts(automatic) == [("automatic", "TT-1", KEY)]
        (checkup,) = await automatic.northbound.after_fix.find(BOSS, ticket="TT-1")
        assert (checkup.checkup.action, checkup.checkup.state) == ("reboot", "waiting")
        second = await decided(automatic, client, 2)
        assert await automation.turn() == 0
        fix, called, why = await fix_of(automatic, second)
        assert (fix, called, "1 are allowed" in why) == ("hung:reboot_cpe", False, True)
        assert len(await restarts(automatic)) == 1


async def test_a_fix_that_the_store_did_not_note_is_one_fix(automatic: App, monkeypatch: pytest.MonkeyPatch) -> None:
    automation = automatic.northbound.automation
    failing_once(monkeypatch, "set_operations")
    async with await client_of(automatic, "tickets", "read") as client:
        ticket = await decided(automatic, client, 1)
    assert await automation.turn() == 0
    async with automatic.store.transaction() as tx:  # it was done meanwhile, and the device has told of its start
        told = {"device": KEY, "code": "1 BOOT", "session_id": "s", "command_key": ""}
        await tx.insert(events, {**told, "at": micros(datetime.now(UTC))})
    assert await automation.turn() == 1
    assert await fix_of(automatic, ticket) == ("hung:reboot_cpe", True, "begun")
    assert await restarts(automatic) == [("automatic", "TT-1", KEY)]


async def test_automatic_fixes_are_off_unless_they_are_switched_on(app: App) -> None:
    await line_with_cpe(app)
    async with await client_of(app, "tickets", "read") as client:
        ticket = await decided(app, client, 1)
        assert await fix_of(app, ticket) == ("", False, "")
        assert app.northbound.automation.jobs() == {}


async def test_half_of_the_events_sent_twice_and_each_line_tested_once(app: App) -> None:
    names = [f"L-{n}" for n in range(30)]
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord(name, "pon") for name in names], datetime.now(UTC))
    events = [event(f"e-{name}", f"TT-{name}", relatedEntity=[{"id": name, "@referredType": "Line"}]) for name in names]
    async with await client_of(app, "tickets", "read", "operate") as client:
        sent = await asyncio.gather(*(client.post("/tickets/events", json=one) for one in [*events, *events[::2]]))
        assert {answer.status_code for answer in sent} == {201}
        assert [sent[30 + n].json() for n in range(15)] == [sent[2 * n].json() for n in range(15)]
        for name in names:
            await verdict_of(client, f"TT-{name}")
        tests = (await client.get("/line-tests", params={"limit": 100})).json()
    assert sorted(test["line"] for test in tests) == sorted(names)
