"""Columns side by side: padded by what a terminal shows, folded where it is narrow, and no control characters."""

import io

import pytest

from cli import plain


def lines(rows: list[list[str]], width: int = 100, **named: object) -> list[str]:
    cells = [[(text, "") for text in row] for row in rows]
    return list(plain.grid(cells, width, colour=False, **named))  # type: ignore[arg-type]


def test_columns_stand_below_each_other() -> None:
    assert lines([["a", "bb", "c"], ["Имя", "", "d"]]) == ["a    bb  c", "Имя      d"]
    assert lines([["漢字", "x"], ["abcde", "y"]]) == ["漢字   x", "abcde  y"]
    assert lines([["a", "b"]], indent=2) == ["  a  b"]
    assert lines([]) == []


def test_a_cell_of_two_lines_takes_two() -> None:
    assert lines([["a\nb", "c"], ["d", "e"]]) == ["a  c", "b", "d  e"]


def test_the_widest_column_is_folded_at_blanks() -> None:
    found = lines([["name", "one two three four five"]], 16)
    assert found == ["name  one two", "      three four", "      five"]
    assert lines([["name", "a" * 25]], 16) == ["name  " + "a" * 10, "      " + "a" * 10, "      " + "a" * 5]


def test_a_fixed_column_keeps_its_width_and_nothing_is_lost() -> None:
    found = lines([["a long name", "some words here"]], 18, fixed=(0,))
    assert found == ["a long name  some", "             words", "             here"]
    tiny = lines([["abcdefgh", "ijklmnop"]], 3)
    assert "".join(tiny).replace(" ", "") == "abcdijklefghmnop"


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\rb", "a\x9bb", "a\x07b"])
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    shown = plain.clean(text)
    assert shown.isprintable() and shown.startswith("a") and shown.endswith("b")


def test_colour_is_for_terminals_that_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain.styled("x", "bold cyan", colour=True) == "\x1b[1;36mx\x1b[0m"
    assert plain.styled("x", "bold", colour=False) == plain.styled("x", "", colour=True) == "x"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "77")
    assert plain.coloured(Terminal()) and not plain.coloured(io.StringIO())
    assert (plain.columns_of(Terminal(), 110), plain.columns_of(io.StringIO(), 110)) == (77, 110)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not plain.coloured(Terminal())
