"""Adapters: which come with the product, whether a file is right, and what one makes of a message."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from acs.api.auth import ActorDep
from acs.api.bodies import Answer
from acs.services import adapter_desk
from acs.services.adapters.schema import Adapter

router = APIRouter(tags=["ticket systems"])

AdapterText = Annotated[str, Field(max_length=200_000, description="the text of an adapter file")]
_TRIAL: dict[str, Any] = {
    "adapter": "redmine",
    "message": {"issue": {"id": 7, "custom_fields": [{"name": "Line", "value": "L-1"}]}},
}


class AdapterAnswer(Answer):
    """An adapter in short."""

    name: str
    title: str
    sources: list[str] = Field(description="the documentation that it was written from")
    tried: str = Field(description="on what it was tried; empty for nothing but its documentation")
    variables: dict[str, str] = Field(description="words that a site may set, and what they are otherwise")
    asks: bool = Field(description="whether it can ask for what changed")
    signature: str = Field(description="how messages of the system are signed")


class CheckBody(BaseModel):
    """A file to be checked."""

    model_config = ConfigDict(extra="forbid")

    text: AdapterText


class TrialBody(BaseModel):
    """An adapter, by name or text, and a message of the system."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_TRIAL]})

    adapter: Annotated[str, Field(max_length=64)] = ""
    text: AdapterText = ""
    message: dict[str, Any]
    variables: dict[str, str] = Field(default_factory=dict)


class TrialAnswer(Answer):
    """What an adapter makes of a message."""

    ticket: dict[str, Any] = Field(description="the ticket, in our words")
    event: dict[str, Any] = Field(description="the event of TMF621 that is taken")
    calls: list[dict[str, Any]] = Field(description="how that ticket would be told a verdict")


@router.get("/adapters", summary="Adapters that come with the product")
async def list_adapters(actor: ActorDep) -> list[AdapterAnswer]:
    """Scope `read`."""
    return [_shown(one) for one in adapter_desk.shown(actor)]


@router.post("/adapters/check", summary="Check an adapter file")
async def check_adapter(body: CheckBody, actor: ActorDep) -> AdapterAnswer:
    """Scope `read`. Nothing is stored; what is wrong is told line by line."""
    return _shown(adapter_desk.check(actor, body.text))


@router.post("/adapters/try", summary="See what an adapter makes of a message")
async def try_adapter(body: TrialBody, actor: ActorDep) -> TrialAnswer:
    """Scope `read`. Nothing is called: the ticket that is read, and the calls that would tell it a verdict."""
    adapter = adapter_desk.check(actor, body.text) if body.text else adapter_desk.named(actor, body.adapter)
    found = adapter_desk.trial(actor, adapter, body.message, body.variables)
    return TrialAnswer(ticket=dict(found.ticket), event=dict(found.event), calls=[dict(one) for one in found.calls])


def _shown(adapter: Adapter) -> AdapterAnswer:
    return AdapterAnswer(
        name=adapter.name,
        title=adapter.title,
        sources=list(adapter.sources),
        tried=adapter.tried,
        variables=dict(adapter.variables),
        asks=adapter.poll is not None,
        signature=adapter.signature.scheme,
    )
