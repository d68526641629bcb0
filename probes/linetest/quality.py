"""How good the verdicts are, held against how tickets were closed. Pure counting; it changes nothing.

The rule of this file: a figure comes with the number behind it, and one that rests on nothing is None, not zero.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10, sqrt

#: a reliability diagram has so many bins
_BINS = 10
#: an alarm needs so many closures, and is raised below this precision
ALARM_CLOSURES, ALARM_PRECISION = 50, 0.7
#: pseudo-cases that the expert's points are worth
PSEUDO_CASES = 20.0
#: closures of a cause under which its points are left alone
LEAST_CASES = 20
#: the smallest chance that an expert's points stand for: far below what -60 dB say
_SURE = 1e-9
#: points that a change must have before it is worth a suggestion
_WORTH_DB = 1.0
_VISITS = ("DISPATCH_HOME", "DISPATCH_LINE")
_REMOTE = ("NFF", "REMOTE_FIX", "GUIDE_CUSTOMER", "MONITOR_24H")


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed ticket with what its test had said. `needed` is the verdict that the true cause has in the pack."""

    ticket: str
    verdict: str
    cause: str
    posterior: float
    truth: str
    needed: str
    visited: bool | None = None
    overridden: bool = False
    repeated: bool = False
    sent_twice: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole; `share` is None where the whole is empty, `low` and `high` bound it with 95 %."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """The part of the whole."""
        return self.part / self.whole if self.whole else None

    def to_json(self) -> dict[str, float | int | None]:
        """Return part, whole, share and its interval (Wilson)."""
        low, high = wilson(self.part, self.whole)
        return {"part": self.part, "whole": self.whole, "share": self.share, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class CauseQuality:
    """One cause: how often it was right when it was said, how often it was said when it was right."""

    cause: str
    said: Share
    found: Share
    brier: float | None
    alarm: bool
    #: how often a person said something else
    overridden: Share = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts of about the same belief: how often they were right."""

    low: float
    high: float
    n: int
    believed: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Points that closures speak for; somebody may put them into a pack, nothing here does."""

    cause: str
    condition: str
    answer: str
    points: float
    suggested: float
    cases: int


@dataclass(frozen=True, slots=True)
class Answered:
    """How the rows of a cause's card answered in one closed case: row → met or not; absent where it was not known."""

    truth: str
    rows: Mapping[str, bool]


