"""History as curves: what was measured of one fact of a device, by source, over hours, days or months.

The rule of this file: curves of different sources stay apart, and a device's curve is not its line's; what is asked
for is thinned out to as many points as can be looked at, with the least and the greatest of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.errors import InvalidInput, no_device
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.readings import has_curve
from acs.store import devices as device_store
from acs.store import history
from acs.store.history import Curve, CurvePoint, Owner
from acs.store.records import DeviceRecord
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.facts import FACTS

#: Days of one question at most: as long as anything is kept.
LONGEST_DAYS = 3_650.0
#: Points of one curve at most.
MOST_POINTS = 5_000


@dataclass(frozen=True, slots=True)
class DeviceCurve:
    """One source's curve. `of` is `device` for what it says of itself, `line` for what others say of its line."""

    of: str
    source: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """What was measured of one fact from `since` until `until`."""

    fact: str
    since: datetime
    until: datetime
    curves: tuple[DeviceCurve, ...]


class DeviceHistory:
    """Use cases on history."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def curves(self, actor: Actor, key: str, fact: str, *, days: float, points: int = MOST_POINTS) -> Curves:
        """What was measured of a fact in the last days, oldest first.

        Raises:
            NotFound: no device has this key.
            InvalidInput: no such fact, or one that is no number.
        """
        actor.require(Scope.READ)
        if not has_curve(fact):
            raise InvalidInput(_no_curve(fact))
        until = self._clock()
        since = until - timedelta(days=min(days, LONGEST_DAYS))
        async with self._store.reading() as tx:
            device = await _device(tx, key)
            end = until + timedelta(seconds=1)
            found = [("device", each) for each in await _of(tx, Owner.DEVICE, device.key, fact, since, end)]
            if device.line is not None:
                own = {each.source for _, each in found}  # what a device says of its light is its line's light as well
                others = await _of(tx, Owner.LINE, device.line, fact, since, end)
                found += [("line", each) for each in others if each.source not in own]
        shown = tuple(DeviceCurve(of, each.source, thinned(each.points, points)) for of, each in found if each.points)
        return Curves(fact, since, until, shown)

    async def facts(self, actor: Actor, key: str) -> list[str]:
        """The facts of a device, and of its line, of which there is history.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            device = await _device(tx, key)
            names = set(await history.names(tx, device.key, of=Owner.DEVICE))
            if device.line is not None:
                names |= set(await history.names(tx, device.line))
        return sorted(name for name in names if has_curve(name))


def thinned(points: Sequence[CurvePoint], most: int) -> tuple[CurvePoint, ...]:
    """At most so many points: neighbours become one, with their mean, least and greatest."""
    if len(points) <= most:
        return tuple(points)
    size = -(-len(points) // max(1, most))
    return tuple(_one(points[start : start + size]) for start in range(0, len(points), size))


def _one(points: Sequence[CurvePoint]) -> CurvePoint:
    total = sum(point.n for point in points)
    mean = sum(point.value * point.n for point in points) / total
    low, high = min(point.low for point in points), max(point.high for point in points)
    return CurvePoint(points[0].at, round(mean, 3), low, high, total)


async def _of(
    tx: Transaction, owner: Owner, subject: str, fact: str, since: datetime, until: datetime
) -> Sequence[Curve]:
    return await history.curves(tx, subject, since, until, name=fact, of=owner)


async def _device(tx: Transaction, key: str) -> DeviceRecord:
    device = await device_store.get(tx, key)
    if device is None:
        raise no_device(key)
    return device


def _no_curve(fact: str) -> str:
    if fact in FACTS:
        return f"fact: {fact} is no number, so it has no curve; `secondline device plot DEVICE` lists what has one"
    return f"fact: there is no fact {fact[:80]!r}; `secondline device plot DEVICE` lists those that have a curve"
