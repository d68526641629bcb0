"""Is it one line or many? The binomial tail over the siblings of a line, and the sib.* facts from their states.

The rule of this file: counts are compared with chance, never with a fixed share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import comb

from probes.facts import Fact


@dataclass(frozen=True, slots=True)
class SiblingState:
    """One ONT of the same PON port as it was read now; None where it was not read.

    `gasps` tells whether the model sends a dying gasp; `last_down_cause` is the fact's enumeration (los, losi, dgi …).
    """

    ont: int
    up: bool | None
    last_down_at: datetime | None = None
    last_down_cause: str | None = None
    rx_dbm: float | None = None
    baseline_rx_dbm: float | None = None
    olt_rx_dbm: float | None = None
    gasps: bool | None = None
    splitter: str | None = None
    flaps_24h: int | None = None


@dataclass(frozen=True, slots=True)
class Baselines:
    """What is known from earlier readings: days behind the medians, None when nothing was stored."""

    days: float | None = None


def binomial_tail(n: int, k: int, p: float) -> float:
    """Return P(at least k of n) when each happens with chance p by itself."""
    if k <= 0:
        return 1.0
    return sum(comb(n, i) * p**i * (1.0 - p) ** (n - i) for i in range(k, n + 1))


@lru_cache(maxsize=4096)
def kmin(n: int, window_min: float, alpha: float, per_day: float) -> int:
    """Return the least count of *other* ONTs, of the n on the port with this one, that chance does not explain.

    Example: n = 32, 15 min, alpha 1e-4, 0.3 falls a day each → 4.
    """
    others = max(n - 1, 0)
    p = min(1.0, per_day * window_min / 1440.0)
    for k in range(1, others + 1):
        if binomial_tail(others, k, p) <= alpha:
            return k
    return others + 1


def sibling_facts(
    readings: Sequence[SiblingState],
    this_ont: int,
    *,
    now: datetime,
    window_s: float,
    baselines: Baselines | None = None,
) -> list[Fact]:
    """Return the sib.* facts of one ONT from the states of all ONTs of its port, itself included."""
    return []
