"""What other systems are told: at least once, in order, never lost; what is refused can be sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, repeat

import pytest

from acs.app import App
from acs.config import WebhooksSection
from acs.errors import Conflict, Forbidden, NotFound, StoreError
from acs.services.actor import Actor, local_actor
from acs.services.deliveries import Deliveries, Fault, NotTaken, Target
from acs.store.deliveries import Delivery, DeliveryState
from acs.store.transaction import Transaction

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class System:
    """A ticket system that takes what it is told to take."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []
        self.five = asyncio.Event()
        self.says: Callable[[Delivery], NotTaken | None] = lambda _: None

    async def send(self, delivery: Delivery) -> str:
        problem = self.says(delivery)
        if problem is not None:
            raise problem
        self.got.append(delivery)
        if len(self.got) == 5:
            self.five.set()
        return "HTTP 200"

    @property
    def texts(self) -> list[object]:
        return [one.body["n"] for one in self.got if isinstance(one.body, dict)]


async def until(look: Callable[[], Awaitable[object]]) -> None:
    """Wait until a look finds something."""
    async with asyncio.timeout(60):
        for pause_s in chain([0.0], repeat(0.02)):
            await asyncio.sleep(pause_s)
            if await look():
                return


def outbox(app: App, clock: Hand, *systems: System, **config: float) -> Deliveries:
    made = Deliveries(app.store, WebhooksSection(**config), clock=clock)  # type: ignore[arg-type]
    for n, system in enumerate(systems):
        made.add(Target(f"system-{n}", system))
    return made


async def put(deliveries: Deliveries, app: App, clock: Hand, line: str, *numbers: int) -> None:
    for n in numbers:
        async with app.store.transaction() as tx:
            await deliveries.enqueue(tx, "line_test.verdict", {"line": line, "ticket": f"T-{n}", "n": n}, clock.now)


async def test_messages_of_a_line_keep_their_order_and_others_do_not_wait(app_on_both: App) -> None:
    clock, system = Hand(), System()
    deliveries = outbox(app_on_both, clock, system)
    system.says = lambda one: NotTaken("busy") if one.subject == "line:A" and clock.now == START else None
    await put(deliveries, app_on_both, clock, "A", 1, 2, 3)
    await put(deliveries, app_on_both, clock, "B", 4, 5)
    assert await deliveries.pump() == 2, "the head of each line"
    await deliveries.pump()
    assert system.texts == [4, 5]
    clock.later(60)
    for _ in range(3):
        await deliveries.pump()
    assert system.texts == [4, 5, 1, 2, 3]


async def test_a_message_is_written_with_what_it_tells_or_not_at_all(app_on_both: App) -> None:
    clock, system = Hand(), System()
    deliveries = outbox(app_on_both, clock, system, System())
    with pytest.raises(RuntimeError):
        async with app_on_both.store.transaction() as tx:
            assert await deliveries.enqueue(tx, "x", {"n": 1}, clock.now) == 2
            raise RuntimeError
    assert await deliveries.pump() == 0
    await put(deliveries, app_on_both, clock, "A", 1)
    assert await outbox(app_on_both, clock, system).pump() == 1, "another process, after a restart"
    assert system.texts == [1]


async def test_each_target_gets_what_it_wants(app: App) -> None:
    clock, system = Hand(), System()
    deliveries = outbox(app, clock)
    deliveries.add(Target("desk", system, lambda event_type, _: event_type.startswith("outage.")))
    with pytest.raises(Conflict, match="desk"):
        deliveries.add(Target("desk", system))
    await put(deliveries, app, clock, "A", 1)
    async with app.store.transaction() as tx:
        assert await deliveries.enqueue(tx, "outage.opened", {"n": 2}, clock.now, subject="outage:1") == 1
    await deliveries.pump()
    assert system.texts == [2]


async def test_a_system_that_is_away_for_ten_minutes_gets_everything_in_order_soon_after(app_on_both: App) -> None:
    clock, system, calls = Hand(), System(), [0]
    deliveries = outbox(app_on_both, clock, system)

    def away(_: Delivery) -> NotTaken | None:
        calls[0] += 1
        return NotTaken("ConnectError: refused", Fault.AWAY) if clock.now < START + timedelta(minutes=10) else None

    system.says = away
    for n in range(60):
        await put(deliveries, app_on_both, clock, f"L-{n % 7}", n)
        await deliveries.pump()
        clock.later(10)
    assert not system.got
    assert calls[0] < 70, "a system that is away is asked by one message at a time, with growing rests"
    returned = clock.now
    while len(system.got) < 60:
        clock.later(1)
        await deliveries.pump()
    assert (clock.now - returned).total_seconds() <= 60
    for line in range(7):
        ours = [n for n in system.texts if isinstance(n, int) and n % 7 == line]
        assert ours == sorted(ours)
    assert sorted(map(str, system.texts)) == sorted(map(str, range(60))), "each once"
    kept = await deliveries.list(local_actor(), limit=1000)
    assert {(one.state, one.attempts) for one in kept} == {(DeliveryState.DELIVERED, 1)}, "being away counts nothing"


