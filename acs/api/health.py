"""Health, metrics and the description of the API itself."""

from typing import Any

from fastapi import APIRouter, Request, Response

from acs.api.auth import ActorDep, ServicesDep
from acs.services.actor import Scope

router = APIRouter(tags=["service"])

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", summary="Whether the server answers")
async def health() -> dict[str, str]:
    """No token: it says nothing but that the server answers."""
    return {"status": "ok"}


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(actor: ActorDep, services: ServicesDep) -> Response:
    """Scope `read`."""
    actor.require(Scope.READ)
    return Response(services.metrics.text(), media_type=_PROMETHEUS)


@router.get("/openapi.json", summary="This API as OpenAPI")
async def openapi(request: Request, actor: ActorDep) -> dict[str, Any]:
    """Any token."""
    described: dict[str, Any] = request.app.openapi()
    return described
