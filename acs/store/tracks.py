"""Points of a series as columns, from many blocks and young rows to what a question shows. Pure.

    blocks ──joined──▶ track ──corrected by young values──▶ track ──thinned──▶ track ──points──▶ CurvePoint …

The rule of this file: nothing is made per point before the last step, because a question of three months reads
thousands of points per fact and shows hundreds.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from operator import mul, truediv
from typing import NamedTuple, TypeVar

from acs.store.instants import instant
from acs.store.packing import Columns

_SECOND = 1_000_000
_Number = TypeVar("_Number", int, float)
#: Decimals of a mean.
_PLACES = 3


class CurvePoint(NamedTuple):
    """One point of a curve: the mean of `n` measurements from `at` on, the least and the greatest of them.

    A tuple, because a question makes thousands of them, and a frozen class takes four times as long to make.
    """

    at: datetime
    value: float
    low: float
    high: float
    n: int


#: A point of its five values, without the step of the interpreter that `CurvePoint(…)` takes.
_point: Callable[[tuple[datetime, float, float, float, int]], CurvePoint] = partial(tuple.__new__, CurvePoint)
#: the facts of a device are measured at the same moments, and to make one takes ten times as long as to look it up
_instant = lru_cache(maxsize=4_096)(instant)


class Track(NamedTuple):
    """Points in the order of time; `at` in microseconds since 1970."""

    at: list[int]
    values: list[float]
    lows: list[float]
    highs: list[float]
    counts: list[int]


def joined(blocks: Iterable[Columns], start: int, end: int) -> Track:
    """What blocks have from `start` until before `end`, in microseconds."""
    track = Track([], [], [], [], [])
    ordered = True
    for moments, values, lows, highs, counts in blocks:
        here = slice(bisect_left(moments, start), bisect_left(moments, end))
        at = moments[here]
        ordered = ordered and (not at or not track.at or track.at[-1] <= at[0])
        track.at.extend(at)
        track.values.extend(values[here])
        track.lows.extend(lows[here])
        track.highs.extend(highs[here])
        track.counts.extend([1] * len(at) if counts is None else counts[here])
    return track if ordered else _sorted(track)


def corrected(packed: Track, fresh: Sequence[tuple[int, float]]) -> Track:
    """Both; of one second a young value stands, for it came later. `fresh`: (microsecond, value), in their order."""
    at, values = [each[0] for each in fresh], [each[1] for each in fresh]
    young = Track(at, values, values, values, [1] * len(at))
    if not packed.at or (fresh and packed.at[-1] < at[0] - at[0] % _SECOND):
        return _both(packed, young)
    seconds = {each - each % _SECOND for each in at}
    kept = [place for place, each in enumerate(packed.at) if each not in seconds]
    return _sorted(_both(_picked(packed, kept), young))


def thinned(track: Track, most: int) -> Track:
    """At most so many points: neighbours become one, with their mean, least and greatest."""
    count = len(track.at)
    size = -(-count // max(1, most))
    if size <= 1:
        return track
    counts = _grouped(track.counts, size, sum)
    sums = _grouped(list(map(mul, track.values, track.counts)), size, sum)
    return Track(
        track.at[::size],
        [round(mean, _PLACES) for mean in map(truediv, sums, counts)],
        _grouped(track.lows, size, min),
        _grouped(track.highs, size, max),
        counts,
    )


def points(track: Track) -> tuple[CurvePoint, ...]:
    """The points of a track."""
    at, values, lows, highs, counts = track
    return tuple(map(_point, zip(map(_instant, at), values, lows, highs, counts, strict=True)))


def _grouped(column: Sequence[_Number], size: int, way: Callable[[Iterable[_Number]], _Number]) -> list[_Number]:
    """What `way` makes of each `size` neighbours, and of what is left at the end."""
    walk = iter(column)
    found = list(map(way, zip(*(walk for _ in range(size)), strict=False)))
    rest = len(column) % size
    if rest:
        found.append(way(column[-rest:]))
    return found


def _both(one: Track, other: Track) -> Track:
    return Track(
        one.at + other.at,
        one.values + other.values,
        one.lows + other.lows,
        one.highs + other.highs,
        one.counts + other.counts,
    )


def _picked(track: Track, places: Sequence[int]) -> Track:
    return Track(*([column[place] for place in places] for column in track))  # type: ignore[arg-type]  # column by column


def _sorted(track: Track) -> Track:
    return _picked(track, sorted(range(len(track.at)), key=track.at.__getitem__))
