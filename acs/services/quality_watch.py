"""The worker's look at the precision of each cause: an alarm while too many of the last closures say otherwise.

    closures of a year ──▶ precision over the last 50 of a cause ──▶ one alarm per cause ──▶ ended when they agree

The rule of this file: it judges what is stored, as the report on quality does; the figures are `quality.causes`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from acs.services.alarms import BY_ITSELF, PRECISION, Alarms, Standing
from acs.services.clock import Clock
from acs.services.quality import Joined, closed_of
from acs.store import after_fix as fix_store
from acs.store import alarms as alarm_store
from acs.store.after_fix import Closure
from acs.store.alarms import AlarmRecord
from acs.store.records import LineTestRecord
from acs.store.store import Store
from probes.linetest import quality

#: Seconds between two looks: closures come by the hour.
_LOOK_S = 3_600.0
#: How old a closure may be that still speaks of a cause, and how many are looked at.
_OLDEST, _MOST = timedelta(days=365), 20_000
#: Causes that have an alarm at the same time; there are not that many.
_CAUSES = 1_000
#: What is known of a cause that no closure speaks of any more.
_UNSAID = (quality.Share(0, 0), False)


class QualityWatch:
    """What the worker does about verdicts that closures keep denying; two workers do no harm to each other."""

    def __init__(self, store: Store, alarms: Alarms, clock: Clock) -> None:
        self._store = store
        self._alarms = alarms
        self._clock = clock

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"precision of causes": (_LOOK_S, self.look)}

    async def look(self) -> list[Standing]:
        """Judge every cause that closures speak of; returns those that are below the limit, and those that ended."""
        now = self._clock()
        async with self._store.reading() as tx:
            found = await fix_store.closed_since(tx, now - _OLDEST, limit=_MOST)
            active = await alarm_store.list_alarms(tx, active=True, kind=PRECISION, limit=_CAUSES)
        precise = await asyncio.to_thread(_precision, found)
        known = {alarm.subject: alarm for alarm in active}
        low = {f"cause:{cause}": lately for cause, (lately, alarm) in precise.items() if alarm}
        async with self._store.reading() as tx:
            for subject in sorted(low.keys() - known.keys()):
                if (last := await alarm_store.newest(tx, PRECISION, subject)) is not None:
                    known[subject] = last
        told = [_over(subject, lately) for subject, lately in sorted(low.items()) if _news(known.get(subject), lately)]
        told += [
            _ended(alarm, precise.get(_cause(alarm.subject), _UNSAID)[0])
            for alarm in active
            if alarm.subject not in low
        ]
        if told:
            await self._alarms.settle(told, now)
        return told


def _cause(subject: str) -> str:
    return subject.partition(":")[2]


def _news(last: AlarmRecord | None, lately: quality.Share) -> bool:
    """Whether to tell it: a person who ended the alarm knew the precision of then, and only a lower one is news."""
    ended_by_somebody = last is not None and last.cleared_at is not None and last.cleared_by != BY_ITSELF
    before = last.detail.get("precision") if last is not None and ended_by_somebody else None
    return not isinstance(before, int | float) or _share(lately) < before


def _share(lately: quality.Share) -> float:
    return round(lately.part / lately.whole, 2)


def _over(subject: str, lately: quality.Share) -> Standing:
    why = f"{lately.part} of the last {lately.whole} closures agree with {_cause(subject)}"
    return Standing(PRECISION, subject, True, {"why": why, "precision": _share(lately)})


def _ended(alarm: AlarmRecord, lately: quality.Share) -> Standing:
    ended = f"{lately.part} of the last {lately.whole} closures agree again"
    return Standing(PRECISION, alarm.subject, False, {**alarm.detail, "ended": ended})


def _precision(found: list[tuple[Closure, LineTestRecord | None]]) -> dict[str, tuple[quality.Share, bool]]:
    """Cause → how many of its last closures agree, and whether that is too few."""
    closed = [closed_of(Joined(closure, test, False), {}) for closure, test in found if test is not None]
    return {one.cause: (one.lately, one.alarm) for one in quality.causes(closed)}
