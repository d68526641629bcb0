"""What other systems say about lines: the latest facts with source and time, and readings (history of numbers)."""

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from acs.errors import InvalidInput
from acs.store.instants import instant, micros
from acs.store.limits import check_record
from acs.store.records import ContextFact, Reading
from acs.store.schema import context_facts, readings
from acs.store.transaction import Transaction

_CHUNK = 5000


async def put(tx: Transaction, facts: Sequence[ContextFact]) -> int:
    """Store facts, each replacing what its source said before about that name, unless that is newer.

    Returns how many were written. The lines must exist.

    Raises:
        InvalidInput: a text is too long, or a value is not finite.
    """
    return await tx.upsert(context_facts, [_stored_fact(fact) for fact in facts], newer="at")


async def latest(tx: Transaction, line: str) -> dict[str, ContextFact]:
    """Return name → the newest fact of the line, whatever its source."""
    newest: dict[str, ContextFact] = {}
    query = (
        select(context_facts).where(context_facts.c.line == line).order_by(context_facts.c.at, context_facts.c.source)
    )
    for row in await tx.rows(query):
        newest[row.name] = ContextFact(row.line, row.name, json.loads(row.value), instant(row.at), row.source)
    return newest


async def of_lines(tx: Transaction, lines: Sequence[str], name: str) -> dict[str, ContextFact]:
    """Return line → the newest fact of one name, whatever its source; lines without are absent."""
    newest: dict[str, ContextFact] = {}
    for start in range(0, len(lines), _CHUNK):
        query = select(context_facts).where(
            context_facts.c.line.in_(list(lines[start : start + _CHUNK])), context_facts.c.name == name
        )
        for row in await tx.rows(query.order_by(context_facts.c.at, context_facts.c.source)):
            newest[row.line] = ContextFact(row.line, row.name, json.loads(row.value), instant(row.at), row.source)
    return newest


async def by_value(tx: Transaction, name: str, value: str) -> list[ContextFact]:
    """Return the facts of this name with this text value, by line: for instance the line of a session address."""
    query = select(context_facts).where(context_facts.c.name == name, context_facts.c.value == json.dumps(value))
    return [
        ContextFact(row.line, row.name, json.loads(row.value), instant(row.at), row.source)
        for row in await tx.rows(query.order_by(context_facts.c.line))
    ]


async def put_readings(tx: Transaction, many: Sequence[Reading]) -> int:
    """Store readings; one for the same line, name, instant and source replaces the earlier. The lines must exist.

    Raises:
        InvalidInput: a text is too long, or a value is not finite.
    """
    return await tx.upsert(readings, [_stored_reading(reading) for reading in many])


async def series(tx: Transaction, line: str, name: str, since: datetime, until: datetime) -> list[Reading]:
    """Return the line's readings of one name from `since` until before `until`, oldest first."""
    query = (
        select(readings)
        .where(
            readings.c.line == line,
            readings.c.name == name,
            readings.c.at >= micros(since),
            readings.c.at < micros(until),
        )
        .order_by(readings.c.at, readings.c.source)
    )
    return [Reading(row.line, row.name, row.value, instant(row.at), row.source) for row in await tx.rows(query)]


async def reading_names(tx: Transaction, line: str) -> list[str]:
    """Return the names of which the line has readings, sorted."""
    query = select(readings.c.name).where(readings.c.line == line).distinct().order_by(readings.c.name)
    return [row.name for row in await tx.rows(query)]


async def medians(
    tx: Transaction, lines: Sequence[str], name: str, since: datetime, until: datetime
) -> dict[str, float]:
    """Return line → median of its readings of one name from `since` until before `until`; lines without are absent."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for start in range(0, len(lines), _CHUNK):
        query = select(readings.c.line, readings.c.value).where(
            readings.c.line.in_(list(lines[start : start + _CHUNK])),
            readings.c.name == name,
            readings.c.at >= micros(since),
            readings.c.at < micros(until),
        )
        for row in await tx.rows(query):
            values[row.line].append(row.value)
    return {line: statistics.median(found) for line, found in sorted(values.items())}


def _stored_fact(fact: ContextFact) -> dict[str, object]:
    check_record(fact)
    if isinstance(fact.value, float) and not math.isfinite(fact.value):
        raise InvalidInput(f"fact {fact.name} of line {fact.line}: {fact.value} is not a finite number")
    return {
        "line": fact.line,
        "name": fact.name,
        "source": fact.source,
        "value": json.dumps(fact.value),
        "at": micros(fact.at),
    }


def _stored_reading(reading: Reading) -> dict[str, object]:
    check_record(reading)
    if not math.isfinite(reading.value):
        raise InvalidInput(f"reading {reading.name} of line {reading.line}: {reading.value} is not a finite number")
    return {
        "line": reading.line,
        "name": reading.name,
        "at": micros(reading.at),
        "source": reading.source,
        "value": float(reading.value),
    }
