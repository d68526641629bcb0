"""The freeze: stops every write to devices and network."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body
from acs.store.switches import SwitchRecord

router = APIRouter(tags=["service"])


class FreezeBody(Body):
    """How the switch shall stand, and why."""

    frozen: bool
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class FreezeAnswer(Answer):
    """How the switch stands. Never thrown: the other members are null."""

    frozen: bool
    by: str | None = None
    at: datetime | None = None
    reason: str | None = None


@router.get("/freeze", summary="Whether writes are frozen")
async def get_freeze(actor: ActorDep, services: ServicesDep) -> FreezeAnswer:
    """Scope `read`."""
    return _answer(await services.freeze.show(actor))


@router.put("/freeze", summary="Stop every write to devices and network, or let them go on")
async def put_freeze(body: FreezeBody, actor: ActorDep, services: ServicesDep) -> FreezeAnswer:
    """Scope `freeze`. What reads goes on: line tests, refreshes. What is queued waits; what has left is let end."""
    return _answer(await services.freeze.throw(actor, on=body.frozen, reason=body.reason))


def _answer(record: SwitchRecord | None) -> FreezeAnswer:
    if record is None:
        return FreezeAnswer(frozen=False)
    return FreezeAnswer(frozen=record.engaged, by=record.actor, at=record.at, reason=record.reason)
