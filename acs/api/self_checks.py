"""Self-checks: what a subscriber's page asks, and the little that it is told."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer
from acs.services.self_checks import SelfCheck

router = APIRouter(tags=["self-checks"])


class SelfCheckAnswer(Answer):
    """What the subscriber may see."""

    id: str
    state: str = Field(description="running, done, failed")
    line: str | None = Field(
        None,
        description="good, no_fault_seen, watched, we_repair, you_can_repair, visit, outage, call_us; null: not done",
    )
    text: dict[str, str] = Field(default_factory=dict, description="What to do, by language.")
    until: datetime | None = Field(None, description="When it is to be over.")


def _shown(check: SelfCheck) -> SelfCheckAnswer:
    told = check.told or {}
    return SelfCheckAnswer(
        id=check.id, state=check.state, line=told.get("state"), text=told.get("text", {}), until=told.get("until")
    )


@router.post("/lines/{line_id}/self-checks", summary="Test a line for its owner", status_code=202)
async def start_self_check(line_id: str, actor: ActorDep, services: ServicesDep) -> SelfCheckAnswer:
    """Scope `test` (part of `operate`). Nothing interrupts the service; a line is tested once a minute at most."""
    return _shown(await services.self_checks.start(actor, line_id))


@router.get("/self-checks/{test_id}", summary="What became of a self-check")
async def get_self_check(test_id: str, actor: ActorDep, services: ServicesDep) -> SelfCheckAnswer:
    """Scope `test` (part of `operate`). No names of the network, no addresses, nobody else's data."""
    return _shown(await services.self_checks.get(actor, test_id))
