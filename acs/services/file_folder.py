"""The folder in which files are kept: written whole or not at all, named by their ids and nothing else.

The rule of this file: a name in the folder is one that we made; nothing that a peer says becomes a part of a path.
"""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from acs.errors import InvalidInput, StoreError

#: Bytes that are gathered before they are written, and that are read at once: what a transfer takes of memory.
BLOCK: Final = 262_144
_ID: Final = re.compile(r"[0-9a-z]{8,40}")
_PART: Final = ".part"
#: Seconds after which nobody can be writing a file any more.
_LEFT_S: Final = 86_400.0


class TooLarge(InvalidInput):
    """More bytes than allowed, or no room for them."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and its digest in hexadecimal."""

    size_bytes: int
    sha256: str


class FileFolder:
    """Files by id, in folders of 256 so that none grows long."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> int:
        """Make the folder, and throw away what a stopped process left half written; returns how much.

        Another process may be writing now, so only what is a day old goes.

        Raises:
            OSError: it cannot be made or written.
        """
        self.root.mkdir(mode=0o750, parents=True, exist_ok=True)
        removed = 0
        for path in self.root.glob(f"*/*{_PART}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _LEFT_S:
                    path.unlink()
                    removed += 1
        return removed

    def path_of(self, file_id: str) -> Path:
        """Where the file with this id stands.

        Raises:
            ValueError: it is no id of ours.
        """
        if not _ID.fullmatch(file_id):
            raise ValueError(f"{file_id!r} is no file id")
        return self.root / hashlib.sha256(file_id.encode()).hexdigest()[:2] / file_id

    async def write(self, file_id: str, stream: AsyncIterator[bytes], limit: int) -> Written:
        """Write a stream as the file with this id: on disk for good when this returns, absent when it raises.

        Raises:
            TooLarge: the stream is longer than `limit` bytes.
            StoreError: the disk refused.
        """
        path = self.path_of(file_id)
        part = path.with_name(path.name + _PART)
        try:
            target = await asyncio.to_thread(_create, part)
        except OSError as error:
            raise _refused(self.root, error) from error
        try:
            written = await _pour(stream, target, limit)
            await asyncio.to_thread(_keep, target, part, path)
        except OSError as error:
            await asyncio.to_thread(_drop, target, part)
            raise _refused(self.root, error) from error
        except BaseException:
            _drop(target, part)
            raise
        return written

    async def open(self, file_id: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            FileNotFoundError: its content is gone.
        """
        return await asyncio.to_thread(self.path_of(file_id).open, "rb")

    async def remove(self, file_id: str) -> None:
        """Delete the content of a file; one that is being read goes on until its end."""
        await asyncio.to_thread(self.path_of(file_id).unlink, missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Every id that has a content, half written ones excluded. Blocking."""
        for path in self.root.glob("??/*"):
            if _ID.fullmatch(path.name):
                yield path.name


async def read_range(source: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    """The bytes of an open file from `start`, in blocks; fewer where the file ends early."""
    await asyncio.to_thread(source.seek, start)
    left = length
    while left > 0:
        block = await asyncio.to_thread(source.read, min(BLOCK, left))
        if not block:
            return
        left -= len(block)
        yield block


async def _pour(stream: AsyncIterator[bytes], target: BinaryIO, limit: int) -> Written:
    digest, size, gathered = hashlib.sha256(), 0, bytearray()
    async for piece in stream:
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the file is longer than {limit} bytes")
        gathered += piece
        if len(gathered) >= BLOCK:
            block, gathered = bytes(gathered), bytearray()
            await asyncio.to_thread(_take, target, digest, block)
    await asyncio.to_thread(_take, target, digest, bytes(gathered))
    return Written(size, digest.hexdigest())


def _take(target: BinaryIO, digest: "hashlib._Hash", block: bytes) -> None:
    digest.update(block)
    target.write(block)


def _create(part: Path) -> BinaryIO:
    part.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640), "wb")


def _keep(target: BinaryIO, part: Path, path: Path) -> None:
    with target:
        target.flush()
        os.fsync(target.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _drop(target: BinaryIO, part: Path) -> None:
    with suppress(OSError):
        target.close()
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _refused(root: Path, error: OSError) -> StoreError:
    return StoreError(f"files.directory: {root} cannot be written ({error.strerror}); nothing was stored")
