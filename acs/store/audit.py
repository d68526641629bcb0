"""The audit trail: who did what to which thing. It is only added to; retention alone takes away, from its beginning.

    append ─► waiting in the transaction ─► flush, before the commit: entry and its link of the chain

The rule of this file: entries are written last in their transaction, one transaction after the other, so that each link
is made of the one before it (`acs/store/audit_chain.py`), whoever writes at the same time.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select

from acs.store import audit_chain as chain
from acs.store.instants import instant, micros
from acs.store.limits import check_record, json_text
from acs.store.records import AuditRecord
from acs.store.schema import audit, audit_links
from acs.store.transaction import Transaction

_SELECT = select(audit, audit_links.c.hash, audit_links.c.ticket).select_from(
    audit.outerjoin(audit_links, audit_links.c.entry == audit.c.id)
)
_ADD = insert(audit).returning(audit.c.id)
_ADD_MANY = insert(audit).returning(audit.c.id, sort_by_parameter_order=True)


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
    tx.waiting.append((row, entry.ticket))


async def flush(tx: Transaction) -> None:
    """Write what was appended, and its links; the store calls it before each commit."""
    waiting, tx.waiting = tx.waiting, []
    if not waiting:
        return
    head = await chain.take(tx)
    rows = [row for row, _ in waiting]
    written: Sequence[Row[Any]]
    if len(rows) == 1:
        written = await tx.rows(_ADD, rows[0])
    else:
        written = (await tx.connection.execute(_ADD_MANY, rows)).all()
    entries = [
        chain.Linked(int(number), row["at"], row["actor"], row["action"], row["target"], row["detail"], ticket)
        for (number,), (row, ticket) in zip(written, waiting, strict=True)
    ]
    await chain.extend(tx, head, entries)


async def list_entries(
    tx: Transaction,
    *,
    target: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    ticket: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    before: int | None = None,
) -> list[AuditRecord]:
    """Return entries, newest first; `before` is the id of the last one of the page before.

    `action` is an action, or the beginning of some: `line.` for everything about lines.
    """
    await flush(tx)
    query = _SELECT.order_by(audit.c.id.desc()).limit(limit)
    for column, wanted in ((audit.c.target, target), (audit.c.actor, actor), (audit_links.c.ticket, ticket)):
        if wanted is not None:
            query = query.where(column == wanted)
    if action is not None:
        starts = action.endswith(".")
        query = query.where(audit.c.action.startswith(action, autoescape=True) if starts else audit.c.action == action)
    query = _within(query, since, until)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [_record(row) for row in await tx.rows(query)]


async def oldest_first(
    tx: Transaction, *, after: int = 0, since: datetime | None = None, until: datetime | None = None, limit: int = 1000
) -> list[AuditRecord]:
    """Return entries as they came, for an export; `after` is the id of the last one of the page before."""
    query = _within(_SELECT.where(audit.c.id > after).order_by(audit.c.id).limit(limit), since, until)
    return [_record(row) for row in await tx.rows(query)]


async def prune(tx: Transaction, before: datetime, *, chunk: int) -> int:
    """Take away at most `chunk` entries from the beginning of the trail that are older; the chain begins after them.

    Returns how many went. An older entry behind a younger one stays until that one goes too.
    """
    await flush(tx)
    row = await tx.one(select(func.min(audit.c.id)).where(audit.c.at >= micros(before)))
    young = None if row is None else row[0]
    query = select(audit.c.id).order_by(audit.c.id).limit(chunk)
    if young is not None:
        query = query.where(audit.c.id < young)
    ids = [row[0] for row in await tx.rows(query)]
    if not ids:
        return 0
    await chain.begin_after(tx, ids[-1])
    await tx.run(delete(audit_links).where(audit_links.c.entry <= ids[-1]))
    return await tx.run(delete(audit).where(audit.c.id <= ids[-1]))


def _within(query: Select[Any], since: datetime | None, until: datetime | None) -> Select[Any]:
    if since is not None:
        query = query.where(audit.c.at >= micros(since))
    return query if until is None else query.where(audit.c.at < micros(until))


def _record(row: Row[Any]) -> AuditRecord:
    return AuditRecord(
        instant(row.at),
        row.actor,
        row.action,
        row.target,
        None if row.detail is None else json.loads(row.detail),
        row.id,
        row.ticket or "",
        row.hash or "",
    )
