"""What a device told by itself."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, LimitQuery
from acs.services.history import history_of

router = APIRouter(tags=["devices"])


class ToldAnswer(Answer):
    """One thing that a device told."""

    at: datetime
    name: str = Field(description="an event code of an Inform, or the RPC of a report such as TransferComplete")
    command_key: str
    session: str
    operation: str | None = Field(description="the operation that the report ended")
    fault_code: int | None
    body: Any = Field(description="what the report carried")


@router.get("/devices/{key:path}/history", summary="What a device told by itself, newest first")
async def device_history(key: str, actor: ActorDep, services: ServicesDep, limit: LimitQuery = 100) -> list[ToldAnswer]:
    """Scope `read`. Events of Informs; transfers, deployment units and wishes that it reported, asked for or not."""
    return [ToldAnswer.model_validate(told) for told in await history_of(services.store, actor, key, limit=limit)]
