"""What other systems say about lines: the latest facts with source and time."""

import json
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from acs.errors import InvalidInput
from acs.store.instants import instant, micros
from acs.store.limits import check_record
from acs.store.records import ContextFact
from acs.store.schema import context_facts
from acs.store.transaction import Transaction

_CHUNK = 5000
_BY_AGE = select(context_facts).order_by(context_facts.c.at, context_facts.c.source)
_OF_LINE = _BY_AGE.where(context_facts.c.line == bindparam("line"))
_OF_LINES = _BY_AGE.where(
    context_facts.c.line.in_(bindparam("lines", expanding=True)),
    context_facts.c.name.in_(bindparam("names", expanding=True)),
)
_BY_VALUE = (
    select(context_facts)
    .where(context_facts.c.name == bindparam("name"), context_facts.c.value == bindparam("value"))
    .order_by(context_facts.c.line)
)


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
    for row in await tx.rows(_OF_LINE, {"line": line}):
        newest[row.name] = _fact(row)
    return newest


async def of_lines(tx: Transaction, lines: Sequence[str], name: str) -> dict[str, ContextFact]:
    """Return line → the newest fact of one name, whatever its source; lines without are absent."""
    return (await named(tx, lines, (name,)))[name]


async def named(tx: Transaction, lines: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, ContextFact]]:
    """Return name → line → the newest fact of that name, whatever its source; every name is there."""
    newest: dict[str, dict[str, ContextFact]] = {name: {} for name in names}
    for start in range(0, len(lines), _CHUNK):
        for row in await tx.rows(_OF_LINES, {"lines": lines[start : start + _CHUNK], "names": list(names)}):
            newest[row.name][row.line] = _fact(row)
    return newest


async def by_value(tx: Transaction, name: str, value: str) -> list[ContextFact]:
    """Return the facts of this name with this text value, by line: for instance the line of a session address."""
    return [_fact(row) for row in await tx.rows(_BY_VALUE, {"name": name, "value": json.dumps(value)})]


def _fact(row: Row[Any]) -> ContextFact:
    return ContextFact(row.line, row.name, json.loads(row.value), instant(row.at), row.source)


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
