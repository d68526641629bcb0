"""A fact from outside gets its type from the table of facts; nothing untyped passes.

The rule of this file: names, kinds and units are decided by `probes.facts.FACTS` alone.
"""

import difflib
import math
from datetime import datetime

from acs.errors import InvalidInput
from acs.services.clock import in_utc
from probes.facts import FACTS, FactKind, FactSpec, Scalar

#: longest text of a TEXT fact
_TEXT_CHARS = 200

#: no measured number is larger; a whole number beyond it is compared without becoming a float
_LARGEST = 10**12

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def fact_spec(name: str) -> FactSpec:
    """What the name means.

    Raises:
        InvalidInput: no such fact; the message names near ones.
    """
    spec = FACTS.get(name)
    if spec is None:
        near = difflib.get_close_matches(name, FACTS, 3)
        hint = f"did you mean {', '.join(near)}?" if near else "docs/reference/facts.md lists the names"
        raise InvalidInput(f"no fact is called {name[:80]!r}; {hint}")
    return spec


def typed_value(name: str, value: Scalar) -> Scalar:
    """The value of a fact in its own type; texts are parsed, so that CSV and JSON go through the same door.

    Raises:
        InvalidInput: unknown name, or a value that the fact cannot have; the message says what to write.
    """
    spec = fact_spec(name)
    try:
        return _PARSERS[spec.kind](spec, value)
    except ValueError as error:
        raise InvalidInput(f"{name}: {str(value)[:80]!r}: {error}") from None


def _flag(_: FactSpec, value: Scalar) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise ValueError("write true or false")
    return _WORDS[word]


def _number(spec: FactSpec, value: Scalar) -> float | int:
    unit = f" in {spec.unit}" if spec.unit else ""
    if isinstance(value, bool):
        raise ValueError(f"write a number{unit}")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"write a number{unit}, with a point") from None
    if not abs(value) <= _LARGEST or not math.isfinite(value):
        raise ValueError(f"write a number{unit}")
    return value


def _count(spec: FactSpec, value: Scalar) -> int:
    amount = _number(spec, value)
    if amount < 0 or amount != int(amount):
        raise ValueError("write a whole number, 0 or more")
    return int(amount)


def _enum(spec: FactSpec, value: Scalar) -> str:
    if value not in spec.values:
        raise ValueError(f"write one of {', '.join(spec.values)}")
    return str(value)


def _instant(_: FactSpec, value: Scalar) -> str:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("write an instant as 2026-11-21T18:02:11Z") from None
    return in_utc(at).isoformat().replace("+00:00", "Z")


def _text(_: FactSpec, value: Scalar) -> str:
    if not isinstance(value, str) or not value or len(value) > _TEXT_CHARS or not value.isprintable():
        raise ValueError(f"write a printable text of 1 to {_TEXT_CHARS} characters")
    return value


_PARSERS = {
    FactKind.FLAG: _flag,
    FactKind.NUMBER: _number,
    FactKind.COUNT: _count,
    FactKind.ENUM: _enum,
    FactKind.INSTANT: _instant,
    FactKind.TEXT: _text,
}
