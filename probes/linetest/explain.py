"""What makes a verdict readable in both languages: texts with the values in them.

The rule of this file: it adds nothing to the verdict, and a value that is missing says so.
"""

from collections.abc import Mapping
from datetime import UTC
from re import Match
from re import compile as compile_pattern

from probes.facts import FACTS, FactKind, Scalar
from probes.linetest.form import QUOTE, Text
from probes.linetest.model import Title
from probes.linetest.norms import NO, YES, russian_unit
from probes.linetest.view import instant

#: words for a missing value; a pack sets it after nouns of any gender and number, and Russian words would have to agree
_MISSING = {"ru": "н/д", "en": "not measured"}
_WORD_AFTER = compile_pattern(QUOTE.pattern + r"(?: ([^\s,.;:(){}]+))?")
_SPANS = ((86_400, {"ru": "сут", "en": "d"}), (3_600, {"ru": "ч", "en": "h"}), (60, {"ru": "мин", "en": "min"}))


def filled(text: Text, values: Mapping[str, Scalar]) -> Title:
    """Return a text of the pack with {fact.name} replaced by its value; a fact that is missing says so, without unit.

    Seconds become minutes, hours or days where they are many; an instant is told in UTC.
    """

    def fill(lang: str, pattern: str) -> str:
        def value(match: Match[str]) -> str:
            name, word = match.group(1), match.group(2) or ""
            unit = FACTS[name].unit
            is_unit = bool(unit) and word in (unit, russian_unit(unit))
            rest = f" {word}" if word and not is_unit else ""
            if name not in values:
                return _MISSING[lang] + rest
            shown = _shown(name, values[name], lang)
            return shown + (rest if unit == "s" else f" {word}" if word else "")

        return _WORD_AFTER.sub(value, pattern)

    return {"ru": fill("ru", text.ru), "en": fill("en", text.en)}


def _shown(name: str, value: Scalar, lang: str) -> str:
    if isinstance(value, bool):
        return (YES if value else NO)[lang]
    if isinstance(value, str):
        at = instant(value) if FACTS[name].kind is FactKind.INSTANT else None
        return value if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if FACTS[name].unit == "s":
        return _span(value, lang)
    return _number(value, lang)


def _number(value: float, lang: str) -> str:
    text = f"{value:.10g}".replace("-", "−")
    return text.replace(".", ",") if lang == "ru" else text


def _span(seconds: float, lang: str) -> str:
    for size, unit in _SPANS:
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit[lang]}"
    return f"{_number(seconds, lang)} {russian_unit('s') if lang == 'ru' else 's'}"
