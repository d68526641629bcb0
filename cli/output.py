"""Everything that is written for a person or a program: tables, cards, progress, JSON. The only importer of rich.

Colour appears only on a terminal. Results go to standard output, everything else to standard error.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from rich.text import Text

from cli.texts import _

#: width of cards where standard output is not a terminal
PLAIN_WIDTH = 110
#: width of tables there: a program that reads them wants no folded cells
TABLE_WIDTH = 1_000


def print_json(value: object) -> None:
    """Write one JSON document to standard output, readable, in Unicode where standard output can."""
    plain = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    sys.stdout.write(json.dumps(value, ensure_ascii=plain, indent=2, default=str) + "\n")
    sys.stdout.flush()


def print_line(text: str = "", *, style: str | None = None) -> None:
    """Write one line of result; `style` is a rich style, seen only on a terminal."""
    _console().print(escape(text), style=style, soft_wrap=True, highlight=False)


def print_note(text: str) -> None:
    """Write one line to standard error: what is going on, not the result."""
    _console(stderr=True).print(escape(text), soft_wrap=True, highlight=False, style="dim")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Write a table; None is shown as an empty cell."""
    _console(width=TABLE_WIDTH).print(_table(columns, rows, title=title))


@contextmanager
def live_table(
    columns: Sequence[str], *, quiet: bool = False
) -> Iterator[Callable[[Sequence[Sequence[object]]], None] | None]:
    """Give what shows the rows of a table as they are now, on a terminal; None elsewhere, or when `quiet`.

    The live table goes to standard error and vanishes at the end: the result is printed as ever.
    """
    console = _console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with Live(console=console, transient=True, refresh_per_second=8) as live:

        def show(rows: Sequence[Sequence[object]]) -> None:
            live.update(_table(columns, rows[: max(3, console.height - 4)]))

        yield show


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else escape(_shown(cell)) for cell in row))
    return table


def print_grid(
    rows: Sequence[Sequence[tuple[str, str]]], *, heads: Sequence[str] | None = None, indent: int = 0
) -> None:
    """Write cells side by side, each a text and its style, which is seen only on a terminal."""
    table = Table(box=None, show_header=heads is not None, header_style="dim", pad_edge=False)
    for head in heads or [""] * max((len(row) for row in rows), default=0):
        table.add_column(escape(head), overflow="fold")
    for row in rows:
        table.add_row(*(Text(text, style=style) for text, style in row))
    _console(width=TABLE_WIDTH).print(Padding(table, (0, 0, 0, indent), expand=False))


def width() -> int:
    """The characters of a line of standard output."""
    return _console().width


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Write name and value side by side, one pair per line; pairs whose value is None are left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            table.add_row(escape(name), escape(_shown(value)))
    _console(width=TABLE_WIDTH).print(table)


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return _("yes") if cell else _("no")
    return str(cell)


def instant(value: object) -> str | None:
    """Return an RFC 3339 instant of the API as a person reads it: UTC, to the second; None for none."""
    return str(value)[:19].replace("T", " ") if value else None


def print_card(title: str, lines: Sequence[str], *, style: str = "") -> None:
    """Write a framed card; `style` is the colour of the frame on a terminal."""
    body = "\n".join(escape(line) for line in lines)
    _console().print(Panel(body, title=escape(title), title_align="left", border_style=style, highlight=False))


class Progress:
    """A line on standard error that says what is being waited for: a spinner on a terminal, else plain lines."""

    def __init__(self, status: Status | None, quiet: bool) -> None:
        self._status = status
        self._quiet = quiet

    def update(self, text: str) -> None:
        """Say what goes on now."""
        if self._status is not None:
            self._status.update(escape(text))
        elif not self._quiet:
            print_note(text)

    def step(self, text: str) -> None:
        """Say something that stays on the screen, and that it goes on."""
        if self._status is not None:
            self._status.console.print(escape(text), soft_wrap=True, highlight=False)
            self._status.update(escape(text.strip()))
        elif not self._quiet:
            print_note(text)


@contextmanager
def progress(text: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show that something goes on for over a second; `quiet` (as with --json) shows nothing."""
    console = _console(stderr=True)
    if quiet or not console.is_terminal:
        shown = Progress(None, quiet)
        shown.update(text)
        yield shown
        return
    with console.status(escape(text)) as status:
        yield Progress(status, quiet)


def _console(*, stderr: bool = False, width: int = PLAIN_WIDTH) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    return Console(
        stderr=stderr,
        width=None if terminal else width,
        no_color=not terminal,
        highlight=False,
        emoji=False,
    )


def items(answer: object) -> list[dict[str, object]]:
    """Return the rows of an API answer: a list, or an object that holds one under `items` or its only list."""
    if isinstance(answer, dict):
        lists = [value for value in answer.values() if isinstance(value, list)]
        answer = answer.get("items") or (lists[0] if lists else [])
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
