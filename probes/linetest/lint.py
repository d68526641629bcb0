"""Faults of a pack that its form alone does not show: unknown names, cards that cannot win or cannot lose.

A pack with one of these is not loaded at all; what a careful author is told besides is in `lint_whole`.
The rule of this file: every fault names the key and what to do about it.
"""

from collections.abc import Iterator

from probes.facts import FACTS, FactKind, FactSpec
from probes.linetest.conditions import VALUELESS, Condition, Operator
from probes.linetest.derive import DERIVED
from probes.linetest.form import QUOTE, Cause, FactRule, PackFile, PostCheck, Row
from probes.linetest.model import VerdictKind

#: a cause whose positive evidence sums to less can hardly win
LEAST_POSITIVE_DB = 10.0
#: facts that tell one line from many
MASS = (
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
    faults = [*_names(file), *_rules(file), *_actions(file)]
    for key, condition in _conditions(file):
        faults += [f"{key}: {fault}" for fault in _condition(condition)]
    for name, cause in file.cause.items():
        faults += [f"cause.{name}: {fault}" for fault in _card(name, cause, file)]
    return faults


def _names(file: PackFile) -> Iterator[str]:
    known = set(file.cause)
    used = [("gate", gate.cause) for gate in file.gate]
    used += [("outage.kinds", kind.cause) for kind in file.outage.kinds]
    used += [("fallback", name) for item in file.fallback for name in (item.cause, item.leader) if name]
    used += [
        (f"cause.{name}.instead", item.cause)
        for name, cause in file.cause.items()
        for item in cause.instead
        if item.cause
    ]
    for key, cause_id in used:
        if cause_id not in known:
            yield f"{key}: unknown cause {cause_id!r}; add [cause.{cause_id}] or correct the name"
    for key, name in _listed(file):
        if name not in FACTS:
            yield f"{key}: unknown fact {name!r}; the names are in probes/facts.py"


def _listed(file: PackFile) -> Iterator[tuple[str, str]]:
    """Yield every fact that stands in a list or as a key, with its place."""
    yield from (("facts", name) for name in file.facts)
    for number, gate in enumerate(file.gate):
        yield from ((f"gate.{number}.gates", name) for name in gate.gates)
        if gate.scope_fact:
            yield f"gate.{number}.scope_fact", gate.scope_fact
    for key, coverage in file.coverage.items():
        lists = [coverage.pon, coverage.fttb, coverage.dsl, coverage.iptv_adds, coverage.voip_adds]
        lists += [item.facts for item in coverage.also]
        yield from ((f"coverage.{key}", name) for each in lists for name in each)
        yield from ((f"coverage.{key}.without", name) for name in coverage.without)
    gates = file.gate_facts
    for name in (*gates.common, *gates.any, *gates.pon, *gates.fttb, *gates.dsl):
        yield "gate_facts", name
    yield from (("gate_facts.without", name) for name in gates.without)
    for number, item in enumerate(file.distrust):
        yield from ((f"distrust.{number}.drop", name) for name in item.drop if not name.endswith("."))


def _rules(file: PackFile) -> Iterator[str]:
    """Yield the faults of [facts]: units, and thresholds that no reading can reach."""
    for name, rule in file.facts.items():
        spec = FACTS.get(name)
        if spec is not None and rule.unit and rule.unit != spec.unit:
            yield f"facts.{name}.unit: {name} is in {spec.unit or 'no unit'}, not in {rule.unit}; correct the unit"
    for key, condition in _conditions(file):
        for part in parts(condition):
            rule = file.facts.get(part.fact or "", FactRule())
            for value in part.value if isinstance(part.value, tuple) else (part.value,):
                if _out_of_reach(value, rule):
                    yield (
                        f"{key}: {part.fact} is never {value:g}, only {rule.min:g} to {rule.max:g}; "
                        "is the threshold in another unit?"
                    )


def _out_of_reach(value: object, rule: FactRule) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or rule.min is None or rule.max is None:
        return False
    return not rule.min <= value <= rule.max


def _actions(file: PackFile) -> Iterator[str]:
    """Yield the faults of [action.*]: what an action needs and what forbids it are facts, and flags."""
    for name, action in file.action.items():
        used = [("needs", action.needs), ("limit_fact", action.limit_fact)]
        used += [("forbid_if", fact) for fact in action.forbid_if]
        for key, fact in used:
            if fact and fact not in FACTS:
                yield f"action.{name}.{key}: unknown fact {fact!r}; the names are in probes/facts.py"
            elif fact and key != "limit_fact" and FACTS[fact].kind is not FactKind.FLAG:
                yield f"action.{name}.{key}: {fact} is {FACTS[fact].kind}, an action asks a flag; name one"
        if action.limit_24h is not None and not action.limit_fact:
            yield f"action.{name}.limit_24h: nothing counts it; add limit_fact"


def _conditions(file: PackFile) -> Iterator[tuple[str, Condition]]:
    yield "outage.when", file.outage.when
    yield from ((f"gate.{number}.when", gate.when) for number, gate in enumerate(file.gate))
    yield from ((f"fallback.{number}.when", item.when) for number, item in enumerate(file.fallback))
    yield from ((f"distrust.{number}.when", item.when) for number, item in enumerate(file.distrust))
    for key, coverage in file.coverage.items():
        yield from ((f"coverage.{key}.also.{number}", item.when) for number, item in enumerate(coverage.also))
    for kind in file.outage.kinds:
        if kind.when is not None:
            yield f"outage.kinds.{kind.cause}.when", kind.when
        yield from ((f"outage.kinds.{kind.cause}.places", place.when) for place in kind.places)
    for name, trait in file.trait.items():
        yield from ((f"trait.{name}.evidence.{number}", row) for number, row in enumerate(trait.evidence))
    for name, cause in file.cause.items():
        yield from ((f"cause.{name}.evidence.{number}", row) for number, row in enumerate(cause.evidence))
        yield from ((f"cause.{name}.instead.{number}", item.when) for number, item in enumerate(cause.instead))


def parts(condition: Condition) -> Iterator[Condition]:
    """Yield the single conditions of one that may be joint."""
    if condition.fact is not None:
        yield condition
    for part in (*condition.all, *condition.any):
        yield from parts(part)


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
    if spec is not None and condition.op not in VALUELESS and condition.value_fact is None:
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
        yield from _balance(cause, file.rows(cause), file)


def _balance(cause: Cause, rows: tuple[Row, ...], file: PackFile) -> Iterator[str]:
    positive = _best(rows, file)
    if positive < LEAST_POSITIVE_DB:
        yield f"its evidence adds up to {positive:+.0f} dB, so it can hardly win; {LEAST_POSITIVE_DB:+.0f} at least"
    if not any(min(row.yes, row.no) < 0 for row in rows):
        yield "nothing speaks against it, so it can never lose; add a row with negative points"
    if cause.post_check is None:
        yield "post_check is missing; say which fact must hold after the repair"
    else:
        yield from (f"post_check: {fault}" for fault in _post_check(cause.post_check))
    if cause.verdict in (VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE) and not _excludes_mass(rows):
        yield "a dispatch needs evidence that tells one line from many; add a row on sib.*, sw.subs_down_ratio, dslam.*"


def _post_check(check: PostCheck) -> Iterator[str]:
    if check.op not in tuple(Operator):
        yield f"unknown operator {check.op!r}; one of {', '.join(Operator)}"
    elif check.fact not in FACTS:
        yield f"unknown fact {check.fact!r}; the names are in probes/facts.py"
    else:
        yield from _typed(Condition(fact=check.fact, op=Operator(check.op), value=check.value), FACTS[check.fact])


def _best(rows: tuple[Row, ...], file: PackFile) -> float:
    """The most that a card can get: of each group only the strongest row counts."""
    best: dict[str, float] = {}
    for number, row in enumerate(rows):
        rule = file.facts.get(row.facts()[0])
        group = row.group or (rule.group if rule else "") or f"#{number}"
        best[group] = max(best.get(group, 0.0), row.yes, row.no)
    return sum(best.values())


def _excludes_mass(rows: tuple[Row, ...]) -> bool:
    return any(fact.startswith(MASS) for row in rows for fact in row.facts())
