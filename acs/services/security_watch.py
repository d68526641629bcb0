"""The worker's look at the whole fleet: what is over its limit becomes an alarm, what is not any more ends it.

    counts, changes, silent lines ──▶ conditions, each with its evidence ──▶ one alarm while it lasts ──▶ ended

The rule of this file: everything is judged from what is stored, so that it goes on after a restart and several
processes see the same. What a person ended was looked at: what was noted until then does not raise it again.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from acs.config import SecurityAlarmsSection
from acs.services import security_conditions as conditions
from acs.services.alarms import BY_ITSELF, MANAGEMENT_URL, Alarms, Standing
from acs.services.clock import Clock
from acs.services.security_conditions import FLEET, USUAL, Look
from acs.store import alarms as alarm_store
from acs.store import security as security_store
from acs.store.store import Store

#: Seconds between two bites of what is old.
_PRUNE_S = 3_600.0


class SecurityWatch:
    """What the worker does about the fleet as a whole; two workers do no harm to each other."""

    def __init__(self, store: Store, config: SecurityAlarmsSection, alarms: Alarms, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._alarms = alarms
        self._clock = clock

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        if not self._config.enabled:
            return {}
        return {"fleet alarms": (self._config.tick_s, self.look), "old fleet counts": (_PRUNE_S, self.prune)}

    async def look(self) -> list[Standing]:
        """Judge every condition; returns those that are over, and those that ended."""
        now = self._clock()
        await self._accept_urls()
        async with self._store.reading() as tx:
            look = Look(tx, self._config, now)
            found = [standing for judge in conditions.ALL for standing in await judge(look)]
        if found:
            await self._alarms.settle(found, now)
        return found

    async def prune(self) -> None:
        """Forget what no look needs any more."""
        now = self._clock()
        async with self._store.transaction() as tx:
            await security_store.prune(tx, _counts_before(self._config, now), _changes_before(self._config, now))

    async def _accept_urls(self) -> None:
        """A person who ended the alarm takes the addresses that devices told until then for theirs."""
        async with self._store.reading() as tx:
            last = await alarm_store.newest(tx, MANAGEMENT_URL, FLEET)
            ended_at = None if last is None or last.cleared_by == BY_ITSELF else last.cleared_at
            waiting = ended_at is not None and any(
                since <= ended_at for *_, since in await security_store.elsewhere(tx)
            )
        if waiting and ended_at is not None:
            async with self._store.transaction() as tx:
                await security_store.accept_urls(tx, ended_at)


def _counts_before(config: SecurityAlarmsSection, now: datetime) -> datetime:
    return now - USUAL - 2 * timedelta(seconds=config.window_s)


def _changes_before(config: SecurityAlarmsSection, now: datetime) -> datetime:
    return now - timedelta(days=max(config.keep_days, config.firmware_hours / 24))
