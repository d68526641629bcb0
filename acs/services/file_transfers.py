"""What devices do with files: they are told an address, fetch a file (whole, or in ranges), or send one.

    url_for(file, device) ─► the device fetches it, once
    url_for(None, device, upload) ─► the device sends it ─► checked and stored, linked to its operation

The rule of this file: an address works for one transfer of one device until it expires.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from acs.config import FilesSection
from acs.errors import no_device
from acs.services.clock import Clock
from acs.services.file_addresses import FileAddresses
from acs.services.file_intake import FileIntake
from acs.services.file_models import known_file, require_model
from acs.services.identifiers import new_id, new_secret
from acs.store import devices as device_store
from acs.store import files as file_store
from acs.store.files import Direction, FileRecord, TransferRecord
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """Where one device fetches or sends one file, once."""

    url: str
    username: str
    password: str = field(repr=False)
    size_bytes: int = 0
    transfer: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A transfer that may happen now; `file` is what is fetched, None for an upload."""

    transfer: TransferRecord
    file: FileRecord | None


class Refused(Exception):
    """A transfer that may not happen, with the HTTP status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class FileTransfers:
    """Transfers of devices."""

    def __init__(
        self, store: Store, config: FilesSection, intake: FileIntake, addresses: FileAddresses, clock: Clock
    ) -> None:
        self._store = store
        self._config = config
        self._intake = intake
        self._addresses = addresses
        self._clock = clock
        #: called with the operation id and the file of an upload that came
        self.received: Callable[[str, FileRecord], None] = lambda _operation, _file: None

    async def url_for(
        self,
        file_id: str | None,
        device: str,
        purpose: Direction | str,
        *,
        file_type: str = "",
        operation: str | None = None,
    ) -> SignedUrl:
        """An address for one transfer of one device, made now; `file_id` None for an upload.

        Raises:
            NotFound: no such file or device.
            InvalidInput: the file is not for this model, or the file server cannot be named.
            Conflict: there is no file server.
        """
        direction, now = Direction(purpose), self._clock()
        self._intake.folder  # noqa: B018 - raises where there is no file server
        async with self._store.transaction() as tx:
            record = await device_store.get(tx, device)
            if record is None:
                raise no_device(device)
            file = None
            if direction is Direction.DOWNLOAD:
                file = await known_file(tx, file_id or "")
                require_model(file, record)
            base = self._addresses.base_for(record)
            transfer = TransferRecord(
                id=new_id(),
                device=device,
                direction=direction,
                file=file.id if file else None,
                file_type=file.file_type if file else file_type,
                username=f"t-{new_secret()[:16]}",
                password=new_secret()[:32],
                created_at=now,
                expires_at=now + timedelta(seconds=self._config.url_age_s),
                operation=operation,
            )
            await file_store.add_transfer(tx, transfer)
        url = self._addresses.url(base, transfer, file)
        return SignedUrl(url, transfer.username, transfer.password, file.size_bytes if file else 0, transfer.id)

    async def grant(self, transfer_id: str, signature: str, direction: Direction) -> Grant:
        """The transfer that an address names, if it may happen now.

        Raises:
            Refused: it may not: unknown, forged, expired, used up, or for the other direction.
        """
        now = self._clock()
        async with self._store.reading() as tx:
            transfer = await file_store.get_transfer(tx, transfer_id)
            file = None
            if transfer is not None and transfer.direction is Direction.DOWNLOAD and transfer.file is not None:
                file = await file_store.get(tx, transfer.file)
        if transfer is None or not self._addresses.is_signed(transfer, signature):
            raise Refused(404, "no such address")
        if transfer.direction is not direction:
            raise Refused(405, f"the address is for {transfer.direction}s")
        if now >= transfer.expires_at:
            raise Refused(410, "the address has expired")
        resumable = timedelta(seconds=self._config.resume_s if direction is Direction.DOWNLOAD else 0)
        if transfer.completed_at is not None and now >= transfer.completed_at + resumable:
            raise Refused(410, "the address was used")
        if direction is Direction.DOWNLOAD and file is None:
            raise Refused(410, "the file was removed")
        return Grant(transfer, file)

    async def sent(self, grant: Grant, sent_bytes: int, *, to_the_end: bool, address: str) -> None:
        """Note what a device fetched; the transfer is complete when all of it went out and the end was reached."""
        now, transfer = self._clock(), grant.transfer
        async with self._store.transaction() as tx:
            await file_store.note_use(tx, transfer.id, now, sent_bytes, address)
            fresh = await file_store.get_transfer(tx, transfer.id)
            assert grant.file is not None
            done = to_the_end and fresh is not None and fresh.sent_bytes >= grant.file.size_bytes
            completed = done and await file_store.complete(tx, transfer.id, now)
        if completed:
            log.info("file.fetched", device=transfer.device, file=transfer.file, bytes=grant.file.size_bytes)

    async def receive(
        self, grant: Grant, stream: AsyncIterator[bytes], declared: int | None, address: str
    ) -> FileRecord:
        """Store what a device sends, on disk for good when this returns.

        Raises:
            TooLarge: it is longer than a device may send, or the folder is full.
            Refused: the address was used meanwhile.
        """
        transfer, now = grant.transfer, self._clock()
        record = FileRecord(
            id=new_id(),
            name=f"{_plain(transfer.device)}-{now:%Y%m%dT%H%M%SZ}",
            file_type=transfer.file_type,
            size_bytes=0,
            sha256="",
            created_at=now,
            created_by="device",
            device=transfer.device,
            operation=transfer.operation,
        )

        async def note(tx: Transaction, stored: FileRecord) -> None:
            noted_at = self._clock()
            await file_store.note_use(tx, transfer.id, noted_at, stored.size_bytes, address)
            if not await file_store.complete(tx, transfer.id, noted_at, file=stored.id):
                raise Refused(410, "the address was used")

        stored = await self._intake.take(record, stream, declared, self._config.upload_bytes, note)
        log.info("file.received", device=transfer.device, file=stored.id, bytes=stored.size_bytes)
        if transfer.operation is not None:
            self.received(transfer.operation, stored)
        return stored

    async def tidy(self) -> None:
        """Delete uploads beyond their age, transfers long expired, and contents that no file names."""
        now = self._clock()
        if not self._intake.enabled:
            return
        async with self._store.transaction() as tx:
            await file_store.forget_transfers(tx, now - timedelta(days=self._config.keep_uploads_days))
            old = await file_store.old_uploads(tx, now - timedelta(days=self._config.keep_uploads_days))
            for record in old:
                await file_store.remove(tx, record.id)
        for record in old:
            await self._intake.folder.remove(record.id)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:100]
