"""TMF642 Alarm v4: alarms of access nodes and our own, for systems that speak it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from acs.api.auth import ActorDep, ServicesDep
from acs.api.language import current
from acs.api.tmf.answers import TMF_ERRORS, FieldsQuery, TmfRoute, WantedDep, base_of, tmf_json
from acs.api.tmf.hubs import add_hub
from acs.services.tmf.alarms import BASE
from acs.services.tmf.notices import Interface
from acs.services.tmf.selection import selected

router = APIRouter(prefix=BASE, tags=["TMF642 alarms"], route_class=TmfRoute)

AlarmNumber = Annotated[int, Path(ge=0, le=2**53 - 1, description="The number of the alarm.")]


@router.get("/alarm", summary="Alarms (TMF642)", responses=TMF_ERRORS)
async def list_alarms(request: Request, wanted: WantedDep, actor: ActorDep, services: ServicesDep) -> JSONResponse:
    """Scope `read`. The newest 1 000 of access nodes and of our own; filters on any member, such as state=raised."""
    pages = services.tmf.pages
    base = pages.base(base_of(request))
    return wanted.answer(await pages.alarms(actor, wanted.filters, wanted.offset, wanted.limit, base, current()))


@router.get("/alarm/{alarm_id}", summary="One alarm (TMF642)", responses=TMF_ERRORS)
async def get_alarm(
    alarm_id: AlarmNumber, request: Request, actor: ActorDep, services: ServicesDep, fields: FieldsQuery = ""
) -> JSONResponse:
    """Scope `read`."""
    pages = services.tmf.pages
    found = await pages.alarm(actor, alarm_id, pages.base(base_of(request)), current())
    return tmf_json(selected(found, fields))


add_hub(router, Interface.ALARM)
