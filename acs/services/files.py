"""The file server's use cases: files that operators add, addresses that devices are told, and what comes back.

    add ─► checked and stored ─► url_for(file, device) ─► the device fetches it: whole, or in ranges, once
           url_for(None, device, upload) ─► the device sends it ─► checked and stored, linked to its operation

The one rule: an address works for one transfer of one device until it expires; only our key can make one.
"""

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import quote

import structlog

from acs.config import FilesSection
from acs.errors import Conflict, InvalidInput, NotFound, no_device
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.file_folder import FileFolder, TooLarge
from acs.services.identifiers import new_id, new_secret
from acs.services.own_address import own_address
from acs.store import devices as device_store
from acs.store import files as file_store
from acs.store.files import Direction, FileRecord, TransferRecord
from acs.store.records import DeviceRecord, Json
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: Length of an address that TR-069 allows (A.3.2.8).
URL_LENGTH: Final = 256
#: Characters of a file's name that stand in its address: the end, for some CPEs go by its extension.
_NAME_IN_URL: Final = 60
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MODEL: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """Where one device fetches or sends one file, once."""

    url: str
    username: str
    password: str = field(repr=False)
    size_bytes: int = 0
    transfer: str = ""


@dataclass(frozen=True, slots=True)
class NewFile:
    """What an operator says of a file that it adds. `sha256` None: not checked against anything."""

    name: str
    file_type: str = "1 Firmware Upgrade Image"
    version: str = ""
    models: tuple[str, ...] = ()
    note: str = ""
    sha256: str | None = None


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


