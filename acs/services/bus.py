"""News inside one process: who waits for an operation or a line test hears of it at once.

A topic is `operation:<id>`, `line-test:<id>` or `device:<key>`. Nothing is kept: a subscriber hears what is
published while it listens, and reads the store for what came before. A subscriber that does not read loses
the oldest items, never the publisher's time.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Items kept for one slow subscriber; an operation or line test has far fewer steps.
QUEUE_ITEMS = 256


class Subscription:
    """The items published on one topic since the subscription began, in order."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[object] = asyncio.Queue(QUEUE_ITEMS)

    def __aiter__(self) -> AsyncIterator[object]:
        return self

    async def __anext__(self) -> object:
        return await self._items.get()

    def put(self, item: object) -> None:
        """Add an item; the oldest goes when the subscriber is `QUEUE_ITEMS` behind."""
        if self._items.full():
            self._items.get_nowait()
        self._items.put_nowait(item)


class Bus:
    """Topics with subscribers, in this process only; other processes are seen through the store."""

    def __init__(self) -> None:
        self._topics: dict[str, set[Subscription]] = defaultdict(set)

    def publish(self, topic: str, item: object) -> None:
        """Hand `item` to every subscriber of `topic`; costs nothing when there is none."""
        subscribers = self._topics.get(topic)
        if subscribers:
            for subscription in tuple(subscribers):
                subscription.put(item)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[Subscription]:
        """Listen to `topic` inside the `async with`; iterate over the subscription for the items."""
        subscription = Subscription()
        self._topics[topic].add(subscription)
        try:
            yield subscription
        finally:
            self._topics[topic].discard(subscription)
            if not self._topics[topic]:
                del self._topics[topic]
