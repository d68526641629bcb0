"""The session hot path: open and commit, alone and in batches."""

import asyncio
import dataclasses
import time
from datetime import UTC, datetime, timedelta

import pytest

from acs.errors import InvalidInput, StoreError
from acs.store import Store, Vault, devices, hot, operations, trees
from acs.store.gate import Gate
from acs.store.records import (
    OperationState,
    OperationTransition,
    SessionCommit,
    SessionOpened,
    StepName,
    TreeUpdate,
)
from tests.store.make import opening, operation, with_operation

KEY = "00AA11-ONT-0001"


def sent(operation_id: str, now: datetime, **different: object) -> OperationTransition:
    change = OperationTransition(
        operation_id, (OperationState.QUEUED,), OperationState.SENT, now, StepName.RPC_SENT, step_detail="Reboot"
    )
    return dataclasses.replace(change, **different)  # type: ignore[arg-type]


async def events_of(store: Store, key: str = KEY) -> list[tuple[str, str]]:
    async with store.reading() as tx:
        return [(each.code, each.command_key) for each in reversed(await devices.list_events(tx, key, limit=10_000))]


async def test_first_inform_makes_the_device(store: Store, now: datetime) -> None:
    opened = await store.sessions.open(opening(now, events=(("1 BOOT", ""), ("M Reboot", "k1")), uptime_s=61))
    assert opened.created and not opened.repeated
    assert opened.previous_software_version is None
    assert opened.operations == ()
    async with store.reading() as tx:
        stored = await devices.get(tx, KEY)
    assert stored == opened.device
    assert stored.first_seen_at == stored.last_inform_at == stored.last_boot_at == stored.uptime_at == now
    assert stored.uptime_s == 61
    assert stored.known_values()["Device.DeviceInfo.SoftwareVersion"] == ("V1", "xsd:string")
    assert await events_of(store) == [("1 BOOT", ""), ("M Reboot", "k1")]


async def test_later_inform_changes_what_it_says(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now, uptime_s=5))
    later = now + timedelta(hours=1)
    values = (("Device.DeviceInfo.SoftwareVersion", "V2", "xsd:string"),)
    opened = await store.sessions.open(
        opening(later, session_id="session-2", software_version="V2", address="192.0.2.9", values=values)
    )
    assert not opened.created
    assert opened.previous_software_version == "V1"
    device = opened.device
    assert (device.software_version, device.address, device.first_seen_at) == ("V2", "192.0.2.9", now)
    assert (device.last_inform_at, device.uptime_s, device.uptime_at) == (later, 5, now)
    assert device.known_values() == {
        "Device.DeviceInfo.HardwareVersion": ("H1", "xsd:string"),
        "Device.DeviceInfo.SoftwareVersion": ("V2", "xsd:string"),
    }
    async with store.reading() as tx:
        assert await devices.get(tx, KEY) == device


async def test_open_gives_the_due_operations_oldest_first(store: Store, now: datetime) -> None:
    await with_operation(store, now, 2)
    await with_operation(store, now, 1)
    async with store.transaction() as tx:
        change = OperationTransition(
            "operation-0001", (OperationState.QUEUED,), OperationState.CANCELLED, now, StepName.CANCELLED
        )
        assert await operations.transition(tx, change)
    await with_operation(store, now, 3)
    opened = await store.sessions.open(opening(now, session_id="session-9"))
    assert [each.id for each in opened.operations] == ["operation-0002", "operation-0003"]
    async with store.reading() as tx:
        assert list(opened.operations) == await operations.unfinished(tx)


async def test_batch_of_many_sessions(store: Store, now: datetime) -> None:
    openings = [
        opening(now + timedelta(seconds=n), key=f"00AA11-ONT-{n % 40:04}", session_id=f"s{n}", retry_count=0)
        for n in range(120)
    ]
    opened = await asyncio.gather(*(store.sessions.open(each) for each in openings))
    assert [each.device.key for each in opened] == [each.key for each in openings]
    assert sum(each.created for each in opened) == 40
    async with store.reading() as tx:
        stored = {each.key: each for each in await devices.list_devices(tx, limit=1000)}
    assert len(stored) == 40
    assert all(stored[f"00AA11-ONT-{n % 40:04}"].last_inform_at == openings[n].at for n in range(80, 120))
    assert len(await events_of(store, "00AA11-ONT-0003")) == 3


