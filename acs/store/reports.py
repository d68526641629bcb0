"""What CPEs report by themselves: transfers that ended, deployment units that changed, wishes. Kept once each."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from acs.store.instants import instant, micros
from acs.store.limits import GREATEST_NUMBER, check_text, json_text
from acs.store.records import Json
from acs.store.schema import device_reports
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One report of a CPE. `operation`: the one that it ends; `identity` tells a repeated report from a new one."""

    device: str
    at: datetime
    session_id: str
    rpc: str
    command_key: str
    body: Json
    identity: str
    operation: str | None = None
    fault_code: int | None = None
    id: int = 0


async def add(tx: Transaction, report: ReportRecord) -> bool:
    """Store a report; False when the same one was stored before.

    Raises:
        InvalidInput: a text is too long.
    """
    values = {
        "device": report.device,
        "at": micros(report.at),
        "session_id": check_text("session_id", report.session_id),
        "rpc": check_text("rpc", report.rpc),
        "command_key": check_text("command_key", report.command_key[:32]),
        "operation": report.operation,
        "fault_code": _kept(report.fault_code),
        "body": json_text("body", report.body),
        "digest": _digest(report.identity),
    }
    return await tx.insert(device_reports, values)


async def note_operation(tx: Transaction, report: ReportRecord) -> None:
    """Write into a stored report which operation it ended."""
    where = (device_reports.c.device == report.device, device_reports.c.digest == _digest(report.identity))
    await tx.run(update(device_reports).where(*where).values(operation=report.operation))


async def list_reports(tx: Transaction, device: str, *, limit: int = 100, before: int = 0) -> Sequence[ReportRecord]:
    """Reports of a device, newest first; `before` is the id of the last one of the page before."""
    query = select(device_reports).where(device_reports.c.device == device)
    if before:
        query = query.where(device_reports.c.id < before)
    query = query.order_by(device_reports.c.id.desc()).limit(limit)
    return [
        ReportRecord(
            device=row.device,
            at=instant(row.at),
            session_id=row.session_id,
            rpc=row.rpc,
            command_key=row.command_key,
            body=json.loads(row.body),
            identity="",
            operation=row.operation,
            fault_code=row.fault_code,
            id=row.id,
        )
        for row in await tx.rows(query)
    ]


def _kept(fault_code: int | None) -> int | None:
    return fault_code if fault_code is None or abs(fault_code) <= GREATEST_NUMBER else 0


def _digest(identity: str) -> int:
    digest = hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
