"""The norm beside a value: what the pack says a healthy line shows, or else the opposite of the card's condition."""

from probes.facts import FACTS
from probes.linetest.conditions import Condition, Operator
from probes.linetest.model import Title
from probes.linetest.pack import Pack, Row

_OPPOSITE = {
    Operator.LT: "≥",
    Operator.LE: ">",
    Operator.GT: "≤",
    Operator.GE: "<",
    Operator.EQ: "≠",
    Operator.NE: "=",
}
_SAME = {Operator.LT: "<", Operator.LE: "≤", Operator.GT: ">", Operator.GE: "≥", Operator.EQ: "=", Operator.NE: "≠"}


def norm_of(pack: Pack, fact: str, row: Row | None = None, name: str = "") -> Title:
    """Return the norm of a fact in both languages; empty when neither the pack nor the row has one."""
    rule = pack.file.facts.get(fact)
    if rule is not None and rule.norm is not None:
        return rule.norm.both()
    test = _test_of(row, name or fact) if row is not None else None
    if row is None or test is None or test.op not in _SAME or test.value is None or name.startswith("@"):
        return {}
    signs = _OPPOSITE if row.yes > 0 or row.no > 0 > row.yes else _SAME
    if row.yes > 0 and test.op is Operator.EQ and isinstance(test.value, bool):
        return _flag(not test.value)
    unit = FACTS[fact].unit
    text = f"{signs[test.op]} {_value(test.value)}{' ' + unit if unit else ''}"
    return {"ru": text, "en": text}


def _flag(value: bool) -> Title:
    return {"ru": "да" if value else "нет", "en": "yes" if value else "no"}


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _test_of(condition: Condition, name: str) -> Condition | None:
    if condition.fact == name:
        return condition
    for part in (*condition.all, *condition.any):
        found = _test_of(part, name)
        if found is not None:
            return found
    return None
