"""Patterns over sorted names: the leaping search finds what a plain one finds."""

import re

from hypothesis import given
from hypothesis import strategies as st

from acs.profiles.patterns import beside, matching, rows_of, shape_of

PART = st.sampled_from(["A", "B", "X_C-D", "1", "2", "10", "11", "0", "1-2", "AB"])
NAME = st.lists(PART, min_size=1, max_size=5).map(".".join)
PATTERN = st.lists(st.sampled_from(["A", "B", "X_C-D", "*", "AB"]), min_size=1, max_size=5).map(".".join)


def plain(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", r"(\d+)"))


@given(PATTERN, st.sets(NAME, max_size=30))
def test_the_names_that_fit_are_those_of_a_plain_search(pattern: str, names: set[str]) -> None:
    fits = [(tuple(map(int, found.groups())), name) for name in names if (found := plain(pattern).fullmatch(name))]
    assert list(matching(pattern, sorted(names))) == [name for _, name in sorted(fits)]


@given(PATTERN, st.sets(NAME, max_size=30))
def test_what_is_remembered_of_names_is_what_a_search_finds(pattern: str, names: set[str]) -> None:
    shape = shape_of(names)
    assert shape_of(sorted(names, reverse=True)) is shape
    assert shape.matching(pattern) == shape.matching(pattern) == tuple(matching(pattern, sorted(names)))


@given(PATTERN, st.sets(NAME, max_size=30))
def test_the_rows_that_fit_are_those_of_a_plain_search(pattern: str, names: set[str]) -> None:
    rows = {
        found[1] for name in names if (found := re.match(f"({plain(pattern).pattern.replace('(', '(?:')})\\.", name))
    }
    ordered = rows_of(pattern, sorted(names))
    assert set(ordered) == rows
    assert len(ordered) == len(rows)


def test_rows_come_in_the_order_of_their_numbers() -> None:
    names = sorted(f"A.{number}.B" for number in (1, 2, 9, 10, 11, 100))
    assert rows_of("A.*", names) == ["A.1", "A.2", "A.9", "A.10", "A.11", "A.100"]


def test_a_leaf_beside_another_or_above_it() -> None:
    assert beside("A.1.B.C", "D") == "A.1.B.D"
    assert beside("A.1.B.C", "^.D") == "A.1.D"
    assert beside("A.1.B.C", "^.^.D.E") == "A.D.E"
