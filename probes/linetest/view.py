"""From fact records to what may be concluded from: fresh, typed values that are no sentinels; the rest with a reason.

The rule of this file: stale, unreadable and unknown facts are named, and none of them reaches a condition.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from probes.facts import Fact, FactKind, Facts, FactSpec, Quality, Scalar
from probes.linetest.derive import derive
from probes.linetest.form import FactRule
from probes.linetest.pack import Pack

_NO_RULE = FactRule()
#: years of instants that are concluded from
_YEARS = (1970, 2200)
#: numbers beyond it, either way, are no reading of anything
_GREATEST = 1e15


@dataclass(slots=True)
class View:
    """What was measured, as one judgement sees it. `results`: each distinct condition of the pack, settled once."""

    facts: Facts
    now: datetime
    values: dict[str, Scalar] = field(default_factory=dict)
    instants: dict[str, datetime] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    results: list[bool | None] = field(default_factory=list)

    def known(self, name: str) -> bool:
        """Return whether the fact was measured and may be concluded from."""
        return name in self.values

    def age_s(self, name: str) -> float:
        """Return how old a measured fact is; a fact from the future is new."""
        return round(max((self.now - self.facts[name].at).total_seconds(), 0.0), 1)


def look(facts: Facts, pack: Pack, now: datetime) -> View:
    """Return the view of these facts at `now`; the order of the facts does not matter."""
    view = View(facts, now)
    cutoffs = {age: now - timedelta(seconds=age) for age in pack.ages}
    for name in sorted(facts):
        _take(view, facts[name], name, pack, cutoffs)
    _conclude(view, pack)
    _distrust(view, pack)
    return view


def _conclude(view: View, pack: Pack) -> None:
    view.values.update(derive(view.values, view.instants, view.facts, view.now, pack.limits))
    view.results = pack.steps.settle(view.values)


def _take(view: View, fact: Fact, name: str, pack: Pack, cutoffs: Mapping[float, datetime]) -> None:
    reader = pack.readers.get(name)
    if reader is None:
        view.ignored.append(name)
        return
    if fact.value is None or (fact.quality is not Quality.OK and fact.quality is not Quality.STALE):
        if fact.quality in (Quality.UNREADABLE, Quality.ERROR):
            view.unreadable.append(name)
        return
    value = readable(fact.value, reader.spec, reader.rule)
    if value is None:
        view.unreadable.append(name)
        return
    cutoff = cutoffs.get(reader.max_age_s)
    if fact.quality is Quality.STALE or (cutoff is not None and fact.at < cutoff):
        view.stale.append(name)
        return
    view.values[name] = value
    if reader.spec.kind is FactKind.INSTANT:
        view.instants[name] = instant(str(value)) or view.now


def readable(value: Scalar, spec: FactSpec, rule: FactRule = _NO_RULE) -> Scalar | None:
    """Return the value if it is of the fact's kind and no sentinel, else None."""
    kind = spec.kind
    if kind is FactKind.NUMBER or kind is FactKind.COUNT:
        return _number(value, spec, rule)
    match kind:
        case FactKind.FLAG:
            return value if isinstance(value, bool) else None
        case FactKind.INSTANT:
            return value if isinstance(value, str) and instant(value) is not None else None
        case FactKind.ENUM:
            return value if isinstance(value, str) and value in spec.values else None
        case _:
            return value if isinstance(value, str) and value else None


def _number(value: Scalar, spec: FactSpec, rule: FactRule) -> Scalar | None:
    if isinstance(value, bool | str) or not -_GREATEST <= value <= _GREATEST:
        return None
    if spec.kind is FactKind.COUNT and (value < 0 or value != int(value)):
        return None
    if value in rule.sentinels:
        return None
    too_low = rule.min is not None and value < rule.min
    too_high = rule.max is not None and value > rule.max
    return None if too_low or too_high else value


def instant(text: str) -> datetime | None:
    """Return an RFC 3339 instant, aware; None when the text is none, or of no time that a network has seen or will."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not _YEARS[0] <= at.year <= _YEARS[1]:
        return None  # a clock that was never set, or a word for "never"; nothing can be counted from the ends of time
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _distrust(view: View, pack: Pack) -> None:
    dropped = []
    for item in pack.file.distrust:
        if pack.met(item.when, view.results):
            dropped += [name for name in view.values if any(_matches(name, pattern) for pattern in item.drop)]
    if not dropped:
        return
    view.unreadable += sorted(set(dropped))
    view.values = {name: value for name, value in view.values.items() if name not in dropped and name[0] != "@"}
    view.instants = {name: at for name, at in view.instants.items() if name not in dropped}
    _conclude(view, pack)


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern) if pattern.endswith(".") else name == pattern
