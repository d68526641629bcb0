"""The language of searches: a line of text in, what is wanted out. Pure.

    query  = either { either }                    side by side: all of them
    either = part { OR part }
    part   = [ - | NOT ] ( "(" query ")" | term )
    term   = field op value | word | "several words"
    op     = :  begins so     =  !=  exactly so (`*` stands for anything)     <  <=  >  >=  numbers, versions, ages

The rule of this file: what cannot be understood is refused with its place and what to write instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any

from acs.errors import InvalidInput
from acs.services.search_fields import ALIASES, BARE, FIELDS, IDENTIFIERS, ORDER, Kind, folded
from acs.store.instants import micros
from acs.store.search_terms import (
    LAST,
    All,
    Between,
    Either,
    Has,
    How,
    Not,
    Number,
    Phrase,
    SessionAddress,
    Since,
    Wanted,
    Word,
    digits,
    fold,
    in_order,
    phrase_of,
    squeezed,
    words_of,
)

#: characters of a query
MOST_CHARS = 1_000
#: terms of one query
MOST_TERMS = 60
_DEEPEST = 10
#: characters from which a bare word may be the end of an identifier
_END_CHARS = 4

_TOKEN = re.compile(r'\s*(?:(?P<open>\()|(?P<close>\))|(?P<term>-?(?:"[^"]*"|[^\s()"]+(?:"[^"]*")?)))')
_TERM = re.compile(r'(?P<field>[A-Za-z_][\w.]*)(?P<op>!=|<=|>=|:|=|<|>)(?P<value>"[^"]*"|.*)', re.DOTALL)
_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){2,5}[0-9a-f]{0,2}|(?:[0-9a-f]{4}\.){1,2}[0-9a-f]{1,4}", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,15})?")
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d|w)")
_UNITS: Mapping[str, str] = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TURNED: Mapping[str, Any] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(slots=True)
class _Reader:
    """The tokens of one query, and how far they are read."""

    query: str
    now: datetime
    groups: Mapping[str, str]
    within: tuple[str, ...]
    tokens: list[tuple[str, str, int]]
    place: int = 0
    terms: int = 0

    def peek(self) -> str:
        """The kind of the next token: open, close, term, or end."""
        return self.tokens[self.place][0] if self.place < len(self.tokens) else "end"

    def text(self) -> str:
        """The next token's text; empty at the end."""
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def refuse(self, why: str, at: int | None = None) -> InvalidInput:
        """The error that says where and why."""
        here = self.tokens[self.place][2] if self.place < len(self.tokens) else len(self.query)
        where = here if at is None else at
        inside = f" of group {self.within[-1]}" if self.within else ""
        return InvalidInput(f"query{inside}, character {where + 1}: {why}")


def parse(query: str, now: datetime, groups: Mapping[str, str] | None = None) -> Wanted:
    """What a query wants; `groups` is name → query of the saved groups that it may name.

    Raises:
        InvalidInput: it cannot be understood; the message says where, why, and what to write.
    """
    return _parse(query, now, groups or {}, ())


def groups_in(query: str) -> set[str]:
    """The names of saved groups in a query, whether it can be understood or not."""
    return {fold(name.strip('"')) for name in re.findall(r'(?<![\w.])group[:=]("[^"]*"|[^\s()]+)', query)}


def _parse(query: str, now: datetime, groups: Mapping[str, str], within: tuple[str, ...]) -> Wanted:
    if len(query) > MOST_CHARS:
        raise InvalidInput(f"query: it has {len(query)} characters; write at most {MOST_CHARS}")
    reader = _Reader(query, now, groups, within, [])
    at = 0
    while at < len(query.rstrip()):
        found = _TOKEN.match(query, at)
        if found is None or found.lastgroup is None:
            raise reader.refuse('a quotation mark has no partner; close it with "', at)
        reader.tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        at = found.end()
    wanted = _all(reader, 0)
    if reader.peek() == "close":
        raise reader.refuse("a ) has no ( before it; remove it")
    return wanted


