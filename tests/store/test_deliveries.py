"""The outbox in the store: one worker takes a message, one of a subject is due, a dead letter comes back."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from acs.errors import Conflict
from acs.store import Store, deliveries
from acs.store.deliveries import Attempt, Delivery, DeliveryState

DAY = timedelta(days=1)


async def test_a_message_is_claimed_by_one_and_retried(store: Store, now: datetime) -> None:
    one = Delivery("w1", "crm", "verdict", {"x": 1}, DeliveryState.PENDING, now, now, "line:A", "T-1")
    async with store.transaction() as tx:
        await deliveries.add(tx, one)
        with pytest.raises(Conflict):
            await deliveries.add(tx, one)
        await deliveries.add(tx, dataclasses.replace(one, id="w2", ticket="T-2"))
        assert await deliveries.due(tx, "crm", now - DAY) == []
        assert await deliveries.due(tx, "other", now) == []
        assert await deliveries.due(tx, "crm", now) == [one]
        assert await deliveries.claim(tx, "w1", 0, now + DAY)
        assert not await deliveries.claim(tx, "w1", 0, now + DAY)
        assert await deliveries.due(tx, "crm", now) == [], "the one behind it waits"
        assert await deliveries.mark_failed(tx, "w1", now, "HTTP 500 \0\ud800" + "x" * 9000, retry_at=now)
        again = (await deliveries.due(tx, "crm", now))[0]
        assert again.attempts == 1 and again.last_error.startswith("HTTP 500")
        assert await deliveries.claim(tx, "w1", 1, now + DAY)
        assert await deliveries.mark_failed(tx, "w1", now, "away", retry_at=now, counted=False)
        assert (await deliveries.due(tx, "crm", now))[0].attempts == 1
        assert await deliveries.mark_delivered(tx, "w1", now)
        assert not await deliveries.mark_failed(tx, "w1", now, "late", retry_at=None)
        assert await deliveries.mark_failed(tx, "w2", now, "gone", retry_at=None)
        assert [each.state for each in await deliveries.list_deliveries(tx)] == ["failed", "delivered"]
        assert [each.id for each in await deliveries.list_deliveries(tx, states=[DeliveryState.FAILED])] == ["w2"]
        assert [each.id for each in await deliveries.list_deliveries(tx, ticket="T-1", target="crm")] == ["w1"]
        assert [each.id for each in await deliveries.list_deliveries(tx, before="w2")] == ["w1"]


async def test_a_dead_letter_comes_back_and_its_log_stays(store: Store, now: datetime) -> None:
    one = Delivery("w1", "crm", "verdict", {}, DeliveryState.PENDING, now, now)
    tried = Attempt("w1", now, 12, False, "HTTP 500")
    async with store.transaction() as tx:
        await deliveries.add(tx, one)
        await deliveries.note(tx, tried)
        assert not await deliveries.send_again(tx, "w1", now)
        assert await deliveries.give_up_others(tx, ["desk"], now, "gone") == 1
        assert await deliveries.give_up_others(tx, ["desk"], now, "gone") == 0
        assert await deliveries.send_again(tx, "w1", now + DAY)
        assert await deliveries.get(tx, "w1") == dataclasses.replace(one, next_at=now + DAY, last_error="gone")
        assert await deliveries.attempts_of(tx, "w1") == [tried]
        assert await deliveries.get(tx, "w2") is None


async def test_messages_without_a_subject_do_not_wait_for_each_other(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        for n in range(3):
            await deliveries.add(tx, Delivery(f"w{n}", "crm", "v", {}, DeliveryState.PENDING, now, now))
        assert len(await deliveries.due(tx, "crm", now)) == 3
