"""Secrets of a device, shown to whoever has that right."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, plain
from acs.services.secret_sight import Kind

router = APIRouter(tags=["rights"])


class Sight(Body):
    """Why a secret is needed."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    kind: Kind | None = Field(None, description="none: all of them")
    ticket: Annotated[str, Field(max_length=200)] | None = None


class SecretAnswer(Answer):
    """One secret."""

    kind: Kind
    name: str = Field(description="its parameter path, or which of our own credentials it is")
    username: str
    value: str
    at: datetime | None = Field(description="when it was read from the device; null: it is ours")


@router.post("/devices/{key:path}/secrets", summary="Show the secrets of a device", response_model=list[SecretAnswer])
async def reveal(key: str, body: Sight, actor: ActorDep, services: ServicesDep) -> JSONResponse:
    """Scope `secrets`, which no other scope holds. The audit line is on disk before the answer leaves."""
    found = await services.secret_sight.reveal(actor, key, reason=body.reason, kind=body.kind, ticket=body.ticket)
    shown = [SecretAnswer.model_validate(each).model_dump() for each in found]
    content = [{name: plain(value) for name, value in each.items()} for each in shown]
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
