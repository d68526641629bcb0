"""What errors say, in the language of who asked: the texts of the code are English, `errors.ru.toml` has the Russian.

    there is no line 'L-7'; `secondline line list` shows their ids
    └ found by its fixed words, "there is no line {0}; …" ┴─► its translation, with the same values

The rule of this file: a text without a translation stays as it is; looking for one takes a time that grows with the
length of the text and no faster, whatever somebody wrote into it.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_PLACE = re.compile(r"\{\d+\}")
#: end of a text that goes on with lines of their own
_LINES = "\n{0}"
#: texts within texts that are looked at
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class _Form:
    """A text with places: the fixed words around them, and the translation."""

    words: tuple[str, ...]
    translation: str

    def values(self, text: str) -> list[str] | None:
        """What stands at the places of a text of this form; None: it is of another."""
        first, *middle, last = self.words
        if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
            return None
        at, end = len(first), len(text) - len(last)
        found = []
        for words in middle:
            following = text.find(words, at, end)
            if following < 0:
                return None
            found.append(text[at:following])
            at = following + len(words)
        return [*found, text[at:end]]


@dataclass(frozen=True, slots=True)
class _Book:
    """The texts of one language: those without places, those with, and single words."""

    fixed: Mapping[str, str]
    forms: Sequence[_Form]
    words: Mapping[str, str]
    kinds: Mapping[str, Mapping[str, str]]
    reasons: Mapping[str, str]


def translated(text: str, language: str) -> str:
    """A message in a language, line by line."""
    book = _book(language)
    if book is None:
        return text
    return "\n".join(_line(book, one, 0) for one in text.split("\n"))


def kind_of(code: str, language: str) -> tuple[str, str] | None:
    """Title and remedy of a code; None where this language has none of its own."""
    book = _book(language)
    found = None if book is None else book.kinds.get(code) or book.kinds["http_error"]
    return None if found is None else (found["title"], found["remedy"])


def reason_of(reason: str, language: str) -> str:
    """The reason of a TM Forum error."""
    book = _book(language)
    return reason if book is None else book.reasons.get(reason, reason)


def texts(language: str) -> Mapping[str, Any]:
    """The file of a language, table by table."""
    return tomllib.loads((resources.files("acs.api") / f"errors.{language}.toml").read_text("utf-8"))


@cache
def _book(language: str) -> _Book | None:
    """The texts of a language; None for the one in which they are written."""
    if language == "en":
        return None
    table = texts(language)
    every = {**table["errors"], **table["parts"], **table["checks"]}
    every = {text.removesuffix(_LINES): said.removesuffix(_LINES) for text, said in every.items()}
    forms = [_Form(tuple(_PLACE.split(text)), said) for text, said in every.items() if _PLACE.search(text)]
    spoken = [form for form in forms if any(letter.isalpha() for letter in "".join(form.words))]
    spoken.sort(key=lambda form: -sum(map(len, form.words)))
    fixed = {text: said for text, said in every.items() if not _PLACE.search(text)}
    return _Book(fixed, spoken, table["words"], table["kinds"], table["reasons"])


def _known(book: _Book, text: str, depth: int) -> str | None:
    if text in book.fixed:
        return book.fixed[text]
    for form in book.forms:
        values = form.values(text)
        if values is not None:
            return _filled(form.translation, [_value(book, one, depth + 1) for one in values])
    return None


def _filled(translation: str, values: Sequence[str]) -> str:
    return _PLACE.sub(lambda place: values[int(place[0][1:-1])], translation)


def _line(book: _Book, line: str, depth: int) -> str:
    """A line, or what stands behind the place that it is about."""
    known = _known(book, line, depth)
    if known is not None or depth >= _DEEPEST:
        return line if known is None else known
    place, colon, what = line.partition(": ")
    return f"{place}: {_line(book, what, depth + 1)}" if colon else line


def _value(book: _Book, value: str, depth: int) -> str:
    if value in book.words or depth >= _DEEPEST or " " not in value:
        return book.words.get(value, value)
    return _known(book, value, depth) or value
