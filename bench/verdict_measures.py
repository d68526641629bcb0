"""Figures of a set of labelled verdicts: cost, false and missed dispatches, calibration, with 95 % intervals.

Intervals are percentile bootstraps over tickets, 400 draws, fixed seed. The rule of this file: it sees labels and
verdicts only, never how either came about.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from probes.linetest.costs import Money, excess, visit_needed
from probes.linetest.model import VerdictKind

_DRAWS = 400
_BINS = (0.0, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0001)
#: causes that are one thing under several names
_SAME = (
    {"mass_fibre", "mass_power", "mass_mixed", "mass_unknown", "mass_fibre_or_port", "olt_port"},
    {"restored", "restored_unmeasured"},
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was true and what was said; `belief` None where the method gives none."""

    truth: VerdictKind
    truth_cause: str
    said: VerdictKind
    said_cause: str
    belief: float | None = None
    probes: int = 0

    @property
    def right(self) -> bool:
        """Whether the cause was named."""
        pair = {self.truth_cause, self.said_cause}
        return len(pair) == 1 or any(pair <= same for same in _SAME)


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:8.3f} [{self.low:.3f} … {self.high:.3f}]"


def figures(found: Sequence[Labelled], money: Money, probe_cost: float = 10.0) -> dict[str, Figure]:
    """Return the figures of a method by name."""

    def cost(one: Labelled) -> float:
        return excess(one.said, one.truth, money, same_cause=one.right) + probe_cost * one.probes

    measures: dict[str, Callable[[Labelled], float]] = {
        "cost per ticket": cost,
        "verdict right": lambda one: float(one.said is one.truth),
        "cause right": lambda one: float(one.right),
        "false dispatch": lambda one: float(visit_needed(one.said) and one.said is not one.truth),
        "missed dispatch": lambda one: float(visit_needed(one.truth) and not visit_needed(one.said) and _closed(one)),
        "dispatch left open": lambda one: float(_open_visit(one)),
        "cost, open visits as missed": lambda one: cost(one) + (money.day_lost if _open_visit(one) else 0.0),
        "inconclusive": lambda one: float(not _closed(one)),
    }
    out = {name: mean(found, measure) for name, measure in measures.items()}
    believed = [one for one in found if one.belief is not None and _closed(one)]
    if believed:
        out["Brier, of what was said"] = mean(believed, lambda one: ((one.belief or 0.0) - one.right) ** 2)
    return out


def _closed(one: Labelled) -> bool:
    return one.said is not VerdictKind.INCONCLUSIVE


def _open_visit(one: Labelled) -> bool:
    return visit_needed(one.truth) and not _closed(one)


def mean(found: Sequence[Labelled], measure: Callable[[Labelled], float]) -> Figure:
    """Return the mean of a measure with its interval."""
    values = [measure(one) for one in found]
    if not values:
        return Figure(0.0, 0.0, 0.0)
    random, n = Random(7), len(values)
    draws = sorted(sum(random.choices(values, k=n)) / n for _ in range(_DRAWS))
    return Figure(sum(values) / n, draws[int(0.025 * _DRAWS)], draws[int(0.975 * _DRAWS)])


def confusion(found: Sequence[Labelled]) -> list[str]:
    """Return the table of truth (rows) against verdict (columns), as lines."""
    counts = Counter((one.truth, one.said) for one in found)
    kinds = list(VerdictKind)
    short = {kind: kind.value.split("_")[-1][:8] for kind in kinds}
    short |= {VerdictKind.DISPATCH_HOME: "HOME", VerdictKind.DISPATCH_LINE: "LINE", VerdictKind.ATTACH_OUTAGE: "ATTACH"}
    short |= {VerdictKind.OPEN_OUTAGE: "OPEN", VerdictKind.REMOTE_FIX: "REMOTE", VerdictKind.GUIDE_CUSTOMER: "GUIDE"}
    short |= {VerdictKind.INCONCLUSIVE: "INCONCL", VerdictKind.MONITOR_24H: "MONITOR"}
    lines = [" " * 16 + "".join(f"{short[kind]:>9}" for kind in kinds)]
    for truth in kinds:
        if any(counts[truth, said] for said in kinds):
            lines.append(f"{truth.value:16}" + "".join(f"{counts[truth, said] or '·':>9}" for said in kinds))
    return lines


def reliability(found: Sequence[Labelled]) -> list[str]:
    """Return lines of belief against how often the cause was right."""
    lines = []
    for low, high in pairwise(_BINS):
        inside = [one for one in found if one.belief is not None and low <= one.belief < high and _closed(one)]
        if inside:
            believed = sum(one.belief or 0.0 for one in inside) / len(inside)
            right = sum(one.right for one in inside) / len(inside)
            lines.append(f"  believed {believed:.2f}   right {right:.2f}   of {len(inside)}")
    return lines