def _all(reader: _Reader, depth: int) -> Wanted:
    if depth > _DEEPEST:
        raise reader.refuse(f"brackets stand {depth} deep; at most {_DEEPEST} are read")
    parts: list[Wanted] = []
    while reader.peek() not in ("end", "close"):
        if reader.text() == "AND":
            reader.place += 1
            continue
        parts.append(_either(reader, depth))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _either(reader: _Reader, depth: int) -> Wanted:
    parts = [_part(reader, depth)]
    while reader.text() == "OR":
        reader.place += 1
        parts.append(_part(reader, depth))
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _part(reader: _Reader, depth: int) -> Wanted:
    kind, text = reader.peek(), reader.text()
    if text in ("OR", "AND"):
        raise reader.refuse(f"{text} has nothing before it; write a term on both sides of it")
    if kind in ("end", "close"):
        raise reader.refuse("a term is missing here; write one, such as model:NAME")
    if text in ("NOT", "-"):
        reader.place += 1
        return Not(_part(reader, depth))
    reader.place += 1
    if kind == "open":
        inner = _all(reader, depth + 1)
        if reader.peek() != "close":
            raise reader.refuse("a ( is not closed; write )")
        reader.place += 1
        return inner
    reader.terms += 1
    if reader.terms > MOST_TERMS:
        raise InvalidInput(f"query: it has more than {MOST_TERMS} terms; save a part of it as a group")
    at = reader.tokens[reader.place - 1][2]
    if text.startswith("-"):
        return Not(_term(reader, text[1:], at + 1))
    return _term(reader, text, at)


def _term(reader: _Reader, text: str, at: int) -> Wanted:
    found = None if text.startswith('"') or _looks_like_address(text) else _TERM.fullmatch(text)
    if found is None:
        return _bare(reader, text, at)
    name = ALIASES.get(found["field"].lower(), found["field"].lower())
    if name not in FIELDS:
        raise reader.refuse(_unknown(found["field"]), at)
    value = found["value"].strip('"')
    if not value.strip("* "):
        raise reader.refuse(f"{found['field']}{found['op']} has no value; write one behind it", at)
    return _of_field(reader, name, found["op"], value, at)


