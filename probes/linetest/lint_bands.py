"""Bands of one fact on a card: thresholds that leave a value to nobody, or give it to two rows that both count.

Rows of one card over one fact, of whatever group, each with `yes` only, are bands. They must leave no value between the
lowest and the highest without a row: exactly -27.0 belongs to neither "> -27" nor "< -27". A band that shall say
nothing is written down with `yes = 0`. The rule of this file: it sees thresholds only, never a measured value.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from probes.linetest.conditions import Operator
from probes.linetest.form import Cause, PackFile, Row

_DOWN = (Operator.LT, Operator.LE)
_UP = (Operator.GT, Operator.GE)


def bands(name: str, cause: Cause, file: PackFile) -> Iterator[str]:
    """Yield the faults of the bands of a card, "key: fault; remedy"."""
    by_fact: dict[tuple[str, str], list[Row]] = {}
    for number, row in enumerate(file.rows(cause)):
        if _is_band(row):
            rule = file.facts.get(row.fact or "")
            group = row.group or (rule.group if rule else "") or f"#{number}"
            by_fact.setdefault((row.fact or "", group), []).append(row)
    whole: dict[str, list[Row]] = {}
    for (fact, _), rows in sorted(by_fact.items()):
        whole.setdefault(fact, []).extend(rows)
    for fact, rows in whole.items():
        yield from (f"cause.{name}.evidence: {fact}: {fault}" for fault in _faults(rows))
    yield from _twice(name, by_fact)


def _is_band(row: Row) -> bool:
    ordered = row.op in (*_DOWN, *_UP, Operator.BETWEEN)
    return row.fact is not None and ordered and row.value_fact is None and not row.no and not row.only_if


def _faults(rows: Sequence[Row]) -> Iterator[str]:
    """A set of bands that reaches both ways covers everything between."""
    if not any(row.op in _DOWN for row in rows) or not any(row.op in _UP for row in rows):
        return
    points = sorted({edge for row in rows for edge in _edges(row)})
    for value in _probes(points):
        held = [row for row in rows if _holds(row, value)]
        if not held:
            yield f"{value:g} lies in no band; widen a row, or say nothing with op between and yes = 0"
            return
        if len({_way(row) for row in held if row.yes}) > 1:
            yield f"{value:g} lies in two bands that contradict each other; move a threshold"
            return


def _twice(name: str, by_fact: dict[tuple[str, str], list[Row]]) -> Iterator[str]:
    """Rows of one direction on one fact in different groups would both count for one value."""
    seen: dict[tuple[str, str], str] = {}
    for (fact, group), rows in sorted(by_fact.items()):
        for way in sorted({_way(row) for row in rows if row.yes}):
            if (fact, way) in seen and seen[fact, way] != group:
                yield (
                    f"cause.{name}.evidence: {fact}: two rows in different groups count for the same value; "
                    "give them one group"
                )
            seen[fact, way] = group


def _way(row: Row) -> str:
    return "down" if row.op in _DOWN else "up" if row.op in _UP else f"between {row.value}"


def _edges(row: Row) -> tuple[float, ...]:
    listed = row.value if isinstance(row.value, tuple) else (row.value,)
    return tuple(float(value) for value in listed if isinstance(value, int | float))


def _probes(points: Sequence[float]) -> list[float]:
    """The thresholds themselves and the middles between them."""
    return sorted([*points, *((low + high) / 2 for low, high in pairwise(points))])


def _holds(row: Row, value: float) -> bool:
    edges = _edges(row)
    match row.op:
        case Operator.LT:
            return value < edges[0]
        case Operator.LE:
            return value <= edges[0]
        case Operator.GT:
            return value > edges[0]
        case Operator.GE:
            return value >= edges[0]
        case _:
            return edges[0] <= value <= edges[1]
