"""What is asked of ticket systems: an odd ticket holds up neither itself nor those after it."""

from datetime import UTC, datetime

import pytest

from acs.store import ticket_systems as system_store
from tests.services.test_adapter_sender import World, world

__all__ = ["world"]


@pytest.mark.parametrize("at", ["2090-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9" * 400, "9" * 5000])
async def test_a_ticket_of_another_century_does_not_end_the_asking(world: World, at: str) -> None:
    """What was seen to lie in the future would be asked for from then on only."""
    world.crm.changed_at = at
    await world.polls()
    async with world.app.store.reading() as tx:
        feed = await system_store.feed(tx, "crm")
    assert feed is not None and feed.seen_to <= datetime.now(UTC)
    assert feed.problem == ""
