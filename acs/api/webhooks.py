"""Webhook deliveries: what was sent, what waits, and the dead letters."""

from datetime import datetime

from fastapi import APIRouter

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, LimitQuery
from acs.store.records import DeliveryState

router = APIRouter(tags=["webhooks"])


class DeliveryAnswer(Answer):
    """One message to one receiver."""

    id: str
    hook: str
    event_type: str
    state: str
    created_at: datetime
    next_at: datetime
    attempts: int
    finished_at: datetime | None
    last_error: str


@router.get("/webhooks/deliveries", summary="Deliveries, newest first")
async def list_deliveries(
    actor: ActorDep, services: ServicesDep, state: DeliveryState | None = None, limit: LimitQuery = 100
) -> list[DeliveryAnswer]:
    """Scope `read`. State `failed` gives the dead letters."""
    found = await services.webhooks.list(actor, state, limit)
    return [DeliveryAnswer.model_validate(record) for record in found]