class Files:
    """Files and their transfers."""

    def __init__(self, store: Store, config: FilesSection, clock: Clock, key: bytes) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._key = key
        self._folder = None if config.directory is None else FileFolder(config.directory)
        self._reserved = 0
        #: the port that is served, once it is; (plain, TLS)
        self.ports: tuple[int | None, int | None] = (None, None)
        #: called with the operation id and the file of an upload that came
        self.received: Callable[[str, FileRecord], None] = lambda _operation, _file: None

    @property
    def enabled(self) -> bool:
        """Whether there is a folder to keep files in."""
        return self._folder is not None

    @property
    def folder(self) -> FileFolder:
        """The folder.

        Raises:
            Conflict: none is configured.
        """
        if self._folder is None:
            raise Conflict("there is no file server; name a folder in files.directory and start again")
        return self._folder

    # Operators

    async def add(self, actor: Actor, new: NewFile, stream: AsyncIterator[bytes], declared: int | None) -> FileRecord:
        """Take a file whole, or nothing of it.

        Raises:
            Conflict: there is no file server.
            InvalidInput: its name, digest, size or models cannot be used.
        """
        actor.require(Scope.FILES)
        _check(new)
        record = FileRecord(
            id=new_id(),
            name=new.name,
            file_type=new.file_type,
            size_bytes=0,
            sha256="",
            created_at=self._clock(),
            created_by=actor.name,
            version=new.version,
            models=new.models,
            note=new.note,
        )
        return await self._take(record, stream, declared, self._config.file_bytes, actor, new.sha256)

    async def find(
        self,
        actor: Actor,
        *,
        uploads: bool | None = None,
        device: str | None = None,
        operation: str | None = None,
    ) -> list[FileRecord]:
        """The last thousand files, newest first; `uploads` only what devices sent, or only what operators added."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await file_store.list_files(tx, uploads=uploads, device=device, operation=operation, limit=1000)

    async def get(self, actor: Actor, file_id: str) -> tuple[FileRecord, list[TransferRecord]]:
        """A file and its last transfers.

        Raises:
            NotFound: there is no such file.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await _known(tx, file_id), await file_store.transfers_of(tx, file=file_id)

    async def remove(self, actor: Actor, file_id: str, *, force: bool = False) -> None:
        """Delete a file; one that devices were told to fetch only with `force`.

        Raises:
            NotFound: there is no such file.
            Conflict: devices are about to fetch it.
        """
        actor.require(Scope.FILES)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await _known(tx, file_id)
            waiting = await file_store.in_use(tx, file_id, now)
            if waiting and not force:
                raise Conflict(
                    f"file {file_id}: {waiting} devices were told to fetch it and have not; "
                    "wait for them, or remove it with force"
                )
            await file_store.remove(tx, file_id)
            await audit.note(tx, actor, "file.removed", f"file:{file_id}", now, before=_told(record))
        await self.folder.remove(file_id)

    async def content(self, actor: Actor, file_id: str) -> FileRecord:
        """A file whose content the caller may read; secrets may stand in a configuration, so it is audited.

        Raises:
            NotFound: there is no such file.
        """
        actor.require(Scope.ADMIN)
        async with self._store.transaction() as tx:
            file = await _known(tx, file_id)
            told: dict[str, Json] = {"name": file.name, "device": file.device}
            await audit.note(tx, actor, "file.read", f"file:{file.id}", self._clock(), after=told)
            return file

    # Devices

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
        self.folder  # noqa: B018 - raises where there is no file server
        async with self._store.transaction() as tx:
            record = await device_store.get(tx, device)
            if record is None:
                raise no_device(device)
            file = None
            if direction is Direction.DOWNLOAD:
                file = await _known(tx, file_id or "")
                require_model(file, record)
            base = self.base_for(record)
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
        url = f"{base}/{transfer.id}/{self.signature(transfer)}/{_name_in_url(file)}"
        if len(url) > URL_LENGTH:
            raise InvalidInput(f"files.public_url: an address would have {len(url)} characters; CPEs take {URL_LENGTH}")
        return SignedUrl(url, transfer.username, transfer.password, file.size_bytes if file else 0, transfer.id)

    def signature(self, transfer: TransferRecord) -> str:
        """What only our key can make of this transfer: its device, file, direction and end."""
        file = transfer.file if transfer.direction is Direction.DOWNLOAD else None  # an upload's comes later
        parts = (transfer.id, transfer.device, transfer.direction.value, file or "", transfer.expires_at.isoformat())
        return hmac.new(self._key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()[:40]

    def base_for(self, device: DeviceRecord) -> str:
        """The beginning of addresses for this device, as far as the folder of its transfers.

        Raises:
            InvalidInput: nothing names the file server.
        """
        if self._config.public_url is not None:
            return self._config.public_url.rstrip("/") + "/files"
        plain, tls = self.ports
        secure = self._config.tls_certificate_file is not None
        port = (tls or self._config.tls_port) if secure else (plain or self._config.port)
        host = self._config.host if self._config.host not in ("0.0.0.0", "::", "") else own_address(device.address)
        if not host or not port:
            raise InvalidInput(
                "files.public_url is not set, and how the device reaches this host is not known; write the address "
                "that devices see, such as http://files.example.net:7549"
            )
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if secure else 'http'}://{shown}:{port}/files"

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
        if transfer is None or not hmac.compare_digest(self.signature(transfer).encode(), signature.encode()):
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
        stored = await self._take(record, stream, declared, self._config.upload_bytes, None, None, transfer, address)
        log.info("file.received", device=transfer.device, file=stored.id, bytes=stored.size_bytes)
        if transfer.operation is not None:
            self.received(transfer.operation, stored)
        return stored

    async def tidy(self) -> None:
        """Delete uploads beyond their age, transfers long expired, and contents that no file names."""
        now = self._clock()
        if self._folder is None:
            return
        async with self._store.transaction() as tx:
            await file_store.forget_transfers(tx, now - timedelta(days=self._config.keep_uploads_days))
            old = await file_store.old_uploads(tx, now - timedelta(days=self._config.keep_uploads_days))
            for record in old:
                await file_store.remove(tx, record.id)
        for record in old:
            await self._folder.remove(record.id)

    async def _take(
        self,
        record: FileRecord,
        stream: AsyncIterator[bytes],
        declared: int | None,
        limit: int,
        actor: Actor | None,
        expected: str | None,
        transfer: TransferRecord | None = None,
        address: str = "",
    ) -> FileRecord:
        folder = self.folder
        room = await self._reserve(declared, limit)
        try:
            written = await folder.write(record.id, stream, min(limit, room))
            stored = replace(record, size_bytes=written.size_bytes, sha256=written.sha256)
            try:
                _require_digest(stored, expected)
                await self._note(stored, actor, transfer, address)
            except BaseException:
                await folder.remove(record.id)
                raise
        finally:
            self._reserved -= room
        return stored

    async def _note(
        self, stored: FileRecord, actor: Actor | None, transfer: TransferRecord | None, address: str
    ) -> None:
        now = self._clock()
        async with self._store.transaction() as tx:
            await file_store.add(tx, stored)
            if actor is not None:
                await audit.note(tx, actor, "file.added", f"file:{stored.id}", now, after=_told(stored))
            if transfer is not None:
                await file_store.note_use(tx, transfer.id, now, stored.size_bytes, address)
                if not await file_store.complete(tx, transfer.id, now, file=stored.id):
                    raise Refused(410, "the address was used")

    async def _reserve(self, declared: int | None, limit: int) -> int:
        """Room in the folder for one file; counted until it is stored or given up."""
        if declared is not None and declared > limit:
            raise TooLarge(f"the file has {declared} bytes; at most {limit} are taken")
        async with self._store.reading() as tx:
            used = await file_store.total_bytes(tx)
        left = self._config.quota_bytes - used - self._reserved
        wanted = limit if declared is None else declared
        room = min(wanted, left)
        if left <= 0 or (declared is not None and left < declared):
            raise TooLarge(
                f"the folder of files is full: {used} of {self._config.quota_bytes} bytes (files.quota_bytes); "
                "remove files, or allow more"
            )
        self._reserved += room
        return room


