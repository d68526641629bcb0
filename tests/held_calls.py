"""A call that is held until a test lets it go on: what comes meanwhile comes while it is under way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Held:
    """Holds the first call of a function until it is let go on."""

    def __init__(self, function: Callable[..., Awaitable[Any]]) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self._function = function

    async def __call__(self, *arguments: Any) -> Any:
        first = not self.begun.is_set()
        self.begun.set()
        if first:
            await self.go_on.wait()
        return await self._function(*arguments)


async def until(what: Callable[[], object]) -> None:
    """Wait for what nobody tells of."""
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
