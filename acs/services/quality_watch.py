"""The worker's look at the precision of each cause: an alarm while too many of the last closures say otherwise.

    closures of a year ──▶ precision over the last 50 of a cause ──▶ one alarm per cause ──▶ ended when they agree

The rule of this file: it judges what is stored, as the report on quality does; the limit is `quality.denied`.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from acs.services.alarms import BY_ITSELF, PRECISION, Alarms, Standing
from acs.services.clock import Clock
from acs.store import after_fix as fix_store
from acs.store import alarms as alarm_store
from acs.store.alarms import AlarmRecord
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.linetest import quality

#: Seconds between two looks: closures come by the hour.
_LOOK_S = 3_600.0
#: How old a closure may be that still speaks of a cause, and how many are looked at.
_OLDEST, _MOST = timedelta(days=365), 20_000
#: Causes that have an alarm at the same time; there are not that many.
_CAUSES = 1_000


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
            last = quality.lately(await fix_store.said_and_true(tx, now - _OLDEST, limit=_MOST))
            denied = {f"cause:{cause}": share for cause, share in last.items() if quality.denied(share)}
            told = [
                _over(subject, share) for subject, share in sorted(denied.items()) if await _news(tx, subject, share)
            ]
            for alarm in await alarm_store.list_alarms(tx, active=True, kind=PRECISION, limit=_CAUSES):
                if alarm.subject not in denied:
                    told.append(_ended(alarm, last.get(_cause(alarm.subject), quality.Share(0, 0))))
        if told:
            await self._alarms.settle(told, now)
        return told


async def _news(tx: Transaction, subject: str, share: quality.Share) -> bool:
    """Whether to tell it: a person who ended the alarm knew the precision of then, and only a lower one is news."""
    last = await alarm_store.newest(tx, PRECISION, subject)
    if last is None or last.cleared_at is None or last.cleared_by == BY_ITSELF:
        return True
    before = last.detail.get("precision")
    return not isinstance(before, int | float) or _precision(share) < before


def _cause(subject: str) -> str:
    return subject.partition(":")[2]


def _precision(share: quality.Share) -> float:
    return round(share.part / share.whole, 2)


def _over(subject: str, share: quality.Share) -> Standing:
    why = f"{share.part} of the last {share.whole} closures agree with {_cause(subject)}"
    return Standing(PRECISION, subject, True, {"why": why, "precision": _precision(share)})


def _ended(alarm: AlarmRecord, share: quality.Share) -> Standing:
    ended = f"{share.part} of the last {share.whole} closures agree again"
    return Standing(PRECISION, alarm.subject, False, {**alarm.detail, "ended": ended})
