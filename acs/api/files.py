"""Files for devices and from devices: add, list, show, fetch, remove. Bodies flow; none is held in memory."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer
from acs.services.file_folder import read_range
from acs.services.files import NewFile

router = APIRouter(tags=["files"])

_Word = Annotated[str, Query(max_length=200)]


class FileAnswer(Answer):
    """A file that devices may fetch, or that one sent."""

    id: str
    name: str
    file_type: str
    version: str = Field(description="the software version that devices show when they run it")
    models: list[str] = Field(description="which devices may fetch it; empty: all")
    size_bytes: int
    sha256: str
    note: str
    device: str | None = Field(description="the device that sent it; null: an operator added it")
    operation: str | None
    created_at: datetime
    created_by: str


class TransferAnswer(Answer):
    """One transfer that a device was allowed."""

    id: str
    device: str
    direction: str
    operation: str | None
    created_at: datetime
    expires_at: datetime
    first_used_at: datetime | None
    completed_at: datetime | None
    sent_bytes: int
    address: str


class FileDetail(FileAnswer):
    """A file with its last transfers."""

    transfers: list[TransferAnswer]


@router.get("/files", summary="Files, newest first")
async def list_files(
    actor: ActorDep,
    services: ServicesDep,
    uploads: Annotated[bool | None, Query(description="only what devices sent, or only what operators added")] = None,
    device: Annotated[str | None, Query(max_length=512)] = None,
    operation: Annotated[str | None, Query(max_length=64, description="the upload that brought it")] = None,
) -> list[FileAnswer]:
    """Scope `read`."""
    found = await services.fleet.files.find(actor, uploads=uploads, device=device, operation=operation)
    return [FileAnswer.model_validate(each) for each in found]


@router.post("/files", summary="Add a file", status_code=201)
async def add_file(
    request: Request,
    actor: ActorDep,
    services: ServicesDep,
    name: _Word,
    file_type: Annotated[str, Query(max_length=64)] = "1 Firmware Upgrade Image",
    version: Annotated[str, Query(max_length=128)] = "",
    model: Annotated[list[str], Query(max_length=100)] = [],  # noqa: B006 - FastAPI copies it
    note: _Word = "",
    sha256: Annotated[str | None, Query(max_length=64)] = None,
) -> FileAnswer:
    """Scope `files` (part of `write`), for all lines. The body is the file's content as it is; it flows to the disk
    while it comes.
    """
    new = NewFile(name, file_type, version, tuple(model), note, sha256)
    length = request.headers.get("content-length", "")
    declared = int(length) if length.isdigit() and len(length) < 19 else None
    stored = await services.fleet.files.add(actor, new, request.stream(), declared)
    return FileAnswer.model_validate(stored)


@router.get("/files/{file_id}", summary="One file with its last transfers")
async def get_file(file_id: str, actor: ActorDep, services: ServicesDep) -> FileDetail:
    """Scope `read`."""
    file, transfers = await services.fleet.files.get(actor, file_id)
    base = FileAnswer.model_validate(file).model_dump()
    return FileDetail(**base, transfers=[TransferAnswer.model_validate(each) for each in transfers])


@router.get("/files/{file_id}/content", summary="The content of a file", response_class=StreamingResponse)
async def get_content(file_id: str, actor: ActorDep, services: ServicesDep) -> StreamingResponse:
    """Scope `admin`: a configuration that a device sent may hold passwords."""
    file = await services.fleet.files.content(actor, file_id)
    source = await services.fleet.file_intake.folder.open(file.id)

    async def blocks() -> AsyncGenerator[bytes, None]:
        try:
            async for block in read_range(source, 0, file.size_bytes):
                yield block
        finally:
            source.close()

    headers = {"Content-Length": str(file.size_bytes), "ETag": f'"{file.sha256}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(blocks(), media_type="application/octet-stream", headers=headers)


@router.delete("/files/{file_id}", summary="Remove a file", status_code=204)
async def remove_file(file_id: str, actor: ActorDep, services: ServicesDep, force: bool = False) -> None:
    """Scope `files` (part of `write`), for all lines. A file that devices were told to fetch is removed only with
    `force`.
    """
    await services.fleet.files.remove(actor, file_id, force=force)
