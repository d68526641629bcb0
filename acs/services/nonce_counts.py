"""The highest count of each digest nonce: in memory for this process, in the store for all of them.

An Inform uses its count up in the store, in the very transaction that opens its session, so no two processes take
the same answer. The counts of a session's later POSTs are only noted, and written together twice a second.
"""

import asyncio
from collections import OrderedDict

import structlog

from acs.cwmp import auth
from acs.errors import StoreError
from acs.services.background import Background
from acs.store import identity
from acs.store.store import Store

log = structlog.get_logger()

#: Nonces of which this process remembers the highest count; the store knows all.
REMEMBERED = 50_000
#: Seconds between two writings of the counts of later POSTs.
FLUSH_S = 0.5


class NonceCounts:
    """The counts that this process saw."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._highest: OrderedDict[int, int] = OrderedDict()
        self._unwritten: dict[int, int] = {}
        self._background = Background()
        self._timer: asyncio.TimerHandle | None = None

    def is_replayed(self, id_: int, count: int) -> bool:
        """Whether this process saw the count, or a higher one; the store has the last word."""
        return count <= self._highest.get(id_, 0)

    def used(self, id_: int, count: int) -> None:
        """An Inform used a count up, and the store knows."""
        highest = self._highest
        if count > highest.get(id_, 0):
            highest[id_] = count
            if len(highest) > REMEMBERED:
                highest.popitem(last=False)

    def seen(self, id_: int, count: int) -> None:
        """A later POST of a session carried a count."""
        if count > self._highest.get(id_, 0):
            self.used(id_, count)
            self._unwritten[id_] = count
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)

    async def forget_old(self, now: float, age_s: float) -> None:
        """Forget nonces in the store that nobody may use any more."""
        before = auth.Nonces.first_id(now - age_s)
        more = True
        while more:
            async with self._store.transaction() as tx:
                more = await identity.forget_nonces(tx, before)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._write()
        await self._background.close(grace_s=5.0)

    def _flush(self) -> None:
        self._timer = None
        self._background.start(self._write())

    async def _write(self) -> None:
        counts, self._unwritten = self._unwritten, {}
        if not counts:
            return
        try:
            async with self._store.transaction() as tx:
                await identity.raise_nonces(tx, counts)
        except StoreError as error:
            log.warning("nonces.not_written", error=str(error))
