"""A second writer that comes while the first holds a row: it has ended, or it waits; nothing is measured."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
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


def meanwhile(
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    owner: object,
    name: str,
    other: Callable[[], Coroutine[Any, Any, Any]],
) -> list[asyncio.Task[Any]]:
    """Begin `other` when a function of `owner` is called for the first time; it goes on as `ended_or_waiting` says.

    Returns where the task of `other` will be.
    """
    real, begun = getattr(owner, name), list[asyncio.Task[Any]]()

    async def called(*told: Any, **more: Any) -> Any:
        if not begun:
            begun.append(asyncio.create_task(other()))
            await ended_or_waiting(store, begun[0])
        return await real(*told, **more)

    monkeypatch.setattr(owner, name, called)
    return begun
