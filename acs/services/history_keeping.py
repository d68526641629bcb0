"""The worker's turn at history: young values are packed, old ones thinned out, very old ones forgotten.

The rule of this file: a turn is a second of small bites with pauses between them; a pass over all series takes as
many turns as it takes, and the next pass begins hours later.
"""

import asyncio
import time
from datetime import datetime, timedelta

import structlog

from acs.config import HistorySection
from acs.services.clock import Clock
from acs.store import history
from acs.store.history import Keeping
from acs.store.store import Store

log = structlog.get_logger()

#: Seconds of one turn.
_TURN_S = 1.0
#: Seconds between two bites: whoever waits for the store goes first.
_PAUSE_S = 0.01
#: Hours from the beginning of a pass to the next one.
_PASS_H = 6.0


class HistoryKeeping:
    """One worker's way through all series."""

    def __init__(self, store: Store, config: HistorySection, clock: Clock) -> None:
        self._store = store
        self._keeping = Keeping(
            young_h=config.young_hours,
            raw_d=config.raw_days,
            hourly_d=config.hourly_days,
            keep_d=config.keep_days,
        )
        self._clock = clock
        self._after = 0
        self._next_pass: datetime | None = None

    async def turn(self) -> None:
        """Go on with the pass, for a second at most."""
        now = self._clock()
        if self._next_pass is not None and now < self._next_pass and not self._after:
            return
        if not self._after:
            self._next_pass = now + timedelta(hours=_PASS_H)
        until = time.monotonic() + _TURN_S
        while time.monotonic() < until:
            async with self._store.transaction() as tx:
                last = await history.keep(tx, now, self._keeping, after=self._after)
            self._after = last or 0
            if last is None:
                log.debug("history.packed")
                return
            await asyncio.sleep(_PAUSE_S)