async def test_retried_inform_stores_its_events_once(store: Store, now: datetime) -> None:
    first = opening(now, events=(("1 BOOT", ""), ("M Reboot", "k1")))
    await store.sessions.open(first)
    again = first._replace(at=now + timedelta(seconds=12), session_id="session-2", retry_count=1)
    assert (await store.sessions.open(again)).repeated
    third = again._replace(at=now + timedelta(seconds=40), session_id="session-3", retry_count=2)
    assert (await store.sessions.open(third)).repeated
    assert await events_of(store) == [("1 BOOT", ""), ("M Reboot", "k1")]
    fresh = first._replace(at=now + timedelta(minutes=5), session_id="session-4", retry_count=0)
    assert not (await store.sessions.open(fresh)).repeated
    assert len(await events_of(store)) == 4


@pytest.mark.parametrize(
    ("different", "repeated"),
    [
        ({"current_time": datetime(2026, 3, 5, 12, tzinfo=UTC)}, True),
        ({"current_time": datetime(2026, 3, 5, 12, 0, 1, tzinfo=UTC)}, False),
        ({"current_time": datetime(2026, 3, 5, 12, tzinfo=UTC), "at": datetime(2026, 3, 5, 12, 10, tzinfo=UTC)}, False),
        ({"current_time": datetime(2026, 3, 5, 12, tzinfo=UTC), "events": (("1 BOOT", ""),)}, False),
        ({"session_id": "session-1", "current_time": None}, True),
    ],
)
async def test_what_makes_an_inform_the_same(store: Store, now: datetime, different: dict, repeated: bool) -> None:
    first = opening(now, current_time=datetime(2026, 3, 5, 12, tzinfo=UTC))
    await store.sessions.open(first)
    fields = {"session_id": "session-2", "at": now + timedelta(seconds=5)} | different
    assert (await store.sessions.open(first._replace(**fields))).repeated is repeated


async def test_unset_clock_does_not_hide_a_second_boot(store: Store, now: datetime) -> None:
    first = opening(now, events=(("1 BOOT", ""),), current_time=datetime(1970, 1, 1, 0, 0, 30, tzinfo=UTC))
    await store.sessions.open(first)
    second = first._replace(at=now + timedelta(seconds=50), session_id="session-2")
    assert not (await store.sessions.open(second)).repeated


