"""Coalescing: callers of a few milliseconds share one batch; a caller that comes alone does not wait.

    submit ─▶ waiting ─┐
    submit ─▶ waiting ─┼─▶ run(batch) ─▶ each caller's result or error
    submit ─▶ waiting ─┘

A batch begins at once when the one before was small; under load batches begin at least a window apart, because a
batch costs the same disk flush and thread hand-over whether it holds one session or two hundred.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from acs.errors import AcsError, StoreError
from acs.store.reach import unlimited

Item = TypeVar("Item")
Result = TypeVar("Result")

#: A batch of at least this size is load: the next one waits for the window.
_LOAD = 4
#: One batch is never greater than this.
MAX_BATCH = 500


class Coalescer(Generic[Item, Result]):
    """Collects items and hands them to `run` in batches, one batch at a time."""

    def __init__(
        self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Result | AcsError]]], *, window_s: float
    ) -> None:
        self._run = run
        self._window_s = window_s
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: list[tuple[Item, asyncio.Future[Result]]] = []
        self._pump: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, item: Item) -> Result:
        """Return the item's result once its batch is done.

        Raises:
            AcsError: what `run` gave for this item.
            StoreError: the store is closed.
        """
        if self._closed:
            raise StoreError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._pump is None:
            self._pump = loop.create_task(self._work(), context=unlimited())
            self._pump.add_done_callback(self._ended)
        return await future

    async def close(self) -> None:
        """Refuse new items, and return when those that wait are done."""
        self._closed = True
        while self._pump is not None:
            await asyncio.wait([self._pump])
            await asyncio.sleep(0)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        began, size = 0.0, 0
        while self._waiting or await self._more(size):
            pause = began + self._window_s - loop.time()
            if size >= _LOAD and pause > 0 and not self._closed:
                await asyncio.sleep(pause)
            began = loop.time()
            self._running, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            size = len(self._running)
            results = await self._run([item for item, _ in self._running])
            for (_, future), result in zip(self._running, results, strict=True):
                _settle(future, result)
            self._running = []

    async def _more(self, size: int) -> bool:
        """After a batch under load, stay for one window, so that the next callers find the same rhythm."""
        if size >= _LOAD and not self._closed:
            await asyncio.sleep(self._window_s)
        return bool(self._waiting)

    def _ended(self, pump: asyncio.Task[None]) -> None:
        self._pump = None
        failure = StoreError("the store was stopped") if pump.cancelled() else pump.exception()
        if failure is not None:
            for _, future in (*self._running, *self._waiting):
                if not future.done():
                    future.set_exception(failure)
            self._running, self._waiting = [], []
        elif self._waiting:
            self._pump = pump.get_loop().create_task(self._work(), context=unlimited())
            self._pump.add_done_callback(self._ended)


def _settle(future: asyncio.Future[Result], result: Result | AcsError) -> None:
    if future.done():
        return  # its caller went away; what it wanted is stored all the same
    if isinstance(result, AcsError):
        future.set_exception(result)
    else:
        future.set_result(result)
