"""The norm of every fact, in both languages: the pack's own words, else what its card of a healthy line asks for.

The rule of this file: a norm is what a healthy line shows, never what some other cause would show; unknown stays out.
"""

from collections.abc import Iterator

from probes.facts import FACTS
from probes.linetest.conditions import Condition, Operator
from probes.linetest.form import PackFile
from probes.linetest.model import Title

YES: Title = {"ru": "да", "en": "yes"}
NO: Title = {"ru": "нет", "en": "no"}

_SIGNS = {Operator.LT: "<", Operator.LE: "≤", Operator.GT: ">", Operator.GE: "≥", Operator.EQ: "", Operator.NE: "≠"}
_RU_UNITS = {
    "dBm": "дБм",
    "dB": "дБ",
    "Mbit/s": "Мбит/с",
    "s": "с",
    "ms": "мс",
    "m": "м",
    "min": "мин",
    "mA": "мА",
    "kΩ": "кОм",
    "B": "Б",
    "/s": "/с",
}


def norms(file: PackFile) -> dict[str, Title]:
    """Return the norms of a pack by fact."""
    own = {name: rule.norm.both() for name, rule in file.facts.items() if rule.norm is not None}
    return dict(_healthy(file)) | own


def russian_unit(unit: str) -> str:
    """Return a unit as it is written in Russian."""
    return _RU_UNITS.get(unit, unit)


def _healthy(file: PackFile) -> Iterator[tuple[str, Title]]:
    for row in reversed(file.rows(file.cause["nff"])):  # the first row of a fact counts
        if row.no < 0 <= row.yes and row.fact is not None and row.fact in FACTS:
            text = _asked(row)
            if text:
                yield row.fact, text


def _asked(test: Condition) -> Title:
    """Return what a condition on one fact asks of it."""
    value, unit = test.value, FACTS[test.fact or ""].unit
    if value is None or test.op is None:
        return {}
    if isinstance(value, bool):
        return YES if value is (test.op is Operator.EQ) else NO
    if isinstance(value, tuple):
        text = (" … " if test.op is Operator.BETWEEN else ", ").join(map(_plain, value))
    else:
        text = f"{_SIGNS[test.op]} {_plain(value)}".strip()
    return {"ru": f"{text.replace('.', ',')} {russian_unit(unit)}".strip(), "en": f"{text} {unit}".strip()}


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str) else f"{value:g}".replace("-", "−")