def _unknown(name: str) -> str:
    near = get_close_matches(name.lower(), [*FIELDS, *ALIASES], n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return (
        f"there is no field {name!r}; {hint}fields: {', '.join(FIELDS)}; a text with : stands between quotation marks"
    )


def _of_field(reader: _Reader, name: str, op: str, value: str, at: int) -> Wanted:
    if op == "!=":
        return Not(_of_field(reader, name, "=", value, at))
    match FIELDS[name].kind:
        case Kind.NUMBER:
            return _number(reader, name, op, value, at)
        case Kind.AGE:
            return _age(reader, name, op, value, at)
        case Kind.GROUP:
            return _group(reader, fold(value), at)
        case Kind.PRESENCE:
            return _presence(reader, fold(value), at)
        case Kind.VERSION if "*" not in value:
            return _version(name, op, value)
    if op not in (":", "="):
        raise reader.refuse(f"{name} is a text, and {op} compares numbers, versions and ages; write {name}:VALUE", at)
    return _text(name, op, value)


def _text(name: str, op: str, value: str) -> Wanted:
    kind = FIELDS[name].kind
    if "*" in value:
        return _pattern((name,), "*".join(folded(name, part) if part else "" for part in value.split("*")))
    text = folded(name, value)
    if name == "ip":
        return Either((Word((name,), How.EXACT if op == "=" else How.BEGINS, text), SessionAddress(text)))
    if op == "=" or kind is Kind.WORD:
        return Word((name,), How.EXACT, text)
    if kind is Kind.PATH:
        return Either((Word((name,), How.EXACT, text), Word((name,), How.BEGINS, text.rstrip("/") + "/")))
    if kind is Kind.WORDS and len(words_of(value)) > 1:
        return Either((Word((name,), How.BEGINS, text), Phrase(phrase_of(value))))
    if name == "phone":
        return Either((Word((name,), How.BEGINS, text), Word((name,), How.ENDS, text)))
    return Word((name,), How.BEGINS, text)


def _pattern(fields: tuple[str, ...], pattern: str) -> Wanted:
    """A pattern with `*`: only at its end or beginning it is looked up, elsewhere the words are read."""
    if pattern.count("*") == 1 and pattern.endswith("*"):
        return Word(fields, How.BEGINS, pattern[:-1])
    if pattern.count("*") == 1 and pattern.startswith("*") and all(name in IDENTIFIERS for name in fields):
        return Word(fields, How.ENDS, pattern[1:])
    return Word(fields, How.LIKE, pattern)


def _version(name: str, op: str, value: str) -> Wanted:
    """A version by the parts that are written: 5.1 is equal to 5.1.3 and less than 5.2."""
    low = in_order(value)
    field, high = name + ORDER, low + LAST
    match op:
        case "<":
            return Between(field, "", low)
        case "<=":
            return Between(field, "", high)
        case ">":
            return Between(field, high, LAST)
        case ">=":
            return Between(field, low, LAST)
        case "=":
            return Between(field, low, high)
    return Either((Word((name,), How.BEGINS, fold(value)), Between(field, low, high)))


def _number(reader: _Reader, name: str, op: str, value: str, at: int) -> Wanted:
    if _NUMBER.fullmatch(value) is None:
        raise reader.refuse(f"{name} is a number; {value!r} is none; write {name}<-25 or {name}>=3.5", at)
    number = float(value.replace(",", "."))
    compare: Any = "=" if op == ":" else op
    return Number(name, compare, number)


def _age(reader: _Reader, name: str, op: str, value: str, at: int) -> Wanted:
    found = _AGE.fullmatch(value.lower())
    if found is None or op not in _TURNED:
        raise reader.refuse(f"{name} is how long ago; write {name}<15m, {name}<12h or {name}>7d", at)
    try:
        then = reader.now - timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError:
        raise reader.refuse(f"{value} is before all time; write less", at) from None
    column: Any = FIELDS[name].source
    return Since(column, _TURNED[op], micros(then))


def _presence(reader: _Reader, value: str, at: int) -> Wanted:
    if value == "device":
        return Has("device")
    if value == "line":
        return Has("line")
    raise reader.refuse(f"has:{value} says nothing; write has:device or has:line", at)


def _group(reader: _Reader, name: str, at: int) -> Wanted:
    if name in reader.within:
        raise reader.refuse(f"group {name} names itself, through {' → '.join(reader.within)}; change one of them", at)
    if name not in reader.groups:
        raise reader.refuse(f"there is no group {name!r}; `secondline search --groups` shows them", at)
    if len(reader.within) >= _DEEPEST:
        raise reader.refuse(f"groups name groups {_DEEPEST} deep; write the query out", at)
    return _parse(reader.groups[name], reader.now, reader.groups, (*reader.within, name))


def _bare(reader: _Reader, text: str, at: int) -> Wanted:
    quoted = text.startswith('"')
    value = text.strip('"')
    if not squeezed(value):
        raise reader.refuse(f"{text} has no letter and no digit to look for; remove it", at)
    if quoted and len(words_of(value)) != 1:
        return Phrase(phrase_of(value))
    if "*" in value:
        return _bare_pattern(value)
    short = squeezed(value)
    ways: list[Wanted] = [Word(BARE, How.EXACT if quoted else How.BEGINS, fold(value))]
    if short != fold(value):
        ways.append(Word(IDENTIFIERS, How.BEGINS, short))
    if not quoted and len(short) >= _END_CHARS:
        ways.append(Word(IDENTIFIERS, How.ENDS, short))
    if _is_ip(value):
        ways.append(SessionAddress(fold(value)))
    number = digits(value)
    if len(number) >= 10 and number != short:
        ways.append(Word(("phone",), How.ENDS, number[-10:]))
    return ways[0] if len(ways) == 1 else Either(tuple(ways))


def _bare_pattern(value: str) -> Wanted:
    pattern = fold(value)
    if pattern.count("*") == 1 and pattern.startswith("*"):
        ends = Word(IDENTIFIERS, How.ENDS, squeezed(pattern))
        return Either((ends, Word(tuple(name for name in BARE if name not in IDENTIFIERS), How.LIKE, pattern)))
    return _pattern(BARE, pattern)


def _looks_like_address(text: str) -> bool:
    return _MAC.fullmatch(text) is not None or _is_ip(text)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
