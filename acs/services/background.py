"""Work that nobody waits for, but somebody owns: it is ended when its owner closes, and its failure is told."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from acs.store.reach import unlimited
from probes.tasks import end_tasks

log = structlog.get_logger()


class Background:
    """Running tasks of one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work`; the owner keeps it until it ends. It is no part of the request that it was started in."""
        task = asyncio.get_running_loop().create_task(work, context=unlimited())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self, grace_s: float = 0.0) -> None:
        """Give what runs `grace_s` seconds to end, then cancel it and wait for that."""
        if self._tasks and grace_s:
            await asyncio.wait(self._tasks, timeout=grace_s)
        await end_tasks(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background.failed", error=str(error), kind=type(error).__name__, exc_info=error)
