"""What waits for another person: list, one, approve, refuse."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, LimitQuery, Text
from acs.api.told import Told
from acs.services.approvals import masked
from acs.store.approvals import ApprovalRecord

router = APIRouter(tags=["rights"])


class Decision(Body):
    """What the other person says."""

    note: Text = ""


class ApprovalAnswer(Answer):
    """Something that two persons are needed for. Secrets in what is wanted are hidden."""

    id: str
    kind: str
    subject: str
    wanted: dict[str, Any]
    reason: str
    ticket: str
    device: str | None
    line: str | None
    state: str = Field(description="proposed, approved, refused or run")
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision: str
    run_at: datetime | None
    outcome: Told


@router.get("/approvals", summary="What waits for another person, newest first")
async def list_approvals(
    actor: ActorDep,
    services: ServicesDep,
    state: Annotated[Literal["proposed", "approved", "refused", "run"] | None, Query()] = None,
    limit: LimitQuery = 100,
    before: Annotated[str | None, Query(max_length=64, description="the last id of the page before")] = None,
) -> list[ApprovalAnswer]:
    """Scope `read`."""
    found = await services.approvals.list(actor, state=state, limit=limit, before=before)
    return [_answer(each) for each in found]


@router.get("/approvals/{approval_id}", summary="One proposal")
async def get_approval(approval_id: str, actor: ActorDep, services: ServicesDep) -> ApprovalAnswer:
    """Scope `read`."""
    return _answer(await services.approvals.get(actor, approval_id))


@router.post("/approvals/{approval_id}/approve", summary="Approve what another person proposed, and run it")
async def approve(approval_id: str, actor: ActorDep, services: ServicesDep, body: Decision) -> ApprovalAnswer:
    """Scope `approve`, or `admin`, which holds it. It runs once, now; `outcome` says what became of it."""
    return _answer(await services.approvals.approve(actor, approval_id, note=body.note))


@router.post("/approvals/{approval_id}/refuse", summary="Refuse a proposal")
async def refuse(approval_id: str, actor: ActorDep, services: ServicesDep, body: Decision) -> ApprovalAnswer:
    """Scope `propose`, or `operate` or `write`, which hold it. Another's proposal is refused with `approve` only."""
    return _answer(await services.approvals.refuse(actor, approval_id, note=body.note))


def _answer(record: ApprovalRecord) -> ApprovalAnswer:
    values = {name: getattr(record, name) for name in ApprovalAnswer.model_fields if name != "wanted"}
    return ApprovalAnswer(**values, wanted=masked(record.wanted))  # type: ignore[arg-type] # an object stays one
