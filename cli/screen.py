"""What moves or is framed on a terminal: cards, spinners, live tables. The only importer of rich, loaded when needed.

The rule of this file: it shows what it is given; what that is, and where it goes, is for `cli/output.py`.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from rich.text import Text


class Spinner:
    """A line that turns while something goes on."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def update(self, text: str) -> None:
        """Say what goes on now."""
        self._status.update(escape(text))

    def step(self, text: str) -> None:
        """Say something that stays on the screen, and that it goes on."""
        self._status.console.print(escape(text), soft_wrap=True, highlight=False)
        self._status.update(escape(text.strip()))


@contextmanager
def spinner(text: str, width: int) -> Iterator[Spinner]:
    """A spinner on standard error for the length of a block."""
    with _console(width, stderr=True).status(escape(text)) as status:
        yield Spinner(status)


@contextmanager
def live(columns: Sequence[str], width: int) -> Iterator[Callable[[Sequence[Sequence[str]]], None]]:
    """A table on standard error that vanishes at the end; gives what shows its rows as they are now."""
    console = _console(width, stderr=True)
    with Live(console=console, transient=True, refresh_per_second=8) as shown:

        def show(rows: Sequence[Sequence[str]]) -> None:
            table = Table(header_style="bold", box=None, pad_edge=False)
            for column in columns:
                table.add_column(column, overflow="fold")
            for row in rows[: max(3, console.height - 4)]:
                table.add_row(*map(escape, row))
            shown.update(table)

        yield show


def card(title: str, lines: Sequence[str], style: str, width: int) -> None:
    """A framed card on standard output; `style` is the colour of the frame on a terminal."""
    panel = Panel(
        Group(*map(_line, lines)), title=escape(title), title_align="left", border_style=style, highlight=False
    )
    _console(width, stderr=False).print(panel)


def _line(text: str) -> Text | Table:
    """A line of a card; what goes on in the next row after a bullet stands under the words, not under the bullet."""
    indent, bullet, words = text.partition("• ")
    if not bullet or indent.strip():
        return Text(text)
    row = Table.grid()
    row.add_column(width=len(indent + bullet), no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(indent + bullet), Text(words))
    return row


def _console(width: int, *, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr, width=None if terminal else width, no_color=not terminal, highlight=False, emoji=False
    )
