"""What other systems say about lines: the latest facts with source and time."""

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select

from acs.errors import InvalidInput
from acs.store.instants import instant, micros
from acs.store.limits import check_record
from acs.store.records import ContextFact
from acs.store.schema import context_facts
from acs.store.transaction import Transaction

_CHUNK = 5000
#: Texts of values that are remembered; most facts say yes, no, or one of a few words.
_VALUES = 8_192
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
    newest = {row.name: row for row in await tx.rows(_OF_LINE, {"line": line})}
    return {name: _fact(row) for name, row in newest.items()}


async def of_lines(tx: Transaction, lines: Sequence[str], name: str) -> dict[str, ContextFact]:
    """Return line → the newest fact of one name, whatever its source; lines without are absent."""
    return (await named(tx, lines, (name,)))[name]


async def named(tx: Transaction, lines: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, ContextFact]]:
    """Return name → line → the newest fact of that name, whatever its source; every name is there."""
    newest: dict[str, dict[str, Sequence[Any]]] = {name: {} for name in names}
    for start in range(0, len(lines), _CHUNK):
        for row in await tx.rows(_OF_LINES, {"lines": lines[start : start + _CHUNK], "names": list(names)}):
            newest[row.name][row.line] = row
    return {name: {line: _fact(row) for line, row in rows.items()} for name, rows in newest.items()}


async def by_value(tx: Transaction, name: str, value: str) -> list[ContextFact]:
    """Return the facts of this name with this text value, by line: for instance the line of a session address."""
    return [_fact(row) for row in await tx.rows(_BY_VALUE, {"name": name, "value": json.dumps(value)})]


def _fact(row: Sequence[Any]) -> ContextFact:
    line, name, source, value, at = row
    return ContextFact(line, name, _value(value), instant(at), source)


@lru_cache(maxsize=_VALUES)
def _value(stored: str) -> Any:
    """The value of a stored text: a word, a number or yes and no, so that everybody may have the same one."""
    return json.loads(stored)


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
