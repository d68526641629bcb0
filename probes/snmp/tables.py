"""Columns of one table put together row by row, and marked where a cell may be missing. Pure but for `fill_tails`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from probes.errors import ProbeError
from probes.snmp.target import Oid, Value
from probes.snmp.walking import Walk

#: cells at the end of a short column that are asked for; enough to see that it was left early [E]
_TAIL = 24


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by row: `rows[index][column name]`; a cell that the agent does not have is absent.

    `partial` names the columns that may lack cells; of all others an absent cell is one that the agent does not have.
    """

    rows: Mapping[str, Mapping[str, Value]]
    complete: bool = True
    problem: str = ""
    partial: frozenset[str] = frozenset()


class Getter(Protocol):
    """What reads single cells."""

    async def get(self, oids: Iterable[Oid]) -> dict[Oid, Value]:
        """Values by OID."""

    async def walk(self, root: Oid) -> Walk:
        """A subtree."""


def join_columns(oids: Mapping[str, Oid], walks: Mapping[str, Walk]) -> Table:
    """Rows by index out of walks by column name; complete when every walk is."""
    rows: dict[str, dict[str, Value]] = {}
    for name, one in walks.items():
        skip = len(oids[name]) + 1
        for oid, value in one.rows:
            rows.setdefault(oid[skip:], {})[name] = value
    partial = frozenset(name for name, one in walks.items() if not one.complete)
    problems = [f"{name}: {one.problem}" for name, one in walks.items() if not one.complete]
    return Table(rows=rows, complete=not problems, problem="; ".join(problems), partial=partial)


async def fill_tails(table: Table, oids: Mapping[str, Oid], walks: Mapping[str, Walk], getter: Getter) -> Table:
    """The table with the ends of columns that the agent left early, or with those columns marked as partial."""
    rows = {index: dict(cells) for index, cells in table.rows.items()}
    order = sorted(rows, key=_order)
    partial, problems = set(table.partial), [table.problem] if table.problem else []
    for name, one in walks.items():
        missing = _tail(order, rows, name) if one.complete and one.rows else []
        if not missing:
            continue
        try:
            found = await getter.get([f"{oids[name]}.{index}" for index in missing[:_TAIL]])
        except ProbeError as error:
            problem, found = str(error), {}
        else:
            problem = "the agent ends the column early"
            if not found:
                continue
        skip = len(oids[name]) + 1
        for oid, value in found.items():
            rows[oid[skip:]][name] = value
        if len(missing) > _TAIL or not found:
            partial.add(name)
            problems.append(f"{name}: {problem}")
    return replace(table, rows=rows, complete=not partial, problem="; ".join(problems), partial=frozenset(partial))


def _tail(order: Sequence[str], rows: Mapping[str, Mapping[str, Value]], name: str) -> list[str]:
    """The rows behind the last one that has this column."""
    missing = []
    for index in reversed(order):
        if name in rows[index]:
            break
        missing.append(index)
    return missing[::-1]


def _order(index: str) -> tuple[int, ...]:
    return tuple(map(int, index.split(".")))
