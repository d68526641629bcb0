"""Tokens: create, list, revoke."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, Instant
from acs.services.access import shown_grant
from acs.services.actor import Scope
from acs.services.roles import parse_grant
from acs.store.records import TokenRecord

router = APIRouter(tags=["tokens"])


class TokenRequest(Body):
    """A new token."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: tuple[Scope, ...] = Field((), max_length=len(Scope), description="for all lines")
    grants: tuple[Annotated[str, Field(max_length=500)], ...] = Field(
        (), max_length=50, description="each `ROLE`, or `ROLE@GROUP+GROUP`, such as `first-line@region:north`"
    )
    expires_at: Instant | None = Field(None, description="none: after `rights.token_days`")


class TokenAnswer(Answer):
    """A token without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    grants: list[str]
    person: str = Field(description="whose session it is; empty for a program's token")
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
    grants = [parse_grant(each) for each in body.grants]
    made = await services.access.create(actor, body.name, body.scopes, body.expires_at, grants=grants)
    return NewTokenAnswer(**_answer(made.record).model_dump(), token=made.secret)


@router.get("/tokens", summary="Tokens without their secrets")
async def list_tokens(actor: ActorDep, services: ServicesDep) -> list[TokenAnswer]:
    """Scope `admin`."""
    return [_answer(record) for record in await services.access.list(actor)]


@router.delete("/tokens/{token_id}", summary="Revoke a token", status_code=204)
async def revoke_token(token_id: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `admin`. Other processes of this store notice within five seconds."""
    await services.access.revoke(actor, token_id)


def _answer(record: TokenRecord) -> TokenAnswer:
    values = {name: getattr(record, name) for name in TokenAnswer.model_fields if name != "grants"}
    return TokenAnswer(**values, grants=[shown_grant(each) for each in record.grants])
