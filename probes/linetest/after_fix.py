"""Did it help? A test after an action held against what was known before it. Pure.

The rule of this file: what the cause's own post-check says counts first; a test that says nothing leaves it open, and
so does one that lacks a post-check which it must have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probes.facts import FACTS, Scalar
from probes.linetest.conditions import Compiler, Condition, Operator
from probes.linetest.form import PostCheck

#: outcomes of one test after an action
FIXED, SAME, OTHER, UNKNOWN = "fixed", "same", "other", "unknown"
#: outcomes of which none is a repair: the line was well before and is well; another action came before the test
WELL, SUPERSEDED = "well", "superseded"
#: outcomes after which the line is broken
BROKEN = (SAME, OTHER)
_WELL = ("NFF", "MONITOR_24H")
_OPEN = ("INCONCLUSIVE", "ATTACH_OUTAGE", "")
#: what is said of more than this line: nothing can be seen of the line itself behind it
_HIDING = ("ATTACH_OUTAGE", "OPEN_OUTAGE", "ESCALATE_CORE")
#: causes that are said where nothing bad was seen and not everything was measured: neither well nor broken
_NOT_ALL_SEEN = ("restored_unmeasured",)
#: the one verdict that may end a ticket; one that watches the line says itself that it does not
_CLOSES = "NFF"


@dataclass(frozen=True, slots=True)
class Said:
    """What a test said, in short; empty where there was none."""

    verdict: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One fact before and after; `change` is the difference of numbers."""

    name: str
    before: Scalar | None
    after: Scalar | None
    unit: str
    change: float | None


def outcome(before: Said, after: Said, check: bool | None, *, must_check: bool = False) -> str:
    """Return what a test after an action says: fixed, same, other or unknown.

    `check` is the cause's post-check; with `must_check` nothing is fixed unless it holds. A fault of more than this
    line that was not there before hides the line: neither the verdict nor the check says anything of what was done.
    """
    complained = before.verdict not in (*_WELL, *_OPEN)
    if after.verdict in _HIDING and not (complained and after.cause == before.cause):
        return UNKNOWN
    if check is False:
        return SAME
    if was_well(after):
        return UNKNOWN if must_check and check is None else FIXED
    if complained and after.cause == before.cause:
        return SAME
    open_ = after.verdict in _OPEN or after.cause in _NOT_ALL_SEEN
    if check is True:
        return FIXED if open_ else OTHER
    if open_:
        return UNKNOWN
    return OTHER if complained or was_well(before) else SAME


def was_well(said: Said) -> bool:
    """Return whether a test found everything well: nothing was there that an action could mend."""
    return said.verdict in _WELL and said.cause not in _NOT_ALL_SEEN


def all_seen(verdict: Mapping[str, Any]) -> bool:
    """Return whether a stored verdict that finds no fault may be told as "the line is well": nothing is left to see."""
    return verdict.get("cause") not in _NOT_ALL_SEEN and not verdict.get("needs_human")


def may_close(verdict: Mapping[str, Any]) -> bool:
    """Return whether a stored verdict may end a ticket: all was measured and is well, and nobody must confirm it."""
    return verdict.get("verdict") == _CLOSES and not verdict.get("needs_human")


def next_state(earlier: list[str], now: str, *, last: bool) -> str:
    """Return how it stands after a test: watching, held, well, not_fixed, fell_back or unknown.

    `earlier` are the outcomes of the tests before it. What fell back once did not hold, whatever is seen later.
    """
    was_well = FIXED in earlier or WELL in earlier
    if now in BROKEN:
        return "fell_back" if was_well else "not_fixed"
    if _fell_back(earlier):
        return "fell_back"
    if not last:
        return "watching"
    if FIXED in (now, *earlier):
        return "held"
    return WELL if WELL in (now, *earlier) else "unknown"


def _fell_back(outcomes: list[str]) -> bool:
    """Whether a broken line followed a good one."""
    good = next((n for n, said in enumerate(outcomes) if said in (FIXED, WELL)), len(outcomes))
    return any(said in BROKEN for said in outcomes[good:])


def post_check(check: PostCheck | None, values: Mapping[str, Scalar]) -> bool | None:
    """Return whether the post-check of a cause holds; None where there is none, or its fact was not measured."""
    if check is None:
        return None
    condition = Condition(fact=check.fact, op=Operator(check.op), value=check.value)
    compiler = Compiler()
    place = compiler.place(condition)
    return compiler.steps().settle(values)[place]


def changes(before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> list[Change]:
    """Return what differs, and numbers that were measured both times, by name."""
    rows = []
    for name in sorted({*before, *after}):
        spec = FACTS.get(name)
        if spec is None or name.startswith("probe."):
            continue
        old, new = before.get(name), after.get(name)
        both = _number(old) and _number(new)
        if old == new and not both:
            continue
        change = round(float(new) - float(old), 3) if both and old is not None and new is not None else None
        rows.append(Change(name, old, new, spec.unit, change))
    return rows


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
