"""Facts as a person or a program writes them down: a tree of JSON or TOML → fact records at an instant.

A fact is a scalar (age 0) or a table {value, age_s | at, source}; null is missing. The rule of this file: a value of
the wrong kind is refused with the name of the fact; an unknown name is kept, and the engine lists it as ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from probes.errors import PackError
from probes.facts import FACTS, Fact, FactKind, Scalar
from probes.linetest.form import TECHNOLOGIES
from probes.linetest.view import instant

_KEYS = ("technology", "facts", "now", "strict_gates")
_FACT_KEYS = ("value", "age_s", "at", "source")
_WANTED = {
    FactKind.TEXT: "text",
    FactKind.ENUM: "text",
    FactKind.INSTANT: "an RFC 3339 instant such as 2026-03-12T18:30:00Z",
    FactKind.NUMBER: "a number",
    FactKind.COUNT: "a whole number, 0 or more",
    FactKind.FLAG: "true or false",
}


@dataclass(frozen=True, slots=True)
class Case:
    """What to judge: technology, facts, the clock, and whether absent gate facts count as unknown."""

    technology: str
    facts: dict[str, Fact]
    now: datetime
    strict_gates: bool


def read_case(
    tree: object, *, now: datetime, technology: str | None = None, strict_gates: bool = False, source: str = "case"
) -> Case:
    """Return the case in a decoded document; `now` holds unless the document has its own, the others override it.

    Raises:
        PackError: something in it is wrong; the message names the key or the fact.
    """
    if not isinstance(tree, Mapping):
        raise PackError('a case is an object {"technology": "pon", "facts": {…}}')
    for key in tree:
        if key not in _KEYS:
            raise PackError(f"unknown key {key!r}; a case has {', '.join(_KEYS)}")
    chosen = technology or tree.get("technology")
    if chosen not in TECHNOLOGIES:
        raise PackError(f"technology is {chosen!r}; give one of {', '.join(TECHNOLOGIES)}")
    strict = tree.get("strict_gates", False)
    if not isinstance(strict, bool):
        raise PackError(f"strict_gates is {strict!r}; give true or false")
    given = tree.get("facts")
    if not isinstance(given, Mapping):
        raise PackError('"facts" is missing or no object; give {"fact.name": value, …}')
    clock = _clock(tree.get("now"), now)
    facts = [_fact(str(name), value, clock, source) for name, value in given.items()]
    return Case(str(chosen), {fact.name: fact for fact in facts if fact is not None}, clock, strict or strict_gates)


def _clock(value: object, now: datetime) -> datetime:
    if value is None:
        return now
    at = value if isinstance(value, datetime) else instant(value) if isinstance(value, str) else None
    if at is None or at.tzinfo is None:
        raise PackError(f"now is {value!r}; give an RFC 3339 instant such as 2026-03-12T18:30:00Z")
    return at


def _fact(name: str, given: object, now: datetime, source: str) -> Fact | None:
    at = now
    if isinstance(given, Mapping):
        for key in given:
            if key not in _FACT_KEYS:
                raise PackError(f"fact {name}: unknown key {key!r}; a fact has {', '.join(_FACT_KEYS)}")
        at = _measured_at(name, given, now)
        source = str(given.get("source") or source)
        given = given.get("value")
    if given is None:
        return None
    if name not in FACTS:
        return Fact(name, given if isinstance(given, str | int | float | bool) else str(given), at, source)
    return Fact(name, _typed(name, given), at, source)


def _measured_at(name: str, given: Mapping[object, object], now: datetime) -> datetime:
    age, stamp = given.get("age_s"), given.get("at")
    if age is not None and stamp is not None:
        raise PackError(f"fact {name}: give age_s or at, not both")
    if stamp is not None:
        at = stamp if isinstance(stamp, datetime) else instant(stamp) if isinstance(stamp, str) else None
        if at is None or at.tzinfo is None:
            raise PackError(f"fact {name}: at is {stamp!r}; give {_WANTED[FactKind.INSTANT]}")
        return at
    if age is None:
        return now
    if isinstance(age, bool) or not isinstance(age, int | float) or not 0 <= age <= 1e9:
        raise PackError(f"fact {name}: age_s is {age!r}; give seconds, 0 or more")
    return now - timedelta(seconds=age)


def _typed(name: str, given: object) -> Scalar:
    kind = FACTS[name].kind
    value = given.isoformat() if isinstance(given, datetime) else given
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and kind is FactKind.TEXT:
        return str(value)
    good = {
        FactKind.FLAG: isinstance(value, bool),
        FactKind.NUMBER: number,
        FactKind.COUNT: number,
    }.get(kind, isinstance(value, str))
    if good and isinstance(value, int | float) and number:
        good = isfinite(value) and (kind is FactKind.NUMBER or (value >= 0 and value == int(value)))
    if good and kind is FactKind.INSTANT:
        good = instant(str(value)) is not None
    if not good or not isinstance(value, str | int | float | bool):
        unit = FACTS[name].unit
        wanted = f"{_WANTED[kind]}, and its unit is {unit}" if unit else _WANTED[kind]
        raise PackError(f"fact {name} is {value!r}; give {wanted}")
    return value
