"""What was done on lines, the tests that followed, and how tickets were closed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, json_text
from acs.store.line_tests import of_verdict
from acs.store.records import Json, LineTestRecord, LineTestState, TicketRecord
from acs.store.schema import checkup_runs, checkups, closures, line_tests, tickets
from acs.store.transaction import Transaction

#: rows of one look
_PAGE = 500
#: states in which a line is still tested: one that was not mended may come right, and a rate counts every time
UNDER_WAY = ("watching", "not_fixed", "fell_back")
_THIS = update(checkups).where(checkups.c.id == bindparam("its_id"))
_CHANGE = _THIS.values(new("state", "changed_at"))
_CHANGE_AT = _THIS.values(new("state", "changed_at", "at"))
_BY_ID = select(checkups).where(checkups.c.id == bindparam("id"))
_LISTED = Filtered(
    select(checkups).order_by(checkups.c.id.desc()).limit(bindparam("limit")),
    before=checkups.c.id < bindparam("before"),
    states=checkups.c.state.in_(bindparam("states", expanding=True)),
    line=checkups.c.line == bindparam("line"),
    ticket=checkups.c.ticket == bindparam("ticket"),
    since=checkups.c.at >= bindparam("since"),
)
_RUNS_OF = (
    select(checkup_runs)
    .where(checkup_runs.c.checkup.in_(bindparam("ids", expanding=True)))
    .order_by(checkup_runs.c.checkup, checkup_runs.c.n)
)
_DUE = (
    select(checkup_runs)
    .join(checkups, checkups.c.id == checkup_runs.c.checkup)
    .where(
        checkup_runs.c.due_at <= bindparam("now"),
        checkup_runs.c.done_at.is_(None),
        checkups.c.state.in_(UNDER_WAY),
    )
    .order_by(checkup_runs.c.due_at)
    .limit(_PAGE)
)
_LAST_TEST = select(func.max(line_tests.c.id).label("id")).where(
    line_tests.c.line == bindparam("line"),
    line_tests.c.state == LineTestState.DONE.value,
    line_tests.c.finished_at >= bindparam("since"),
)


@dataclass(frozen=True, slots=True)
class Checkup:
    """An action on a line that is looked at afterwards.

    `state`: waiting (for the action), watching, held, well (before and after), not_fixed, fell_back, unknown,
    superseded (another action followed), kept (what was known before is all that is asked), void (the action did not
    happen).
    """

    id: str
    line: str
    action: str
    actor: str
    at: datetime
    state: str
    changed_at: datetime
    operation: str | None = None
    ticket: str | None = None
    before_test: str | None = None
    before: Json = None


@dataclass(frozen=True, slots=True)
class CheckupRun:
    """One test after an action."""

    checkup: str
    n: int
    due_at: datetime
    line_test: str | None = None
    done_at: datetime | None = None
    outcome: str = ""
    after: Json = None


@dataclass(frozen=True, slots=True)
class Closure:
    """How a ticket was closed: the operator's code, the true cause that it stands for, and whether somebody went."""

    ticket: str
    code: str
    cause: str
    at: datetime
    actor: str
    visited: bool | None = None
    overridden: bool = False
    note: str = ""
    line: str | None = None
    line_test: str | None = None


async def add(tx: Transaction, checkup: Checkup) -> bool:
    """Store a new checkup; False where its operation has one."""
    check_record(checkup)
    row = {name: getattr(checkup, name) for name in ("id", "line", "action", "actor", "state", "operation", "ticket")}
    row |= {
        "at": micros(checkup.at),
        "changed_at": micros(checkup.changed_at),
        "before_test": checkup.before_test,
        "before": json_text("before", checkup.before),
    }
    return await tx.insert(checkups, row)


async def change(tx: Transaction, id_: str, state: str, now: datetime, *, at: datetime | None = None) -> None:
    """Note how a checkup stands; `at` is when the action was done, where that became known."""
    values: dict[str, Any] = {"its_id": id_, "new_state": state, "new_changed_at": micros(now)}
    if at is None:
        await tx.run(_CHANGE, values)
    else:
        await tx.run(_CHANGE_AT, {**values, "new_at": micros(at)})


async def get(tx: Transaction, id_: str) -> Checkup | None:
    """One checkup, or None."""
    row = await tx.one(_BY_ID, {"id": id_})
    return None if row is None else _checkup(row)


async def find(
    tx: Transaction,
    *,
    states: Sequence[str] | None = None,
    line: str | None = None,
    ticket: str | None = None,
    since: datetime | None = None,
    limit: int = _PAGE,
    before: str = "",
) -> list[Checkup]:
    """Checkups, the newest first; `before` is the id of the last one of the page before."""
    query = _LISTED.given(
        limit=limit,
        before=before or None,
        states=None if states is None else list(states),
        line=line,
        ticket=ticket,
        since=micros_or_none(since),
    )
    return [_checkup(row) for row in await tx.rows(*query)]


async def put_runs(tx: Transaction, runs: Sequence[CheckupRun]) -> None:
    """Store tests after actions, or what became of them."""
    rows = [
        {
            "checkup": one.checkup,
            "n": one.n,
            "due_at": micros(one.due_at),
            "line_test": one.line_test,
            "done_at": micros_or_none(one.done_at),
            "outcome": one.outcome,
            "after": json_text("after", one.after),
        }
        for one in runs
    ]
    await tx.upsert(checkup_runs, rows)


