"""After a repair, and how good the verdicts are: closures, checkups, the quality report."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import AfterQuery, Answer, Body, Instant, LimitQuery, Name, Scalar, Text
from acs.services.after_fix import CheckupView

router = APIRouter(tags=["quality"])


class ClosureBody(Body):
    """How a ticket was closed."""

    code: Name = Field(description="a cause of the pack, or a code of [after_fix] codes")
    visited: bool | None = Field(None, description="whether somebody went there")
    overridden: bool = Field(False, description="whether a person decided otherwise than the verdict")
    note: Text = ""
    at: Instant | None = Field(None, description="when it was closed; now where it is left out")


class ListedClosureBody(ClosureBody):
    """How one ticket of a list was closed."""

    ticket: Name


class ClosuresBody(Body):
    """Closures of many tickets; one that is wrong is told and stops what follows it."""

    closures: Annotated[tuple[ListedClosureBody, ...], Field(max_length=10_000)]


class ClosureAnswer(Answer):
    """A stored closure, with the test whose verdict it is held against."""

    ticket: str
    code: str
    cause: str
    at: datetime
    actor: str
    visited: bool | None
    overridden: bool
    note: str
    line: str | None
    line_test: str | None


class CheckupBody(Body):
    """Something that was done on a line by hand."""

    action: Name = Field(description="what was done, such as visit or drop replaced")
    ticket: Name | None = None


class ChangeAnswer(Answer):
    """One fact before the action and at the last test after it."""

    name: str
    before: Scalar | None
    after: Scalar | None
    unit: str
    change: float | None


class RunAnswer(Answer):
    """One test after an action: fixed, same, other, unknown, well (before too) or superseded (by another action)."""

    n: int
    due_at: datetime
    line_test: str | None
    done_at: datetime | None
    outcome: str


class CheckupAnswer(Answer):
    """An action and what followed.

    `state`: waiting, watching, held, well, not_fixed, fell_back, unknown, superseded, kept (never tested after), void.
    """

    id: str
    line: str
    action: str
    actor: str
    at: datetime
    state: str
    operation: str | None
    ticket: str | None
    before_test: str | None
    runs: tuple[RunAnswer, ...]
    table: tuple[ChangeAnswer, ...]


@router.post("/tickets/{ticket_id}/closure", summary="Hand in how a ticket was closed")
async def close_ticket(ticket_id: str, body: ClosureBody, actor: ActorDep, services: ServicesDep) -> ClosureAnswer:
    """Scope `tickets` or `operate`. Said again, it replaces what was said."""
    found = await services.quality.close(
        actor,
        await services.tickets.meant(actor, ticket_id) or ticket_id,
        code=body.code,
        visited=body.visited,
        overridden=body.overridden,
        note=body.note,
        at=body.at,
    )
    return ClosureAnswer.model_validate(found)


@router.post("/closures", summary="Hand in how many tickets were closed")
async def close_tickets(body: ClosuresBody, actor: ActorDep, services: ServicesDep) -> list[ClosureAnswer]:
    """Scope `tickets` or `operate`. In order; the first wrong one ends it, and what came before it is stored."""
    services.quality.require_closing(actor)
    found = []
    for one in body.closures:
        closure = await services.quality.close(
            actor,
            await services.tickets.meant(actor, one.ticket) or one.ticket,
            code=one.code,
            visited=one.visited,
            overridden=one.overridden,
            note=one.note,
            at=one.at,
        )
        found.append(ClosureAnswer.model_validate(closure))
    return found


@router.post("/lines/{line_id}/checkups", summary="Look at a line after something was done on it", status_code=201)
async def begin_checkup(line_id: str, body: CheckupBody, actor: ActorDep, services: ServicesDep) -> CheckupAnswer:
    """Scope `test` (part of `operate`). Operations of a ticket, or after a line test, are looked at by themselves."""
    ticket = await services.tickets.meant_for(actor, body.ticket, line=line_id)
    return _checkup(await services.after_fix.begin(actor, line_id, body.action, ticket=ticket))


@router.get("/checkups", summary="Actions on lines and what followed")
async def list_checkups(
    actor: ActorDep,
    services: ServicesDep,
    line: Annotated[str | None, Query(max_length=64)] = None,
    ticket: Annotated[str | None, Query(max_length=64)] = None,
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[CheckupAnswer]:
    """Scope `read`. The newest first."""
    meant = await services.tickets.meant(actor, ticket)
    found = await services.after_fix.find(actor, line=line, ticket=meant, limit=limit, after=after)
    return [_checkup(one) for one in found]


@router.get("/checkups/{checkup_id}", summary="One action with the table of before and after")
async def get_checkup(checkup_id: str, actor: ActorDep, services: ServicesDep) -> CheckupAnswer:
    """Scope `read`."""
    return _checkup(await services.after_fix.get(actor, checkup_id))


@router.get("/reports/quality", summary="How good the verdicts are")
async def quality_report(
    actor: ActorDep, services: ServicesDep, days: Annotated[float, Query(gt=0, le=3_660)] = 90.0
) -> dict[str, Any]:
    """Scope `read`. Precision and recall per cause, calibration, dispatches, repeats, what helped, suggested points."""
    return await services.quality.report(actor, days=days)


def _checkup(view: CheckupView) -> CheckupAnswer:
    one = view.checkup
    return CheckupAnswer(
        id=one.id,
        line=one.line,
        action=one.action,
        actor=one.actor,
        at=one.at,
        state=one.state,
        operation=one.operation,
        ticket=one.ticket,
        before_test=one.before_test,
        runs=tuple(RunAnswer.model_validate(run) for run in view.runs),
        table=tuple(ChangeAnswer.model_validate(row) for row in view.table),
    )
