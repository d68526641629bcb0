"""Ticket systems by adapter: which there are, and the door for their signed messages."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer
from acs.api.errors import Unauthenticated
from acs.api.limits import REFUSED_BURST, REFUSED_PER_S, Rates
from acs.api.told import Told
from acs.errors import Forbidden, Replayed
from acs.services.ticket_systems import SystemView

router = APIRouter(tags=["ticket systems"])


class RefusedTicketAnswer(Answer):
    """A ticket that could not be taken when it was read last."""

    number: str = Field(description="empty where it has none")
    why: Told
    at: datetime


class FeedAnswer(Answer):
    """How far the changes of a system were read."""

    seen_to: datetime = Field(description="in the time of the system")
    looked_at: datetime
    problem: Told = Field(description="why the last look failed; empty where it did not")
    refused: list[RefusedTicketAnswer] = Field(description="tickets that could not be taken; the others were")


class TicketSystemAnswer(Answer):
    """A ticket system of the configuration."""

    name: str
    adapter: str
    url: str
    poll_s: float = Field(description="seconds between two questions for what changed; 0 for never")
    hears: bool = Field(description="whether its signed messages are taken")
    feed: FeedAnswer | None


class HeardAnswer(Answer):
    """What became of a message."""

    ticket: str = Field(description="the id of the ticket here: the system's name, a colon, its number")
    news: str = Field(description="created, the new status, or empty for nothing new")
    line_test: str | None
    detail: Told


@router.get("/ticket-systems", summary="Ticket systems by adapter")
async def list_ticket_systems(actor: ActorDep, services: ServicesDep) -> list[TicketSystemAnswer]:
    """Scope `read`."""
    return [_shown(view) for view in await services.ticket_systems.show(actor)]


@router.post(
    "/webhooks/{system}",
    summary="Take a signed message of a ticket system",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def take_message(system: str, request: Request, services: ServicesDep) -> HeardAnswer:
    """No token: the signature is the right (`X-Secondline-Signature`, or what the adapter says).

    The ticket in the message is taken as it is now: a new one gets a line test, a resolved one is tested again.
    """
    origin = request.client.host if request.client is not None else ""
    try:
        heard = await services.ticket_systems.hear(system, request.headers, await request.body(), origin)
    except (Forbidden, Replayed) as error:
        rates: Rates = request.app.state.rates
        rates.take(f"refused {origin}", REFUSED_PER_S, REFUSED_BURST)
        raise Unauthenticated(str(error)) from error
    return HeardAnswer.model_validate(heard)


def _shown(view: SystemView) -> TicketSystemAnswer:
    feed: Any = None if view.feed is None else FeedAnswer.model_validate(view.feed)
    return TicketSystemAnswer(
        name=view.name, adapter=view.adapter, url=view.url, poll_s=view.poll_s, hears=view.hears, feed=feed
    )
