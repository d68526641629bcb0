"""Operations and their steps."""

import asyncio
import dataclasses
from datetime import datetime, timedelta

import pytest

from acs.errors import Conflict, InvalidInput
from acs.store import Store, operations
from acs.store.records import OperationState, OperationTransition, StepName
from tests.store.make import opening, operation, with_operation


def expire(operation_id: str, now: datetime) -> OperationTransition:
    return OperationTransition(
        operation_id, (OperationState.QUEUED,), OperationState.EXPIRED, now, StepName.EXPIRED, detail="too late"
    )


async def test_operation_comes_back_as_it_was_stored(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    wanted = operation(
        now, arguments={"names": ["Device.", "é"], "n": 1}, reason="why", ticket="T1", idempotency_key="once"
    )
    async with store.transaction() as tx:
        stored = await operations.add(tx, wanted, step_detail="by hand")
    assert stored == dataclasses.replace(wanted, steps=1)
    async with store.reading() as tx:
        assert await operations.get(tx, wanted.id) == stored
        assert await operations.by_command_key(tx, wanted.device, "key-1") == stored
        assert await operations.by_command_key(tx, "another", "key-1") is None
        assert await operations.get(tx, "nothing") is None
        step = (await operations.steps(tx, wanted.id))[0]
    assert (step.n, step.name, step.at, step.detail) == (1, StepName.QUEUED, now, "by hand")


async def test_same_idempotency_key_gives_the_first_operation(store: Store, now: datetime) -> None:
    first = await with_operation(store, now, 1, idempotency_key="once")
    async with store.transaction() as tx:
        again = await operations.add(tx, operation(now, 2, idempotency_key="once"))
        other = await operations.add(tx, operation(now, 3, idempotency_key="once", actor="another"))
    assert (again.id, other.id) == ("operation-0001", "operation-0003")
    assert first.device.key == again.device
    async with store.reading() as tx:
        assert len(await operations.list_operations(tx)) == 2


async def test_taken_command_key_and_unknown_device_are_conflicts(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    with pytest.raises(Conflict, match="key-1"):
        async with store.transaction() as tx:
            await operations.add(tx, operation(now, 2, command_key="key-1"))
    with pytest.raises(Conflict, match="nobody"):
        async with store.transaction() as tx:
            await operations.add(tx, operation(now, 3, device="nobody"))


@pytest.mark.parametrize(
    ("different", "named"),
    [
        ({"command_key": "x" * 33}, "command_key"),
        ({"reason": "x" * 5000}, "reason"),
        ({"actor": "\0"}, "actor"),
        ({"ticket": "\ud800"}, "ticket"),
        ({"arguments": {"x": float("nan")}}, "arguments"),
        ({"arguments": {"x": "y" * 5_000_000}}, "arguments"),
        ({"attempts": 2**40}, "attempts"),
    ],
)
async def test_what_cannot_be_stored_is_named(store: Store, now: datetime, different: dict, named: str) -> None:
    await store.sessions.open(opening(now))
    with pytest.raises(InvalidInput, match=named):
        async with store.transaction() as tx:
            await operations.add(tx, operation(now, **different))


async def test_list_pages_newest_first(store: Store, now: datetime) -> None:
    for n in range(1, 6):
        await with_operation(store, now, n)
    async with store.transaction() as tx:
        assert await operations.transition(tx, expire("operation-0002", now))
        page = await operations.list_operations(tx, limit=2)
        rest = await operations.list_operations(tx, before=page[-1].id)
        expired = await operations.list_operations(tx, states=[OperationState.EXPIRED])
        nobody = await operations.list_operations(tx, device="nobody")
        unfinished = await operations.unfinished(tx, after="operation-0001", limit=2)
    assert [each.id[-1] for each in (*page, *rest)] == ["5", "4", "3", "2", "1"]
    assert [(each.id[-1], each.detail, each.finished_at) for each in expired] == [("2", "too late", now)]
    assert nobody == []
    assert [each.id[-1] for each in unfinished] == ["3", "4"]


async def test_overdue_operations_come_with_the_longest_overdue_first(store: Store, now: datetime) -> None:
    for n, minutes in ((1, 30), (2, 10), (3, 90)):
        await with_operation(store, now, n, deadline_at=now + timedelta(minutes=minutes))
    async with store.reading() as tx:
        overdue = await operations.due_expired(tx, now + timedelta(hours=1))
    assert [each.id[-1] for each in overdue] == ["2", "1"]


async def test_guard_refuses_a_second_transition(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    async with store.transaction() as tx:
        assert await operations.transition(tx, expire("operation-0001", now))
        assert await operations.transition(tx, expire("operation-0001", now)) is None
        assert await operations.transition(tx, expire("nothing", now)) is None
        assert [each.name for each in await operations.steps(tx, "operation-0001")] == ["queued", "expired"]


async def test_racing_transactions_make_one_transition(store: Store, now: datetime) -> None:
    await with_operation(store, now)

    async def one() -> bool:
        async with store.transaction() as tx:
            return await operations.transition(tx, expire("operation-0001", now)) is not None

    assert sum(await asyncio.gather(*(one() for _ in range(4)))) == 1


async def test_steps_are_numbered_without_gaps(store: Store, now: datetime) -> None:
    await with_operation(store, now)

    async def one(n: int) -> None:
        async with store.transaction() as tx:
            await operations.step(tx, "operation-0001", StepName.CONNECTION_REQUEST_SENT, now, f"try {n}")

    await asyncio.gather(*(one(n) for n in range(4)))
    async with store.transaction() as tx:
        assert await operations.step(tx, "nothing", StepName.BOOT_SEEN, now) is None
        assert [each.n for each in await operations.steps(tx, "operation-0001")] == [1, 2, 3, 4, 5]
