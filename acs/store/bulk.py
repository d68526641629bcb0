"""Bulk data reports: each one once, as a compressed body of names and values.

The rule of this file: a report is told from a repeated one by device, time of collection and what it says.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import zstandard
from sqlalchemy import select

from acs.store.instants import instant, micros
from acs.store.limits import check_text
from acs.store.schema import bulk_reports
from acs.store.transaction import Transaction

_LEVEL = 9


@dataclass(frozen=True, slots=True)
class BulkReport:
    """One report: name → (text, xsd type), when the device collected it, and when it came."""

    device: str
    at: datetime
    received_at: datetime
    values: Mapping[str, tuple[str, str]]


async def put(tx: Transaction, report: BulkReport) -> bool:
    """Store a report; False when it was there already. The device must exist.

    Raises:
        InvalidInput: a name or type is too long, or a text cannot be stored.
    """
    for name, (value, type_) in report.values.items():
        check_text("parameter name", name)
        check_text("parameter value", value)
        check_text("parameter type", type_)
    text = json.dumps(report.values, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    row = {
        "device": report.device,
        "at": micros(report.at),
        "digest": int.from_bytes(digest, "big", signed=True),
        "received_at": micros(report.received_at),
        "count": len(report.values),
        "body": zstandard.ZstdCompressor(level=_LEVEL).compress(text.encode()),
    }
    return await tx.insert(bulk_reports, row)


async def of_device(tx: Transaction, device: str, *, since: datetime, limit: int) -> Sequence[BulkReport]:
    """Return a device's reports collected since then, the newest first."""
    query = (
        select(bulk_reports)
        .where(bulk_reports.c.device == device, bulk_reports.c.at >= micros(since))
        .order_by(bulk_reports.c.at.desc(), bulk_reports.c.received_at.desc())
        .limit(limit)
    )
    return [
        BulkReport(
            row.device,
            instant(row.at),
            instant(row.received_at),
            {name: (value, type_) for name, (value, type_) in _body(row.body).items()},
        )
        for row in await tx.rows(query)
    ]


def _body(stored: bytes) -> dict[str, list[str]]:
    body: dict[str, list[str]] = json.loads(zstandard.ZstdDecompressor().decompress(stored))
    return body
