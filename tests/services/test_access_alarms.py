"""Alarms of access nodes: from datagrams to rows, to lines, and to whoever listens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acs.app import App
from acs.errors import StoreError
from acs.server.traps import engine_of
from acs.services.access_alarms import TOPIC, AccessAlarms
from acs.services.actor import local_actor
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store.access import AccessAlarm
from acs.store.records import LineRecord
from acs.store.transaction import Transaction
from probes.profiles.schema import load_profiles
from probes.snmp.agent import integer
from probes.snmp.ber import Cell, Kind
from tests.probes.notifications import IF_INDEX, INFORM, LINK_DOWN, LINK_UP, notification

BOSS = local_actor()
HERE = "127.0.0.1"
PROFILE = load_profiles()["huawei-smartax"]
PORT = PROFILE.index.encode(0, 1, 3)
VENDOR_TRAP = "1.3.6.1.4.1.2011.6.128.9.9.9"
SEED = b"seed"


def state_of(ont: int, state: int, cause: int) -> dict[str, Cell]:
    columns = PROFILE.columns
    return {
        f"{columns['run_state'].oid}.{PORT}.{ont}": integer(state),
        f"{columns['last_down_cause'].oid}.{PORT}.{ont}": integer(cause),
    }


@pytest.fixture
async def alarms(app: App) -> AccessAlarms:
    nodes = app.northbound.nodes
    await nodes.put(BOSS, "olt-1", HERE, profile=PROFILE.id, credentials={"community": "public"})
    await nodes.put(BOSS, "sw-1", "192.0.2.9", credentials={"community": "read", "trap_community": "traps"})
    async with app.store.transaction() as tx:
        pon = LineRecord("pon-5", "pon", node="olt-1", frame=0, slot=1, port=3, ont=5)
        await line_store.upsert(tx, [pon, LineRecord("fttb-7", "fttb", node="sw-1", port=7)], datetime.now(UTC))
    found = app.northbound.access_network.alarms
    assert await found.flush() == 0
    return found


async def rows(app: App) -> list[AccessAlarm]:
    return list(reversed(await app.northbound.access_network.alarms.latest(BOSS)))


async def test_a_dying_gasp_in_a_vendors_trap_is_told_to_its_line_and_to_listeners(
    app: App, alarms: AccessAlarms
) -> None:
    async with app.bus.subscribe(TOPIC) as heard:
        alarms.take(notification(VENDOR_TRAP, state_of(5, 2, 13)), HERE, engine_of(SEED))
        assert await alarms.flush() == 1
        told = await asyncio.wait_for(anext(aiter(heard)), 60)
    (stored,) = await rows(app)
    assert told == stored
    assert (stored.kind, stored.place, stored.line) == ("ont_dying_gasp", "0/1/3 ont 5", "pon-5")
    assert stored.trap == VENDOR_TRAP and "=13" in stored.detail
    async with app.store.reading() as tx:
        facts = await fact_store.latest(tx, "pon-5")
    assert facts["ont.run_state"].value == "offline"
    assert facts["ont.last_down_cause"].value == "dgi"
    assert facts["ont.run_state"].source == "trap olt-1"


async def test_a_pon_port_is_told_as_one_and_its_return_clears(app: App, alarms: AccessAlarms) -> None:
    varbinds = {f"{IF_INDEX}.{PORT}": Cell(integer(1).kind, PORT - 2**32)}
    for trap in (LINK_DOWN, LINK_UP):
        alarms.take(notification(trap, varbinds), HERE, engine_of(SEED))
    await alarms.flush()
    assert [(one.kind, one.place, one.clears, one.line) for one in await rows(app)] == [
        ("pon_los", "0/1/3", False, None),
        ("pon_up", "0/1/3", True, None),
    ]


async def test_a_port_of_a_switch_is_its_line(app: App, alarms: AccessAlarms) -> None:
    alarms.take(notification(LINK_DOWN, {f"{IF_INDEX}.7": integer(7)}, community="traps"), "192.0.2.9", engine_of(SEED))
    await alarms.flush()
    (stored,) = await rows(app)
    assert (stored.kind, stored.place, stored.line, stored.node) == ("link_down", "if 7", "fttb-7", "sw-1")


async def test_the_same_alarm_again_is_counted_not_stored_twice(app: App, alarms: AccessAlarms) -> None:
    same = notification(LINK_DOWN, {f"{IF_INDEX}.9": integer(9)})
    for _ in range(3):
        alarms.take(same, HERE, engine_of(SEED))
    assert await alarms.flush() == 1
    for _ in range(2):
        alarms.take(same, HERE, engine_of(SEED))
    alarms.take(notification(LINK_DOWN, {f"{IF_INDEX}.10": integer(10)}), HERE, engine_of(SEED))
    assert await alarms.flush() == 1
    assert [(one.place, one.count) for one in await rows(app)] == [("if 9", 5), ("if 10", 1)]
    assert alarms.counts["repeated"] == 4


async def test_what_is_not_taken_is_counted_by_reason(app: App, alarms: AccessAlarms) -> None:
    good = notification(LINK_DOWN)
    alarms.take(good, "203.0.113.5", engine_of(SEED))
    alarms.take(notification(LINK_DOWN, community="wrong"), HERE, engine_of(SEED))
    alarms.take(notification(LINK_DOWN, community="read"), "192.0.2.9", engine_of(SEED))
    alarms.take(b"\x30\x03abc", HERE, engine_of(SEED))
    assert await alarms.flush() == 0
    counts = alarms.counts
    assert (counts["unknown_address"], counts["wrong_community"], counts["malformed"]) == (1, 2, 1)


async def test_an_inform_is_acknowledged_after_it_is_on_disk(
    app: App, alarms: AccessAlarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bytes] = []
    alarms.take(notification(LINK_DOWN, tag=INFORM), HERE, engine_of(SEED), answers.append)

    class Broken:
        def transaction(self) -> None:
            raise StoreError("the disk is full")

        def reading(self) -> object:
            return app.store.reading()

    with monkeypatch.context() as patched:
        patched.setattr(alarms, "_store", Broken())
        with pytest.raises(StoreError):
            await alarms.flush()
        assert answers == []
    assert await alarms.flush() == 1
    assert len(answers) == 1
    assert await alarms.flush() == 0
    assert len(answers) == 1


def down(port: int) -> bytes:
    return notification(LINK_DOWN, {f"{IF_INDEX}.{port}": integer(port)})


async def test_two_that_store_at_once_lose_nothing_and_store_nothing_twice(
    app: App, alarms: AccessAlarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of the server `drain` stores what waits while `run` may be at it."""
    real, held = app.store.transaction, asyncio.Event()

    @asynccontextmanager
    async def slow(*, first: bool = False) -> AsyncIterator[Transaction]:
        await held.wait()
        async with real(first=first) as tx:
            yield tx

    for port in (9, 10):
        alarms.take(down(port), HERE, engine_of(SEED))
    monkeypatch.setattr(app.store, "transaction", slow)
    both = [asyncio.create_task(alarms.flush()) for _ in range(2)]
    await asyncio.sleep(0)
    held.set()
    assert sum(await asyncio.gather(*both)) == 2
    assert [(one.place, one.count) for one in await rows(app)] == [("if 9", 1), ("if 10", 1)]


