"""The gate of SQLite: its writers of one process in a fair queue, so that none sleeps in the database's own retry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager


class Gate:
    """Lets writers through one at a time where the database has one writer, and all of them elsewhere."""

    def __init__(self, *, alone: bool) -> None:
        self._lock = asyncio.Lock() if alone else None
        self._queue = asyncio.Lock()
        self._inside: asyncio.Task[object] | None = None

    @asynccontextmanager
    async def writing(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Hold the right to write. An urgent writer, as the sessions' batches are, waits for one of the others at most.

        Raises:
            RuntimeError: the same task holds it already; waiting would never end.
        """
        if self._lock is None:
            yield
            return
        task = asyncio.current_task()
        if self._inside is task:
            raise RuntimeError("a transaction inside a transaction: pass the first one on, or end it first")
        async with AsyncExitStack() as stack:
            if not urgent:
                await stack.enter_async_context(self._queue)
            await stack.enter_async_context(self._lock)
            self._inside = task
            try:
                yield
            finally:
                self._inside = None
