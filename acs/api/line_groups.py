"""Region, operator and tags of lines: what rights are given by."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, Name
from acs.api.text_bodies import csv_text
from acs.store.groups import LineGroups

router = APIRouter(tags=["rights"])

_Word = Annotated[str, Field(max_length=64, pattern=r"^[^,+\x00-\x1f]*$")]


class GroupsBody(Body):
    """The groups of a line."""

    region: _Word = ""
    operator: _Word = ""
    tags: tuple[Annotated[Name, Field(pattern=r"^[^,+\x00-\x1f]+$")], ...] = Field((), max_length=20)


class GroupsAnswer(Answer):
    """The groups of a line."""

    region: str
    operator: str
    tags: list[str]


class GroupedAnswer(Answer):
    """What an import did."""

    changed: int


@router.get("/lines/{line_id}/groups", summary="Region, operator and tags of a line")
async def get_groups(line_id: str, actor: ActorDep, services: ServicesDep) -> GroupsAnswer:
    """Scope `read`."""
    return GroupsAnswer.model_validate(await services.line_groups.get(actor, line_id))


@router.put("/lines/{line_id}/groups", summary="Set region, operator and tags of a line", status_code=204)
async def put_groups(line_id: str, body: GroupsBody, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `inventory` (part of `write`), for all lines: it changes who may see the line."""
    groups = LineGroups(body.region, body.operator, tuple(sorted(set(body.tags))))
    await services.line_groups.put(actor, line_id, groups)


@router.post(
    "/lines/groups/import",
    summary="Import a CSV of regions, operators and tags",
    openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}},
)
async def import_groups(request: Request, actor: ActorDep, services: ServicesDep) -> GroupedAnswer:
    """Scope `inventory` (part of `write`), for all lines. Columns id, region, operator, tags; others stay."""
    return GroupedAnswer(changed=await services.line_groups.import_csv(actor, await csv_text(request)))
