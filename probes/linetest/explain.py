"""What makes a verdict readable in both languages: texts with the values in them, and the norm beside every value.

The rule of this file: it adds nothing to the verdict; a norm is the pack's, or else the opposite of the card's row.
"""

from collections.abc import Mapping
from re import Match

from probes.facts import FACTS, FactKind, Scalar
from probes.linetest.conditions import Condition, Operator
from probes.linetest.form import QUOTE, Row, Text
from probes.linetest.model import Title
from probes.linetest.pack import Pack

_YES = {"ru": "да", "en": "yes"}
_NO = {"ru": "нет", "en": "no"}
_MISSING = {"ru": "не измерено", "en": "not measured"}
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


def filled(text: Text, values: Mapping[str, Scalar]) -> Title:
    """Return a text of the pack with {fact.name} replaced by its value; a fact that is missing says so."""

    def fill(lang: str, pattern: str) -> str:
        def value(match: Match[str]) -> str:
            name = match.group(1)
            return _shown(name, values[name], lang) if name in values else _MISSING[lang]

        return QUOTE.sub(value, pattern)

    return {"ru": fill("ru", text.ru), "en": fill("en", text.en)}


def _shown(name: str, value: Scalar, lang: str) -> str:
    if isinstance(value, bool):
        return (_YES if value else _NO)[lang]
    if isinstance(value, str):
        instant = FACTS[name].kind is FactKind.INSTANT
        return value[:19].replace("T", " ") if instant else value
    text = f"{value:g}".replace("-", "−")
    return text.replace(".", ",") if lang == "ru" else text


def _flag(value: bool) -> Title:
    return _YES if value else _NO


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
