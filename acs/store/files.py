"""Files that devices fetch or send, and the transfers that were allowed. The contents stand in a folder, not here."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, delete, func, select, update

from acs.errors import Conflict
from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros
from acs.store.limits import check_record, check_text
from acs.store.schema import file_transfers, files
from acs.store.transaction import Transaction

_BY_ID = select(files).where(files.c.id == bindparam("id"))
_LISTED = Filtered(
    select(files).order_by(files.c.id.desc()).limit(bindparam("limit")),
    device=files.c.device == bindparam("device"),
    operation=files.c.operation == bindparam("operation"),
    uploads=files.c.device.is_not(None),
    own=files.c.device.is_(None),
    before=files.c.id < bindparam("before"),
)
_TOTAL = select(func.coalesce(func.sum(files.c.size_bytes), 0))
_TRANSFER = select(file_transfers).where(file_transfers.c.id == bindparam("id"))
_TRANSFERS = Filtered(
    select(file_transfers).order_by(file_transfers.c.id.desc()).limit(100),
    device=file_transfers.c.device == bindparam("device"),
    file=file_transfers.c.file == bindparam("file"),
)
_THIS = update(file_transfers).where(file_transfers.c.id == bindparam("its_id"))
_NOTE_USE = _THIS.values(
    first_used_at=func.coalesce(file_transfers.c.first_used_at, bindparam("at", type_=BigInteger)),
    sent_bytes=file_transfers.c.sent_bytes + bindparam("sent"),
    **new("address"),
)
_COMPLETE = _THIS.where(file_transfers.c.completed_at.is_(None)).values(new("completed_at"))
_COMPLETE_WITH = _COMPLETE.values(new("file"))


class Direction(StrEnum):
    """Which way a transfer goes, as the device sees it."""

    #: the device fetches a file
    DOWNLOAD = "download"
    #: the device sends a file
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file. `models` limits which devices may fetch it; `device` sent it, or None: an operator did."""

    id: str
    name: str
    file_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
    created_by: str
    version: str = ""
    models: tuple[str, ...] = ()
    note: str = ""
    device: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """One transfer that a device was allowed: who, what, until when, and how far it came."""

    id: str
    device: str
    direction: Direction
    file: str | None
    file_type: str
    username: str
    password: str = field(repr=False)
    created_at: datetime
    expires_at: datetime
    operation: str | None = None
    first_used_at: datetime | None = None
    completed_at: datetime | None = None
    sent_bytes: int = 0
    address: str = ""


async def add(tx: Transaction, file: FileRecord) -> None:
    """Note a file whose content is in the folder.

    Raises:
        Conflict: its id is taken.
        InvalidInput: a text is too long.
    """
    if file.size_bytes < 0:
        raise ValueError("a file has no negative size")
    for name in ("id", "name", "file_type", "version", "note", "created_by", "sha256"):
        check_text(name, getattr(file, name))
    row = {name: getattr(file, name) for name in FileRecord.__dataclass_fields__}
    row |= {"models": json.dumps(file.models), "created_at": micros(file.created_at)}
    if not await tx.insert(files, row):
        raise Conflict(f"file {file.id} exists already")


async def get(tx: Transaction, file_id: str) -> FileRecord | None:
    """Return the file, or None."""
    row = await tx.one(_BY_ID, {"id": file_id})
    return None if row is None else _file(row)


async def list_files(
    tx: Transaction,
    *,
    device: str | None = None,
    operation: str | None = None,
    uploads: bool | None = None,
    limit: int = 100,
    before: str = "",
) -> list[FileRecord]:
    """Return files, newest first; `uploads` True only those that devices sent, False only operators' own."""
    query = _LISTED.given(
        limit=limit,
        device=device,
        operation=operation,
        uploads=uploads,
        own=uploads is False,
        before=before or None,
    )
    return [_file(row) for row in await tx.rows(*query)]


async def remove(tx: Transaction, file_id: str) -> bool:
    """Forget a file; False where it is not known. Its content is the caller's to delete."""
    return await tx.run(delete(files).where(files.c.id == file_id)) == 1


