"""The audit trail: who did what to which thing. It is only added to; retention alone takes away."""

import json

from sqlalchemy import insert, select

from acs.store.instants import instant, micros
from acs.store.limits import check_record, json_text
from acs.store.records import AuditRecord
from acs.store.schema import audit
from acs.store.transaction import Transaction


async def append(tx: Transaction, entry: AuditRecord) -> None:
    """Add an entry, in the transaction of what it tells of.

    Raises:
        InvalidInput: a text or the detail is too long.
    """
    check_record(entry)
    row = {
        "at": micros(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "detail": None if entry.detail is None else json_text("detail", entry.detail),
    }
    await tx.run(insert(audit).values(row))


async def list_entries(
    tx: Transaction, *, target: str | None = None, limit: int = 100, before: int | None = None
) -> list[AuditRecord]:
    """Return entries, newest first; `before` is the id of the last one of the page before."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if target is not None:
        query = query.where(audit.c.target == target)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [
        AuditRecord(
            instant(row.at),
            row.actor,
            row.action,
            row.target,
            None if row.detail is None else json.loads(row.detail),
            row.id,
        )
        for row in await tx.rows(query)
    ]
