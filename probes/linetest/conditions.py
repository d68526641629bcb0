"""Conditions of a pack: a fact, an operator and a value, or all/any of such; three-valued, compiled once.

The rule of this file: a fact that was not measured makes a condition None (unknown), never true or false.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from probes.facts import Scalar

Values = Mapping[str, Scalar]
Operand = Scalar | tuple[Scalar, ...]


class Operator(StrEnum):
    """How a fact is held against a value; `between` includes both ends; `known` asks only whether it was measured."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    BETWEEN = "between"
    KNOWN = "known"


class Condition(BaseModel):
    """One test of a fact, or `all` / `any` of conditions. `value_fact` compares with another fact, times `times`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fact: str | None = None
    op: Operator | None = None
    value: bool | int | float | str | tuple[bool | int | float | str, ...] | None = None
    value_fact: str | None = None
    times: float = 1.0
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
        if self.op is Operator.KNOWN:
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


def _compare(op: Operator) -> Callable[[float, float], bool]:
    return _ORDER[op]


_ORDER: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.LT: lambda left, right: left < right,
    Operator.LE: lambda left, right: left <= right,
    Operator.GT: lambda left, right: left > right,
    Operator.GE: lambda left, right: left >= right,
}

Leaf = Callable[[Values], bool | None]


def _leaf(test: Condition) -> Leaf:
    name, op = test.fact or "", test.op or Operator.KNOWN
    if op is Operator.KNOWN:
        return lambda values: name in values
    if test.value_fact is not None:
        return _against_fact(name, op, test.value_fact, test.times)
    if isinstance(test.value, tuple):
        return _against_list(name, op, test.value)
    return _against_value(name, op, test.value)


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


def _against_list(name: str, op: Operator, wanted: tuple[Scalar, ...]) -> Leaf:
    if op is Operator.IN:
        members = frozenset(wanted)

        def member(values: Values) -> bool | None:
            value = values.get(name)
            return None if value is None else value in members

        return member
    low, high = wanted

    def between(values: Values) -> bool | None:
        value = values.get(name)
        if value is None or isinstance(value, str) or isinstance(low, str) or isinstance(high, str):
            return None
        return low <= value <= high

    return between


def _against_value(name: str, op: Operator, wanted: Scalar | None) -> Leaf:
    if op in (Operator.EQ, Operator.NE):
        equal = op is Operator.EQ

        def same(values: Values) -> bool | None:
            value = values.get(name)
            return None if value is None else (value == wanted) is equal

        return same
    order = _compare(op)
    limit = wanted if isinstance(wanted, int | float) else 0.0

    def ordered(values: Values) -> bool | None:
        value = values.get(name)
        return None if value is None or isinstance(value, str) else order(value, limit)

    return ordered


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

    steps: list[Leaf | Joint] = field(default_factory=list)
    _index: dict[object, int] = field(default_factory=dict)

    def place(self, condition: Condition) -> int:
        """Return the place of a condition among the results."""
        if condition.fact is not None:
            key: object = repr((condition.fact, condition.op, condition.value, condition.value_fact, condition.times))
            return self._settle(key, lambda: _leaf(condition))
        parts = tuple(self.place(part) for part in (*condition.all, *condition.any))
        every = bool(condition.all)
        return self._settle((parts, every), lambda: Joint(parts, every))

    def _settle(self, key: object, make: Callable[[], Leaf | Joint]) -> int:
        if key not in self._index:
            self._index[key] = len(self.steps)
            self.steps.append(make())
        return self._index[key]


def settle(steps: Sequence[Leaf | Joint], values: Values) -> list[bool | None]:
    """Return whether each condition is met, in order; None where a fact is missing."""
    results: list[bool | None] = []
    for step in steps:
        results.append(step.holds(results) if isinstance(step, Joint) else step(values))
    return results
