"""Lines, tables and grids as text: columns side by side, folded where the terminal is narrow, coloured where it can.

The rule of this file: what a device or another system wrote can move no cursor: control characters are left out.
"""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TextIO

#: a text and its style, such as "bold cyan"
Cell = tuple[str, str]
#: columns between two columns
GAP = 2
#: narrowest column of a terminal that is too small
LEAST = 4
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_CONTROLS = {n: None for n in (*range(0x20), *range(0x7F, 0xA0)) if n not in (0x09, 0x0A)}


def coloured(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colour."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns_of(stream: TextIO, plain: int) -> int:
    """The characters of a line of a stream; `plain` where it is no terminal."""
    if not stream.isatty():
        return plain
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(stream.fileno()).columns) or 80
    except (OSError, ValueError):
        return 80


def styled(text: str, style: str, *, colour: bool) -> str:
    """The text in a style; unknown words of a style change nothing."""
    codes = ";".join(_CODES[word] for word in style.split() if word in _CODES) if colour and text else ""
    return f"\x1b[{codes}m{text}\x1b[0m" if codes else text


def clean(text: str) -> str:
    """The text without control characters but for tabs and ends of lines."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def width_of(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def grid(
    rows: Sequence[Sequence[Cell]], width: int, *, colour: bool, indent: int = 0, fixed: Sequence[int] = ()
) -> Iterator[str]:
    """The lines of a table; columns named in `fixed` are never folded."""
    texts = [[clean(text).expandtabs() for text, _ in row] for row in rows]
    count = max((len(row) for row in rows), default=0)
    natural = [
        max((width_of(line) for row in texts if n < len(row) for line in row[n].split("\n")), default=0)
        for n in range(count)
    ]
    widths = _fitting(natural, width - indent - GAP * max(0, count - 1), fixed)
    for row, shown in zip(rows, texts, strict=True):
        folded = [
            [part for line in text.split("\n") for part in _fold(line, widths[n])] for n, text in enumerate(shown)
        ]
        for line in range(max(map(len, folded), default=1)):
            parts = []
            for n, cell in enumerate(folded):
                text = cell[line] if line < len(cell) else ""
                pad = "" if n == len(folded) - 1 else " " * (widths[n] - width_of(text) + GAP)
                parts.append(styled(text, row[n][1], colour=colour) + pad)
            yield " " * indent + "".join(parts).rstrip(" ")


def _fitting(natural: Sequence[int], room: int, fixed: Sequence[int]) -> list[int]:
    """The widths of the columns: the widest gives first, until all fit or nothing can give."""
    widths = list(natural)
    while sum(widths) > room:
        giving = [n for n in range(len(widths)) if n not in fixed and widths[n] > LEAST]
        if not giving:
            return widths
        widest = max(giving, key=lambda n: widths[n])
        second = max((widths[n] for n in giving if n != widest), default=LEAST)
        widths[widest] = max(LEAST, min(widths[widest] - 1, second), widths[widest] - (sum(widths) - room))
    return widths


def _fold(text: str, width: int) -> list[str]:
    """A line in parts of at most a width, at blanks where it has any."""
    if width_of(text) <= width or width <= 0:
        return [text]
    found, rest = [], text
    while width_of(rest) > width:
        end, taken = 0, 0
        while end < len(rest) and taken + width_of(rest[end]) <= width:
            taken += width_of(rest[end])
            end += 1
        blank = end if rest[end : end + 1] == " " else rest.rfind(" ", 1, end)
        end = blank if blank > 0 else max(1, end)
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*found, rest] if rest else found
