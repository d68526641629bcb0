"""Line tests, tickets, tokens, audit, and what is thrown away."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from acs.errors import Conflict, InvalidInput
from acs.store import (
    Store,
    audit,
    devices,
    line_tests,
    lines,
    operations,
    retention,
    tickets,
    tokens,
    trees,
)
from acs.store.records import (
    AuditRecord,
    LineTestRecord,
    LineTestState,
    OperationState,
    OperationTransition,
    StepName,
    TicketRecord,
    TokenRecord,
)
from tests.store.make import line, opening, operation

DAY = timedelta(days=1)


async def test_line_test_ends_once(store: Store, now: datetime) -> None:
    test = LineTestRecord(
        "t1", "line-1", LineTestState.RUNNING, now, now + DAY, "engineer", ticket="T1", service="iptv"
    )
    async with store.transaction() as tx:
        await lines.upsert(tx, [line()], now)
        await line_tests.add(tx, test)
        with pytest.raises(Conflict):
            await line_tests.add(tx, test)
        assert await line_tests.get(tx, "t1") == test
        verdict = {"cause": "drop.broken", "confidence": 0.9, "né": ["é"]}
        facts_ = [{"name": "x"}]
        assert await line_tests.finish(tx, "t1", LineTestState.DONE, now, facts=facts_, verdict=verdict)
        assert not await line_tests.finish(tx, "t1", LineTestState.FAILED, now)
        done = dataclasses.replace(test, state=LineTestState.DONE, finished_at=now, facts=facts_, verdict=verdict)
        assert await line_tests.get(tx, "t1") == done
        assert await line_tests.list_line_tests(tx, line="line-1", ticket="T1", states=[LineTestState.DONE]) == [done]
        assert await line_tests.list_line_tests(tx, facts=False) == [dataclasses.replace(done, facts=None)]
        assert await line_tests.list_line_tests(tx, before="t1") == []


async def test_ticket_event_is_stored_once(store: Store, now: datetime) -> None:
    ticket = TicketRecord("T1", "e1", now, "crm", {"a": 1})
    async with store.transaction() as tx:
        assert await tickets.add(tx, ticket)
        assert not await tickets.add(tx, ticket)
        assert not await tickets.add(tx, dataclasses.replace(ticket, id="T2"))
        assert not await tickets.add(tx, dataclasses.replace(ticket, event_id="e2"))
        assert await tickets.set_line_test(tx, "T1", "t1", "found")
        assert not await tickets.set_line_test(tx, "T9", "t1")
        stored = dataclasses.replace(ticket, line_test="t1", detail="found")
        assert await tickets.get(tx, "T1") == await tickets.by_number(tx, ["crm"], "T1") == stored
        assert await tickets.known(tx, ["crm"], "T9", "e1") == (stored, True)
        assert await tickets.known(tx, ["bss"], "T1", "e1") == (None, False), "numbers and events of two are two"
        assert await tickets.list_tickets(tx, line=None, before="T2") == [stored]
        assert await tickets.list_tickets(tx, line="line-1") == []


async def test_two_sources_have_the_same_number(store: Store, now: datetime) -> None:
    first = TicketRecord("T1", "e1", now, "crm", {})
    second = TicketRecord("@bss:T1", "e1", now, "bss", {}, outside_id="T1")
    async with store.transaction() as tx:
        assert await tickets.add(tx, first) and await tickets.add(tx, second)
        assert not await tickets.add(tx, dataclasses.replace(second, id="other", event_id="e2"))
        assert await tickets.by_number(tx, ["bss"], "T1") == second
        assert await tickets.by_number(tx, ["crm", "old-crm"], "T1") == first
        assert await tickets.by_number(tx, ["ums"], "T1") is None
        assert await tickets.known(tx, ["bss"], "T1", "e9") == (second, False)


async def test_token_is_found_by_its_hash_until_revoked(store: Store, now: datetime) -> None:
    token = TokenRecord("k1", "crm", "hash", ("read", "operate"), now, "local", expires_at=now + DAY)
    async with store.transaction() as tx:
        await tokens.add(tx, token)
        with pytest.raises(Conflict):
            await tokens.add(tx, dataclasses.replace(token, id="k2"))
        assert await tokens.by_hash(tx, "hash") == await tokens.get(tx, "k1") == token
        assert await tokens.by_hash(tx, "other") is None
        await tokens.touch(tx, "k1", now)
        assert await tokens.revoke(tx, "k1", now) and not await tokens.revoke(tx, "k1", now + DAY)
        assert await tokens.list_tokens(tx) == [dataclasses.replace(token, revoked_at=now, last_used_at=now)]


async def test_audit_is_read_newest_first(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        for n in range(3):
            await audit.append(tx, AuditRecord(now, "engineer", "device.reboot", f"d{n % 2}", {"n": n}))
        entries = await audit.list_entries(tx)
        assert [each.detail for each in entries] == [{"n": 2}, {"n": 1}, {"n": 0}]
        assert [each.detail for each in await audit.list_entries(tx, before=entries[1].id)] == [{"n": 0}]
        assert len(await audit.list_entries(tx, target="d0")) == 2
        with pytest.raises(InvalidInput, match="target"):
            await audit.append(tx, AuditRecord(now, "a", "b", "x" * 999))


async def test_transaction_that_raises_leaves_nothing(store: Store, now: datetime) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            await audit.append(tx, AuditRecord(now, "a", "b", "c"))
            raise ZeroDivisionError
    async with store.reading() as tx:
        assert await audit.list_entries(tx) == []


async def test_transaction_inside_a_transaction_is_told_on_sqlite(store: Store, url: str) -> None:
    if url.startswith("sqlite"):
        with pytest.raises(RuntimeError, match="inside a transaction"):
            async with store.transaction(), store.transaction():
                raise AssertionError("two writers")
    async with store.transaction(), store.reading() as reading:
        assert await devices.list_devices(reading) == []


async def test_old_things_are_thrown_away_in_bites(store: Store, now: datetime) -> None:
    old = now - 1000 * DAY
    for n in range(25):
        await store.sessions.open(opening(old, session_id=f"old-{n}"))
    await store.sessions.open(opening(now, session_id="new"))
    key = opening(now).key
    async with store.transaction() as tx:
        await lines.upsert(tx, [line()], now)
        await audit.append(tx, AuditRecord(old, "a", "b", "c"))
        for n in (1, 2):
            await operations.add(tx, operation(old, n))
        ended = OperationTransition(
            "operation-0001", (OperationState.QUEUED,), OperationState.EXPIRED, old, StepName.EXPIRED
        )
        assert await operations.transition(tx, ended)
        await trees.write(tx, key, {"Device.A": ("1", "t")}, now)
        await trees.write(tx, key, {"Device.B": ("1", "t")}, now)
        first = await retention.prune(tx, now, retention.Ages(), chunk=10)
        assert first.more and first.rows["events"] == 10
    rounds = [first]
    while rounds[-1].more:
        async with store.transaction() as tx:
            rounds.append(await retention.prune(tx, now, retention.Ages(), chunk=10))
    total = {name: sum(each.rows.get(name, 0) for each in rounds) for name in first.rows}
    assert total["events"] == 25 and total["audit"] == 1
    assert total["operations"] == 1 and total["tree_schemas"] == 1
    async with store.transaction() as tx:
        assert [each.session_id for each in await devices.list_events(tx, key)] == ["new"]
        assert [each.id for each in await operations.list_operations(tx)] == ["operation-0002"]
        assert await operations.steps(tx, "operation-0001") == []
        tree = await trees.read(tx, key)
        assert tree is not None and "Device.B" in tree.values
        kept = await retention.prune(tx, now + 10_000 * DAY, retention.Ages(events_d=None, tickets_d=None))
        assert "events" not in kept.rows and "audit" in kept.rows
