"""What a server says, in the language of who asks: the texts of the code are English, the Russian stands beside.

    there is no line 'L-7'; `secondline line list` shows their ids
    └ found by its fixed words, "there is no line {0}; …" ┴─► its translation, with the same values

In `acs/api` are `errors.ru.toml`, what errors say, `details.ru.toml`, what became of operations and deliveries,
`findings.ru.toml`, what is wrong with a file, and `starts.ru.toml`, what keeps a server from starting. Texts that are
put together of others are translated part by part.
The rule of this file: a text without a translation stays as it is; looking for one takes a time that grows with the
length of the text and no faster, whatever somebody wrote into it.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from acs.services.actions.words import texts as subscribers_texts

_PLACE = re.compile(r"\{\d+\}")
_NAME = re.compile(r"\{(\w+)\}")
#: a file of a site, with a line: a place before what is wrong there
_FILE = re.compile(r"[^:]*\.toml(:\d+)?")
#: end of a text that goes on with lines of their own
_LINES = "\n{0}"
#: places before what is wrong with a file: table, key, key of it
_PLACES = 4
#: texts within texts that are looked at
_DEEPEST = 6
#: what stands between the parts of a text, and how many parts are looked at
_JOINTS = ("; ", ", ")
_MOST_PARTS = 8
#: characters that are looked at for one of a text, and for the shortest text
_LOOKS, _LOOKED_CHARS = 30, 6_000
#: letters of its own below which the text of a detail tells too little
_TELLING_LETTERS = 20
#: texts that are remembered: so many, and no longer ones
_REMEMBERED, _REMEMBERED_CHARS = 4_096, 500


@dataclass(frozen=True, slots=True)
class _Form:
    """A text with places: the fixed words around them, and the translation.

    `barred`: what the values at its ends do not hold, where its own words tell too little: "{0} names" is "3 names"
    alone, and "added {0}" ends where another text is joined to it.
    """

    words: tuple[str, ...]
    translation: str
    barred: tuple[str, ...]

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
        found.append(text[at:end])
        # what stands behind a colon is the rest, whatever it holds
        ends = ([] if first else found[:1]) + ([] if last or self.words[-2].endswith(": ") else found[-1:])
        return None if any(one in value for value in ends for one in self.barred) else found


@dataclass(frozen=True, slots=True)
class _Book:
    """The texts of one language: those without places, those with, by a word of theirs, and single words."""

    fixed: Mapping[str, str]
    #: those with the most words of their own first
    forms: Sequence[_Form]
    #: word → places in `forms` of those that hold it, each under one word; "" where no word of theirs stands alone
    by_word: Mapping[str, Sequence[int]]
    words: Mapping[str, str]
    kinds: Mapping[str, Mapping[str, str]]
    reasons: Mapping[str, str]

    def forms_for(self, text: str) -> list[_Form]:
        """The forms that a text may be of."""
        found = {place for word in {"", *text.split(" ")} for place in self.by_word.get(word, ())}
        return [self.forms[place] for place in sorted(found)]


def translated(text: str, language: str) -> str:
    """A text in a language, line by line."""
    if language == "en" or not text:
        return text
    return _remembered(text, language) if len(text) <= _REMEMBERED_CHARS else _translated(text, language)


def translated_within(value: Any, keys: frozenset[str], language: str) -> Any:
    """A document with the texts under these keys in a language, at any depth."""
    if language == "en":
        return value
    if isinstance(value, Mapping):
        return {
            key: translated(inner, language)
            if key in keys and isinstance(inner, str)
            else translated_within(inner, keys, language)
            for key, inner in value.items()
        }
    return [translated_within(inner, keys, language) for inner in value] if isinstance(value, list) else value


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
    """The files of a language, table by table."""
    folder = resources.files("acs.api")
    names = (f"{name}.{language}.toml" for name in ("errors", "details", "findings", "starts"))
    return {key: value for name in names for key, value in tomllib.loads((folder / name).read_text("utf-8")).items()}


@cache
def _book(language: str) -> _Book | None:
    """The texts of a language; None for the one in which they are written."""
    if language == "en":
        return None
    table = texts(language)
    ours = (table[name] for name in ("starts", "findings", "details", "errors", "parts", "checks"))
    every = _for_subscribers(language) | {text: said for one in ours for text, said in one.items()}
    # what is wrong with a key of a file is told behind its name: pydantic's words begin small there
    every |= {text[0].lower() + text[1:]: said for text, said in table["checks"].items()}
    every = {text.removesuffix(_LINES): said.removesuffix(_LINES) for text, said in every.items()}
    joined = table["details"]
    forms = [_form(text, said, may_be_joined=text in joined) for text, said in every.items() if _PLACE.search(text)]
    spoken = [form for form in forms if any(letter.isalpha() for letter in "".join(form.words))]
    spoken.sort(key=lambda form: -sum(map(len, form.words)))
    often = Counter(word for form in spoken for word in set(_own_words(form)))
    by_word: dict[str, list[int]] = {}
    for place, form in enumerate(spoken):
        # the rarest of its words, so that few forms are looked at
        word = min(_own_words(form), key=lambda each: (often[each], -len(each)), default="")
        by_word.setdefault(word, []).append(place)
    fixed = {text: said for text, said in every.items() if not _PLACE.search(text)}
    return _Book(fixed, spoken, by_word, table["words"], table["kinds"], table["reasons"])


def _for_subscribers(language: str) -> dict[str, str]:
    """The texts of what hinders an action: an operation that it hinders has one as its detail."""
    return dict(_numbered(said["en"], said[language]) for said in subscribers_texts().values())


def _numbered(text: str, said: str) -> tuple[str, str]:
    """A text with names for its values and its translation, with numbers in their place."""
    places = {name: f"{{{n}}}" for n, name in enumerate(dict.fromkeys(_NAME.findall(text)))}
    return text.format_map(places), said.format_map(places)


def _form(text: str, said: str, *, may_be_joined: bool) -> _Form:
    words = tuple(_PLACE.split(text))
    own = "".join(words)
    barred: tuple[str, ...] = ()
    if len(words) == 2 and not words[0] and own.strip().isalpha():
        barred = (" ",)
    elif may_be_joined and sum(map(str.isalpha, own)) < _TELLING_LETTERS:
        barred = () if any(joint in own for joint in _JOINTS) else _JOINTS
    return _Form(words, said, barred)


def _own_words(form: _Form) -> list[str]:
    """The words of a form that spaces set off from its values."""
    alone: list[str] = []
    for n, words in enumerate(form.words):
        alone += words.split(" ")[int(n > 0) : None if n == len(form.words) - 1 else -1]
    return [word for word in alone if word]


@lru_cache(_REMEMBERED)
def _remembered(text: str, language: str) -> str:
    return _translated(text, language)


def _translated(text: str, language: str) -> str:
    book = _book(language)
    if book is None:
        return text
    looking = _Looking(book, _LOOKS * len(text) + _LOOKED_CHARS)
    return "\n".join(looking.line(one, 0) for one in text.split("\n"))


def _filled(translation: str, values: Sequence[str]) -> str:
    return _PLACE.sub(lambda place: values[int(place[0][1:-1])], translation)


@dataclass(slots=True)
class _Looking:
    """One text being looked up. `left`: characters that may still be looked at; without any the rest stays as it is."""

    book: _Book
    left: int

    def line(self, line: str, depth: int) -> str:
        """A line, the parts that it is put together of, or what stands behind the place that it is about."""
        known = self._known(line, depth)
        if known is not None or depth >= _DEEPEST or self.left < 0:
            return line if known is None else known
        at, colon, rest = line.partition(": ")
        if colon and (known := self._known(rest, depth + 1)) is not None:
            return f"{at}: {known}"
        if colon and _FILE.fullmatch(at):
            return f"{at}: {self._behind(rest) or self.line(rest, depth + 1)}"
        for joint in _JOINTS:
            parts = line.split(joint, _MOST_PARTS)
            if len(parts) > 1 and (said := self._together(parts, joint, depth)) is not None:
                return said
        head, bracket, state = line.rpartition(" (")
        if bracket and state.endswith(")") and (known := self._known(head, depth + 1)) is not None:
            return f"{known} ({state}"
        place, colon, what = line.partition(": ")
        if not colon or " " not in what:
            return line
        known = self._known(place, depth + 1) if " " in place else None
        return f"{known or place}: {self.line(what, depth + 1)}"

    def _behind(self, line: str) -> str | None:
        """A text of ours without values, behind places that a file has: "rule a: values: …"."""
        at = 0
        for _ in range(_PLACES):
            at = line.find(": ", at) + 2
            if at < 2:
                return None
            if line[at:] in self.book.fixed:
                return line[:at] + self.book.fixed[line[at:]]
        return None

    def _known(self, text: str, depth: int) -> str | None:
        if text in self.book.fixed:
            return self.book.fixed[text]
        self.left -= len(text)
        if self.left < 0:
            return None
        for form in self.book.forms_for(text):
            values = form.values(text)
            if values is not None:
                return _filled(form.translation, [self._value(one, depth + 1) for one in values])
        return None

    def _together(self, parts: Sequence[str], joint: str, depth: int) -> str | None:
        """The parts with the joint between them again, as long ones as are known; None where they are no texts of ours.

        Commas make lists of names too: a single word is ours only beside a text of ours, and not within another.
        """
        longest: list[str] = []
        at = 0
        while at < len(parts) and self.left >= 0:
            end = len(parts)
            while end > at + 1 and self._known(joint.join(parts[at:end]), depth + 1) is None:
                end -= 1
            longest.append(joint.join(parts[at:end]))
            at = end
        longest += parts[at:]
        said = [self.line(part, depth + 1) if " " in part else part for part in longest]
        if said == longest:
            return None
        return joint.join(said if depth else [self.book.fixed.get(part, part) for part in said])

    def _value(self, value: str, depth: int) -> str:
        if value in self.book.words or depth >= _DEEPEST or " " not in value:
            return self.book.words.get(value, value)
        return self.line(value, depth)
