"""Nonces, quarantine and alarms, on both databases."""

import asyncio
from datetime import datetime, timedelta

import pytest

from acs.errors import Replayed
from acs.store import Store, alarms, devices, identity, operations
from acs.store.devices import CredentialKind
from acs.store.identity import QuarantineRecord
from acs.store.records import Credentials, SessionOpened
from tests.store.make import nonce_counts, opening, operation

KEY = "00AA11-ONT-0001"


async def test_a_count_opens_one_session(store: Store, now: datetime) -> None:
    assert isinstance(await store.sessions.open(opening(now, nonce=(7, 1))), SessionOpened)
    for count in (1, 0):
        with pytest.raises(Replayed):
            await store.sessions.open(opening(now, session_id="s2", nonce=(7, count)))
    assert len(await events(store)) == 1
    await store.sessions.open(opening(now, session_id="s3", nonce=(7, 5), events=(("1 BOOT", ""),)))
    await store.sessions.open(opening(now, session_id="s4", nonce=(8, 1), events=(("4 VALUE CHANGE", ""),)))
    async with store.reading() as tx:
        assert await nonce_counts(tx) == {7: 5, 8: 1}


async def events(store: Store) -> list[str]:
    async with store.reading() as tx:
        return [each.code for each in await devices.list_events(tx, KEY)]


async def test_of_one_batch_the_first_with_a_count_is_taken(store: Store, now: datetime) -> None:
    openings = [
        opening(now, key=f"00AA11-ONT-{n:04}", serial_number=f"{n:04}", session_id=f"s{n}", nonce=(1 + n // 4, 1))
        for n in range(12)
    ]
    openings.append(opening(now, key="00AA11-ONT-9999", serial_number="9999", session_id="open"))
    outcomes = await asyncio.gather(*(store.sessions.open(each) for each in openings), return_exceptions=True)
    taken = [isinstance(each, SessionOpened) for each in outcomes]
    assert sum(taken) == 4
    assert taken[-1]
    assert all(isinstance(each, SessionOpened | Replayed) for each in outcomes)


async def test_counts_only_rise_and_old_nonces_are_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await identity.raise_nonces(tx, {1: 5, 2: 1, 3: 9})
        await identity.raise_nonces(tx, {1: 3, 2: 4})
        await identity.raise_nonces(tx, {})
    async with store.transaction() as tx:
        assert await nonce_counts(tx) == {1: 5, 2: 4, 3: 9}
        assert not await identity.forget_nonces(tx, 3)
        assert await nonce_counts(tx) == {3: 9}


async def test_quarantine_is_told_with_the_opening(store: Store, now: datetime) -> None:
    new = await store.sessions.open(opening(now, quarantine="new devices are quarantined here"))
    assert (new.created, new.quarantined) == (True, True)
    async with store.transaction() as tx:
        found = await identity.quarantined(tx, KEY)
        assert found is not None
        assert (found.actor, found.reason) == ("policy", "new devices are quarantined here")
        assert await identity.list_quarantined(tx) == [found]
        assert await identity.list_quarantined(tx, after=KEY) == []
        assert not await identity.quarantine(tx, QuarantineRecord(KEY, now, "me", ""))
    assert (await store.sessions.open(opening(now, session_id="s2"))).quarantined
    async with store.transaction() as tx:
        assert await identity.admit(tx, KEY)
        assert not await identity.admit(tx, KEY)
    again = await store.sessions.open(opening(now, session_id="s3", quarantine="only new ones"))
    assert not again.quarantined
    async with store.transaction() as tx:
        assert await identity.quarantine(tx, QuarantineRecord(KEY, now, "me", "odd"))
        assert await devices.remove(tx, KEY)
        assert await identity.list_quarantined(tx) == []


async def test_what_disagrees_with_the_inform_before_is_told(store: Store, now: datetime) -> None:
    later = [now + timedelta(minutes=5 * n) for n in range(6)]
    assert (await store.sessions.open(opening(later[0], uptime_s=1000))).earlier is None
    assert (await store.sessions.open(opening(later[1], session_id="s1", uptime_s=1300))).earlier is None
    assert (await store.sessions.open(opening(later[2], session_id="s2", uptime_s=0))).earlier is None
    other = (await store.sessions.open(opening(later[3], session_id="s3", uptime_s=90_000))).earlier
    assert other is not None
    assert (other.at, other.uptime_s, other.uptime_at) == (later[2], 0, later[2])
    moved = (await store.sessions.open(opening(later[4], session_id="s4", uptime_s=90_300, address="x"))).earlier
    assert moved is not None
    assert moved.address == "192.0.2.1"
    assert (await store.sessions.open(opening(later[5], session_id="s5", address="x"))).earlier is None


async def test_an_alarm_is_one_row_while_it_lasts(store: Store, now: datetime) -> None:
    later = now + timedelta(hours=1)
    async with store.transaction() as tx:
        assert await alarms.raise_alarm(tx, "a1", "device.cloned", "device:x", {"why": "1"}, now)
        assert not await alarms.raise_alarm(tx, "a2", "device.cloned", "device:x", {"why": "2"}, later)
        assert await alarms.raise_alarm(tx, "a3", "device.cloned", "device:y", {"why": "3"}, later)
        (second, first) = await alarms.list_alarms(tx, active=True)
        assert (first.count, first.raised_at, first.last_at, first.detail) == (2, now, later, {"why": "2"})
        assert [each.id for each in await alarms.list_alarms(tx, subject="device:y", kind="device.cloned")] == ["a3"]
        assert await alarms.list_alarms(tx, limit=1, after="a3") == [first]
        assert await alarms.clear_alarm(tx, "a1", "me", later)
        assert not await alarms.clear_alarm(tx, "a1", "me", later)
        assert await alarms.raise_alarm(tx, "a4", "device.cloned", "device:x", {}, later)
        assert [each.id for each in await alarms.list_alarms(tx, active=False)] == ["a1"]
        assert await alarms.list_alarms(tx, active=True) == [await alarms.get_alarm(tx, "a4"), second]


async def test_those_are_awaited_whom_somebody_asked_something(store: Store, now: datetime) -> None:
    for n in (1, 2, 3):
        key = f"00AA11-ONT-{n:04}"
        await store.sessions.open(opening(now, key=key, serial_number=f"S{n}", session_id=key))
    async with store.transaction() as tx:
        await operations.add(tx, operation(now, 1, device="00AA11-ONT-0001", actor="engineer"))
        await operations.add(tx, operation(now, 2, device="00AA11-ONT-0002", actor="system"))
        assert await identity.awaited_serials(tx, {"system"}) == {"S1"}


async def test_credentials_are_removed_by_kind(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    async with store.transaction() as tx:
        await devices.set_credentials(tx, KEY, CredentialKind.CWMP, Credentials("u", "p"), now)
        await devices.set_credentials(tx, KEY, CredentialKind.CWMP_NEW, Credentials("u", "q"), now)
        assert await devices.remove_credentials(tx, KEY, CredentialKind.CWMP)
        assert not await devices.remove_credentials(tx, KEY, CredentialKind.CWMP)
        assert await devices.get_credentials(tx, KEY, CredentialKind.CWMP_NEW) == Credentials("u", "q")
