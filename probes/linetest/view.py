"""From fact records to what may be concluded from: fresh, typed values that are no sentinels; the rest with a reason.

The rule of this file: stale, unreadable and unknown facts are named, and none of them reaches a condition.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite

from probes.facts import Fact, FactKind, Facts, FactSpec, Quality, Scalar
from probes.linetest.conditions import settle
from probes.linetest.derive import derive
from probes.linetest.pack import FactRule, Pack

_NO_RULE = FactRule()


@dataclass(slots=True)
class View:
    """What was measured, as one judgement sees it. `results` holds each distinct test of the pack, made once."""

    values: dict[str, Scalar] = field(default_factory=dict)
    ages: dict[str, float] = field(default_factory=dict)
    measured_at: dict[str, datetime] = field(default_factory=dict)
    instants: dict[str, datetime] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    results: list[bool | None] = field(default_factory=list)

    def known(self, name: str) -> bool:
        """Return whether the fact was measured and may be concluded from."""
        return name in self.values


def look(facts: Facts, pack: Pack, now: datetime) -> View:
    """Return the view of these facts at `now`; the order of the facts does not matter."""
    view = View()
    for name in sorted(facts):
        _take(view, facts[name], name, pack, now)
    derived = derive(view.values, view.instants, view.measured_at, now, pack.limits)
    view.values.update(derived)
    view.results = settle(pack.steps, view.values)
    _distrust(view, pack, now)
    return view


def _take(view: View, fact: Fact, name: str, pack: Pack, now: datetime) -> None:
    reader = pack.readers.get(name)
    if reader is None:
        view.ignored.append(name)
        return
    if fact.value is None or fact.quality not in (Quality.OK, Quality.STALE):
        if fact.quality in (Quality.UNREADABLE, Quality.ERROR):
            view.unreadable.append(name)
        return
    value = readable(fact.value, reader.spec, reader.rule)
    if value is None:
        view.unreadable.append(name)
        return
    age = max((now - fact.at).total_seconds(), 0.0)
    if fact.quality is Quality.STALE or age > reader.max_age_s:
        view.stale.append(name)
        return
    view.values[name], view.ages[name], view.measured_at[name] = value, age, fact.at
    view.sources[name] = fact.source
    if reader.spec.kind is FactKind.INSTANT:
        view.instants[name] = instant(str(value)) or now


def readable(value: Scalar, spec: FactSpec, rule: FactRule = _NO_RULE) -> Scalar | None:
    """Return the value if it is of the fact's kind and no sentinel, else None."""
    match spec.kind:
        case FactKind.FLAG:
            return value if isinstance(value, bool) else None
        case FactKind.NUMBER | FactKind.COUNT:
            return _number(value, spec, rule)
        case FactKind.INSTANT:
            return value if isinstance(value, str) and instant(value) is not None else None
        case FactKind.ENUM:
            return value if isinstance(value, str) and value in spec.values else None
        case FactKind.TEXT:
            return value if isinstance(value, str) and value else None


def _number(value: Scalar, spec: FactSpec, rule: FactRule) -> Scalar | None:
    if isinstance(value, bool | str) or not isfinite(value):
        return None
    if spec.kind is FactKind.COUNT and (value < 0 or value != int(value)):
        return None
    if value in rule.sentinels:
        return None
    too_low = rule.min is not None and value < rule.min
    too_high = rule.max is not None and value > rule.max
    return None if too_low or too_high else value


def instant(text: str) -> datetime | None:
    """Return an RFC 3339 instant, aware; None when the text is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _distrust(view: View, pack: Pack, now: datetime) -> None:
    dropped = False
    for item in pack.file.distrust:
        if not pack.met(item.when, view.results):
            continue
        for pattern in item.drop:
            for name in [name for name in view.values if _matches(name, pattern)]:
                del view.values[name]
                view.instants.pop(name, None)
                view.unreadable.append(name)
                dropped = True
    if dropped:
        for name in [name for name in view.values if name.startswith("@")]:
            del view.values[name]
        view.values.update(derive(view.values, view.instants, view.measured_at, now, pack.limits))
        view.results = settle(pack.steps, view.values)


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern) if pattern.endswith(".") else name == pattern
