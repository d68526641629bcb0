"""What other systems were told: what was sent, what waits, the delivery log, and the dead letters."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, LimitQuery
from acs.api.told import Told
from acs.services.deliveries import DeliveryView
from acs.store.deliveries import DeliveryState

router = APIRouter(tags=["deliveries"])

NameQuery = Annotated[str | None, Query(max_length=256)]


class DeliveryAnswer(Answer):
    """One message to one system."""

    id: str
    target: str
    subject: str = Field(description="what it is about; messages of one subject arrive in order")
    ticket: str | None
    event_type: str
    state: str
    created_at: datetime
    next_at: datetime
    attempts: int
    finished_at: datetime | None
    last_error: Told


class AttemptAnswer(Answer):
    """One try."""

    at: datetime
    duration_ms: int
    taken: bool
    answer: Told


class DeliveryDetail(DeliveryAnswer):
    """A message with its body and every try."""

    body: Any = Field(None, description="what is told")
    log: list[AttemptAnswer] = Field(description="every try, the first one first")


@router.get("/deliveries", summary="Messages to other systems, newest first")
async def list_deliveries(
    actor: ActorDep,
    services: ServicesDep,
    state: DeliveryState | None = None,
    target: NameQuery = None,
    ticket: NameQuery = None,
    before: NameQuery = None,
    limit: LimitQuery = 100,
) -> list[DeliveryAnswer]:
    """Scope `read`. State `failed` gives the dead letters; `before` is the id of the last one of the page before."""
    found = await services.deliveries.list(actor, state, limit, target=target, ticket=ticket, before=before)
    return [DeliveryAnswer.model_validate(record) for record in found]


@router.get("/deliveries/{delivery_id}", summary="A message with its delivery log")
async def get_delivery(delivery_id: str, actor: ActorDep, services: ServicesDep) -> DeliveryDetail:
    """Scope `read`."""
    return DeliveryDetail.model_validate(_shown(await services.deliveries.get(actor, delivery_id)))


@router.post("/deliveries/{delivery_id}/resend", summary="Send a dead letter again")
async def resend_delivery(delivery_id: str, actor: ActorDep, services: ServicesDep) -> DeliveryAnswer:
    """Scope `operate`. It keeps its id: a receiver that has it already drops it."""
    return DeliveryAnswer.model_validate(await services.deliveries.resend(actor, delivery_id))


def _shown(view: DeliveryView) -> Mapping[str, Any]:
    return {**asdict(view.delivery), "log": [asdict(one) for one in view.attempts]}
