"""Outages through the API: what is known of the lines after the end."""

from datetime import UTC, datetime

from acs.app import App
from acs.store import outages as outage_store
from acs.store.outages import OutageLine, OutageRecord
from tests.api.conftest import client_of

NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


async def test_healthy_broken_unknown_and_not_tested_lines_are_told_apart(app_on_both: App) -> None:
    said = ("healthy", "healthy", "broken", "unknown", "not_tested")
    async with app_on_both.store.transaction() as tx:
        await outage_store.put(
            tx,
            OutageRecord("O", "closed", "fall", "pon", "olt-1/0/1/2", "olt-1", "fibre", NOW, NOW, NOW, 1, 5, -30.0),
        )
        await outage_store.put_lines(
            tx, [OutageLine("O", f"L{n}", NOW, back_at=NOW, outcome=outcome) for n, outcome in enumerate(said)]
        )
    async with await client_of(app_on_both, "read") as client:
        told = (await client.get("/outages/O")).json()
    assert told["outcomes"] == {"healthy": 2, "broken": 1, "unknown": 1, "not_tested": 1}
    assert [one["outcome"] for one in told["lines"]] == list(said)
    assert told["still_broken"] == ["L2"]
