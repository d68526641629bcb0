"""The hub of an interface: POST /hub listens, DELETE /hub/{id} listens no more. The same routes for each interface."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.tmf.answers import TMF_ERRORS, base_of, tmf_json
from acs.services.tmf.notices import EVENT_TYPES, Interface


class EventSubscriptionInput(BaseModel):
    """Who listens, and to what: `eventType=A,B&state=completed`; without a query to everything."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    callback: Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x20]+$")]
    query: Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")] = ""


class EventSubscription(EventSubscriptionInput):
    """A listener of a hub."""

    id: str


def add_hub(router: APIRouter, interface: Interface) -> None:
    """Add the two routes of an interface's hub to its router."""
    events = ", ".join(EVENT_TYPES[interface])

    async def subscribe(
        body: EventSubscriptionInput, request: Request, actor: ActorDep, services: ServicesDep
    ) -> JSONResponse:
        made = await services.tmf.hubs.subscribe(actor, interface, body.callback, body.query, base_of(request))
        shown: dict[str, Any] = {"id": made.id, "callback": made.callback}
        if made.query:
            shown["query"] = made.query
        return tmf_json(shown, 201, {"Location": f"{request.url.path}/{made.id}"})

    async def unsubscribe(subscription_id: str, actor: ActorDep, services: ServicesDep) -> Response:
        await services.tmf.hubs.unsubscribe(actor, interface, subscription_id)
        return Response(status_code=204)

    router.add_api_route(
        "/hub",
        subscribe,
        methods=["POST"],
        status_code=201,
        response_model=EventSubscription,
        responses=TMF_ERRORS,
        name=f"subscribe_{interface.value}",
        summary=f"Listen to events of {interface.value}",
        description=f"Scope `read`. Events: {events}. A callback leads to a public address, or to one of "
        "`tmf.callback_networks`; it is called as long as the token that subscribed is good.",
    )
    router.add_api_route(
        "/hub/{subscription_id}",
        unsubscribe,
        methods=["DELETE"],
        status_code=204,
        response_class=Response,
        responses=TMF_ERRORS,
        name=f"unsubscribe_{interface.value}",
        summary=f"Listen no more to events of {interface.value}",
        description="Scope `read`. One's own subscription; an administrator may remove any.",
    )
