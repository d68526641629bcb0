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
