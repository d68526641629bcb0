"""Systems that tell us of lines: when they did last, and since when they do not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.schema import context_facts, context_sources, scope_snapshots
from acs.store.transaction import Transaction

#: characters kept of what went wrong
_PROBLEM_CHARS = 500


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
    """Store how it stands with a source."""
    row = {
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
    await tx.upsert(context_sources, [row])


async def get(tx: Transaction, name: str) -> ContextSource | None:
    """Return a source, or None."""
    row = await tx.one(select(context_sources).where(context_sources.c.name == name))
    return None if row is None else _record(row)


async def every(tx: Transaction, *, down: bool = False) -> list[ContextSource]:
    """Return all sources by name, or those that are down."""
    query = select(context_sources).order_by(context_sources.c.name)
    if down:
        query = query.where(context_sources.c.down_since.is_not(None))
    return [_record(row) for row in await tx.rows(query)]


async def still_true(tx: Transaction, source: str, at: datetime) -> None:
    """What a source said has not changed, as it just confirmed: facts and snapshots are as old as that."""
    await tx.run(update(context_facts).where(context_facts.c.source == source).values(at=micros(at)))
    await tx.run(update(scope_snapshots).where(scope_snapshots.c.source == source).values(at=micros(at)))


def _record(row: Row[Any]) -> ContextSource:
    return ContextSource(
        row.name, row.kind, instant(row.tried_at), instant_or_none(row.ok_at), instant_or_none(row.down_since),
        row.problem, row.etag, row.entries, row.left_out,
    )  # fmt: skip
