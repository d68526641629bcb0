"""What a light level means: its class, how far from the edge it is, where it goes, where it began. Pure.

The rule of this file: a trend is told only over days enough to have one, and what rests on an assumed class says so.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: A level at a time.
Level = tuple[datetime, float]

#: Points and days behind a trend at least, and days that it looks back.
TREND_POINTS = 10
TREND_LEAST = timedelta(days=3)
TREND_DAYS = 30
#: Days behind the usual level.
USUAL_DAYS = 7
#: Days behind the level of the beginning, and the least time between its points.
BIRTH = timedelta(days=7)
BIRTH_LEAST = timedelta(hours=48)
#: Pairs of points that a trend is the median of, at most.
_POINTS = 120


@dataclass(frozen=True, slots=True)
class Trend:
    """How a level changes: dB a day, over so many days."""

    db_per_day: float
    days: float


@dataclass(frozen=True, slots=True)
class Edges:
    """What a receiver of a class bears."""

    sensitivity_dbm: float
    overload_dbm: float


def edges_of(optical_class: str, sensitivity: Mapping[str, float], overload: Mapping[str, float]) -> Edges | None:
    """The edges of a class; None for one that nobody knows."""
    if optical_class not in sensitivity or optical_class not in overload:
        return None
    return Edges(sensitivity[optical_class], overload[optical_class])


def trend(levels: Sequence[Level], now: datetime) -> Trend | None:
    """The median slope of pairs of points of the last month; None for too few points, or too short a time.

    A median of slopes (Theil–Sen) is not moved by a dark hour or two.
    """
    recent = [level for level in levels if now - level[0] <= timedelta(days=TREND_DAYS)]
    if len(recent) < TREND_POINTS or recent[-1][0] - recent[0][0] < TREND_LEAST:
        return None
    step = max(1, len(recent) // _POINTS)
    some = recent[::step]
    days = [at.timestamp() / 86_400 for at, _ in some]
    slopes = [
        (some[later][1] - some[earlier][1]) / (days[later] - days[earlier])
        for earlier in range(len(some))
        for later in range(earlier + 1, len(some))
        if days[later] > days[earlier]
    ]
    if not slopes:
        return None
    span = (recent[-1][0] - recent[0][0]) / timedelta(days=1)
    return Trend(round(statistics.median(slopes), 4), round(span, 1))


def usual(levels: Sequence[Level], now: datetime) -> float | None:
    """The median of the last week; None without three points."""
    recent = [value for at, value in levels if now - at <= timedelta(days=USUAL_DAYS)]
    return round(statistics.median(recent), 2) if len(recent) >= TREND_POINTS // 3 else None


def beginning(levels: Sequence[Level]) -> Level | None:
    """The median of the first days that are known, and when they ended; None while it is too early to say."""
    if not levels:
        return None
    first = [level for level in levels if level[0] - levels[0][0] <= BIRTH]
    if len(first) < 3 or first[-1][0] - first[0][0] < BIRTH_LEAST:
        return None
    return first[-1][0], round(statistics.median(value for _, value in first), 2)