async def total_bytes(tx: Transaction) -> int:
    """Return the bytes of all files together."""
    row = await tx.one(_TOTAL)
    return 0 if row is None else int(row[0])


async def old_uploads(tx: Transaction, before: datetime, *, limit: int = 100) -> list[FileRecord]:
    """Return files that devices sent before an instant, oldest first."""
    query = select(files).where(files.c.device.is_not(None), files.c.created_at < micros(before))
    return [_file(row) for row in await tx.rows(query.order_by(files.c.created_at).limit(limit))]


async def add_transfer(tx: Transaction, transfer: TransferRecord) -> None:
    """Allow a transfer; its password is kept sealed.

    Raises:
        Conflict: its id is taken.
    """
    check_record(transfer)
    row: dict[str, object] = {name: getattr(transfer, name) for name in TransferRecord.__dataclass_fields__}
    del row["password"]
    row |= {
        "direction": transfer.direction.value,
        "sealed_password": tx.vault.seal(transfer.password.encode()),
        "created_at": micros(transfer.created_at),
        "expires_at": micros(transfer.expires_at),
    }
    if not await tx.insert(file_transfers, row):
        raise Conflict(f"transfer {transfer.id} exists already")


async def get_transfer(tx: Transaction, transfer_id: str) -> TransferRecord | None:
    """Return the transfer with its password opened, or None."""
    row = await tx.one(_TRANSFER, {"id": transfer_id})
    return None if row is None else _transfer(tx, row)


async def transfers_of(tx: Transaction, *, device: str | None = None, file: str | None = None) -> list[TransferRecord]:
    """Return the last hundred transfers of a device or a file, newest first."""
    return [_transfer(tx, row) for row in await tx.rows(*_TRANSFERS.given(device=device, file=file))]


async def note_use(tx: Transaction, transfer_id: str, at: datetime, sent_bytes: int, address: str) -> None:
    """Count what was sent in a transfer; the first use is remembered."""
    await tx.run(_NOTE_USE, {"its_id": transfer_id, "at": micros(at), "sent": sent_bytes, "new_address": address})


async def complete(tx: Transaction, transfer_id: str, at: datetime, *, file: str | None = None) -> bool:
    """A transfer came to its end; False where it had before: it is used once. `file` is what an upload brought."""
    values: dict[str, object] = {"its_id": transfer_id, "new_completed_at": micros(at)}
    if file is None:
        return await tx.run(_COMPLETE, values) == 1
    return await tx.run(_COMPLETE_WITH, {**values, "new_file": file}) == 1


async def forget_transfers(tx: Transaction, before: datetime, *, limit: int = 1000) -> int:
    """Forget transfers that expired before an instant and return how many."""
    some = select(file_transfers.c.id).where(file_transfers.c.expires_at < micros(before)).limit(limit)
    return await tx.run(delete(file_transfers).where(file_transfers.c.id.in_(some)))


async def in_use(tx: Transaction, file_id: str, now: datetime) -> int:
    """Return how many transfers of a file are allowed and not done."""
    row = await tx.one(
        select(func.count())
        .select_from(file_transfers)
        .where(
            file_transfers.c.file == file_id,
            file_transfers.c.direction == Direction.DOWNLOAD.value,
            file_transfers.c.completed_at.is_(None),
            file_transfers.c.expires_at > micros(now),
        )
    )
    return 0 if row is None else int(row[0])


def _file(row: Row[Any]) -> FileRecord:
    values = dict(row._mapping)
    values["models"] = tuple(json.loads(values["models"]))
    values["created_at"] = instant(values["created_at"])
    return FileRecord(**values)


def _transfer(tx: Transaction, row: Row[Any]) -> TransferRecord:
    values = dict(row._mapping)
    values["password"] = tx.vault.open(values.pop("sealed_password")).decode()
    values["direction"] = Direction(values["direction"])
    for name in ("created_at", "expires_at"):
        values[name] = instant(values[name])
    for name in ("first_used_at", "completed_at"):
        values[name] = instant_or_none(values[name])
    return TransferRecord(**values)
