"""A file taken whole, or nothing of it: room in the folder, the stream, its digest, and what is noted with it.

    room is reserved ─► written to the folder ─► checked ─► noted in one transaction ─► kept
                                             └───── breaks ─────┴─► removed from the folder

The rule of this file: what is noted is on disk for good, and the folder never holds more than it may.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from acs.config import FilesSection
from acs.errors import Conflict, InvalidInput
from acs.services.file_folder import FileFolder, TooLarge
from acs.store import files as file_store
from acs.store.files import FileRecord
from acs.store.store import Store
from acs.store.transaction import Transaction

#: notes what came with a file, in the transaction that keeps it
Noted = Callable[[Transaction, FileRecord], Awaitable[None]]


class FileIntake:
    """The folder and its room."""

    def __init__(self, store: Store, config: FilesSection) -> None:
        self._store = store
        self._quota_bytes = config.quota_bytes
        self._folder = None if config.directory is None else FileFolder(config.directory)
        self._reserved = 0

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

    async def take(
        self,
        record: FileRecord,
        stream: AsyncIterator[bytes],
        declared: int | None,
        limit: int,
        note: Noted,
        *,
        sha256: str | None = None,
    ) -> FileRecord:
        """Keep what a stream brings under a record, which gets its size and digest.

        `declared` is the size that the sender tells, `limit` the bytes of one file, `sha256` what its digest must be.

        Raises:
            Conflict: there is no file server.
            TooLarge: it is longer than the limit, or the folder is full.
            InvalidInput: it is empty, or its digest is another one.
        """
        folder = self.folder
        room = await self._reserve(declared, limit)
        try:
            written = await folder.write(record.id, stream, min(limit, room))
            stored = replace(record, size_bytes=written.size_bytes, sha256=written.sha256)
            try:
                _require_digest(stored, sha256)
                async with self._store.transaction() as tx:
                    await file_store.add(tx, stored)
                    await note(tx, stored)
            except BaseException:
                await folder.remove(record.id)
                raise
        finally:
            self._reserved -= room
        return stored

    async def _reserve(self, declared: int | None, limit: int) -> int:
        """Room in the folder for one file; counted until it is stored or given up."""
        if declared is not None and declared > limit:
            raise TooLarge(f"the file has {declared} bytes; at most {limit} are taken")
        async with self._store.reading() as tx:
            used = await file_store.total_bytes(tx)
        left = self._quota_bytes - used - self._reserved
        wanted = limit if declared is None else declared
        room = min(wanted, left)
        if left <= 0 or (declared is not None and left < declared):
            raise TooLarge(
                f"the folder of files is full: {used} of {self._quota_bytes} bytes (files.quota_bytes); "
                "remove files, or allow more"
            )
        self._reserved += room
        return room


def _require_digest(stored: FileRecord, expected: str | None) -> None:
    if stored.size_bytes == 0:
        raise InvalidInput("the file is empty; nothing was stored")
    if expected is not None and stored.sha256 != expected.lower():
        raise InvalidInput(
            f"sha256: the file that came has {stored.sha256}, not {expected.lower()}: it is damaged or another one; "
            "nothing was stored"
        )
