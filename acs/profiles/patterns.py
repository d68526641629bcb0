"""Parameter names and patterns of them, in which `*` stands for one instance number.

The rule of this file: names come sorted, so that only those under a pattern's head are looked at; what was found among
the names of one tree holds for every tree with these names, and devices of a model share them.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

#: sets of names that are remembered with what was found among them: some for each model and question
_SHAPES = 256


class Shape:
    """The sorted names of a tree, and what was found among them so far. Made by `shape_of`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._matching: dict[str, tuple[str, ...]] = {}
        self._tables: dict[str, tuple[str, ...]] = {}

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The names that fit a pattern, in numeric order of their instances."""
        found = self._matching.get(pattern)
        if found is None:
            found = self._matching[pattern] = tuple(matching(pattern, self.names))
        return found

    def tables(self, pattern: str) -> tuple[str, ...]:
        """The partial paths of a pattern's last table, for each row of the tables above it that there is."""
        found = self._tables.get(pattern)
        if found is None:
            found = self._tables[pattern] = tuple(_tables(pattern, self.names))
        return found


def shape_of(names: Iterable[str]) -> Shape:
    """The names of a tree; equal names give the same one, as long as it is remembered."""
    return _shape(tuple(sorted(names)))


@lru_cache(maxsize=_SHAPES)
def _shape(names: tuple[str, ...]) -> Shape:
    return Shape(names)


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
    for name in _filled("", pattern.split("*"), names):
        start = bisect_left(names, name)
        if start < len(names) and names[start] == name:
            yield name


def beside(name: str, leaf: str) -> str:
    """The name of another leaf as seen from a name's row; each `^.` before it goes to the object above."""
    row = name.rpartition(".")[0]
    while leaf.startswith("^."):
        row, leaf = row.rpartition(".")[0], leaf[2:]
    return f"{row}.{leaf}"


def rows_of(pattern: str, names: Sequence[str]) -> list[str]:
    """The rows that fit a row pattern and have at least one parameter, in numeric order of their instances."""
    return [row for row in _filled("", pattern.split("*"), names) if next(under(row + ".", names), None) is not None]


def _filled(head: str, parts: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """A pattern with every * filled by the instance numbers that stand there; `parts` are what lies between them."""
    head += parts[0]
    if len(parts) == 1:
        yield head
        return
    for instance in sorted(_instances(head, names), key=int):
        yield from _filled(head + instance, parts[1:], names)


def _instances(head: str, names: Sequence[str]) -> Iterator[str]:
    """The instance numbers below a head, each once; names of one instance are leapt over, not looked at."""
    position = bisect_left(names, head)
    while position < len(names) and names[position].startswith(head):
        instance = names[position][len(head) :].partition(".")[0]
        if instance.isdecimal():
            yield instance
        # "/" follows "." in the order of characters: the first name that is not of this instance
        position = bisect_left(names, f"{head}{instance}/", position + 1)


def _tables(pattern: str, names: Sequence[str]) -> Iterator[str]:
    above, table = pattern.rsplit(".*", 1)[0].rsplit(".*.", 1) if pattern.count("*") > 1 else ("", "")
    if not above:
        path = pattern.split("*", 1)[0]
        if any(name.startswith(path.rstrip(".").rsplit(".", 1)[0]) for name in names):
            yield path
        return
    rows = re.compile(f"({regex_of(above + '.*').pattern.replace('(', '(?:')})\\..*")
    yield from sorted({f"{found[1]}.{table}." for name in names if (found := rows.fullmatch(name))})
