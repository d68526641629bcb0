"""Tokens: create, list, revoke."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, Instant
from acs.services.actor import Scope

router = APIRouter(tags=["tokens"])


class TokenRequest(Body):
    """A new token."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=5)
    expires_at: Instant | None = None


class TokenAnswer(Answer):
    """A token without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewTokenAnswer(TokenAnswer):
    """A token with its secret, which is shown this once."""

    token: str


@router.post("/tokens", summary="Create a token", status_code=201)
async def create_token(body: TokenRequest, actor: ActorDep, services: ServicesDep) -> NewTokenAnswer:
    """Scope `admin`. The secret is in this answer and nowhere else."""
    made = await services.access.create(actor, body.name, body.scopes, body.expires_at)
    return NewTokenAnswer(**TokenAnswer.model_validate(made.record).model_dump(), token=made.secret)


@router.get("/tokens", summary="Tokens without their secrets")
async def list_tokens(actor: ActorDep, services: ServicesDep) -> list[TokenAnswer]:
    """Scope `admin`."""
    return [TokenAnswer.model_validate(record) for record in await services.access.list(actor)]


@router.delete("/tokens/{token_id}", summary="Revoke a token", status_code=204)
async def revoke_token(token_id: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `admin`. Other processes of this store notice within five seconds."""
    await services.access.revoke(actor, token_id)
