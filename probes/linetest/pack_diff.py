"""What two packs say differently, key by key. Pure.

The rule of this file: lists of rows are compared as sets, for a row is the same or another one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

#: a key that one of the two packs does not have
ABSENT = None


def pack_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the keys that differ, in order: key, old, new (null where it is absent)."""
    return list(_differences("", old, new))


def _differences(place: str, old: Any, new: Any) -> Iterator[dict[str, Any]]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _differences(f"{place}.{key}" if place else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and _rows(old) and _rows(new):
        yield from ({"key": place, "old": row, "new": ABSENT} for row in old if row not in new)
        yield from ({"key": place, "old": ABSENT, "new": row} for row in new if row not in old)
        if sorted(map(repr, old)) == sorted(map(repr, new)):
            yield {"key": place, "old": "the same rows in another order", "new": new}
    else:
        yield {"key": place, "old": old, "new": new}


def _rows(value: list[Any]) -> bool:
    return all(isinstance(item, Mapping) for item in value)
