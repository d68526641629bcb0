"""Hooks for ticket systems: reboot, line test, resync, "is it fixed?", each in one call."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, LimitQuery, Name
from acs.api.told import Told
from acs.services.action_limits import IS_IT_FIXED, REBOOT, RESYNC, TEST
from acs.services.actor import Actor
from acs.services.hooks import KEY_CHARS, HookRequest, HookView
from acs.services.northbound import Northbound

router = APIRouter(tags=["hooks"])

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_CHARS,
        description="A word of yours for this question, such as the id of your event: the same key, the same answer.",
    ),
]
Ticket = Annotated[str, Field(min_length=1, max_length=200)]
_CODES: dict[int | str, dict[str, Any]] = {
    202: {"description": "Not over yet: ask again under Location, or send the same call with the same key."},
    404: {"description": "The line, the ticket or the device is not known."},
    409: {"description": "The key stands for another body, or the line has no one CPE that could be meant."},
    423: {"description": "Writes are frozen; nothing was begun."},
}


class HookBody(Body):
    """What every hook is told: a line, or a ticket that was handed in and names one."""

    line: Name | None = None
    ticket: Ticket | None = None
    deadline_s: float | None = Field(None, ge=0.1, le=31 * 86_400, description="It is given up after so many seconds.")
    wait_s: float | None = Field(None, ge=0, le=300, description="How long this call waits for the end.")


class DeviceHookBody(HookBody):
    """What a hook on a device is told besides."""

    device: Annotated[str, Field(max_length=512)] | None = Field(None, description="Where the line has several CPEs.")
    reason: Annotated[str, Field(max_length=500)] = ""


class ResyncBody(DeviceHookBody):
    """`settings`: read everything, then put right what the rules want. `session`: restart the subscriber's session."""

    what: Literal["settings", "session", "all"] = "settings"


class TestBody(HookBody):
    """How deep, and about which service."""

    depth: Literal["quick", "normal", "full"] = "normal"
    service: Literal["internet", "iptv", "voip"] | None = None


class HookOperation(Answer):
    """An operation that was begun."""

    id: str
    kind: str
    state: str
    detail: Told
    finished_at: datetime | None


class ChangeAnswer(Answer):
    """A fact before and after."""

    name: str
    before: Any
    after: Any
    unit: str
    change: float | None


class HookAnswer(Answer):
    """A call of a hook and what became of it."""

    id: str
    hook: str
    line: str
    device: str | None
    ticket: str | None
    state: str = Field(description="running, done, failed")
    detail: Told
    created_at: datetime
    deadline_at: datetime
    operations: list[HookOperation]
    line_test: str | None
    verdict: Any = Field(None, description="of the line test, once it is done")
    fixed: bool | None = Field(None, description='of "is it fixed?": null where it cannot be said')
    outcome: str | None = Field(None, description="fixed, same (the same fault), other (another fault), unknown")
    changes: list[ChangeAnswer] = Field(default_factory=list)


@router.post("/hooks/reboot", summary="Reboot the CPE of a line", responses=_CODES)
async def hook_reboot(
    body: DeviceHookBody, key: Key, response: Response, actor: ActorDep, services: ServicesDep
) -> HookAnswer:
    """Scope `operate`. Done when the device has proven that it rebooted; at most one reboot per key, whatever fails."""
    return await _called(services, actor, REBOOT, body, key, response)


@router.post("/hooks/line-test", summary="Test a line", responses=_CODES)
async def hook_line_test(
    body: TestBody, key: Key, response: Response, actor: ActorDep, services: ServicesDep
) -> HookAnswer:
    """Scope `test` (part of `operate`). A test of the line that already runs and measures as much is joined."""
    return await _called(services, actor, TEST, body, key, response)


@router.post("/hooks/resync", summary="Put the CPE of a line right", responses=_CODES)
async def hook_resync(
    body: ResyncBody, key: Key, response: Response, actor: ActorDep, services: ServicesDep
) -> HookAnswer:
    """Scope `operate`. Reads the device and sets what the provisioning rules want, or restarts its session."""
    return await _called(services, actor, RESYNC, body, key, response)


@router.post("/hooks/is-it-fixed", summary="Is the fault of a ticket or a line gone?", responses=_CODES)
async def hook_is_it_fixed(
    body: TestBody, key: Key, response: Response, actor: ActorDep, services: ServicesDep
) -> HookAnswer:
    """Scope `test` (part of `operate`). A new test, held against the ticket's first one or the line's last one."""
    return await _called(services, actor, IS_IT_FIXED, body, key, response)


@router.get("/hooks", summary="Calls of hooks for a line or a ticket", responses={404: _CODES[404]})
async def list_hooks(
    actor: ActorDep,
    services: ServicesDep,
    line: Annotated[str | None, Query(max_length=64)] = None,
    ticket: Annotated[str | None, Query(max_length=200)] = None,
    limit: LimitQuery = 20,
) -> list[HookAnswer]:
    """Scope `read`; `test` or `operate` for one's own calls. The newest first; name a line or a ticket."""
    meant = await services.tickets.meant(actor, ticket)
    return [_answer(view) for view in await services.hooks.find(actor, line=line, ticket=meant, limit=limit)]


@router.get("/hooks/{call_id}", summary="What became of a call", responses={404: _CODES[404]})
async def get_hook(call_id: str, actor: ActorDep, services: ServicesDep) -> HookAnswer:
    """Scope `read`; `test` or `operate` for one's own call."""
    return _answer(await services.hooks.get(actor, call_id))


async def _called(
    services: Northbound, actor: Actor, hook: str, body: HookBody, key: str, response: Response
) -> HookAnswer:
    said = body.model_dump(exclude={"wait_s"}, exclude_none=True)
    said |= {"ticket": await services.tickets.meant_for(actor, body.ticket, line=body.line)}
    view = await services.hooks.call(actor, hook, HookRequest(**said), key, wait_s=body.wait_s)
    if view.state == "running":
        response.status_code = 202
    response.headers["Location"] = f"/api/v1/hooks/{view.call.id}"
    return _answer(view)


def _answer(view: HookView) -> HookAnswer:
    call, test, comparison = view.call, view.line_test, view.comparison
    changes: Sequence[Any] = comparison.table if comparison is not None else ()
    outcome = comparison.outcome if comparison is not None else None
    return HookAnswer(
        id=call.id,
        hook=call.hook,
        line=call.line,
        device=call.device,
        ticket=call.ticket,
        state=view.state,
        detail=view.detail,
        created_at=call.created_at,
        deadline_at=call.deadline_at,
        operations=[HookOperation.model_validate(each) for each in view.operations],
        line_test=call.line_test,
        verdict=test.verdict if test is not None else None,
        fixed=None if outcome in (None, "unknown") else outcome == "fixed",
        outcome=outcome,
        changes=[ChangeAnswer.model_validate(each) for each in changes],
    )