async def runs_of(tx: Transaction, ids: Sequence[str]) -> dict[str, list[CheckupRun]]:
    """Checkup → its runs, in order."""
    found: dict[str, list[CheckupRun]] = {id_: [] for id_ in ids}
    for start in range(0, len(ids), _PAGE):
        for row in await tx.rows(_RUNS_OF, {"ids": list(ids[start : start + _PAGE])}):
            found[row.checkup].append(_run(row))
    return found


async def due_runs(tx: Transaction, now: datetime) -> list[CheckupRun]:
    """Runs of checkups under way whose time has come, and those whose test is under way."""
    return [_run(row) for row in await tx.rows(_DUE, {"now": micros(now)})]


async def put_closure(tx: Transaction, closure: Closure) -> None:
    """Store how a ticket was closed; said again, it replaces what was said."""
    check_record(closure)
    row = {name: getattr(closure, name) for name in closures.c.keys()}  # noqa: SIM118 - a collection of columns
    row |= {
        "at": micros(closure.at),
        "visited": None if closure.visited is None else int(closure.visited),
        "overridden": int(closure.overridden),
    }
    await tx.upsert(closures, [row])


async def closed_since(tx: Transaction, since: datetime, *, limit: int) -> list[tuple[Closure, LineTestRecord | None]]:
    """Closures with the test whose verdict they are held against, the newest first."""
    query = (
        select(closures, line_tests.c.verdict, line_tests.c.facts, line_tests.c.state, line_tests.c.depth)
        .outerjoin(line_tests, line_tests.c.id == closures.c.line_test)
        .where(closures.c.at >= micros(since))
        .order_by(closures.c.at.desc())
        .limit(limit)
    )
    found = []
    for row in await tx.rows(query):
        closure = _closure(row)
        test = None
        if row.verdict is not None and closure.line_test is not None:
            test = _test(row, closure)
        found.append((closure, test))
    return found


async def said_and_true(tx: Transaction, since: datetime, *, limit: int) -> list[tuple[str, str]]:
    """The cause that was said and the true one, of closures whose test decided; the newest first."""
    dialect = tx.connection.dialect.name
    query = (
        select(of_verdict(dialect, "cause").label("said"), closures.c.cause)
        .join(line_tests, line_tests.c.id == closures.c.line_test)
        .where(closures.c.at >= micros(since), of_verdict(dialect, "verdict") != "INCONCLUSIVE")
        .order_by(closures.c.at.desc())
        .limit(limit)
    )
    return [(row.said, row.cause) for row in await tx.rows(query)]


async def truths_since(tx: Transaction, since: datetime, *, limit: int) -> dict[str, str]:
    """Line test → the cause that its ticket was closed with, of the newest closures; one closed twice has the last."""
    c = closures.c
    query = select(c.line_test, c.cause).where(c.at >= micros(since), c.line_test.is_not(None))
    rows = await tx.rows(query.order_by(c.at.desc()).limit(limit))
    return {row.line_test: row.cause for row in reversed(rows)}


async def tickets_between(tx: Transaction, since: datetime, until: datetime) -> list[TicketRecord]:
    """Tickets about known lines of a time, without their bodies."""
    c = tickets.c
    query = select(c.id, c.event_id, c.received_at, c.source, c.line, c.line_test, c.detail).where(
        c.received_at >= micros(since), c.received_at < micros(until), c.line.is_not(None)
    )
    return [
        TicketRecord(row.id, row.event_id, instant(row.received_at), row.source, None, row.line, row.line_test)
        for row in await tx.rows(query.order_by(c.received_at))
    ]


async def verdicts_since(tx: Transaction, since: datetime) -> Mapping[str, int]:
    """Verdict → how many tests with a ticket said so."""
    query = select(line_tests.c.verdict).where(
        line_tests.c.finished_at >= micros(since), line_tests.c.verdict.is_not(None), line_tests.c.ticket.is_not(None)
    )
    found: dict[str, int] = {}
    for row in await tx.rows(query):
        said = str(json.loads(row.verdict).get("verdict", ""))
        found[said] = found.get(said, 0) + 1
    return found


async def last_test(tx: Transaction, line: str, since: datetime) -> str | None:
    """The last finished test of a line since an instant."""
    row = await tx.one(_LAST_TEST, {"line": line, "since": micros(since)})
    return None if row is None else row.id


def _checkup(row: Row[Any]) -> Checkup:
    return Checkup(
        row.id,
        row.line,
        row.action,
        row.actor,
        instant(row.at),
        row.state,
        instant(row.changed_at),
        row.operation,
        row.ticket,
        row.before_test,
        json.loads(row.before),
    )


def _run(row: Row[Any]) -> CheckupRun:
    return CheckupRun(
        row.checkup,
        row.n,
        instant(row.due_at),
        row.line_test,
        instant_or_none(row.done_at),
        row.outcome,
        json.loads(row.after),
    )


def _closure(row: Row[Any]) -> Closure:
    return Closure(
        row.ticket,
        row.code,
        row.cause,
        instant(row.at),
        row.actor,
        None if row.visited is None else bool(row.visited),
        bool(row.overridden),
        row.note,
        row.line,
        row.line_test,
    )


def _test(row: Row[Any], closure: Closure) -> LineTestRecord:
    return LineTestRecord(
        id=str(closure.line_test),
        line=closure.line or "",
        state=LineTestState(row.state),
        created_at=closure.at,
        deadline_at=closure.at,
        actor="",
        depth=row.depth,
        facts=None if row.facts is None else json.loads(row.facts),
        verdict=json.loads(row.verdict),
    )
