"""Whether a variant stands in the live test as the table has it: what it lacks is missing there, and nothing else."""

from collections.abc import Mapping
from typing import Any

from tests.scenarios.variants import Variant

#: numbers that follow from the test itself
_OF_THE_TEST = ("probe.", "ticket.")
#: share by which a measured number may differ from the table's
_NEAR = 0.02

Facts = Mapping[str, Mapping[str, Any]]


def facts_of(test: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name → fact as it is stored with a line test."""
    return {fact["name"]: fact for fact in test["facts"]["facts"]}


def unreal(variant: Variant, test: Mapping[str, Any]) -> list[str]:
    """What of the variant is not so in its live test: a removed fact that is there, a stale one that is not old."""
    live = facts_of(test)
    wrong = [f"{fact} is there: {_shown(live[fact])}" for fact in variant.removed if _has_value(live.get(fact))]
    for fact, value in variant.stale.items():
        found = live.get(fact)
        if found is None or found["quality"] != "stale" or not _is(found["value"], value):
            wrong.append(f"{fact} is no old {value}: {_shown(found)}")
    for fact, value in variant.other.items():
        found = live.get(fact)
        # a value that is none is kept as the device said it
        said = found is not None and found["quality"] == "unreadable" and found["raw"] == str(value)
        if not said and not (_is_ok(found) and found is not None and _is(found["value"], value)):
            wrong.append(f"{fact} is not {value}: {_shown(found)}")
    return wrong


def lost(variant: Variant, row: Mapping[str, Any], before: Mapping[str, Any], test: Mapping[str, Any]) -> list[str]:
    """Facts of the row that its own live test has, and this one has not although the variant leaves them alone."""
    touched = {*variant.removed, *variant.stale, *variant.other}
    had, live = facts_of(before), facts_of(test)
    kept = [name for name in row["facts"] if name not in touched and not name.startswith(_OF_THE_TEST)]
    return [name for name in kept if _is_ok(had.get(name)) and not _is_ok(live.get(name))]


def _has_value(fact: Mapping[str, Any] | None) -> bool:
    return fact is not None and fact["value"] is not None


def _is_ok(fact: Mapping[str, Any] | None) -> bool:
    return fact is not None and fact["quality"] == "ok" and _has_value(fact)


def _is(live: Any, wanted: Any) -> bool:
    numbers = [one for one in (live, wanted) if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) < 2:
        return bool(live == wanted)
    return abs(numbers[0] - numbers[1]) <= _NEAR * abs(numbers[1])


def _shown(fact: Mapping[str, Any] | None) -> str:
    return "missing" if fact is None else f"{fact['value']!r} ({fact['quality']}, {fact['source']}, {fact['method']})"