async def test_commit_moves_an_operation_only_from_the_states_it_names(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    commit = SessionCommit(KEY, "session-1", now, (sent("operation-0001", now),))
    step = (await store.sessions.commit(commit)).steps[0]
    assert step is not None and (step.n, step.name, step.detail) == (2, StepName.RPC_SENT, "Reboot")
    assert (await store.sessions.commit(commit)).steps == (None,)
    async with store.reading() as tx:
        stored = await operations.get(tx, "operation-0001")
        steps = await operations.steps(tx, "operation-0001")
    assert stored is not None
    assert (stored.state, stored.sent_at, stored.attempts, stored.steps) == (OperationState.SENT, now, 1, 2)
    assert [each.name for each in steps] == [StepName.QUEUED, StepName.RPC_SENT]


async def test_cancelled_operation_is_not_sent(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    async with store.transaction() as tx:
        change = OperationTransition(
            "operation-0001", (OperationState.QUEUED,), OperationState.CANCELLED, now, StepName.CANCELLED, detail="why"
        )
        assert await operations.transition(tx, change)
    committed = await store.sessions.commit(SessionCommit(KEY, "session-1", now, (sent("operation-0001", now),)))
    assert committed.steps == (None,)
    async with store.reading() as tx:
        stored = await operations.get(tx, "operation-0001")
    assert stored is not None and (stored.state, stored.detail) == (OperationState.CANCELLED, "why")


async def test_one_of_many_racing_senders_wins(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    commits = [SessionCommit(KEY, f"s{n}", now, (sent("operation-0001", now),)) for n in range(30)]
    done = await asyncio.gather(*(store.sessions.commit(each) for each in commits))
    assert sum(each.steps[0] is not None for each in done) == 1


async def test_transitions_of_one_commit_follow_each_other(store: Store, now: datetime) -> None:
    await with_operation(store, now, 1)
    await with_operation(store, now, 2)
    answered = OperationTransition(
        "operation-0001", (OperationState.SENT,), None, now, StepName.RPC_ANSWERED, only_unanswered=True
    )
    done = OperationTransition(
        "operation-0001", (OperationState.SENT,), OperationState.SUCCEEDED, now, StepName.SUCCEEDED, result={"a": [1]}
    )
    fault = OperationTransition(
        "operation-0002", (OperationState.QUEUED,), OperationState.FAILED, now, StepName.FAILED, fault_code=9002,
        fault_string="Internal error", detail="the CPE refused",
    )  # fmt: skip
    changes = (sent("operation-0001", now), answered, answered, fault, done, done)
    committed = await store.sessions.commit(SessionCommit(KEY, "session-1", now, changes, ended=True))
    assert [None if step is None else (step.operation_id[-1], step.n) for step in committed.steps] == [
        ("1", 2), ("1", 3), None, ("2", 2), ("1", 4), None,
    ]  # fmt: skip
    async with store.reading() as tx:
        first = await operations.get(tx, "operation-0001")
        second = await operations.get(tx, "operation-0002")
    assert first is not None and second is not None
    assert (first.state, first.answered_at, first.finished_at, first.result) == ("succeeded", now, now, {"a": [1]})
    assert (second.state, second.fault_code, second.fault_string) == ("failed", 9002, "Internal error")
    assert second.detail == "the CPE refused"


async def test_session_is_kept_resumed_and_forgotten(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    await store.sessions.commit(SessionCommit(KEY, "session-1", now, session=b"\x00form\xff"))
    stored = await store.sessions.resume("session-1", now - timedelta(minutes=1))
    assert stored is not None and (stored.device, stored.session, stored.stored_at) == (KEY, b"\x00form\xff", now)
    assert await store.sessions.resume("session-1", now + timedelta(minutes=1)) is None
    await store.sessions.commit(SessionCommit(KEY, "session-1", now, ended=True, stored=True))
    assert await store.sessions.resume("session-1", now - timedelta(minutes=1)) is None


async def test_new_inform_ends_a_stored_session(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    await store.sessions.commit(SessionCommit(KEY, "session-1", now, session=b"form"))
    await store.sessions.open(opening(now, session_id="session-2"))
    assert await store.sessions.resume("session-1", now - timedelta(minutes=1)) is None
    await store.sessions.commit(SessionCommit(KEY, "session-1", now, session=b"late"))
    assert await store.sessions.resume("session-1", now - timedelta(minutes=1)) is None


async def test_commit_with_a_tree_is_one_step(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    tree = TreeUpdate({"Device.X": ("1", "xsd:int")}, now)
    commit = SessionCommit(
        KEY, "session-1", now, (sent("operation-0001", now),), tree=tree, uptime_s=77, session=b"form"
    )
    committed = await store.sessions.commit(commit)
    assert committed.steps[0] is not None and committed.steps[0].n == 2
    async with store.reading() as tx:
        device = await devices.get(tx, KEY)
        known = await trees.read(tx, KEY)
    assert known is not None and known.values["Device.X"] == ("1", "xsd:int")
    assert device is not None and (device.uptime_s, device.uptime_at) == (77, now)
    assert await store.sessions.resume("session-1", now) is not None
    with pytest.raises(InvalidInput, match="parameter name"):
        await store.sessions.commit(
            SessionCommit(
                KEY, "session-1", now, (sent("operation-0001", now),), tree=TreeUpdate({"x" * 600: ("", "")}, now)
            )
        )


@pytest.mark.parametrize(
    ("different", "named"),
    [
        ({"software_version": "x" * 10_000}, "software_version"),
        ({"serial_number": "a\0b"}, "serial_number"),
        ({"manufacturer": "half \ud800 pair"}, "manufacturer"),
        ({"values": (("Device.X", "\0", "xsd:string"),)}, "parameter value"),
        ({"values": (("Device.X", "v" * 70_000, "xsd:string"),)}, "parameter value"),
        ({"events": (("x" * 500, ""),)}, "event code"),
        ({"events": (("1 BOOT", "\udfff"),)}, "event command_key"),
        ({"events": (("1 BOOT", ""),) * 100}, "events"),
        ({"retry_count": -1}, "retry_count"),
        ({"uptime_s": 2**63}, "uptime_s"),
    ],
)
async def test_what_cannot_be_stored_fails_alone(store: Store, now: datetime, different: dict, named: str) -> None:
    good = [opening(now, key=f"good-{n}", session_id=f"g{n}") for n in range(10)]
    bad = opening(now, key="bad", **({"session_id": "b"} | different))
    results = await asyncio.gather(
        *(store.sessions.open(each) for each in (*good[:5], bad, *good[5:])), return_exceptions=True
    )
    assert isinstance(results[5], InvalidInput) and named in str(results[5])
    assert not any(isinstance(each, BaseException) for n, each in enumerate(results) if n != 5)
    async with store.reading() as tx:
        assert len(await devices.list_devices(tx)) == 10


async def test_statement_that_the_database_refuses_fails_alone(
    store: Store, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acs.store.sessions.check", lambda item: None)
    good = [opening(now, key=f"good-{n}", session_id=f"g{n}") for n in range(10)]
    bad = [
        opening(now, key="bad-1", uptime_s=2**70),
        opening(now, key="bad-2", software_version="\ud800"),
        opening(now, key="bad-3", address=None),
    ]
    results = await asyncio.gather(*(store.sessions.open(each) for each in (*good, *bad)), return_exceptions=True)
    assert [type(each) for each in results[10:]] == [StoreError] * 3
    async with store.reading() as tx:
        assert [each.key for each in await devices.list_devices(tx)] == sorted(each.key for each in good)
    assert await events_of(store, "bad-1") == []


async def test_close_writes_what_waits(url: str, vault: Vault, now: datetime) -> None:
    store = await Store.open(url, vault=vault, commit_window_ms=50)
    many = [
        asyncio.ensure_future(store.sessions.open(opening(now, key=f"k{n}", session_id=f"s{n}"))) for n in range(50)
    ]
    await asyncio.sleep(0)
    await store.close()
    assert all(each.created for each in await asyncio.gather(*many))
    with pytest.raises(StoreError, match="closed"):
        await store.sessions.open(opening(now))
    again = await Store.open(url, vault=vault)
    async with again.reading() as tx:
        assert len(await devices.list_devices(tx)) == 50
    await again.close()


async def test_caller_that_goes_away_harms_nobody(store: Store, now: datetime) -> None:
    many = [asyncio.ensure_future(store.sessions.open(opening(now, key=f"k{n}", session_id=f"s{n}"))) for n in range(9)]
    await asyncio.sleep(0)
    many[4].cancel()
    results = await asyncio.gather(*many, return_exceptions=True)
    assert sum(isinstance(each, asyncio.CancelledError) for each in results) == 1
    assert not any(isinstance(each, Exception) for each in results)


async def test_lone_session_does_not_wait_for_the_window(url: str, vault: Vault, now: datetime) -> None:
    store = await Store.open(url, vault=vault, commit_window_ms=600_000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for n in range(5):
        await store.sessions.open(opening(now, session_id=f"s{n}"))
    assert loop.time() - began < 300
    await store.close()


async def test_session_waits_for_an_open_transaction_and_then_goes_on(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    async with store.transaction() as tx:
        await devices.set_line(tx, KEY, None)
        waiting = asyncio.ensure_future(store.sessions.open(opening(now, session_id="session-2")))
        await asyncio.sleep(0.05)
    assert not (await waiting).created


async def test_periodic_session_costs_the_same_with_a_great_tree(store: Store, now: datetime) -> None:
    """The tree is not touched by open: its row is the same bytes afterwards."""
    await store.sessions.open(opening(now))
    async with store.transaction() as tx:
        values = {f"Device.X.{n}.Y": (str(n), "xsd:string") for n in range(3000)}
        await trees.write(tx, KEY, values, now)
    opened = await store.sessions.open(opening(now + timedelta(hours=1), session_id="session-2"))
    assert len(opened.device.inform_json) < 1000
    async with store.reading() as tx:
        known = await trees.read(tx, KEY)
    assert known is not None and len(known.values) == 3002


async def test_an_inform_of_great_values_is_cut_to_what_fits_at_little_cost(store: Store, now: datetime) -> None:
    great = tuple((f"Device.X.{n}", "y" * 60_000, "xsd:string") for n in range(900))
    small = ("Device.DeviceInfo.SoftwareVersion", "V1", "xsd:string")
    began = time.thread_time()
    plan = hot.Plan()
    hot.apply(plan, opening(now))
    hot.apply(plan, opening(now, session_id="session-2", values=(*great, small)))
    assert time.thread_time() - began < 3  # once it was five seconds, on an idle machine
    opened = await store.sessions.open(opening(now, values=(*great, small)))
    assert len(opened.device.inform_json) <= hot.MAX_INFORM_JSON
    known = opened.device.known_values()
    assert known["Device.DeviceInfo.SoftwareVersion"] == ("V1", "xsd:string")
    assert known["Device.X.899"][0] == "y" * 60_000


async def test_new_operations_of_a_commit_are_stored_with_their_first_step(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    new = [operation(now, n) for n in range(3)]
    await asyncio.gather(
        store.sessions.commit(SessionCommit(KEY, "session-1", now, operations=(new[0], new[1]))),
        store.sessions.commit(SessionCommit(KEY, "session-1", now, operations=(new[2],))),
    )
    later = await store.sessions.open(opening(now + timedelta(minutes=1), session_id="session-2"))
    assert list(later.operations) == [dataclasses.replace(each, steps=1) for each in new]
    async with store.reading() as tx:
        assert [(each.n, each.name) for each in await operations.steps(tx, "operation-0001")] == [(1, StepName.QUEUED)]


async def test_a_batch_of_sessions_waits_for_one_other_writer_at_most() -> None:
    gate, order = Gate(alone=True), []

    async def write(name: str, *, urgent: bool = False) -> None:
        async with gate.writing(urgent=urgent):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name in ("first", "second", "third"):
            group.create_task(write(name))
        group.create_task(write("sessions", urgent=True))
    assert order == ["first", "sessions", "second", "third"]


async def test_a_change_may_ask_for_the_number_of_attempts_it_knows(store: Store, now: datetime) -> None:
    await with_operation(store, now)
    first = sent("operation-0001", now, attempts=0)
    states = (OperationState.QUEUED, OperationState.SENT)
    late = sent("operation-0001", now, from_states=states, attempts=0)
    again = sent("operation-0001", now, from_states=states, attempts=1)
    committed = await store.sessions.commit(SessionCommit(KEY, "session-1", now, (first, late, again)))
    assert [step is not None for step in committed.steps] == [True, False, True]
    async with store.transaction() as tx:
        assert await operations.transition(tx, late) is None
        assert await operations.transition(tx, sent("operation-0001", now, from_states=states, attempts=2))


async def test_what_informs_said_goes_back_to_its_own_device_whatever_it_holds(store: Store, now: datetime) -> None:
    keys = [f"00AA11-ONT-{n}" for n in range(4)]
    said = ["\x1e", '"\\\x1e\n', "[1,2]", "жёлтый \x1f"]

    async def inform(key: str, text: str, minutes: int) -> SessionOpened:
        at, session = now + timedelta(minutes=minutes), f"{key} {minutes}"
        values = (("Device.DeviceInfo.Description", text, "xsd:string"),)
        return await store.sessions.open(opening(at, key=key, session_id=session, values=values))

    await asyncio.gather(*(inform(key, text, 0) for key, text in zip(keys, said, strict=True)))
    again = await asyncio.gather(*(inform(key, text, 60) for key, text in zip(keys, said, strict=True)))
    for key, text, opened in zip(keys, said, again, strict=True):
        assert opened.device.key == key
        assert opened.device.known_values() == {"Device.DeviceInfo.Description": (text, "xsd:string")}
