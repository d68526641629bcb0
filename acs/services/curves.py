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
from acs.store.history import Curve, Owner
from acs.store.records import DeviceRecord
from acs.store.store import Store
from acs.store.tracks import CurvePoint
from acs.store.transaction import Transaction
from probes.facts import FACTS

#: Days of one question at most: as long as anything is kept.
LONGEST_DAYS = 3_650.0
#: Points of one curve at most.
MOST_POINTS = 5_000
#: Points of each where every fact is asked for: about as many as a drawing shows.
SHOWN_POINTS = 300


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
        since, until = self._span(days)
        found = await self._found(key, since, until, points, fact)
        return Curves(fact, since, until, tuple(curve for _, curve in found))

    async def every(self, actor: Actor, key: str, *, days: float, points: int = SHOWN_POINTS) -> list[Curves]:
        """What was measured of every fact that is a number, by its name.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        since, until = self._span(days)
        by_fact: dict[str, list[DeviceCurve]] = {}
        for fact, curve in await self._found(key, since, until, points, None):
            if has_curve(fact):
                by_fact.setdefault(fact, []).append(curve)
        return [Curves(fact, since, until, tuple(found)) for fact, found in sorted(by_fact.items())]

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

    def _span(self, days: float) -> tuple[datetime, datetime]:
        until = self._clock()
        return until - timedelta(days=min(days, LONGEST_DAYS)), until

    async def _found(
        self, key: str, since: datetime, until: datetime, points: int, fact: str | None
    ) -> list[tuple[str, DeviceCurve]]:
        """(fact, curve) of the device, then of its line what others measured."""
        end = until + timedelta(seconds=1)
        async with self._store.reading() as tx:
            device = await _device(tx, key)
            own = await history.curves(tx, device.key, since, end, name=fact, of=Owner.DEVICE, most=points)
            others: Sequence[Curve] = ()
            if device.line is not None:
                others = await history.curves(tx, device.line, since, end, name=fact, most=points)
        told = {(each.name, each.source) for each in own}  # what a device says of its light is its line's light as well
        found = [("device", each) for each in own]
        found += [("line", each) for each in others if (each.name, each.source) not in told]
        return [(each.name, DeviceCurve(of, each.source, each.points)) for of, each in found]


async def _device(tx: Transaction, key: str) -> DeviceRecord:
    device = await device_store.get(tx, key)
    if device is None:
        raise no_device(key)
    return device


def _no_curve(fact: str) -> str:
    if fact in FACTS:
        return f"fact: {fact} is no number, so it has no curve; `secondline device plot DEVICE` lists what has one"
    return f"fact: there is no fact {fact[:80]!r}; `secondline device plot DEVICE` lists those that have a curve"
