"""The audit trail: list, verify, export."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Instant, LimitQuery
from acs.services.actor import Scope

router = APIRouter(tags=["rights"])

_Word = Annotated[str | None, Query(max_length=256)]
_Since = Annotated[Instant | None, Query()]


class AuditAnswer(Answer):
    """Who did what to which thing, for which ticket, from where; before and after stand in `detail`."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    ticket: str
    detail: Any
    hash: str = Field(description="its link of the chain; empty: older than the chain")


class VerifiedAnswer(Answer):
    """Whether the trail holds from end to end."""

    good: bool
    entries: int
    before_chain: int = Field(description="entries from before there was a chain")
    anchors: int
    problems: list[str]
    last_hash: str


@router.get("/audit", summary="The audit trail, newest first")
async def list_audit(
    actor: ActorDep,
    services: ServicesDep,
    target: Annotated[_Word, Query(description="such as `device:KEY` or `line:ID`")] = None,
    by: _Word = None,
    action: Annotated[_Word, Query(description="an action, or a beginning that ends with a dot")] = None,
    ticket: _Word = None,
    since: _Since = None,
    until: _Since = None,
    limit: LimitQuery = 100,
    before: Annotated[int | None, Query(ge=0, le=2**62, description="the last id of the page before")] = None,
) -> list[AuditAnswer]:
    """Scope `audit`, or `admin`, which holds it."""
    found = await services.audit_trail.list(
        actor,
        target=target,
        by=by,
        action=action,
        ticket=ticket,
        since=since,
        until=until,
        limit=limit,
        before=before,
    )
    return [AuditAnswer.model_validate(each) for each in found]


@router.get("/audit/verify", summary="Whether the audit trail holds")
async def verify(actor: ActorDep, services: ServicesDep) -> VerifiedAnswer:
    """Scope `audit`, or `admin`, which holds it. The whole chain is computed again: seconds for 100 000 entries."""
    return VerifiedAnswer.model_validate(await services.audit_trail.verify(actor))


@router.get("/audit/export", summary="The audit trail as JSON lines", response_class=StreamingResponse)
async def export(
    actor: ActorDep, services: ServicesDep, since: _Since = None, until: _Since = None
) -> StreamingResponse:
    """Scope `audit`, or `admin`, which holds it. The oldest entry first; the last line is the sealed end."""
    actor.require(Scope.AUDIT)

    async def lines() -> AsyncGenerator[str, None]:
        async for line in services.audit_trail.export(actor, since=since, until=until):
            yield line

    return StreamingResponse(lines(), media_type="application/x-ndjson")
