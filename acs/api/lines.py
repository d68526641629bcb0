"""Lines: list, one, put, import."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import AfterQuery, Answer, Body, LimitQuery, Name, Scalar, SearchQuery
from acs.api.devices import DeviceAnswer
from acs.api.text_bodies import csv_text
from acs.store.records import LineRecord

router = APIRouter(tags=["lines"])

Word = Annotated[str, Field(max_length=128)]


class LineBody(Body):
    """A line without its id, which stands in the path."""

    technology: Literal["pon", "fttb", "dsl"]
    address: Annotated[str, Field(max_length=300, description="postal")] = ""
    node: Word = Field("", description="name of the access node")
    frame: Annotated[int, Field(ge=0, le=255)] | None = None
    slot: Annotated[int, Field(ge=0, le=255)] | None = None
    port: Annotated[int, Field(ge=0, le=4095)] | None = None
    splitter: Word = ""
    ont: Annotated[int, Field(ge=0, le=1023)] | None = Field(None, description="number of the ONT on its port")
    gpon_serial: Word = ""
    account: Word = ""
    services: tuple[Name, ...] = Field((), max_length=20)
    pppoe_login: Word = ""
    cable_length_m: Annotated[float, Field(ge=0, le=100_000)] | None = None
    device_serials: tuple[Word, ...] = Field((), max_length=20, description="serial numbers of the CPEs on it")


class LineAnswer(Answer):
    """A line of the inventory."""

    id: str
    technology: str
    address: str
    node: str
    frame: int | None
    slot: int | None
    port: int | None
    splitter: str
    ont: int | None
    gpon_serial: str
    account: str
    services: tuple[str, ...]
    pppoe_login: str
    cable_length_m: float | None
    device_serials: tuple[str, ...]


class ToldFact(Answer):
    """What another system last said about the line."""

    name: str
    value: Scalar
    at: datetime
    source: str


class LineDetail(LineAnswer):
    """A line with its devices and what other systems say of it."""

    devices: list[DeviceAnswer]
    facts: list[ToldFact]


class ImportAnswer(Answer):
    """What an import did."""

    created: int
    changed: int
    unchanged: int
    bound: int = Field(description="known devices that went to one of these lines")


@router.get("/lines", summary="Lines by id")
async def list_lines(
    actor: ActorDep,
    services: ServicesDep,
    search: SearchQuery = "",
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[LineAnswer]:
    """Scope `read`."""
    found = await services.lines.list(actor, search=search, limit=limit, after=after)
    return [LineAnswer.model_validate(record) for record in found]


@router.get("/lines/{line_id}", summary="One line with its devices and facts")
async def get_line(line_id: str, actor: ActorDep, services: ServicesDep) -> LineDetail:
    """Scope `read`."""
    view = await services.lines.get(actor, line_id)
    base = LineAnswer.model_validate(view.line).model_dump()
    devices = [DeviceAnswer.model_validate(device) for device in view.devices]
    return LineDetail(**base, devices=devices, facts=[ToldFact.model_validate(fact) for fact in view.facts])


@router.put(
    "/lines/{line_id}",
    summary="Store one line as given",
    responses={201: {"model": LineAnswer, "description": "The line is new."}},
)
async def put_line(
    line_id: str, body: LineBody, response: Response, actor: ActorDep, services: ServicesDep
) -> LineAnswer:
    """Scope `inventory` (part of `write`). What the body leaves out is empty afterwards. 201 when the line is new."""
    record = LineRecord(id=line_id, **body.model_dump())
    if await services.lines.put(actor, record):
        response.status_code = 201
    return LineAnswer.model_validate(record)


@router.delete("/lines/{line_id}", summary="Forget a line", status_code=204)
async def forget_line(line_id: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `inventory` (part of `write`). With its tests, facts and readings; its tickets and the audit stay, and its
    devices are on no line then. 409 while it is being tested.
    """
    await services.forgetting.line(actor, line_id)


@router.post(
    "/lines/import",
    summary="Import a CSV of lines: all of it or nothing",
    openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}},
)
async def import_lines(
    request: Request,
    actor: ActorDep,
    services: ServicesDep,
    dry_run: Annotated[bool, Query(description="Only check; nothing is stored.")] = False,
) -> ImportAnswer:
    """Scope `inventory` (part of `write`). Columns as the fields of a line; several services or serials of a cell are
    separated by `;`.

    A column that the file lacks leaves what is stored; an empty cell clears it. Every error names row and column.
    """
    done = await services.lines.import_csv(actor, await csv_text(request), dry_run=dry_run)
    return ImportAnswer.model_validate(done)
