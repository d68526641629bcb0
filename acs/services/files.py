"""Files as operators handle them: added, listed, read, removed; what devices do with them is `file_transfers`.

The rule of this file: who adds, reads or removes one is audited.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from acs.config import FilesSection
from acs.errors import Conflict, InvalidInput
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.file_intake import FileIntake
from acs.services.file_models import known_file
from acs.services.identifiers import new_id
from acs.store import files as file_store
from acs.store.files import FileRecord, TransferRecord
from acs.store.records import Json
from acs.store.store import Store
from acs.store.transaction import Transaction

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MODEL: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class NewFile:
    """What an operator says of a file that it adds. `sha256` None: not checked against anything."""

    name: str
    file_type: str = "1 Firmware Upgrade Image"
    version: str = ""
    models: tuple[str, ...] = ()
    note: str = ""
    sha256: str | None = None


class Files:
    """Use cases on files."""

    def __init__(self, store: Store, config: FilesSection, intake: FileIntake, clock: Clock) -> None:
        self._store = store
        self._limit_bytes = config.file_bytes
        self._intake = intake
        self._clock = clock

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

        async def note(tx: Transaction, stored: FileRecord) -> None:
            await audit.note(tx, actor, "file.added", f"file:{stored.id}", self._clock(), after=_told(stored))

        return await self._intake.take(record, stream, declared, self._limit_bytes, note, sha256=new.sha256)

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
            return await known_file(tx, file_id), await file_store.transfers_of(tx, file=file_id)

    async def remove(self, actor: Actor, file_id: str, *, force: bool = False) -> None:
        """Delete a file; one that devices were told to fetch only with `force`.

        Raises:
            NotFound: there is no such file.
            Conflict: devices are about to fetch it.
        """
        actor.require(Scope.FILES)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await known_file(tx, file_id)
            waiting = await file_store.in_use(tx, file_id, now)
            if waiting and not force:
                raise Conflict(
                    f"file {file_id}: {waiting} devices were told to fetch it and have not; "
                    "wait for them, or remove it with force"
                )
            await file_store.remove(tx, file_id)
            await audit.note(tx, actor, "file.removed", f"file:{file_id}", now, before=_told(record))
        await self._intake.folder.remove(file_id)

    async def content(self, actor: Actor, file_id: str) -> FileRecord:
        """A file whose content the caller may read; secrets may stand in a configuration, so it is audited.

        Raises:
            NotFound: there is no such file.
        """
        actor.require(Scope.ADMIN)
        async with self._store.transaction() as tx:
            file = await known_file(tx, file_id)
            told: dict[str, Json] = {"name": file.name, "device": file.device}
            await audit.note(tx, actor, "file.read", f"file:{file.id}", self._clock(), after=told)
            return file


def _check(new: NewFile) -> None:
    if not _NAME.fullmatch(new.name) or new.name in (".", ".."):
        raise InvalidInput("name: write 1 to 200 characters without slashes, such as ont-v5.bin")
    if not 1 <= len(new.file_type) <= 64 or not new.file_type.isprintable():
        raise InvalidInput("file_type: write one such as '1 Firmware Upgrade Image', at most 64 characters")
    if new.sha256 is not None and not _SHA256.fullmatch(new.sha256.lower()):
        raise InvalidInput("sha256: write 64 hexadecimal digits, as sha256sum prints them")
    if len(new.models) > 100 or not all(_MODEL.fullmatch(model) for model in new.models):
        raise InvalidInput("models: write at most 100 of them, such as ONT-5* or 00AA11:ONT-5")


def _told(record: FileRecord) -> dict[str, Json]:
    return {
        "name": record.name,
        "file_type": record.file_type,
        "version": record.version,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "models": list(record.models),
    }
