"""CSV from outside: a whole table is taken or none of it, and every error names row, column, value and remedy.

The rule of this file: rows are counted as an editor shows them, the header being row 1. Cells are separated by commas,
or by semicolons where the header has no comma: so a spreadsheet writes them in countries with a decimal comma.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acs.errors import InvalidInput
from acs.services.clock import in_utc

#: errors shown at once; the rest are counted
_SHOWN = 20
#: characters of a wrong value that an error quotes
_QUOTED = 60

Cell = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how its text becomes a value. Where a cell may be empty, `empty` is what that means."""

    parse: Cell
    required: bool = False
    empty: Any = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one table may hold."""

    rows: int = 100_000
    cell_chars: int = 1_000


class Problems:
    """Errors of one table, collected so that all are told at once."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def full(self) -> bool:
        """Whether there are as many as are shown: checks that cost time may end."""
        return len(self._lines) >= _SHOWN

    def add(self, row: int, column: str, value: object, problem: str) -> None:
        """Note one error; `problem` says what is wrong and what to do."""
        text = str(value)
        quoted = text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
        self._lines.append((row, f"row {row}, column {column}: {quoted!r}: {problem}"))

    def refuse(self) -> None:
        """Refuse the table if anything is wrong with it.

        Raises:
            InvalidInput: with the first errors by row, one per line; nothing of the table was taken.
        """
        if not self._lines:
            return
        lines = [line for _, line in sorted(self._lines, key=lambda told: told[0])]
        more = len(self._lines) - _SHOWN
        tail = [f"and {more} more errors"] if more > 0 else []
        raise InvalidInput("\n".join([*lines[:_SHOWN], *tail, "nothing was imported"]))


def read_table(text: str, columns: Mapping[str, Column], limits: Limits, problems: Problems) -> list[dict[str, Any]]:
    """The rows of a CSV text with their cells parsed; key `row` holds the row's number.

    Cells that cannot be parsed go to `problems` and are left out; the caller refuses when it has added its own.

    Raises:
        InvalidInput: the header is missing or wrong, or the table is too long or not CSV at all.
    """
    text = text.removeprefix("\ufeff")
    mark = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, columns)
        rows: list[dict[str, Any]] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) >= limits.rows:
                raise InvalidInput(f"row {reader.line_num}: more than {limits.rows} rows; split the file")
            rows.append(_parse_row(reader.line_num, header, cells, columns, limits, problems))
        return rows
    except csv.Error as error:
        raise InvalidInput(f"row {reader.line_num}: not CSV: {error}; mend the quotes of that row") from error


def one_of(values: Sequence[str]) -> Cell:
    """A cell that holds one of the given words."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"write one of {', '.join(values)}")
        return text

    return parse


def whole_number(low: int, high: int) -> Cell:
    """A cell that holds a whole number within bounds."""

    def parse(text: str) -> int:
        try:
            value = int(text, 10)
        except ValueError:
            raise ValueError(f"write a whole number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return value

    return parse


def real_number(low: float, high: float) -> Cell:
    """A cell that holds a number within bounds."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"write a number from {low:g} to {high:g}, with a point") from None
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"write a number from {low:g} to {high:g}, with a point")
        return value

    return parse


def short_text(longest: int) -> Cell:
    """A cell of free text without control characters."""

    def parse(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"write at most {longest} characters")
        if any(ord(char) < 32 or ord(char) == 127 for char in text):
            raise ValueError("remove the control characters")
        return text

    return parse


def word_list(most: int, longest: int) -> Cell:
    """A cell that holds words separated by semicolons."""

    def parse(text: str) -> tuple[str, ...]:
        words = tuple(word.strip() for word in text.split(";") if word.strip())
        if len(words) > most:
            raise ValueError(f"write at most {most} words, separated by ;")
        for word in words:
            short_text(longest)(word)
        return words

    return parse


def instant(text: str) -> datetime:
    """A cell that holds an instant with its zone, as RFC 3339 writes it."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write an instant as 2026-11-21T18:02:11Z") from None
    return in_utc(value)


def _separator(text: str) -> str:
    """What stands between the cells of a table, by its header: the names of columns hold neither mark."""
    header = text.partition("\n")[0]
    return ";" if ";" in header and "," not in header else ","


def _check_header(header: Sequence[str], columns: Mapping[str, Column]) -> None:
    known = ", ".join(columns)
    if not any(header):
        raise InvalidInput(f"row 1: the header is missing; begin with the columns {known}")
    if len(header) == 1 and "\t" in header[0]:
        raise InvalidInput("row 1: cells are separated by a comma or a semicolon, not by a tab; save the file as CSV")
    for n, name in enumerate(header):
        if name not in columns:
            raise InvalidInput(f"row 1, column {name or n + 1}: no such column; the columns are {known}")
        if name in header[:n]:
            raise InvalidInput(f"row 1, column {name}: it is there twice; remove one")
    for name, column in columns.items():
        if column.required and name not in header:
            raise InvalidInput(f"row 1: the column {name} is missing; add it")


def _parse_row(
    row: int,
    header: Sequence[str],
    cells: Sequence[str],
    columns: Mapping[str, Column],
    limits: Limits,
    problems: Problems,
) -> dict[str, Any]:
    parsed: dict[str, Any] = {"row": row}
    if len(cells) != len(header):
        problem = (
            f"the row has {len(cells)} cells, and the header {len(header)}; "
            "put a cell that holds a comma or semicolon in quotes"
        )
        problems.add(row, header[min(len(cells), len(header)) - 1], cells[-1], problem)
        return parsed
    for name, cell in zip(header, cells, strict=True):
        text = cell.strip()
        if not text:
            if columns[name].required:
                problems.add(row, name, text, "this cell may not be empty; fill it")
            parsed[name] = columns[name].empty
            continue
        if len(text) > limits.cell_chars:
            problems.add(row, name, text, f"write at most {limits.cell_chars} characters")
            continue
        try:
            parsed[name] = columns[name].parse(text)
        except ValueError as error:
            problems.add(row, name, text, str(error))
    return parsed
