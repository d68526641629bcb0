"""What a search asks for, as a tree of small values; the language makes it, the store answers it. Pure.

The rule of this file: every text is folded already (`fold` and its kin), as the texts of the index are.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

#: what stands behind every text that begins with a text
LAST = "\U0010ffff"
#: what the name of a field has behind it where its words are written backwards
BACKWARDS = "~"
_WORD = re.compile(r"[^\W_]+(?:[.'/:@-][^\W_]+)*")
_NUMBER = re.compile(r"\d+")


class How(StrEnum):
    """How a word is compared."""

    #: the whole word
    EXACT = "exact"
    #: it begins so
    BEGINS = "begins"
    #: it ends so
    ENDS = "ends"
    #: `*` stands for anything
    LIKE = "like"


@dataclass(frozen=True, slots=True)
class Word:
    """A word in one of these fields."""

    fields: tuple[str, ...]
    how: How
    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand one after the other in one text."""

    text: str


@dataclass(frozen=True, slots=True)
class Between:
    """A text of this field in a range of bytes: `low` itself is in it, `high` is not."""

    field: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number against a limit."""

    name: str
    compare: Literal["<", "<=", ">", ">=", "=", "!="]
    value: float


@dataclass(frozen=True, slots=True)
class Since:
    """An instant of the device, in microseconds since 1970, against a limit."""

    column: Literal["last_inform_at", "first_seen_at", "last_boot_at"]
    compare: Literal["<", "<=", ">", ">="]
    at: int


@dataclass(frozen=True, slots=True)
class Has:
    """Whether the entry has a device, or a line."""

    what: Literal["device", "line"]


@dataclass(frozen=True, slots=True)
class SessionAddress:
    """The line's session has this address, as the access server last said."""

    address: str


@dataclass(frozen=True, slots=True)
class Not:
    """What does not match."""

    inner: "Wanted"


@dataclass(frozen=True, slots=True)
class All:
    """What matches every part; without parts, everything."""

    parts: tuple["Wanted", ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """What matches one part."""

    parts: tuple["Wanted", ...]


Wanted = Word | Phrase | Between | Number | Since | Has | SessionAddress | Not | All | Either


def fold(text: str) -> str:
    """The text without case, compatibility forms and surrounding space; ё is е."""
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е").strip()


def words_of(text: str) -> list[str]:
    """The words of a text, folded: `ул. Ленина, д. 5/2` gives ул, ленина, д, 5/2."""
    return _WORD.findall(fold(text))


def phrase_of(text: str) -> str:
    """A text as phrases are compared: its words, each between spaces."""
    return f" {' '.join(words_of(text))} "


def squeezed(text: str) -> str:
    """An identifier without separators: `00:25:9E:12:AB:CD` and `0025.9e12.abcd` are 00259e12abcd."""
    return "".join(c for c in fold(text) if c.isalnum())


def digits(text: str) -> str:
    """The digits of a telephone number."""
    return "".join(c for c in text if c.isdigit())


def in_order(text: str) -> str:
    """A version as texts sort in the order of versions: every number has ten digits."""
    return _NUMBER.sub(lambda found: found[0].lstrip("0").zfill(10), fold(text))
