"""Health, metrics and the description of the API itself."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from acs.api.auth import ActorDep, ServicesDep
from acs.services.actor import Scope

router = APIRouter(tags=["service"])

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class HealthAnswer(BaseModel):
    """What everybody may know."""

    status: str
    frozen: bool = Field(description="writes to devices and network are stopped; GET /freeze says by whom and why")
    sources_down: int = Field(description="systems that tell of lines and do not answer; GET /context-sources")


@router.get("/health", summary="Whether the server answers")
async def health(services: ServicesDep) -> HealthAnswer:
    """No token: that the server answers, whether writes are frozen, how many sources of facts are down."""
    frozen = await services.freeze.engaged()
    return HealthAnswer(status="ok", frozen=frozen, sources_down=await services.sources.down())


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(actor: ActorDep, services: ServicesDep) -> Response:
    """Scope `read`, for all lines: the figures are those of the whole fleet."""
    actor.require_all_lines(Scope.READ)
    await services.alarms.measure()
    return Response(services.metrics.text(), media_type=_PROMETHEUS)


@router.get("/openapi.json", summary="This API as OpenAPI")
async def openapi(request: Request, actor: ActorDep) -> dict[str, Any]:
    """Any token."""
    described: dict[str, Any] = request.app.openapi()
    return described
