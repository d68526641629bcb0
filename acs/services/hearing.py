"""Since when we could hear every device: Informs that nobody could take are no sign of who sent them.

    looks that come late, or after a start ─┐
    Informs that were sent away as too many ─┴─▶ heard since ─▶ a device has its whole interval from then on

The rule of this file: it is kept in the store, for who takes Informs and who misses them may be two processes.
"""

from datetime import datetime, timedelta

import structlog

from acs.errors import AcsError
from acs.services.background import Background
from acs.services.clock import Clock
from acs.store import outages as outage_store
from acs.store.instants import instant, micros
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: looks come twice a minute: one that comes later than this was away, and so was whoever takes Informs, perhaps
_AWAY = timedelta(seconds=90)
#: Informs that are sent away are told so often, and each word of it holds for as long
_TOLD = timedelta(seconds=10)
_CLOSE_S = 5.0
_LOOKED, _DEAF, _SENT_AWAY = "looked", "deaf", "sent_away"


async def heard_since(tx: Transaction, now: datetime) -> datetime:
    """The instant from which on every Inform could be taken; called at each look, for it tells that there was one."""
    looked = await outage_store.cursor(tx, _LOOKED)
    await outage_store.put_cursor(tx, _LOOKED, micros(now))
    if looked is None or now - instant(looked) > _AWAY:
        await outage_store.put_cursor(tx, _DEAF, micros(now))
        return now
    deaf = instant(await outage_store.cursor(tx, _DEAF) or 0)
    sent_away = instant(await outage_store.cursor(tx, _SENT_AWAY) or 0)
    return min(now, max(deaf, sent_away + _TOLD))


class SentAway:
    """Tells the store that Informs are sent away because the server is busy; costs nothing while it is not."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._told_at: datetime | None = None
        self._work = Background()

    def note(self) -> None:
        """An Inform was sent away now."""
        now = self._clock()
        if self._told_at is None or now - self._told_at >= _TOLD:
            self._told_at = now
            self._work.start(self._tell(now))

    async def _tell(self, now: datetime) -> None:
        try:
            async with self._store.transaction() as tx:
                await outage_store.put_cursor(tx, _SENT_AWAY, micros(now))
        except AcsError as error:
            log.warning("outage.evidence_lost", line="", problem=str(error))

    async def close(self) -> None:
        """Return once what is under way is told, or could not be for a while."""
        await self._work.close(_CLOSE_S)
