"""Alarms: what somebody should look at, once per kind and subject while it lasts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros
from acs.store.limits import check_text
from acs.store.records import Json
from acs.store.schema import alarms
from acs.store.transaction import Transaction

_AGAIN = (
    update(alarms)
    .where(
        alarms.c.kind == bindparam("its_kind"),
        alarms.c.subject == bindparam("its_subject"),
        alarms.c.cleared_at.is_(None),
    )
    .values(count=alarms.c.count + 1, **new("detail", "last_at"))
)
_LISTED = Filtered(
    select(alarms).order_by(alarms.c.id.desc()).limit(bindparam("limit")),
    active=alarms.c.cleared_at.is_(None),
    over=alarms.c.cleared_at.is_not(None),
    kind=alarms.c.kind == bindparam("kind"),
    subject=alarms.c.subject == bindparam("subject"),
    after=alarms.c.id < bindparam("after"),
)
_NEWEST = (
    select(alarms)
    .where(alarms.c.kind == bindparam("kind"), alarms.c.subject == bindparam("subject"))
    .order_by(alarms.c.id.desc())
    .limit(1)
)
_ACTIVE = select(alarms.c.kind, func.count().label("n")).where(alarms.c.cleared_at.is_(None)).group_by(alarms.c.kind)
_BY_ID = select(alarms).where(alarms.c.id == bindparam("id"))
_CLEAR = (
    update(alarms)
    .where(alarms.c.id == bindparam("its_id"), alarms.c.cleared_at.is_(None))
    .values(new("cleared_at", "cleared_by"))
)
_SAY = update(alarms).where(alarms.c.id == bindparam("its_id")).values(new("detail"))


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
    again = {"its_kind": kind, "its_subject": subject, "new_detail": seen["detail"], "new_last_at": seen["last_at"]}
    if await tx.run(_AGAIN, again):
        return False
    row = {"id": id_, "kind": kind, "subject": subject, "raised_at": micros(now), "count": 1, **seen}
    return await tx.insert(alarms, row)


async def list_alarms(
    tx: Transaction, *, active: bool | None = None, kind: str | None = None, subject: str | None = None,
    limit: int = 100, after: str = "",
) -> list[AlarmRecord]:  # fmt: skip
    """Alarms, newest first; `after` is the last id of the page before."""
    query = _LISTED.given(
        limit=limit, active=active, over=active is False, kind=kind, subject=subject, after=after or None
    )
    return [_record(row) for row in await tx.rows(*query)]


async def get_alarm(tx: Transaction, id_: str) -> AlarmRecord | None:
    """One alarm, or None."""
    row = await tx.one(_BY_ID, {"id": id_})
    return None if row is None else _record(row)


async def by_prefix(tx: Transaction, prefix: str) -> AlarmRecord | None:
    """The first alarm whose id begins so, or None."""
    query = select(alarms).where(alarms.c.id >= prefix, alarms.c.id < f"{prefix}g").order_by(alarms.c.id).limit(1)
    row = await tx.one(query)
    return None if row is None else _record(row)


async def newest(tx: Transaction, kind: str, subject: str) -> AlarmRecord | None:
    """The last alarm of a kind about a subject, active or not; None: there was none."""
    row = await tx.one(_NEWEST, {"kind": kind, "subject": subject})
    return None if row is None else _record(row)


async def active_kinds(tx: Transaction) -> dict[str, int]:
    """Kind → how many alarms of it are active."""
    return {row.kind: row.n for row in await tx.rows(_ACTIVE)}


async def put_detail(tx: Transaction, id_: str, detail: Mapping[str, Json]) -> None:
    """Say something else of an alarm."""
    await tx.run(_SAY, {"its_id": id_, "new_detail": json.dumps(detail)})


async def clear_alarm(tx: Transaction, id_: str, by: str, now: datetime) -> bool:
    """End an alarm; False when it is not active."""
    values = {"its_id": id_, "new_cleared_at": micros(now), "new_cleared_by": by}
    return await tx.run(_CLEAR, values) == 1


def _record(row: Any) -> AlarmRecord:
    return AlarmRecord(
        row.id, row.kind, row.subject, json.loads(row.detail), instant(row.raised_at), instant(row.last_at), row.count,
        instant_or_none(row.cleared_at), row.cleared_by,
    )  # fmt: skip
