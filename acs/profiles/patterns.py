"""Parameter names and patterns of them, in which `*` stands for one instance number.

The rule of this file: names come sorted, so that only those under a pattern's head are looked at.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache


@lru_cache(maxsize=4096)
def regex_of(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression with one group per instance number."""
    return re.compile(re.escape(pattern).replace(r"\*", r"(\d+)"))


def under(head: str, names: Sequence[str]) -> Iterator[str]:
    """The sorted names that begin with a head."""
    for position in range(bisect_left(names, head), len(names)):
        name = names[position]
        if not name.startswith(head):
            return
        yield name


def matching(pattern: str, names: Sequence[str]) -> Iterator[str]:
    """The sorted names that fit a pattern, in numeric order of their instances."""
    if "*" not in pattern:
        start = bisect_left(names, pattern)
        if start < len(names) and names[start] == pattern:
            yield pattern
        return
    regex = regex_of(pattern)
    fits = [
        (tuple(map(int, found.groups())), name)
        for name in under(pattern.split("*", 1)[0], names)
        if (found := regex.fullmatch(name))
    ]
    yield from (name for _, name in sorted(fits))


def beside(name: str, leaf: str) -> str:
    """The name of another leaf as seen from a name's row; each `^.` before it goes to the object above."""
    row = name.rpartition(".")[0]
    while leaf.startswith("^."):
        row, leaf = row.rpartition(".")[0], leaf[2:]
    return f"{row}.{leaf}"


def rows_of(pattern: str, names: Sequence[str]) -> list[str]:
    """The rows that fit a row pattern and have at least one parameter, in numeric order of their instances."""
    if "*" not in pattern:
        return [pattern] if any(True for _ in under(pattern + ".", names)) else []
    regex = regex_of(pattern + ".")
    found: dict[str, tuple[int, ...]] = {}
    last = None
    for name in under(pattern.split("*", 1)[0], names):
        if last is not None and name.startswith(last):
            continue
        if fit := regex.match(name):
            last = fit[0]
            found[last[:-1]] = tuple(map(int, fit.groups()))
    return sorted(found, key=lambda row: found[row])
