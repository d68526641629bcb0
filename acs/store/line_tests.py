"""Line tests: who asked, what was gathered, the verdict."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, bindparam, cast, func, literal_column, select, update

from acs.errors import Conflict
from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, check_text, json_text
from acs.store.records import Json, LineTestRecord, LineTestState
from acs.store.schema import line_tests
from acs.store.transaction import Transaction

_BY_ID = select(line_tests).where(line_tests.c.id == bindparam("id"))
_FINISH = (
    update(line_tests)
    .where(line_tests.c.id == bindparam("its_id"), line_tests.c.state == LineTestState.RUNNING.value)
    .values(new("state", "finished_at", "facts", "verdict", "detail"))
)
_WANTED = {
    "line": line_tests.c.line == bindparam("line"),
    "ticket": line_tests.c.ticket == bindparam("ticket"),
    "depth": line_tests.c.depth == bindparam("depth"),
    "states": line_tests.c.state.in_(bindparam("states", expanding=True)),
    "before": line_tests.c.id < bindparam("before"),
}
_LISTED, _WITHOUT_FACTS = (
    Filtered(select(*columns).order_by(line_tests.c.id.desc()).limit(bindparam("limit")), **_WANTED)
    for columns in (line_tests.c, [column for column in line_tests.c if column.name != "facts"])
)


@dataclass(frozen=True, slots=True)
class Span:
    """What an instant of a test (created_at, finished_at) must fulfil: gt, gte, lt or lte another one."""

    column: str
    operator: str
    at: datetime

    def holds(self) -> ColumnElement[bool]:
        """The condition of a query."""
        column, at = line_tests.c[self.column], micros(self.at)
        return {"gt": column > at, "gte": column >= at, "lt": column < at, "lte": column <= at}[self.operator]


async def add(tx: Transaction, test: LineTestRecord) -> None:
    """Store a new line test; its line must exist.

    Raises:
        Conflict: its id is taken.
        InvalidInput: a text or document is too long.
    """
    check_record(test)
    row = {
        "id": test.id,
        "line": test.line,
        "state": test.state.value,
        "created_at": micros(test.created_at),
        "deadline_at": micros(test.deadline_at),
        "actor": test.actor,
        "depth": test.depth,
        "service": test.service,
        "ticket": test.ticket,
        "finished_at": micros_or_none(test.finished_at),
        "facts": _json_or_none("facts", test.facts),
        "verdict": _json_or_none("verdict", test.verdict),
        "detail": test.detail,
    }
    if not await tx.insert(line_tests, row):
        raise Conflict(f"line test {test.id} exists already")


async def finish(
    tx: Transaction,
    test_id: str,
    state: LineTestState,
    at: datetime,
    *,
    facts: Json = None,
    verdict: Json = None,
    detail: str = "",
) -> bool:
    """End a running line test with its facts and verdict; False, and nothing written, where it has ended already.

    Raises:
        InvalidInput: a text or document is too long.
    """
    values = {
        "its_id": test_id,
        "new_state": state.value,
        "new_finished_at": micros(at),
        "new_facts": _json_or_none("facts", facts),
        "new_verdict": _json_or_none("verdict", verdict),
        "new_detail": check_text("detail", detail),
    }
    return await tx.run(_FINISH, values) == 1


async def get(tx: Transaction, test_id: str) -> LineTestRecord | None:
    """Return the line test, or None."""
    row = await tx.one(_BY_ID, {"id": test_id})
    return None if row is None else _record(row)


async def list_line_tests(
    tx: Transaction,
    *,
    line: str | None = None,
    ticket: str | None = None,
    states: Sequence[LineTestState] | None = None,
    depth: str | None = None,
    facts: bool = True,
    limit: int = 100,
    before: str | None = None,
) -> list[LineTestRecord]:
    """Return line tests, newest first; `before` is the id of the last one of the page before.

    `facts` False leaves them out: they are nearly all of a test.
    """
    wanted = None if states is None else [state.value for state in states]
    listed = _LISTED if facts else _WITHOUT_FACTS
    query = listed.given(limit=limit, line=line, ticket=ticket, depth=depth, states=wanted, before=before)
    return [_record(row) for row in await tx.rows(*query)]


async def page(
    tx: Transaction, conditions: Mapping[str, Sequence[str]], spans: Sequence[Span] = (), *, offset: int, limit: int
) -> tuple[list[LineTestRecord], int]:
    """Return line tests, newest first, and how many there are in all.

    `conditions`: column (id, line, state, depth, ticket) → the values that it may have.
    """
    wanted: list[ColumnElement[bool]] = [line_tests.c[name].in_(list(values)) for name, values in conditions.items()]
    wanted += [one.holds() for one in spans]
    counted = await tx.one(select(func.count()).select_from(line_tests).where(*wanted))
    query = select(line_tests).where(*wanted).order_by(line_tests.c.id.desc()).offset(offset).limit(limit)
    return [_record(row) for row in await tx.rows(query)], 0 if counted is None else int(counted[0])


def of_verdict(dialect: str, name: str) -> ColumnElement[Any]:
    """One text of the verdict, read by the database: the whole is large."""
    if dialect == "postgresql":
        return cast(line_tests.c.verdict, Text).op("::json ->>")(literal_column(f"'{name}'"))
    return func.json_extract(line_tests.c.verdict, f"$.{name}")


def _json_or_none(name: str, value: Json) -> str | None:
    return None if value is None else json_text(name, value)


def _record(row: Row[Any]) -> LineTestRecord:
    facts = getattr(row, "facts", None)
    return LineTestRecord(
        id=row.id,
        line=row.line,
        state=LineTestState(row.state),
        created_at=instant(row.created_at),
        deadline_at=instant(row.deadline_at),
        actor=row.actor,
        depth=row.depth,
        service=row.service,
        ticket=row.ticket,
        finished_at=instant_or_none(row.finished_at),
        facts=None if facts is None else json.loads(facts),
        verdict=None if row.verdict is None else json.loads(row.verdict),
        detail=row.detail,
    )
