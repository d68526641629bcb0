"""Conditions of a pack: a fact, an operator and a value, or all/any of such; three-valued, compiled once.

The rule of this file: a fact that was not measured makes a condition None (unknown), never true or false; only `known`
and `unknown` ask for just that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import ge, gt, le, lt
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from probes.facts import Scalar

Values = Mapping[str, Scalar]
Operand = Scalar | tuple[Scalar, ...]


class Operator(StrEnum):
    """How a fact is held against a value; `between` includes both ends.

    `known` and `unknown` ask only whether it was measured.
    """

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    BETWEEN = "between"
    KNOWN = "known"
    UNKNOWN = "unknown"


#: no reading is beyond it, either way
_GREATEST = 1e15
#: operators that take no value: they ask whether a fact was measured
VALUELESS = frozenset({Operator.KNOWN, Operator.UNKNOWN})


class Condition(BaseModel):
    """One test of a fact, or `all` / `any` of conditions. `value_fact` compares with another fact, times `times`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    fact: str | None = None
    op: Operator | None = None
    value: bool | int | float | str | tuple[bool | int | float | str, ...] | None = None
    value_fact: str | None = None
    times: float = Field(default=1.0, ge=-1e6, le=1e6)
    all: tuple["Condition", ...] = ()
    any: tuple["Condition", ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.fact is not None, bool(self.all), bool(self.any)]
        if sum(forms) != 1:
            raise ValueError("give exactly one of fact, all, any")
        if self.fact is not None:
            self._check_test()
        return self

    def _check_test(self) -> None:
        if self.op is None:
            raise ValueError(f"fact {self.fact!r} needs op")
        for value in self.value if isinstance(self.value, tuple) else (self.value,):
            if isinstance(value, int | float) and not -_GREATEST <= value <= _GREATEST:
                raise ValueError(f"fact {self.fact!r} is held against a number beyond {_GREATEST:g}")
        if self.op in VALUELESS:
            return
        if (self.value is None) == (self.value_fact is None):
            raise ValueError(f"fact {self.fact!r} needs value or value_fact")
        listed = isinstance(self.value, tuple)
        if listed != (self.op in (Operator.IN, Operator.BETWEEN)):
            raise ValueError(
                f"op {self.op.value!r} of fact {self.fact!r}: in and between take a list, others one value"
            )
        if self.op is Operator.BETWEEN and (not isinstance(self.value, tuple) or len(self.value) != 2):
            raise ValueError(f"op between of fact {self.fact!r} takes [low, high]")

    def facts(self) -> tuple[str, ...]:
        """Return every fact name in the condition, in order."""
        own = [self.fact] if self.fact else []
        if self.value_fact:
            own.append(self.value_fact)
        for part in (*self.all, *self.any):
            own.extend(part.facts())
        return tuple(dict.fromkeys(own))


_ORDER: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}

#: a test of one measured value
Test = Callable[[Scalar], bool | None]
#: a test of several facts, or of whether one was measured
Leaf = Callable[[Values], bool | None]


def _known(name: str) -> Leaf:
    return lambda values: name in values


def _unknown(name: str) -> Leaf:
    return lambda values: name not in values


def _against_fact(name: str, op: Operator, other: str, times: float) -> Leaf:
    order = _ORDER.get(op)

    def test(values: Values) -> bool | None:
        left, right = values.get(name), values.get(other)
        if left is None or right is None:
            return None
        if order is None:
            return (left == right) == (op is Operator.EQ)
        if isinstance(left, str) or isinstance(right, str):
            return None
        return order(left, right * times)

    return test


def _test(op: Operator, wanted: Operand | None) -> Test:
    if isinstance(wanted, tuple):
        return _member(wanted) if op is Operator.IN else _between(wanted)
    if op is Operator.EQ:
        return lambda value: value == wanted
    if op is Operator.NE:
        return lambda value: value != wanted
    order = _ORDER[op]
    limit = wanted if isinstance(wanted, int | float) else 0.0
    return lambda value: None if isinstance(value, str) else order(value, limit)


def _member(wanted: tuple[Scalar, ...]) -> Test:
    members = frozenset(wanted)
    return lambda value: value in members


def _between(wanted: tuple[Scalar, ...]) -> Test:
    low, high = wanted
    if isinstance(low, str) or isinstance(high, str):
        return lambda value: None
    return lambda value: None if isinstance(value, str) else low <= value <= high


@dataclass(frozen=True, slots=True)
class Joint:
    """All (`every`) or any of earlier results, named by their places."""

    parts: tuple[int, ...]
    every: bool

    def holds(self, results: Sequence[bool | None]) -> bool | None:
        """Return whether it is met; None when what was measured does not tell."""
        unknown = False
        for place in self.parts:
            held = results[place]
            if held is None:
                unknown = True
            elif held is not self.every:
                return held
        return None if unknown else self.every


@dataclass(slots=True)
class Compiler:
    """Collects the distinct conditions of a pack: each is settled once per judgement, however many cards use it.

    A condition becomes a place in the list of results; the parts of a joint condition come before it.
    """

    tests: dict[str, list[tuple[int, Test]]] = field(default_factory=dict)
    leaves: list[tuple[int, Leaf]] = field(default_factory=list)
    joints: list[tuple[int, Joint]] = field(default_factory=list)
    _places: dict[object, int] = field(default_factory=dict)

    def place(self, condition: Condition) -> int:
        """Return the place of a condition among the results."""
        parts = tuple(self.place(part) for part in (*condition.all, *condition.any))
        own = repr((condition.fact, condition.op, condition.value, condition.value_fact, condition.times))
        key: object = own if condition.fact is not None else (parts, bool(condition.all))
        if key not in self._places:
            self._places[key] = len(self._places)
            self._add(self._places[key], condition, parts)
        return self._places[key]

    def _add(self, place: int, condition: Condition, parts: tuple[int, ...]) -> None:
        name, op = condition.fact, condition.op or Operator.KNOWN
        if name is None:
            self.joints.append((place, Joint(parts, bool(condition.all))))
        elif op is Operator.KNOWN:
            self.leaves.append((place, _known(name)))
        elif op is Operator.UNKNOWN:
            self.leaves.append((place, _unknown(name)))
        elif condition.value_fact is not None:
            self.leaves.append((place, _against_fact(name, op, condition.value_fact, condition.times)))
        else:
            self.tests.setdefault(name, []).append((place, _test(op, condition.value)))

    def steps(self) -> "Steps":
        """Return what was collected, ready for settling."""
        tests = {name: tuple(items) for name, items in self.tests.items()}
        return Steps(len(self._places), tests, tuple(self.leaves), tuple(self.joints))


@dataclass(frozen=True, slots=True)
class Steps:
    """Every distinct condition of a pack: tests by fact, tests of several facts, and what joins them, in order."""

    size: int
    tests: Mapping[str, tuple[tuple[int, Test], ...]]
    leaves: tuple[tuple[int, Leaf], ...]
    joints: tuple[tuple[int, Joint], ...]

    def settle(self, values: Values) -> list[bool | None]:
        """Return whether each condition is met, by place; None where a fact is missing."""
        results: list[bool | None] = [None] * self.size
        tests = self.tests
        for name, value in values.items():
            for place, test in tests.get(name, ()):
                results[place] = test(value)
        for place, leaf in self.leaves:
            results[place] = leaf(values)
        for place, joint in self.joints:
            results[place] = joint.holds(results)
        return results
