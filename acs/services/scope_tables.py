"""Open incidents and planned works as tables: what a system exports that cannot call anybody. Pure.

The rule of this file: a table is all that its source knows at one instant; one without rows says that there is none.
"""

from collections.abc import Mapping
from typing import Any

from acs.services.tables import Column, Limits, Problems, instant, read_table, short_text

#: rows of one table
MOST = 10_000

_PLACE = {"id": Column(short_text(64), required=True), "scope": Column(short_text(300), required=True)}
_INCIDENTS = {**_PLACE, "kind": Column(short_text(64), empty=""), "since": Column(instant, required=True)}
_WORKS = {**_PLACE, "from": Column(instant, required=True), "to": Column(instant, required=True)}


def incident_rows(text: str) -> list[dict[str, Any]]:
    """The open incidents of a CSV with the columns id, scope, kind, since.

    Raises:
        InvalidInput: every wrong cell with its row, its column and what to do.
    """
    return _rows(text, _INCIDENTS)


def work_rows(text: str) -> list[dict[str, Any]]:
    """The planned works of a CSV with the columns id, scope, from, to.

    Raises:
        InvalidInput: every wrong cell with its row, its column and what to do.
    """
    return _rows(text, _WORKS)


def _rows(text: str, columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    problems = Problems()
    rows = read_table(text, columns, Limits(rows=MOST), problems)
    problems.refuse()
    return rows
