"""Tries, bindings, orders and rotations on both databases: nothing that a CPE may have is forgotten too early."""

from dataclasses import replace
from datetime import datetime, timedelta

from acs.store import Store, connection_requests, devices, operations
from acs.store.connection_requests import Binding, Order, Rotation, Secrets, Try
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, OperationRecord, OperationState, OperationTransition, StepName
from acs.store.transaction import Transaction
from tests.store.make import opening

KEY = "device-1"
CR, STUN = CredentialKind.CONNECTION_REQUEST, CredentialKind.STUN
OLD, NEW = Credentials("acs-1", "old"), Credentials("acs-1", "new")


async def known(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now, key=KEY))


def rotation_operation(now: datetime, id: str = "rotation-1") -> OperationRecord:
    return OperationRecord(
        id, KEY, "rotate_credentials", {}, OperationState.QUEUED, id, now, now + timedelta(days=7), "system"
    )


async def move(tx: Transaction, to: OperationState, step: StepName, now: datetime, id: str = "rotation-1") -> None:
    every = (OperationState.QUEUED, OperationState.SENT, OperationState.UNKNOWN)
    assert await operations.transition(tx, OperationTransition(id, every, to, now, step)) is not None


async def test_tries_come_back_newest_first_and_old_ones_go(store: Store, now: datetime) -> None:
    await known(store, now)
    first = Try(KEY, "w1", 1, now, "http", "http://x/", "refused", "", 12, "nothing listens")
    second = replace(first, n=2, method="udp", result="accepted", at=now + timedelta(days=2))
    async with store.transaction() as tx:
        await connection_requests.add_tries(tx, [first, second])
        assert await connection_requests.list_tries(tx, KEY) == [second, first]
        assert await connection_requests.last_method(tx, KEY, ["accepted"], now) == "udp"
        assert await connection_requests.last_method(tx, KEY, ["accepted"], now + timedelta(days=3)) is None
        assert await connection_requests.prune_tries(tx, now + timedelta(days=1)) == 1
        assert await connection_requests.list_tries(tx, KEY) == [second]
        assert await devices.remove(tx, KEY)
        assert await connection_requests.list_tries(tx, KEY) == []


async def test_the_newest_binding_stands_and_strangers_have_none(store: Store, now: datetime) -> None:
    await known(store, now)
    newer = Binding(KEY, "203.0.113.7", 40002, True, now, now + timedelta(seconds=5))
    older = replace(newer, port=40001, seen_at=now)
    async with store.transaction() as tx:
        await connection_requests.put_bindings(tx, [newer, replace(newer, device="nobody")])
        await connection_requests.put_bindings(tx, [older])
        assert await connection_requests.get_binding(tx, KEY) == newer
        assert await connection_requests.get_binding(tx, "nobody") is None


async def test_each_order_is_taken_once(store: Store, now: datetime) -> None:
    orders = [Order("192.0.2.1", port, b"GET", now) for port in (1, 2, 3)]
    async with store.transaction() as tx:
        await connection_requests.order(tx, orders)
    async with store.transaction() as tx:
        assert sorted(await connection_requests.take_orders(tx), key=lambda order: order.port) == orders
    async with store.transaction() as tx:
        assert await connection_requests.take_orders(tx) == []


async def test_old_passwords_stand_until_the_cpe_confirmed_the_new_ones(store: Store, now: datetime) -> None:
    await known(store, now)
    async with store.transaction() as tx:
        await devices.set_credentials(tx, KEY, CR, OLD, now)
        await devices.set_credentials(tx, KEY, STUN, OLD, now)
        await operations.add(tx, rotation_operation(now))
        secrets = Secrets("acs-1", "new", "new")
        await connection_requests.start_rotation(tx, Rotation(KEY, "rotation-1", secrets, now))
        assert await connection_requests.candidates(tx, KEY, CR) == [OLD]
        await move(tx, OperationState.SENT, StepName.RPC_SENT, now)
        assert await connection_requests.candidates(tx, KEY, CR) == [OLD, NEW]
        assert not await connection_requests.settle_rotation(tx, KEY, now)
        assert [each for _, each in await connection_requests.stun_owners(tx, "acs-1")] == [OLD, NEW]
        await move(tx, OperationState.SUCCEEDED, StepName.SUCCEEDED, now)
        assert await connection_requests.candidates(tx, KEY, CR) == [NEW, OLD]
        assert await connection_requests.settled_rotations(tx) == [KEY]
        assert await connection_requests.settle_rotation(tx, KEY, now)
        assert await connection_requests.candidates(tx, KEY, CR) == [NEW]
        assert await connection_requests.candidates(tx, KEY, STUN) == [NEW]


async def test_a_rotation_that_failed_in_doubt_keeps_both(store: Store, now: datetime) -> None:
    await known(store, now)
    async with store.transaction() as tx:
        await devices.set_credentials(tx, KEY, CR, OLD, now)
        await operations.add(tx, rotation_operation(now))
        await connection_requests.start_rotation(tx, Rotation(KEY, "rotation-1", Secrets("acs-1", "new"), now))
        await move(tx, OperationState.FAILED, StepName.FAILED, now)
        assert await connection_requests.candidates(tx, KEY, CR) == [OLD, NEW]
        assert await connection_requests.settled_rotations(tx) == []


async def test_devices_with_old_passwords_are_due_one_operation_at_a_time(store: Store, now: datetime) -> None:
    await known(store, now)
    kind, before = "rotate_credentials", now + timedelta(days=1)
    async with store.transaction() as tx:
        await devices.set_credentials(tx, KEY, CR, OLD, now)
        assert await connection_requests.due_for_rotation(tx, now, kind=kind, limit=5) == []
        assert await connection_requests.due_for_rotation(tx, before, kind=kind, limit=5) == [KEY]
        await operations.add(tx, rotation_operation(now))
        assert await connection_requests.due_for_rotation(tx, before, kind=kind, limit=5) == []
        await move(tx, OperationState.FAILED, StepName.FAILED, now)
        await connection_requests.touch_credentials(tx, KEY, before)
        assert await connection_requests.due_for_rotation(tx, before, kind=kind, limit=5) == []


async def test_marks_of_notifications_are_kept(store: Store, now: datetime) -> None:
    await known(store, now)
    async with store.transaction() as tx:
        assert await connection_requests.get_mark(tx, KEY) == (0, [])
        await connection_requests.put_mark(tx, KEY, 5, ["a"])
        await connection_requests.put_mark(tx, KEY, 6, ["b", "c"])
        assert await connection_requests.get_mark(tx, KEY) == (6, ["b", "c"])