def require_model(file: FileRecord, device: DeviceRecord) -> None:
    """Refuse a file that is not for the device's model.

    Raises:
        InvalidInput: none of its models matches.
    """
    if not fits_model(file.models, device):
        raise InvalidInput(
            f"file {file.id} ({file.name}) is for {', '.join(file.models)}, and device {device.key} is "
            f"{device.oui}:{device.product_class}; choose another file, or add the model to it"
        )


def fits_model(models: Sequence[str], device: DeviceRecord) -> bool:
    """Whether a device is one of the models: `PRODUCT-CLASS` or `OUI:PRODUCT-CLASS`, `*` at will, any case."""
    if not models:
        return True
    names = (device.product_class.lower(), f"{device.oui}:{device.product_class}".lower())
    return any(fnmatchcase(name, model.lower()) for model in models for name in names)


async def _known(tx: Transaction, file_id: str) -> FileRecord:
    record = await file_store.get(tx, file_id)
    if record is None:
        raise NotFound(f"there is no file {file_id[:80]!r}; `secondline file list` shows their ids")
    return record


def _check(new: NewFile) -> None:
    if not _NAME.fullmatch(new.name) or new.name in (".", ".."):
        raise InvalidInput("name: write 1 to 200 characters without slashes, such as ont-v5.bin")
    if not 1 <= len(new.file_type) <= 64 or not new.file_type.isprintable():
        raise InvalidInput("file_type: write one such as '1 Firmware Upgrade Image', at most 64 characters")
    if new.sha256 is not None and not _SHA256.fullmatch(new.sha256.lower()):
        raise InvalidInput("sha256: write 64 hexadecimal digits, as sha256sum prints them")
    if len(new.models) > 100 or not all(_MODEL.fullmatch(model) for model in new.models):
        raise InvalidInput("models: write at most 100 of them, such as ONT-5* or 00AA11:ONT-5")


def _require_digest(stored: FileRecord, expected: str | None) -> None:
    if stored.size_bytes == 0:
        raise InvalidInput("the file is empty; nothing was stored")
    if expected is not None and stored.sha256 != expected.lower():
        raise InvalidInput(
            f"sha256: the file that came has {stored.sha256}, not {expected.lower()}: it is damaged or another one; "
            "nothing was stored"
        )


def _name_in_url(file: FileRecord | None) -> str:
    if file is None:
        return "upload"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", file.name)[-_NAME_IN_URL:].lstrip(".")
    return quote(plain or "file")


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:100]


def _told(record: FileRecord) -> dict[str, Json]:
    return {
        "name": record.name,
        "file_type": record.file_type,
        "version": record.version,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "models": list(record.models),
    }