def wilson(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a share."""
    if not whole:
        return None, None
    z, p = 1.96, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def causes(closed: Sequence[Closed]) -> list[CauseQuality]:
    """Return precision, recall and Brier score of every cause that was said or true, the commonest first.

    `closed` is newest first: the alarm looks at the last 50 closures in which a cause was said.
    """
    last = lately((one.cause, one.truth) for one in closed)
    said, right, true, other = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    squares: dict[str, list[float]] = defaultdict(list)
    for one in closed:
        said[one.cause] += 1
        true[one.truth] += 1
        right[one.cause] += one.cause == one.truth
        other[one.cause] += one.overridden
        squares[one.cause].append((one.posterior - (one.cause == one.truth)) ** 2)
    found = []
    for cause in {*said, *true} - {""}:
        precision = Share(right[cause], said[cause])
        brier = sum(squares[cause]) / len(squares[cause]) if squares[cause] else None
        alarm = denied(last.get(cause, Share(0, 0)))
        changed = Share(other[cause], said[cause])
        found.append(CauseQuality(cause, precision, Share(right[cause], true[cause]), brier, alarm, changed))
    return sorted(found, key=lambda one: (-one.said.whole, -one.found.whole, one.cause))


def lately(told: Iterable[tuple[str, str]]) -> dict[str, Share]:
    """Return cause → how many of the last 50 closures in which it was said agree.

    `told`: (said, true), the newest first.
    """
    found: dict[str, list[bool]] = defaultdict(list)
    for said, true in told:
        if len(found[said]) < ALARM_CLOSURES:
            found[said].append(said == true)
    return {cause: Share(sum(agree), len(agree)) for cause, agree in found.items()}


def denied(last: Share) -> bool:
    """Return whether the last closures of a cause agree with it too seldom; fewer than 50 say nothing yet."""
    return last.whole >= ALARM_CLOSURES and last.part < ALARM_PRECISION * last.whole


def brier(closed: Sequence[Closed]) -> float | None:
    """Return the mean square of belief against truth: 0 is perfect, 0.25 is a coin; None without a closure."""
    named = [one for one in closed if one.cause]
    return sum((one.posterior - (one.cause == one.truth)) ** 2 for one in named) / len(named) if named else None


def reliability(closed: Sequence[Closed]) -> list[Bin]:
    """Return the reliability diagram: of what was believed with 80 %, 80 % should be right."""
    bins: list[list[Closed]] = [[] for _ in range(_BINS)]
    for one in closed:
        if one.cause:
            bins[min(_BINS - 1, int(one.posterior * _BINS))].append(one)
    return [
        Bin(
            n / _BINS,
            (n + 1) / _BINS,
            len(each),
            sum(one.posterior for one in each) / len(each) if each else None,
            sum(one.cause == one.truth for one in each) / len(each) if each else None,
        )
        for n, each in enumerate(bins)
    ]


def rates(closed: Sequence[Closed]) -> dict[str, Share]:
    """Return false, wrong, missed and double dispatch, what needed no visit, repeats, overrides and agreement."""
    sent = [one for one in closed if one.verdict in _VISITS]
    kept = [one for one in closed if one.verdict in _REMOTE]
    return {
        "right_cause": _share(closed, lambda one: one.cause == one.truth),
        "right_verdict": _share(closed, lambda one: one.verdict == one.needed),
        "false_dispatch": _share(sent, lambda one: one.needed not in _VISITS),
        "wrong_dispatch": _share(sent, lambda one: one.needed in _VISITS and one.needed != one.verdict),
        "missed_dispatch": _share(kept, lambda one: one.needed in _VISITS or one.visited is True),
        "double_dispatch": _share([one for one in closed if one.visited is True], lambda one: one.sent_twice),
        "solved_without_visit": _share(
            [one for one in closed if one.visited is not None], lambda one: one.visited is False
        ),
        "repeat": _share(closed, lambda one: one.repeated),
        "override": _share(closed, lambda one: one.overridden),
    }


def suggestions(cause: str, rows: Mapping[str, tuple[float, float]], answered: Sequence[Answered]) -> list[Suggestion]:
    """Return points that the closures of a cause speak for, where they differ by a deciban or more.

    `rows` are condition → (yes, no) as the expert wrote them. The expert counts as 20 cases, and his points are moved
    by what the closures say more than he did; under 20 closures of the cause they say nothing.
    """
    found = []
    for name, (yes, no) in rows.items():
        ours = [one.rows[name] for one in answered if one.truth == cause and name in one.rows]
        others = [one.rows[name] for one in answered if one.truth != cause and name in one.rows]
        if len(ours) < LEAST_CASES or not others:
            continue
        here, there = _expert(yes, no)
        base = (sum(others) + there * PSEUDO_CASES) / (len(others) + PSEUDO_CASES)
        ratio = (sum(ours) + here * PSEUDO_CASES) / (len(ours) + PSEUDO_CASES)
        pairs = (
            ("yes", yes, ratio / base, here / there),
            ("no", no, (1 - ratio) / (1 - base), (1 - here) / (1 - there)),
        )
        for answer, points, odds, expected in pairs:
            new = round(max(-60.0, min(60.0, points + 10 * log10(odds / expected))), 1)
            if points and abs(new - points) >= _WORTH_DB:
                found.append(Suggestion(cause, name, answer, points, new, len(ours)))
    return found


def _expert(yes: float, no: float) -> tuple[float, float]:
    """Return the chances of `met`, under the cause and otherwise, that the expert's two points stand for."""
    up, down = 10 ** (yes / 10), 10 ** (no / 10)
    if abs(up - down) < 1e-9 or (up - 1) * (down - 1) > 0:
        there = 0.5 if up <= 1 else min(0.5, 0.98 / up)
    else:
        # P/q = up and (1-P)/(1-q) = down
        there = (1 - down) / (up - down)
    there = min(max(there, _SURE), 1 - _SURE)
    return min(max(there * up, _SURE), 1 - _SURE), there


def _share(cases: Iterable[Closed], holds: Callable[[Closed], bool]) -> Share:
    told = [holds(one) for one in cases]
    return Share(sum(told), len(told))
