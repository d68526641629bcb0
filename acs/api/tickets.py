"""TM Forum trouble tickets: the hook that takes events, and what became of them."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import AfterQuery, Answer, LimitQuery
from acs.api.line_tests import LineTestAnswer
from acs.api.told import Told
from acs.services.tickets import TicketView

router = APIRouter(tags=["tickets"])
#: what an id may have in an address as it is (RFC 3986, pchar)
_IN_A_PATH = "!$&'()*+,;=:@"

_EXAMPLE = {
    "eventId": "e-1",
    "eventType": "TroubleTicketCreateEvent",
    "event": {
        "troubleTicket": {
            "id": "TT-1",
            "description": "No Internet",
            "ticketType": "incident",
            "relatedEntity": [{"id": "L-1", "role": "line", "@referredType": "Line"}],
        }
    },
}


class TicketAnswer(Answer):
    """A ticket that was taken. Without a line there is no test, and `detail` says why."""

    id: str = Field(description="its number, or `@source:number` where another system's ticket is called so")
    number: str = Field(description="what its own system calls it")
    source: str = Field(description="the token or the system that it came from")
    event_id: str
    received_at: datetime
    line: str | None
    line_test: str | None
    detail: Told


class CheckAnswer(Answer):
    """What happened with a ticket by itself."""

    rule: str = Field(description="the rule of [[tickets.checks]] by which it was tested; usual: none fitted")
    depth: str
    priority: str
    queue: str = Field(description="where it goes with its verdict; empty before that")
    queue_rule: str = Field(description="the number of the rule of [[tickets.queues]], or pack")
    fix: str = Field(description="the rule and action of a fix that ran by itself, or was going to")
    fix_call: str | None = Field(description="the call of the hook that did it; GET /hooks/{id}")
    fix_detail: Told


class TicketDetail(TicketAnswer):
    """A ticket with its line test; its verdict is null until the test is done."""

    test: LineTestAnswer | None = None
    check: CheckAnswer | None = None
    verdict: Any = Field(None, description="the verdict of the line test")


@router.post("/tickets/events", summary="Take a TMF621 TroubleTicketCreateEvent", status_code=201)
async def take_event(
    body: Annotated[dict[str, Any], Body(examples=[_EXAMPLE], description="TMF621 event, v4 or v5")],
    response: Response,
    actor: ActorDep,
    services: ServicesDep,
) -> TicketAnswer:
    """Scope `tickets`. Ticket and line test are on disk when this returns; the same `eventId` gets the same answer.

    The verdict is sent to the configured webhooks and stands under `/tickets/{id}`.
    """
    ticket = await services.tickets.receive(actor, body)
    response.headers["Location"] = f"/api/v1/tickets/{quote(ticket.id, safe=_IN_A_PATH)}"
    return TicketAnswer.model_validate(ticket)


@router.get("/tickets", summary="Tickets")
async def list_tickets(
    actor: ActorDep,
    services: ServicesDep,
    line: Annotated[str | None, Query(max_length=64)] = None,
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[TicketAnswer]:
    """Scope `read`."""
    found = await services.tickets.recent(actor, line=line, limit=limit, after=after)
    return [TicketAnswer.model_validate(record) for record in found]


@router.get("/tickets/{ticket_id}", summary="A ticket with its verdict")
async def get_ticket(ticket_id: str, actor: ActorDep, services: ServicesDep) -> TicketDetail:
    """Scope `read` or `tickets`."""
    return _detail(await services.tickets.get(actor, ticket_id))


def _detail(view: TicketView) -> TicketDetail:
    base = TicketAnswer.model_validate(view.ticket).model_dump()
    test = None if view.line_test is None else LineTestAnswer.model_validate(view.line_test)
    check = None if view.check is None else CheckAnswer.model_validate(view.check)
    return TicketDetail(**base, test=test, check=check, verdict=None if test is None else test.verdict)
