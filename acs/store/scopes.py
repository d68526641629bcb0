"""Incidents and planned works: whole snapshots per source, each with the time at which it was true.

The rule of this file: a snapshot replaces the source's former one in one transaction; an older one never does.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, bindparam, delete, select

from acs.errors import InvalidInput
from acs.store.instants import instant, micros
from acs.store.limits import check_record, check_text
from acs.store.records import IncidentRecord, PlannedWorkRecord
from acs.store.schema import incidents, planned_works, scope_snapshots
from acs.store.transaction import Transaction

#: The kinds of snapshot.
INCIDENTS = "incidents"
PLANNED_WORKS = "planned_works"
#: Before how a source names lines: it counted every contact of every line.
_CONTACTS = "contacts:"
_SNAPSHOTS = select(scope_snapshots).order_by(scope_snapshots.c.source)
_COUNTS = (
    select(scope_snapshots)
    .where(scope_snapshots.c.kind.startswith(_CONTACTS))
    .order_by(scope_snapshots.c.at.desc(), scope_snapshots.c.source)
)
_INCIDENTS = (
    select(incidents)
    .where(incidents.c.scope.in_(bindparam("scopes", expanding=True)))
    .order_by(incidents.c.since, incidents.c.id)
)
_PLANNED_WORKS = (
    select(planned_works)
    .where(
        planned_works.c.scope.in_(bindparam("scopes", expanding=True)),
        planned_works.c.from_at <= bindparam("now"),
        planned_works.c.to_at > bindparam("now"),
    )
    .order_by(planned_works.c.from_at, planned_works.c.id)
)


async def put_incidents(tx: Transaction, source: str, at: datetime, records: Sequence[IncidentRecord]) -> bool:
    """Replace the source's incidents by this snapshot; False, and nothing written, where a newer one is stored.

    Raises:
        InvalidInput: a text is too long, or a record is of another source.
    """
    rows = [
        {"source": source, "id": each.id, "scope": each.scope, "kind": each.kind, "since": micros(each.since)}
        for each in _checked(source, records)
        if isinstance(each, IncidentRecord)
    ]
    return await _replace(tx, INCIDENTS, incidents, source, at, rows)


async def put_planned_works(tx: Transaction, source: str, at: datetime, records: Sequence[PlannedWorkRecord]) -> bool:
    """Replace the source's planned works by this snapshot; False, and nothing written, where a newer one is stored.

    Raises:
        InvalidInput: a text is too long, or a record is of another source.
    """
    rows = [
        {
            "source": source,
            "id": each.id,
            "scope": each.scope,
            "from_at": micros(each.from_at),
            "to_at": micros(each.to_at),
        }
        for each in _checked(source, records)
        if isinstance(each, PlannedWorkRecord)
    ]
    return await _replace(tx, PLANNED_WORKS, planned_works, source, at, rows)


async def count_contacts(tx: Transaction, source: str, line_by: str, at: datetime) -> None:
    """Note that a source counted every contact of every line, which it names by its id, account or login."""
    kind = _CONTACTS + check_text("line_by", line_by)
    others = scope_snapshots.c.kind.startswith(_CONTACTS), scope_snapshots.c.kind != kind
    await tx.run(delete(scope_snapshots).where(scope_snapshots.c.source == source, *others))
    await tx.upsert(scope_snapshots, [{"kind": kind, "source": source, "at": micros(at)}], newer="at")


async def contact_counts(tx: Transaction) -> list[tuple[str, str, datetime]]:
    """Return (source, how it names lines, when) of those that counted every contact, the latest count first."""
    rows = await tx.rows(_COUNTS)
    return [(row.source, row.kind.removeprefix(_CONTACTS), instant(row.at)) for row in rows]


async def drop_incident(tx: Transaction, source: str, id_: str) -> None:
    """Take one incident out of a source's snapshot at once."""
    await tx.run(delete(incidents).where(incidents.c.source == source, incidents.c.id == id_))


async def snapshots(tx: Transaction) -> dict[str, dict[str, datetime]]:
    """Return kind → source → the instant of its snapshot; of a kind that no source was ever asked for nothing."""
    found: dict[str, dict[str, datetime]] = {INCIDENTS: {}, PLANNED_WORKS: {}}
    for row in await tx.rows(_SNAPSHOTS):
        found.setdefault(row.kind, {})[row.source] = instant(row.at)
    return found


async def incidents_covering(tx: Transaction, scopes: Sequence[str]) -> list[IncidentRecord]:
    """Return the incidents whose scope is one of these (`LineRecord.scopes()`), the oldest first."""
    rows = await tx.rows(_INCIDENTS, {"scopes": list(scopes)})
    return [IncidentRecord(row.source, row.id, row.scope, row.kind, instant(row.since)) for row in rows]


async def planned_works_covering(tx: Transaction, scopes: Sequence[str], now: datetime) -> list[PlannedWorkRecord]:
    """Return the planned works under way at `now` whose scope is one of these, the earliest first."""
    rows = await tx.rows(_PLANNED_WORKS, {"scopes": list(scopes), "now": micros(now)})
    return [PlannedWorkRecord(row.source, row.id, row.scope, instant(row.from_at), instant(row.to_at)) for row in rows]


def _checked(
    source: str, records: Sequence[IncidentRecord] | Sequence[PlannedWorkRecord]
) -> Sequence[IncidentRecord] | Sequence[PlannedWorkRecord]:
    check_text("source", source)
    for each in records:
        check_record(each)
        if each.source != source:
            raise InvalidInput(f"{each.id}: its source {each.source} is not the snapshot's source {source}")
    return records


async def _replace(
    tx: Transaction, kind: str, table: Table, source: str, at: datetime, rows: Sequence[dict[str, object]]
) -> bool:
    snapshot = {"kind": kind, "source": source, "at": micros(at)}
    if not await tx.upsert(scope_snapshots, [snapshot], newer="at"):
        return False
    await tx.run(delete(table).where(table.c.source == source))
    await tx.upsert(table, rows)
    return True
