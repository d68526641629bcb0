"""What a caller wants to see of things: some members, and only those that a filter lets through. Pure.

The rule of this file: `id`, `href` and what begins with @ are always shown; a filter on a member that a thing lacks
lets it not through.

Source: TMF630 REST API design guidelines 4: attribute selection (`fields`) and attribute filtering
(`name=value`, `name.gt=value`, lists separated by commas mean any of them; members of members with dots).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "ne": lambda have, want: have != want,
}
_ALWAYS = ("id", "href")


def selected(thing: Mapping[str, Any], fields: str | None) -> dict[str, Any]:
    """The members of a thing that are named; all where none is, and none but its identity for `none`."""
    if not fields:
        return dict(thing)
    names = {name.strip().split(".")[0] for name in fields.split(",")}
    return {name: value for name, value in thing.items() if name in names or name in _ALWAYS or name.startswith("@")}


def matches(thing: Mapping[str, Any], filters: Iterable[tuple[str, str]]) -> bool:
    """Whether a thing passes every filter."""
    return all(_matches(thing, name, value) for name, value in filters)


def _matches(thing: Mapping[str, Any], name: str, value: str) -> bool:
    path = name.split(".")
    operator = _OPERATORS.get(path[-1]) if len(path) > 1 else None
    found = [_text(one) for one in _values(thing, path[:-1] if operator is not None else path)]
    if operator is not None:
        return any(operator(*_comparable(one, value)) for one in found)
    wanted = value.split(",")
    return any(one in wanted for one in found)


def _values(thing: Any, path: Sequence[str]) -> list[Any]:
    """Every value at a path; lists are looked into."""
    if isinstance(thing, list):
        return [value for one in thing for value in _values(one, path)]
    if not path:
        return [] if thing is None else [thing]
    return _values(thing.get(path[0]), path[1:]) if isinstance(thing, Mapping) else []


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _comparable(have: str, want: str) -> tuple[str, str]:
    """Numbers compare as numbers, by writing both with the same width; instants in UTC compare as text."""
    try:
        low = min(float(have), float(want), 0.0)
        return f"{float(have) - low:030.9f}", f"{float(want) - low:030.9f}"
    except ValueError:
        return have, want
