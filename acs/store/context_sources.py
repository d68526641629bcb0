"""Systems that tell us of lines: when they did last, and since when they do not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.schema import context_facts, context_sources, scope_snapshots
from acs.store.transaction import Transaction

#: characters kept of what went wrong
_PROBLEM_CHARS = 500
_BY_NAME = select(context_sources).where(context_sources.c.name == bindparam("name"))
_HELD = _BY_NAME.with_for_update()
_EVERY = Filtered(
    select(context_sources).order_by(context_sources.c.name), down=context_sources.c.down_since.is_not(None)
)
_STILL_TRUE = [
    update(table).where(table.c.source == bindparam("its_source")).values(new("at"))
    for table in (context_facts, scope_snapshots)
]


@dataclass(frozen=True, slots=True)
class ContextSource:
    """One system. `down_since` None: it answers; `left_out` are entries of its last answer that could not be used."""

    name: str
    kind: str
    tried_at: datetime
    ok_at: datetime | None = None
    down_since: datetime | None = None
    problem: str = ""
    etag: str = ""
    entries: int = 0
    left_out: int = 0


async def put(tx: Transaction, source: ContextSource) -> None:
    """Store how it stands with a source. Who changes what was known of it has held it."""
    await tx.upsert(context_sources, [_row(source)])


async def hold(tx: Transaction, new: ContextSource) -> ContextSource:
    """The source of that name as it is known, or else this one; until the transaction ends nobody else changes it."""
    await tx.insert(context_sources, _row(new))
    row = await tx.one(_HELD, {"name": new.name})
    assert row is not None
    return _record(row)


async def get(tx: Transaction, name: str) -> ContextSource | None:
    """Return a source, or None."""
    row = await tx.one(_BY_NAME, {"name": name})
    return None if row is None else _record(row)


async def every(tx: Transaction, *, down: bool = False) -> list[ContextSource]:
    """Return all sources by name, or those that are down."""
    return [_record(row) for row in await tx.rows(*_EVERY.given(down=down))]


async def still_true(tx: Transaction, source: str, at: datetime) -> None:
    """What a source said has not changed, as it just confirmed: facts and snapshots are as old as that."""
    for statement in _STILL_TRUE:
        await tx.run(statement, {"its_source": source, "new_at": micros(at)})


def _row(source: ContextSource) -> dict[str, object]:
    return {
        "name": source.name,
        "kind": source.kind,
        "tried_at": micros(source.tried_at),
        "ok_at": micros_or_none(source.ok_at),
        "down_since": micros_or_none(source.down_since),
        "problem": source.problem[:_PROBLEM_CHARS],
        "etag": source.etag[:200],
        "entries": source.entries,
        "left_out": source.left_out,
    }


def _record(row: Row[Any]) -> ContextSource:
    return ContextSource(
        row.name, row.kind, instant(row.tried_at), instant_or_none(row.ok_at), instant_or_none(row.down_since),
        row.problem, row.etag, row.entries, row.left_out,
    )  # fmt: skip
