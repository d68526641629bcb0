"""Searching devices and lines, saved groups, and the telephone numbers that are searched for."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, LimitQuery, Text
from acs.api.devices import DeviceAnswer
from acs.api.lines import LineAnswer
from acs.api.paging import AfterQuery, link_next, number_of
from acs.services.search import COUNTED

router = APIRouter(tags=["search"])


class FoundAnswer(Answer):
    """One match: a device with its line, or a line without a device."""

    device: DeviceAnswer | None
    line: LineAnswer | None
    tags: tuple[str, ...]
    phones: tuple[str, ...]
    numbers: dict[str, float] = Field(description="field → value as last read, such as rx in dBm")


class SearchAnswer(Answer):
    """A page of matches."""

    items: list[FoundAnswer]
    total: int = Field(description=f"how many there are, counted up to {COUNTED}")
    after: str | None = Field(description="`after` of the next page; null on the last one")


class GroupBody(Body):
    """What a saved group means."""

    query: Annotated[str, Field(min_length=1, max_length=1_000)]
    description: Text = ""


class GroupAnswer(Answer):
    """A saved group."""

    name: str
    query: str
    description: str
    created_by: str
    updated_at: datetime


class PhonesBody(Body):
    """Telephone numbers of a line's subscriber."""

    phones: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=20)]


class PhonesAnswer(Answer):
    """Telephone numbers of a line's subscriber."""

    phones: tuple[str, ...]


@router.get("/search", summary="Search devices and lines")
async def search(
    request: Request,
    response: Response,
    actor: ActorDep,
    services: ServicesDep,
    q: Annotated[str, Query(max_length=1_000, description='such as `model:HG8245 rx<-25 -tag:vip "Lenina 5"`')] = "",
    limit: LimitQuery = 50,
    after: AfterQuery = "",
) -> SearchAnswer:
    """Scope `read`. The language: words, `field:value`, comparisons, OR, NOT, brackets; see docs/search.md."""
    found = await services.search.find(actor, q, limit=limit, after=number_of(after))
    next_ = None if found.after is None else link_next(request, response, str(found.after))
    items = [FoundAnswer.model_validate(one) for one in found.items]
    return SearchAnswer(items=items, total=found.total, after=next_)


@router.get("/groups", summary="Saved groups by name")
async def list_groups(
    request: Request,
    response: Response,
    actor: ActorDep,
    services: ServicesDep,
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[GroupAnswer]:
    """Scope `read`. A group is a query with a name; `group:NAME` in a query, and campaigns, mean what it finds."""
    found = await services.search.groups(actor, limit=limit, after=after)
    if len(found) == limit:
        link_next(request, response, found[-1].name)
    return [GroupAnswer.model_validate(group) for group in found]


@router.get("/groups/{name}", summary="One saved group")
async def get_group(name: str, actor: ActorDep, services: ServicesDep) -> GroupAnswer:
    """Scope `read`."""
    return GroupAnswer.model_validate(await services.search.group(actor, name))


@router.put("/groups/{name}", summary="Save a query as a group")
async def put_group(name: str, body: GroupBody, actor: ActorDep, services: ServicesDep) -> GroupAnswer:
    """Scope `operate`. In place of what the name meant."""
    return GroupAnswer.model_validate(await services.search.put_group(actor, name, body.query, body.description))


@router.delete("/groups/{name}", summary="Forget a saved group", status_code=204)
async def remove_group(name: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `operate`. Refused while another group names it."""
    await services.search.remove_group(actor, name)


@router.get("/lines/{line_id}/phones", summary="Telephone numbers of a line")
async def get_phones(line_id: str, actor: ActorDep, services: ServicesDep) -> PhonesAnswer:
    """Scope `read`."""
    return PhonesAnswer(phones=await services.search.phones(actor, line_id))


@router.put("/lines/{line_id}/phones", summary="Store the telephone numbers of a line")
async def put_phones(line_id: str, body: PhonesBody, actor: ActorDep, services: ServicesDep) -> PhonesAnswer:
    """Scope `write`. In place of those known."""
    return PhonesAnswer(phones=await services.search.put_phones(actor, line_id, body.phones))
