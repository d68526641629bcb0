"""TMF653 Service Test Management v4: line tests for systems that speak it."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.tmf.answers import TMF_ERRORS, FieldsQuery, TmfRoute, WantedDep, base_of, tmf_json
from acs.api.tmf.hubs import add_hub
from acs.errors import NotFound
from acs.services.actor import Actor
from acs.services.northbound import Northbound
from acs.services.tmf.notices import Interface
from acs.services.tmf.selection import selected
from acs.services.tmf.service_tests import BASE

router = APIRouter(prefix=BASE, tags=["TMF653 service tests"], route_class=TmfRoute)

#: the filter whose values are numbers of tickets
_TICKET_FILTER = "characteristic.ticketId"


class _In(BaseModel):
    """TM Forum bodies may hold more than is read."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ServiceRef(_In):
    """The service that is tested: `id` is the line, `name` internet, iptv or voip."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
    name: Annotated[str, Field(max_length=256)] = ""


class SpecificationRef(_In):
    """How it is tested: quick, self-service, normal or full."""

    id: Annotated[str, Field(max_length=64)]


class Characteristic(_In):
    """`ticketId` is read."""

    name: Annotated[str, Field(max_length=256)]
    value: Any = None


class ServiceTestCreate(_In):
    """A ServiceTest as it is asked for."""

    name: Annotated[str, Field(max_length=1_000)]
    related_service: ServiceRef = Field(alias="relatedService")
    test_specification: SpecificationRef = Field(alias="testSpecification")
    characteristic: Annotated[tuple[Characteristic, ...], Field(max_length=100)] = ()

    @property
    def ticket(self) -> str | None:
        """The ticket that the test is for."""
        found = [one.value for one in self.characteristic if one.name == "ticketId" and isinstance(one.value, str)]
        return found[0][:200].replace("\x00", "") if found else None


@router.post("/serviceTest", summary="Test a line (TMF653)", status_code=201, responses=TMF_ERRORS)
async def create_service_test(
    body: ServiceTestCreate, request: Request, actor: ActorDep, services: ServicesDep
) -> JSONResponse:
    """Scope `test` (part of `operate`). A test of the line that runs already is joined; its end comes as an event of
    the hub.

    `relatedService.id` is the line, `testSpecification.id` the depth, the characteristic `ticketId` the ticket.
    """
    pages, line = services.tmf.pages, body.related_service.id
    made = await pages.start_test(
        actor,
        line,
        body.test_specification.id,
        pages.base(base_of(request)),
        ticket=await services.tickets.meant_for(actor, body.ticket, line=line),
        service=body.related_service.name or None,
    )
    return tmf_json(made, 201, {"Location": f"{BASE}/serviceTest/{made['id']}"})


@router.get("/serviceTest", summary="Line tests as service tests (TMF653)", responses=TMF_ERRORS)
async def list_service_tests(
    request: Request, wanted: WantedDep, actor: ActorDep, services: ServicesDep
) -> JSONResponse:
    """Scope `read`. Newest first; filters: id, state, relatedService.id, testSpecification.id,
    characteristic.ticketId, and startDateTime and endDateTime with .gt, .gte, .lt, .lte."""
    pages = services.tmf.pages
    base = pages.base(base_of(request))
    filters = [(name, await _meant(services, actor, name, value)) for name, value in wanted.filters]
    return wanted.answer(await pages.service_tests(actor, filters, wanted.offset, wanted.limit, base))


@router.get("/serviceTest/{test_id}", summary="One line test as a service test (TMF653)", responses=TMF_ERRORS)
async def get_service_test(
    test_id: str, request: Request, actor: ActorDep, services: ServicesDep, fields: FieldsQuery = ""
) -> JSONResponse:
    """Scope `read`. Its facts are `testMeasure` with the time of their capture, its verdict `characteristic`."""
    pages = services.tmf.pages
    return tmf_json(selected(await pages.service_test(actor, test_id, pages.base(base_of(request))), fields))


@router.get("/serviceTestSpecification", summary="How lines can be tested (TMF653)", responses=TMF_ERRORS)
async def list_specifications(
    request: Request, wanted: WantedDep, actor: ActorDep, services: ServicesDep
) -> JSONResponse:
    """Scope `read`. The version is that of the rule pack that decides; measures are all facts that a test may hold."""
    pages = services.tmf.pages
    found = await pages.specifications(actor, wanted.filters, pages.base(base_of(request)))
    return wanted.answer(wanted.page_of(found))


@router.get(
    "/serviceTestSpecification/{specification_id}", summary="One way to test a line (TMF653)", responses=TMF_ERRORS
)
async def get_specification(
    specification_id: str, request: Request, actor: ActorDep, services: ServicesDep, fields: FieldsQuery = ""
) -> JSONResponse:
    """Scope `read`."""
    pages = services.tmf.pages
    found = await pages.specifications(actor, [("id", specification_id)], pages.base(base_of(request)))
    if not found:
        known = "quick, self-service, normal, full"
        raise NotFound(f"there is no specification {specification_id[:80]!r}; there are {known}")
    return tmf_json(selected(found[0], fields))


async def _meant(services: Northbound, actor: Actor, name: str, value: str) -> str:
    """The value of a filter; numbers of tickets as the caller's system means them."""
    if name != _TICKET_FILTER:
        return value
    return ",".join([await services.tickets.meant(actor, one) or one for one in value.split(",")])


add_hub(router, Interface.SERVICE_TEST)
