"""Mass outages: what is open, its lines and tickets; a person confirms or ends it."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep, StillDep
from acs.api.bodies import AfterQuery, Answer, Body, LimitQuery, Text
from acs.api.sse import EVENTS, LastEventId, ServerEvent, event_stream, number_of
from acs.api.told import Told
from acs.services.actor import Scope
from acs.services.outage_telling import TOPIC
from acs.store.outages import OutageLine, OutageRecord

router = APIRouter(tags=["outages"])

#: outages, the newest, among which those that changed meanwhile are looked for
_MISSED = 1_000

State = Literal["candidate", "confirmed", "restored", "closed", "dismissed"]
Kind = Literal["power", "fibre", "mixed", "unknown", "sessions", "tickets"]


class OutageAnswer(Answer):
    """One outage. `hit` lines of `members` are down; `gasp_share` is the part that told of a loss of power.

    `witness` says what showed it: fall (access nodes), silent (Informs that stop), boot, session, ticket.
    """

    id: str
    state: str
    witness: str
    level: str
    scope: str
    node: str
    kind: str
    since: datetime
    opened_at: datetime
    changed_at: datetime
    hit: int
    members: int
    log_chance: float
    gasp_share: float | None
    detail: Told
    confirmed_by: str | None
    confirmed_at: datetime | None
    restored_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    note: Told


class OutageLineAnswer(Answer):
    """A line of an outage. `outcome` is what is known of it after the end, and empty before.

    healthy: its test found nothing. broken: its test found a fault, or it is down yet. unknown: it was tested, and not
    all that is needed to call it well was seen. not_tested: no test of it ended in time.
    """

    line: str
    at: datetime
    gasp: bool | None
    back_at: datetime | None
    line_test: str | None
    outcome: str


class OutageTicketAnswer(Answer):
    """A ticket of an outage."""

    ticket: str
    line: str
    at: datetime


class OutcomesAnswer(Answer):
    """How many lines of an outage are known to be what after its end; see `outcome` of a line."""

    healthy: int
    broken: int
    unknown: int
    not_tested: int


class WholeOutageAnswer(OutageAnswer):
    """An outage with its lines and tickets; `still_broken` are those that the tests after it found."""

    lines: tuple[OutageLineAnswer, ...]
    tickets: tuple[OutageTicketAnswer, ...]
    still_broken: tuple[str, ...]
    outcomes: OutcomesAnswer


class ExcessAnswer(Answer):
    """A group with more tickets than its share; `rate` is how many times its share."""

    level: str
    scope: str
    tickets: int
    lines: int
    expected: float
    rate: float
    chance: float
    examples: tuple[str, ...]


class ConfirmBody(Body):
    """What a person adds to a candidate."""

    note: Text = ""
    kind: Kind | None = None


class CloseBody(Body):
    """Why a person ends an outage."""

    note: Annotated[str, Field(min_length=1, max_length=1_000)]
    dismiss: bool = False


@router.get("/outages", summary="Mass outages, the newest first")
async def list_outages(
    actor: ActorDep,
    services: ServicesDep,
    state: State | None = None,
    active: Annotated[bool, Query(description="only those that are not over")] = False,
    limit: LimitQuery = 100,
    before: AfterQuery = "",
) -> list[OutageAnswer]:
    """Scope `read`."""
    found = await services.outages.find(actor, state=state, active=active, limit=limit, before=before)
    return [OutageAnswer.model_validate(one) for one in found]


@router.get(
    "/outages/stream",
    summary="What becomes of outages, as it happens (server-sent events)",
    response_class=StreamingResponse,
    responses=EVENTS,
)
async def stream_outages(
    actor: ActorDep, services: ServicesDep, still: StillDep, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """Scope `read`, for all lines. Of this process's own worker: where another one looks, ask `/outages`."""
    actor.require_all_lines(Scope.READ)

    async def events() -> AsyncGenerator[ServerEvent, None]:
        async with services.bus.subscribe(TOPIC) as subscription:
            if after:
                missed = [one for one in await services.outages.find(actor, limit=_MISSED) if _number(one) > after]
                for one in sorted(missed, key=_number):
                    yield _event(one)
            async for item in subscription:
                if isinstance(item, OutageRecord):
                    yield _event(item)

    after = number_of(last_event_id)
    return event_stream(events(), still)


def _event(outage: OutageRecord) -> ServerEvent:
    return ServerEvent("outage", OutageAnswer.model_validate(outage).model_dump(mode="json"), str(_number(outage)))


def _number(outage: OutageRecord) -> int:
    """What orders changes of outages: microseconds since 1970."""
    return round(outage.changed_at.timestamp() * 1_000_000)


@router.get("/outages/systemic", summary="What has more tickets than its share")
async def list_systemic(
    actor: ActorDep,
    services: ServicesDep,
    days: Annotated[float, Query(gt=0, le=366, description="tickets of so many days")] = 7.0,
) -> list[ExcessAnswer]:
    """Scope `read`. Models, firmware, splitters, ports, nodes and streets; the clearest first."""
    return [ExcessAnswer.model_validate(one) for one in await services.outages.systemic(actor, days=days)]


@router.get("/outages/{outage_id}", summary="One outage with its lines and tickets")
async def get_outage(outage_id: str, actor: ActorDep, services: ServicesDep) -> WholeOutageAnswer:
    """Scope `read`."""
    outage, lines, tickets = await services.outages.get(actor, outage_id)
    return WholeOutageAnswer(
        **OutageAnswer.model_validate(outage).model_dump(),
        lines=tuple(OutageLineAnswer.model_validate(one) for one in lines),
        tickets=tuple(OutageTicketAnswer.model_validate(one) for one in tickets),
        still_broken=tuple(one.line for one in lines if one.outcome == "broken"),
        outcomes=_outcomes(lines),
    )


def _outcomes(lines: Iterable[OutageLine]) -> OutcomesAnswer:
    count = Counter(one.outcome for one in lines)
    return OutcomesAnswer(**{name: count[name] for name in OutcomesAnswer.model_fields})


@router.post("/outages/{outage_id}/confirm", summary="Say that a candidate is an outage")
async def confirm_outage(outage_id: str, body: ConfirmBody, actor: ActorDep, services: ServicesDep) -> OutageAnswer:
    """Scope `outages` (part of `operate`)."""
    found = await services.outages.confirm(actor, outage_id, note=body.note, kind=body.kind)
    return OutageAnswer.model_validate(found)


@router.post("/outages/{outage_id}/close", summary="End an outage, or say that it is none")
async def close_outage(outage_id: str, body: CloseBody, actor: ActorDep, services: ServicesDep) -> OutageAnswer:
    """Scope `outages` (part of `operate`). What fell before is not held against it again; new falls open a new one."""
    found = await services.outages.close(actor, outage_id, note=body.note, dismiss=body.dismiss)
    return OutageAnswer.model_validate(found)
