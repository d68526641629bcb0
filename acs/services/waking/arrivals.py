"""Whether a device came: told by the sessions of this process, and seen in the store for those of others.

The one rule: an Inform after the instant counts, whatever its events say: a CPE that came for another reason is there.
"""

import asyncio
import time
from datetime import datetime

from acs.services.bus import Bus, Subscription
from acs.store import connection_requests
from acs.store.store import Store

#: Seconds to the second look at the store, for the session may be another process's; each next pause is twice as long.
LOOK_S, MOST_S = 1.0, 8.0


class Arrivals:
    """Waits for sessions."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._bus = bus

    async def came(self, key: str, since: datetime, wait_s: float) -> bool:
        """Whether the device informs within `wait_s` seconds, or has informed since."""
        until, pause_s = time.monotonic() + wait_s, LOOK_S
        async with self._bus.subscribe(f"device:{key}") as news:
            while True:
                if await self.has_come(key, since):
                    return True
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return False
                await _news_or_pause(news, min(left_s, pause_s))
                pause_s = min(2 * pause_s, MOST_S)

    async def has_come(self, key: str, since: datetime) -> bool:
        """Whether the device has informed since."""
        async with self._store.reading() as tx:
            at = await connection_requests.last_inform(tx, key)
        return at is not None and at >= since


async def _news_or_pause(news: Subscription, pause_s: float) -> None:
    try:
        async with asyncio.timeout(pause_s):
            await anext(news)
    except TimeoutError:
        return
