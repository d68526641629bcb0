"""Access nodes: list, put, remove. Credentials go in and never come out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body

router = APIRouter(tags=["access nodes"])

Secret = Annotated[str, Field(max_length=200)]


class NodeBody(Body):
    """How a node is read: SNMP v1 and v2c with a community, v3 with a user. Without any, what is stored stays."""

    address: Annotated[str, Field(max_length=64, description="IPv4 or IPv6 address")]
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    profile: Annotated[str, Field(max_length=64)] | None = Field(None, description="else found by what the node says")
    community: Secret | None = None
    version: Annotated[str, Field(pattern="^(1|2c|3)$")] | None = None
    user: Secret | None = None
    auth: Secret | None = None
    auth_password: Secret | None = None
    privacy: Secret | None = None
    privacy_password: Secret | None = None
    time_zone: Annotated[str, Field(max_length=64)] | None = Field(None, description="of the node's clock")
    trap_community: Secret | None = Field(None, description="of its traps, where it is not that of reading")
    write_community: Secret | None = Field(None, description="for SET; never that of reading")
    write_version: Annotated[str, Field(pattern="^(1|2c|3)$")] | None = None
    write_user: Secret | None = None
    write_auth: Secret | None = None
    write_auth_password: Secret | None = None
    write_privacy: Secret | None = None
    write_privacy_password: Secret | None = None


class NodeAnswer(Answer):
    """An access node; of its credentials only the names."""

    name: str
    address: str
    port: int
    profile: str | None
    credential_keys: tuple[str, ...]
    updated_at: datetime


@router.get("/access-nodes", summary="Access nodes by name")
async def list_nodes(actor: ActorDep, services: ServicesDep) -> list[NodeAnswer]:
    """Scope `read`."""
    return [NodeAnswer.model_validate(view) for view in await services.nodes.list(actor)]


@router.put("/access-nodes/{name}", summary="Store an access node")
async def put_node(name: str, body: NodeBody, actor: ActorDep, services: ServicesDep) -> NodeAnswer:
    """Scope `admin`."""
    secrets = body.model_dump(exclude={"address", "port", "profile"}, exclude_none=True)
    view = await services.nodes.put(actor, name, body.address, body.port, body.profile, secrets or None)
    return NodeAnswer.model_validate(view)


@router.delete("/access-nodes/{name}", summary="Forget an access node", status_code=204)
async def remove_node(name: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `admin`."""
    await services.nodes.remove(actor, name)
