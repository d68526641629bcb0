"""Faults of a pack that its form alone does not show: unknown names, cards that cannot win or cannot lose.

The rule of this file: every fault names the key and what to do about it.
"""

from collections.abc import Iterator

from probes.facts import FACTS, FactKind, FactSpec
from probes.linetest.conditions import Condition, Operator
from probes.linetest.derive import DERIVED
from probes.linetest.form import QUOTE, Cause, PackFile, Row
from probes.linetest.model import VerdictKind

#: a cause whose positive evidence sums to less can hardly win
LEAST_POSITIVE_DB = 10.0
#: facts that tell one line from many
_MASS = (
    "sib.",
    "sw.subs_down_ratio",
    "dslam.",
    "melt.binder_pairs_bad",
    "@fell_together",
    "@light_against",
    "@olt_light",
)
_ORDERED = (Operator.LT, Operator.LE, Operator.GT, Operator.GE, Operator.BETWEEN)


def lint(file: PackFile) -> list[str]:
    """Return every fault of the pack, "key: fault; remedy"; an empty list for a good one."""
    faults = [*_names(file)]
    for key, condition in _conditions(file):
        faults += [f"{key}: {fault}" for fault in _condition(condition)]
    for name, cause in file.cause.items():
        faults += [f"cause.{name}: {fault}" for fault in _card(name, cause, file)]
    return faults


def _names(file: PackFile) -> Iterator[str]:
    known = set(file.cause)
    used = [("gate", gate.cause) for gate in file.gate]
    used += [("outage.kinds", kind.cause) for kind in file.outage.kinds]
    used += [("fallback", item.cause) for item in file.fallback]
    used += [
        (f"cause.{name}.instead", item.cause)
        for name, cause in file.cause.items()
        for item in cause.instead
        if item.cause
    ]
    for key, cause_id in used:
        if cause_id not in known:
            yield f"{key}: unknown cause {cause_id!r}; add [cause.{cause_id}] or correct the name"
    listed = [*file.facts, *(fact for gate in file.gate for fact in gate.gates)]
    for coverage in file.coverage.values():
        listed += [*coverage.pon, *coverage.fttb, *coverage.dsl, *coverage.iptv_adds, *coverage.voip_adds]
    for name in listed:
        if name not in FACTS:
            yield f"facts: unknown fact {name!r}; the names are in probes/facts.py"


def _conditions(file: PackFile) -> Iterator[tuple[str, Condition]]:
    yield "outage.when", file.outage.when
    yield from ((f"gate.{number}.when", gate.when) for number, gate in enumerate(file.gate))
    yield from ((f"fallback.{number}.when", item.when) for number, item in enumerate(file.fallback))
    for kind in file.outage.kinds:
        if kind.when is not None:
            yield f"outage.kinds.{kind.cause}.when", kind.when
        yield from ((f"outage.kinds.{kind.cause}.places", place.when) for place in kind.places)
    for name, trait in file.trait.items():
        yield from ((f"trait.{name}.evidence.{number}", row) for number, row in enumerate(trait.evidence))
    for name, cause in file.cause.items():
        yield from ((f"cause.{name}.evidence.{number}", row) for number, row in enumerate(cause.evidence))
        yield from ((f"cause.{name}.instead.{number}", item.when) for number, item in enumerate(cause.instead))


def _condition(condition: Condition) -> Iterator[str]:
    if condition.fact is None:
        for part in (*condition.all, *condition.any):
            yield from _condition(part)
        return
    for name in condition.facts():
        if name not in FACTS and name not in DERIVED:
            yield f"unknown fact {name!r}; the names are in probes/facts.py, derived ones in linetest/derive.py"
            return
    spec = FACTS.get(condition.fact)
    if spec is not None and condition.op is not Operator.KNOWN and condition.value_fact is None:
        yield from _typed(condition, spec)


def _typed(condition: Condition, spec: FactSpec) -> Iterator[str]:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    number = spec.kind in (FactKind.NUMBER, FactKind.COUNT)
    if condition.op in _ORDERED and not number:
        yield f"{condition.fact} is {spec.kind}, {condition.op} needs a number; use eq, ne or in"
    for value in values:
        good = isinstance(value, bool) if spec.kind is FactKind.FLAG else isinstance(value, str)
        if number:
            good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good:
            yield f"{condition.fact} is {spec.kind}, {value!r} is not; write a value of that kind"
        elif spec.values and value not in spec.values:
            yield f"{condition.fact} is never {value!r}; one of {', '.join(spec.values)}"


def _card(name: str, cause: Cause, file: PackFile) -> Iterator[str]:
    for row in cause.evidence:
        if row.only_if and f"@{row.only_if}" not in DERIVED:
            yield f"only_if {row.only_if!r} is no predicate of the engine; see linetest/derive.py"
    for text in (cause.text.ru, cause.text.en, cause.script.ru, cause.script.en):
        for fact in QUOTE.findall(text):
            if fact not in FACTS:
                yield f"text: unknown fact {fact!r}; the names are in probes/facts.py"
    for fact in (fact for group in cause.needs for fact in group if fact not in FACTS):
        yield f"needs: unknown fact {fact!r}; the names are in probes/facts.py"
    if cause.action and cause.action not in file.action:
        yield f"unknown action {cause.action!r}; add [action.{cause.action}] or correct the name"
    if cause.scored and name not in ("nff", "other"):
        yield from _balance(cause, file.rows(cause))


def _balance(cause: Cause, rows: tuple[Row, ...]) -> Iterator[str]:
    positive = _best(rows)
    if positive < LEAST_POSITIVE_DB:
        yield f"its evidence adds up to {positive:+.0f} dB, so it can hardly win; {LEAST_POSITIVE_DB:+.0f} at least"
    if not any(min(row.yes, row.no) < 0 for row in rows):
        yield "nothing speaks against it, so it can never lose; add a row with negative points"
    if cause.post_check is None:
        yield "post_check is missing; say which fact must hold after the repair"
    if cause.verdict in (VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE) and not _excludes_mass(rows):
        yield "a dispatch needs evidence that tells one line from many; add a row on sib.*, sw.subs_down_ratio, dslam.*"


def _best(rows: tuple[Row, ...]) -> float:
    return sum(max(row.yes, row.no, 0.0) for row in rows)


def _excludes_mass(rows: tuple[Row, ...]) -> bool:
    return any(fact.startswith(_MASS) for row in rows for fact in row.facts())
