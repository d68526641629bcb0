"""Facts that follow from the rows of a table: errors of all ports, what the worst stream shows. For history. Pure.

The rule of this file: a sum over rows of which only some were read just now is no sum, and is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from acs.profiles.rows import Cell, Row, Times, tables_from_tree
from acs.profiles.schema import Profile
from probes.facts import Fact


@dataclass(frozen=True, slots=True)
class Sum:
    """What is made of columns of a table; `role` picks the ports of one side."""

    table: str
    columns: tuple[str, ...]
    of: Callable[[Iterable[float]], float]
    role: str = ""


#: CRC errors are among those of receipt (RFC 2819, TR-181 Ethernet.Interface.Stats)
_ERRORS = ("rx_errors", "tx_errors")
#: fact → where it comes from
SUMS: Final[Mapping[str, Sum]] = {
    "cpe.lan_errors_n": Sum("ports", _ERRORS, sum, "lan"),
    "cpe.wan_errors_n": Sum("ports", _ERRORS, sum, "wan"),
    "stb.loss_before_pct": Sum("streams", ("loss_before_pct",), max),
    "stb.continuity_n": Sum("streams", ("continuity_errors",), max),
    "stb.zap_ms": Sum("streams", ("zap_ms",), max),
}
_TABLES = frozenset(each.table for each in SUMS.values())


def sums_of(profile: Profile, read: Mapping[str, str], known: Mapping[str, str], at: Times, source: str) -> list[Fact]:
    """The facts of SUMS of which every value that the device has (`known`) was read now (`read`)."""
    if not any(_cells(row, each) for row, each in _rows(profile, read, at, source)):
        return []
    cells: dict[str, list[Cell]] = {}
    for row, each in _rows(profile, known, at, source):
        for name, one in SUMS.items():
            if one is each:
                cells.setdefault(name, []).extend(_cells(row, each))
    found = []
    for name, each in SUMS.items():
        mine = cells.get(name, [])
        if mine and all(cell.name in read for cell in mine):
            value = each.of(float(cell.value) for cell in mine if isinstance(cell.value, int | float))
            found.append(
                Fact(name, value, max(cell.at for cell in mine), source, f"{each.table}: {', '.join(each.columns)}")
            )
    return found


def _rows(profile: Profile, values: Mapping[str, str], at: Times, source: str) -> Iterable[tuple[Row, Sum]]:
    tables = tables_from_tree(profile, values, at, source, _TABLES)
    for each in SUMS.values():
        table = tables.get(each.table)
        for row in table.rows if table is not None else ():
            if not each.role or row.values.get("role") == each.role:
                yield row, each


def _cells(row: Row, each: Sum) -> list[Cell]:
    found = [row.cells[column] for column in each.columns if column in row.cells]
    return [cell for cell in found if isinstance(cell.value, int | float) and not isinstance(cell.value, bool)]
