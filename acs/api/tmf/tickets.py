"""TMF621 listeners, v4 and v5: the callbacks that ticket systems post their events to.

The rule of this file: the address says which event it is for, but the event itself decides; what comes twice gets the
same answer.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse

from acs.api.auth import ActorDep, ServicesDep
from acs.api.tmf.answers import TMF_ERRORS, TmfRoute, base_of, tmf_json
from acs.services.tmf.incoming import EVENT_TYPES

router = APIRouter(tags=["TMF621 listener"], route_class=TmfRoute)

_EXAMPLE = {
    "eventId": "e-1",
    "eventType": "TroubleTicketCreateEvent",
    "event": {
        "troubleTicket": {
            "id": "TT-1",
            "description": "No Internet",
            "severity": "Major",
            "ticketType": "incident",
            "relatedEntity": [{"id": "L-1", "role": "line", "@referredType": "Line"}],
        }
    },
}
EventBody = Annotated[dict[str, Any], Body(examples=[_EXAMPLE], description="TMF621 event, v4 or v5")]


async def _take_v4(body: EventBody, request: Request, actor: ActorDep, services: ServicesDep) -> JSONResponse:
    taken = await services.tmf.listener.take(actor, body)
    shown = {"id": taken.event_id, "callback": f"{base_of(request)}{request.url.path}"}
    return tmf_json(shown, 201)


async def _take_v5(body: EventBody, actor: ActorDep, services: ServicesDep) -> Response:
    await services.tmf.listener.take(actor, body)
    return Response(status_code=204)


def _add(event_type: str) -> None:
    name = event_type[0].lower() + event_type[1:]
    told = "Scope `tickets`. Ticket, event and line test are on disk when this returns."
    for version, take, status in (("v4", _take_v4, 201), ("v5", _take_v5, 204)):
        router.add_api_route(
            f"/tmf-api/troubleTicket/{version}/listener/{name}",
            take,
            methods=["POST"],
            status_code=status,
            response_class=JSONResponse if status == 201 else Response,
            responses=TMF_ERRORS,
            name=f"{name}_{version}",
            summary=f"Take a {event_type} (TMF621 {version})",
            description=told,
        )


for _event_type in EVENT_TYPES:
    _add(_event_type)
