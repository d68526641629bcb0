"""Everything that is written for a person or a program: tables, cards, progress, JSON.

Colour appears only on a terminal. Results go to standard output, everything else to standard error. What moves or is
framed is `cli/screen.py`, which is loaded when it is needed: it takes longer to load than a command takes to answer.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from cli import plain
from cli.texts import _

#: width of cards where standard output is not a terminal
PLAIN_WIDTH = 110
#: width of tables there: a program that reads them wants no folded cells
TABLE_WIDTH = 1_000


def print_json(value: object) -> None:
    """Write one JSON document to standard output, readable, in Unicode where standard output can."""
    ascii_only = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    sys.stdout.write(json.dumps(value, ensure_ascii=ascii_only, indent=2, default=str) + "\n")
    sys.stdout.flush()


def print_line(text: str = "", *, style: str | None = None) -> None:
    """Write one line of result; `style` is seen only on a terminal."""
    sys.stdout.write(plain.styled(plain.clean(text), style or "", colour=plain.coloured(sys.stdout)) + "\n")


def flush() -> None:
    """Let who reads along see what was written, before something that takes long."""
    sys.stdout.flush()


def print_note(text: str) -> None:
    """Write one line to standard error: what is going on, not the result."""
    sys.stdout.flush()
    sys.stderr.write(plain.styled(plain.clean(text), "dim", colour=plain.coloured(sys.stderr)) + "\n")
    sys.stderr.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Write a table; None is shown as an empty cell."""
    if title:
        print_line(title)
    shown = [[(_shown(cell), "") for cell in row] for row in rows]
    names = max((plain.width_of(row[0][0]) for row in shown if row), default=0)
    # what stands first names the row, and a name in two pieces cannot be copied
    fixed = (0,) if names <= plain.columns_of(sys.stdout, TABLE_WIDTH) // 2 else ()
    _print_grid([[(column, "bold") for column in columns], *shown], fixed=fixed)


def print_more(shown: int, limit: int, after: object = None) -> None:
    """Say on standard error that a list ends because its page is full; `after`: what --after takes for the next."""
    if shown < limit:
        return
    rest = _("there may be more: --limit {limit}").format(limit=min(limit * 10, 1_000)) if limit < 1_000 else ""
    onward = _("the next page: --after {after}").format(after=after) if after else ""
    ways = _(", or ").join(way for way in (rest, onward) if way) or _("narrow it with the other options")
    print_note(_("{count} are shown; {ways}").format(count=shown, ways=ways))


@contextmanager
def live_table(
    columns: Sequence[str], *, quiet: bool = False
) -> Iterator[Callable[[Sequence[Sequence[object]]], None] | None]:
    """Give what shows the rows of a table as they are now, on a terminal; None elsewhere, or when `quiet`.

    The live table goes to standard error and vanishes at the end: the result is printed as ever.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _screen().live(columns, PLAIN_WIDTH) as live:

        def show(rows: Sequence[Sequence[object]]) -> None:
            live([[_shown(cell) for cell in row] for row in rows])

        yield show


def print_grid(
    rows: Sequence[Sequence[tuple[str, str]]], *, heads: Sequence[str] | None = None, indent: int = 0
) -> None:
    """Write cells side by side, each a text and its style, which is seen only on a terminal."""
    head = [[(head, "dim") for head in heads]] if heads is not None else []
    _print_grid([*head, *rows], indent=indent)


def width() -> int:
    """The characters of a line of standard output."""
    return plain.columns_of(sys.stdout, PLAIN_WIDTH)


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Write name and value side by side, one pair per line; pairs whose value is None are left out."""
    shown = [[(name, "dim"), (_shown(value), "")] for name, value in pairs if value is not None]
    _print_grid(shown, fixed=(0,))


def _print_grid(rows: Sequence[Sequence[plain.Cell]], *, indent: int = 0, fixed: Sequence[int] = ()) -> None:
    wide = plain.columns_of(sys.stdout, TABLE_WIDTH)
    for line in plain.grid(rows, wide, colour=plain.coloured(sys.stdout), indent=indent, fixed=fixed):
        sys.stdout.write(line + "\n")


def _shown(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return _("yes") if cell else _("no")
    return str(cell)


def instant(value: object) -> str | None:
    """Return an RFC 3339 instant of the API as a person reads it: UTC, to the second; None for none."""
    return str(value)[:19].replace("T", " ") if value else None


def print_card(title: str, lines: Sequence[str], *, style: str = "") -> None:
    """Write a framed card; `style` is the colour of the frame on a terminal."""
    sys.stdout.flush()
    _screen().card(title, lines, style, PLAIN_WIDTH)


class _Moving(Protocol):
    def update(self, text: str) -> None: ...

    def step(self, text: str) -> None: ...


class Progress:
    """A line on standard error that says what is being waited for: a spinner on a terminal, else plain lines."""

    def __init__(self, moving: _Moving | None, quiet: bool) -> None:
        self._moving = moving
        self._quiet = quiet

    def update(self, text: str) -> None:
        """Say what goes on now."""
        if self._moving is not None:
            self._moving.update(text)
        elif not self._quiet:
            print_note(text)

    def step(self, text: str) -> None:
        """Say something that stays on the screen, and that it goes on."""
        if self._moving is not None:
            self._moving.step(text)
        elif not self._quiet:
            print_note(text)


@contextmanager
def progress(text: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show that something goes on for over a second; `quiet` (as with --json) shows nothing."""
    if quiet or not sys.stderr.isatty():
        shown = Progress(None, quiet)
        shown.update(text)
        yield shown
        return
    moving: AbstractContextManager[_Moving] = _screen().spinner(text, PLAIN_WIDTH)
    with moving as status:
        yield Progress(status, quiet)


def _screen() -> Any:
    return importlib.import_module("cli.screen")


def items(answer: object) -> list[dict[str, object]]:
    """Return the rows of an API answer: a list, or an object that holds one under `items` or its only list."""
    if isinstance(answer, dict):
        lists = [value for value in answer.values() if isinstance(value, list)]
        answer = answer.get("items") or (lists[0] if lists else [])
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