async def test_what_is_refused_is_a_dead_letter_at_once_and_the_next_one_goes(app_on_both: App) -> None:
    clock, system = Hand(), System()
    deliveries = outbox(app_on_both, clock, system)
    system.says = lambda one: NotTaken("HTTP 422: no such field", Fault.REFUSED) if one.ticket == "T-1" else None
    await put(deliveries, app_on_both, clock, "A", 1, 2)
    await deliveries.pump()
    await deliveries.pump()
    assert system.texts == [2]
    dead = await deliveries.list(local_actor(), DeliveryState.FAILED)
    assert [(one.ticket, one.last_error) for one in dead] == [("T-1", "HTTP 422: no such field")]
    system.says = lambda _: None
    again = await deliveries.resend(local_actor(), dead[0].id)
    assert (again.state, again.attempts) == (DeliveryState.PENDING, 0)
    await deliveries.pump()
    assert system.texts == [2, 1]
    view = await deliveries.get(local_actor(), dead[0].id)
    assert [(one.taken, one.answer) for one in view.attempts] == [
        (False, "HTTP 422: no such field"),
        (True, "HTTP 200"),
    ]
    with pytest.raises(Conflict, match="is delivered"):
        await deliveries.resend(local_actor(), dead[0].id)


async def test_tries_are_counted_and_their_pauses_grow(app: App) -> None:
    clock, system, tries = Hand(), System(), list[datetime]()
    deliveries = outbox(app, clock, system, attempts=4, retry_s=10.0)

    def busy(_: Delivery) -> NotTaken:
        tries.append(clock.now)
        return NotTaken("HTTP 503", retry_after_s=25.0 if len(tries) == 1 else None)

    system.says = busy
    await put(deliveries, app, clock, "A", 1)
    for _ in range(300):
        await deliveries.pump()
        clock.later(1)
    pauses = [(after - before).total_seconds() for before, after in pairwise(tries)]
    assert len(tries) == 4
    assert pauses[0] >= 25, "what it asked for"
    assert pauses[1] >= 16 and pauses[2] >= 32
    dead = await deliveries.list(local_actor(), DeliveryState.FAILED)
    assert [(one.attempts, one.last_error) for one in dead] == [(4, "HTTP 503")]


async def test_a_sender_that_hangs_or_crashes_holds_up_nobody(app: App) -> None:
    clock, hangs, crashes, well = Hand(), System(), System(), System()

    class Hanging(System):
        async def send(self, delivery: Delivery) -> str:
            await asyncio.Event().wait()
            raise AssertionError

    def crash(_: Delivery) -> NotTaken | None:
        raise KeyError("status")

    hangs, crashes.says = Hanging(), crash
    deliveries = outbox(app, clock, hangs, crashes, well, timeout_s=0.2)
    await put(deliveries, app, clock, "A", 1)
    assert await deliveries.pump() == 3
    assert well.texts == [1]
    errors = {one.target: (one.state, one.last_error) for one in await deliveries.list(local_actor())}
    assert errors["system-0"] == (DeliveryState.PENDING, "no answer within 0.2 s")
    assert errors["system-1"] == (DeliveryState.PENDING, "KeyError: 'status'")


async def test_what_waits_for_a_system_that_is_no_more_is_put_aside(app: App) -> None:
    clock, system = Hand(), System()
    await put(outbox(app, clock, system), app, clock, "A", 1)
    other = Deliveries(app.store, WebhooksSection(), clock=clock)
    other.add(Target("new", System()))
    task = asyncio.create_task(other.run())
    await until(lambda: other.list(local_actor(), DeliveryState.FAILED))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    dead = await other.list(local_actor(), DeliveryState.FAILED)
    assert "add it to the configuration again" in dead[0].last_error


async def test_the_loop_sends_at_once_when_woken(app_on_both: App) -> None:
    clock, system = Hand(), System()
    deliveries = outbox(app_on_both, clock, system)
    task = asyncio.create_task(deliveries.run(idle_s=3600.0))
    for n in range(5):
        await put(deliveries, app_on_both, clock, "A", n)
    deliveries.wake()
    async with asyncio.timeout(60):
        await system.five.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert system.texts == [0, 1, 2, 3, 4]


async def test_a_store_that_is_away_at_the_start_ends_no_sending(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, gone, system = Hand(), System(), System()
    await put(outbox(app, clock, gone), app, clock, "A", 1)
    deliveries = Deliveries(app.store, WebhooksSection(), clock=clock)
    deliveries.add(Target("new", system))
    await put(deliveries, app, clock, "A", 2)
    real, calls = app.store.transaction, iter([StoreError("the store is away")] * 2)

    def away_at_first(*, first: bool = False) -> AbstractAsyncContextManager[Transaction]:
        if (error := next(calls, None)) is not None:
            raise error
        return real(first=first)

    monkeypatch.setattr(app.store, "transaction", away_at_first)
    task = asyncio.create_task(deliveries.run(idle_s=0.01))
    await until(lambda: deliveries.list(local_actor(), DeliveryState.DELIVERED))
    await until(lambda: deliveries.list(local_actor(), DeliveryState.FAILED))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert system.texts == [2]


async def test_two_processes_send_each_message_once(app_on_both: App) -> None:
    clock, system = Hand(), System()
    one, other = outbox(app_on_both, clock, system), outbox(app_on_both, clock, system)
    for n in range(20):
        await put(one, app_on_both, clock, f"L-{n}", n)
    await asyncio.gather(one.pump(), other.pump())
    assert sorted(map(str, system.texts)) == sorted(map(str, range(20)))


async def test_rights_and_unknown_ids(app: App) -> None:
    deliveries = outbox(app, Hand(), System())
    nobody = Actor("nobody", "token", frozenset())
    for call in (deliveries.list(nobody), deliveries.get(nobody, "x"), deliveries.resend(nobody, "x")):
        with pytest.raises(Forbidden):
            await call
    with pytest.raises(NotFound, match="delivery list"):
        await deliveries.get(local_actor(), "x")
