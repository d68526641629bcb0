"""A second writer that comes while the first holds a row: it has ended, or it waits; nothing is measured."""

import asyncio
from typing import Any

from sqlalchemy import text

from acs.store.store import Store

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def ended_or_waiting(store: Store, task: asyncio.Task[Any]) -> None:
    """Return once the task has ended, or waits for what the present transaction holds.

    SQLite's writers wait for each other at the gate, so there a task that began does not get further.
    """
    async with asyncio.timeout(60):
        while not task.done():
            await asyncio.sleep(0.01)
            if store._engine.dialect.name == "sqlite":
                return
            async with store.reading() as tx:
                if (await tx.connection.execute(_WAITING)).scalar_one():
                    return
