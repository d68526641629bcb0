"""Who devices are: quarantine and admission, credentials of their own, and the alarms about them."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import AfterQuery, Answer, Body, LimitQuery, Text
from acs.api.operations import OperationAnswer, operation_answer
from acs.api.told import told_within

#: what an alarm says in words; the rest of its detail are values
_SAID = frozenset({"why", "ended"})

router = APIRouter(tags=["identity"])


class QuarantineAnswer(Answer):
    """A device that is only recorded."""

    device: str
    since: datetime
    actor: str = Field(description="who put it there; `policy` where the network's enrolment says so")
    reason: str


class Admission(Body):
    """Whether the device is served, or only recorded."""

    admitted: bool
    reason: Text = ""


class AlarmAnswer(Answer):
    """Something that somebody should look at."""

    id: str
    kind: str
    subject: str = Field(description="what it is about: device:KEY, fleet, cwmp, api, firmware:MODEL VERSION")
    detail: Annotated[dict[str, Any], AfterValidator(partial(told_within, keys=_SAID))]
    raised_at: datetime
    last_at: datetime = Field(description="when it was last seen")
    count: int = Field(description="how often it was seen")
    cleared_at: datetime | None
    cleared_by: str | None


@router.get("/quarantine", summary="Devices that are only recorded, by key")
async def list_quarantined(
    actor: ActorDep, services: ServicesDep, limit: LimitQuery = 100, after: AfterQuery = ""
) -> list[QuarantineAnswer]:
    """Scope `read`."""
    found = await services.identity.quarantined(actor, limit=limit, after=after)
    return [QuarantineAnswer.model_validate(record) for record in found]


@router.put("/devices/{key:path}/admission", summary="Admit a device, or put it into quarantine", status_code=204)
async def set_admission(key: str, body: Admission, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `operate`. A device in quarantine is only recorded: nothing is read of it or set on it."""
    if body.admitted:
        await services.identity.admit(actor, key, body.reason)
    else:
        await services.identity.quarantine(actor, key, body.reason)


@router.post("/devices/{key:path}/credentials", summary="Give a device a new credential of its own", status_code=202)
async def renew_credentials(key: str, actor: ActorDep, services: ServicesDep) -> OperationAnswer:
    """Scope `operate`. It is told in the device's next session; the old one is good until the new one was used."""
    return operation_answer(await services.identity.renew_credentials(actor, key))


@router.delete("/devices/{key:path}/credentials", summary="Forget a device's own credential", status_code=204)
async def remove_credentials(key: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `operate`. The shared credential lets it in again, as it must after a reset to factory state."""
    await services.identity.remove_credentials(actor, key)


@router.get("/alarms", summary="Alarms, newest first")
async def list_alarms(
    actor: ActorDep,
    services: ServicesDep,
    active: Annotated[bool | None, Query(description="Only those that are active, or only those that are not.")] = None,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=512)] = None,
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[AlarmAnswer]:
    """Scope `read`."""
    found = await services.alarms.list(actor, active=active, kind=kind, subject=subject, limit=limit, after=after)
    return [AlarmAnswer.model_validate(record) for record in found]


@router.post("/alarms/{alarm_id}/clear", summary="End an alarm")
async def clear_alarm(alarm_id: str, actor: ActorDep, services: ServicesDep) -> AlarmAnswer:
    """Scope `operate`. It is raised again when its cause is still there."""
    return AlarmAnswer.model_validate(await services.alarms.clear(actor, alarm_id))
