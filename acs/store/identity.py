"""Who CPEs are, as it is kept: quarantine, and the highest count of each digest nonce."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, text

from acs.store.instants import instant, micros
from acs.store.records import OperationState
from acs.store.schema import device_quarantine, devices, digest_nonces, operations
from acs.store.transaction import Transaction

#: Nonces forgotten in one bite.
_BITE = 10_000
#: Devices that are waited for, at most.
_AWAITED = 20_000
_OF_DEVICE = select(device_quarantine).where(device_quarantine.c.device == bindparam("device"))


@dataclass(frozen=True, slots=True)
class QuarantineRecord:
    """A device that is only recorded: since when, who put it there, and why."""

    device: str
    since: datetime
    actor: str
    reason: str


async def quarantine(tx: Transaction, record: QuarantineRecord) -> bool:
    """Put a known device into quarantine; False when it is there already."""
    row = {
        "device": record.device,
        "since": micros(record.since),
        "actor": record.actor,
        "reason": record.reason,
    }
    return await tx.insert(device_quarantine, row)


async def admit(tx: Transaction, device: str) -> bool:
    """Let a device out of quarantine; False when it was not there."""
    return await tx.run(delete(device_quarantine).where(device_quarantine.c.device == device)) == 1


async def quarantined(tx: Transaction, device: str) -> QuarantineRecord | None:
    """The device's quarantine; None when it is admitted."""
    row = await tx.one(_OF_DEVICE, {"device": device})
    return None if row is None else _quarantine(row)


async def list_quarantined(tx: Transaction, *, limit: int = 100, after: str = "") -> list[QuarantineRecord]:
    """Devices in quarantine, by key; `after` is the last key of the page before."""
    query = (
        select(device_quarantine)
        .where(device_quarantine.c.device > after)
        .order_by(device_quarantine.c.device)
        .limit(limit)
    )
    return [_quarantine(row) for row in await tx.rows(query)]


async def raise_nonces(tx: Transaction, counts: Mapping[int, int]) -> None:
    """Remember counts that were seen inside of sessions; a smaller one than is known changes nothing."""
    rows = sorted(counts.items())
    if not rows:
        return
    if tx.connection.dialect.name == "postgresql":
        source = "unnest(CAST(:ids AS bigint[]), CAST(:counts AS bigint[])) AS u(id, nc)"
        values: dict[str, Any] = {"ids": [id_ for id_, _ in rows], "counts": [count for _, count in rows]}
        select_ = f"SELECT u.id, u.nc FROM {source} WHERE true"
    else:
        values = {"rows": json.dumps(rows)}
        select_ = "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows) WHERE true"
    statement = (
        f"INSERT INTO digest_nonces (id, nc) {select_}"
        " ON CONFLICT (id) DO UPDATE SET nc = excluded.nc WHERE excluded.nc > digest_nonces.nc"
    )
    await tx.connection.execute(text(statement), values)


async def forget_nonces(tx: Transaction, before: int) -> bool:
    """Forget a bite of the nonces with a smaller id, which are too old to be taken; True when there are more."""
    some = select(digest_nonces.c.id).where(digest_nonces.c.id < before).order_by(digest_nonces.c.id).limit(_BITE)
    return await tx.run(delete(digest_nonces).where(digest_nonces.c.id.in_(some))) == _BITE


async def awaited_serials(tx: Transaction, ours: Collection[str]) -> set[str]:
    """Serial numbers of devices with an operation that somebody else than `ours` asked for and that is not sent."""
    query = (
        select(devices.c.serial_number)
        .join(operations, operations.c.device == devices.c.key)
        .where(operations.c.state == OperationState.QUEUED.value, operations.c.actor.not_in(sorted(ours)))
        .distinct()
        .limit(_AWAITED)
    )
    return {row.serial_number for row in await tx.rows(query)}


def _quarantine(row: Any) -> QuarantineRecord:
    return QuarantineRecord(row.device, instant(row.since), row.actor, row.reason)
