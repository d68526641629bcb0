"""Work that nobody waits for, but somebody owns: it is ended when its owner closes, and its failure is told.

The rule for what runs as long as the server: it is `repeat`ed, and nothing that can fail stands outside of its turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn

import structlog

from acs.store.reach import unlimited
from probes.tasks import end_tasks

log = structlog.get_logger()

#: seconds after which work that failed is tried again
PAUSE_S = 1.0


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


async def repeat(
    turn: Callable[[], Awaitable[object]], tell: Callable[[Exception], object], *, pause_s: float = PAUSE_S
) -> NoReturn:
    """Take one turn after the other until cancelled. A turn waits for its work itself.

    One that fails is told by `tell`, and the next begins after a pause: a store that is away for a while ends nothing.
    """
    while True:
        await try_until_done(turn, tell, pause_s=pause_s)


async def try_until_done(
    work: Callable[[], Awaitable[object]], tell: Callable[[Exception], object], *, pause_s: float = PAUSE_S
) -> None:
    """Do the work once; while it fails that is told by `tell`, and it is done anew after a pause."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the worker loop: it is told, and what is to be done stays so
            tell(error)
            await asyncio.sleep(pause_s)
        else:
            return
