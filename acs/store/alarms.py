"""Alarms: what somebody should look at, once per kind and subject while it lasts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from acs.store.instants import instant, instant_or_none, micros
from acs.store.limits import check_text
from acs.store.records import Json
from acs.store.schema import alarms
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """One alarm. `subject` is `device:KEY` or alike; `count` is how often it was seen; `cleared_at` None: active."""

    id: str
    kind: str
    subject: str
    detail: Mapping[str, Json]
    raised_at: datetime
    last_at: datetime
    count: int
    cleared_at: datetime | None = None
    cleared_by: str | None = None


async def raise_alarm(
    tx: Transaction, id_: str, kind: str, subject: str, detail: Mapping[str, Json], now: datetime
) -> bool:
    """Raise an alarm, or count it once more while it is active; True when it is new.

    Raises:
        InvalidInput: a text is too long.
    """
    check_text("subject", subject)
    seen = {"detail": json.dumps(detail), "last_at": micros(now)}
    active = (alarms.c.kind == kind, alarms.c.subject == subject, alarms.c.cleared_at.is_(None))
    if await tx.run(update(alarms).where(*active).values(count=alarms.c.count + 1, **seen)):
        return False
    row = {"id": id_, "kind": kind, "subject": subject, "raised_at": micros(now), "count": 1, **seen}
    return await tx.insert(alarms, row)


async def list_alarms(
    tx: Transaction, *, active: bool | None = None, kind: str | None = None, subject: str | None = None,
    limit: int = 100, after: str = "",
) -> list[AlarmRecord]:  # fmt: skip
    """Alarms, newest first; `after` is the last id of the page before."""
    query = select(alarms).order_by(alarms.c.id.desc()).limit(limit)
    if active is not None:
        query = query.where(alarms.c.cleared_at.is_(None) if active else alarms.c.cleared_at.is_not(None))
    if kind is not None:
        query = query.where(alarms.c.kind == kind)
    if subject is not None:
        query = query.where(alarms.c.subject == subject)
    if after:
        query = query.where(alarms.c.id < after)
    return [_record(row) for row in await tx.rows(query)]


async def get_alarm(tx: Transaction, id_: str) -> AlarmRecord | None:
    """One alarm, or None."""
    row = await tx.one(select(alarms).where(alarms.c.id == id_))
    return None if row is None else _record(row)


async def by_prefix(tx: Transaction, prefix: str) -> AlarmRecord | None:
    """The first alarm whose id begins so, or None."""
    query = select(alarms).where(alarms.c.id >= prefix, alarms.c.id < f"{prefix}g").order_by(alarms.c.id).limit(1)
    row = await tx.one(query)
    return None if row is None else _record(row)


async def clear_alarm(tx: Transaction, id_: str, by: str, now: datetime) -> bool:
    """End an alarm; False when it is not active."""
    cleared = update(alarms).where(alarms.c.id == id_, alarms.c.cleared_at.is_(None))
    return await tx.run(cleared.values(cleared_at=micros(now), cleared_by=by)) == 1


def _record(row: Any) -> AlarmRecord:
    return AlarmRecord(
        row.id, row.kind, row.subject, json.loads(row.detail), instant(row.raised_at), instant(row.last_at), row.count,
        instant_or_none(row.cleared_at), row.cleared_by,
    )  # fmt: skip