def failing_once(real: Callable[..., Any]) -> Callable[..., Any]:
    """A store's or another's method, away for its first call."""
    calls = iter([StoreError("the store is away")])

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if (error := next(calls, None)) is not None:
            raise error
        return real(*args, **kwargs)

    return wrapped


async def stored_by_the_loop(app: App, alarms: AccessAlarms, before: Callable[[], Awaitable[None]]) -> AccessAlarm:
    """What the loop stores: nothing is taken after it began but by `before`."""
    async with app.bus.subscribe(TOPIC) as heard:
        running = asyncio.create_task(alarms.run())
        try:
            await before()
            told = await asyncio.wait_for(anext(aiter(heard)), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert isinstance(told, AccessAlarm)
    return told


@pytest.mark.parametrize("away", ["when alarms are stored", "when the loop begins"])
async def test_what_could_not_be_stored_is_stored_without_another_trap(
    app: App, alarms: AccessAlarms, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    monkeypatch.setattr("acs.services.access_alarms.PAUSE_S", 0.01)
    if away == "when alarms are stored":
        monkeypatch.setattr(app.store, "transaction", failing_once(app.store.transaction))
    else:
        monkeypatch.setattr(alarms._senders, "refresh", failing_once(alarms._senders.refresh))

    async def one() -> None:
        alarms.take(down(9), HERE, engine_of(SEED))

    assert (await stored_by_the_loop(app, alarms, one)).place == "if 9"


async def test_a_number_that_no_column_holds_does_not_hold_up_the_others(app: App, alarms: AccessAlarms) -> None:
    alarms.take(notification(VENDOR_TRAP, state_of(2**32 - 1, 2, 13)), HERE, engine_of(SEED))
    alarms.take(down(9), HERE, engine_of(SEED))
    assert await alarms.flush() == 2
    odd, good = await rows(app)
    assert (odd.kind, odd.place, odd.ont, odd.line) == ("ont_dying_gasp", "0/1/3 ont 4294967295", None, None)
    assert good.place == "if 9"


@pytest.mark.parametrize("text", ["1.²", "1." + "9" * 5000])
async def test_a_number_that_is_none_does_not_hold_up_the_others(app: App, alarms: AccessAlarms, text: str) -> None:
    alarms.take(notification(LINK_DOWN, {f"{IF_INDEX}.7": Cell(Kind.OCTETS, text.encode())}), HERE, engine_of(SEED))
    alarms.take(down(9), HERE, engine_of(SEED))
    assert await alarms.flush() == 2
    assert [(one.kind, one.trap, one.place) for one in await rows(app)] == [
        ("other", LINK_DOWN, ""),
        ("link_down", LINK_DOWN, "if 9"),
    ]


async def test_a_flood_costs_a_bounded_memory(app: App, alarms: AccessAlarms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "_config", app.config.traps.model_copy(update={"waiting": 10}))
    for port in range(30):
        alarms.take(notification(LINK_DOWN, {f"{IF_INDEX}.{port}": integer(port)}), HERE, engine_of(SEED))
    assert alarms.counts["overflow"] == 20
    assert await alarms.flush() == 10


async def test_who_waits_for_the_next_alarm_gets_it_at_once(app: App, alarms: AccessAlarms) -> None:
    assert await alarms.latest(BOSS, after=0, wait_s=0.01) == []
    waiting = asyncio.create_task(alarms.latest(BOSS, after=0, wait_s=20))
    await asyncio.sleep(0.05)
    alarms.take(notification(LINK_DOWN), HERE, engine_of(SEED))
    await alarms.flush()
    (found,) = await asyncio.wait_for(waiting, 60)
    assert found.kind == "link_down"
    assert await alarms.latest(BOSS, after=found.id) == []


async def test_old_alarms_are_thrown_away(app: App, alarms: AccessAlarms, monkeypatch: pytest.MonkeyPatch) -> None:
    alarms.take(notification(LINK_DOWN), HERE, engine_of(SEED))
    await alarms.flush()
    await alarms.prune()
    assert len(await rows(app)) == 1
    later = datetime.now(UTC) + timedelta(days=31)
    monkeypatch.setattr(alarms, "_clock", lambda: later)
    await alarms.prune()
    assert await rows(app) == []


def test_our_engine_is_the_same_at_every_start_with_more_boots() -> None:
    first, second = engine_of(SEED, now_s=1_800_000_000), engine_of(SEED, now_s=1_800_000_010)
    assert first.id == second.id and len(first.id) <= 32
    assert second.boots > first.boots
    assert engine_of(b"other").id != first.id
