"""TMF656 Service Problem v4: mass outages for systems that speak it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.tmf.answers import TMF_ERRORS, FieldsQuery, TmfRoute, WantedDep, base_of, tmf_json
from acs.api.tmf.hubs import add_hub
from acs.services.identifiers import new_id
from acs.services.tmf.notices import Interface
from acs.services.tmf.selection import selected
from acs.services.tmf.service_problems import BASE

router = APIRouter(prefix=BASE, tags=["TMF656 service problems"], route_class=TmfRoute)

Status = Literal["acknowledged", "rejected", "pending", "held", "inProgress", "resolved", "cancelled", "closed"]


class _In(BaseModel):
    """TM Forum bodies may hold more than is read."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ServiceProblemUpdate(_In):
    """What is said of a problem; other members are kept by us alone and not looked at."""

    status: Status
    status_reason: Annotated[str, Field(alias="statusChangeReason", max_length=1_000, pattern=r"^[^\x00]*$")] = ""


class ProblemRef(_In):
    """A problem by its id."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class AcknowledgementCreate(_In):
    """The problems that are confirmed."""

    problem: Annotated[tuple[ProblemRef, ...], Field(min_length=1, max_length=20)]


@router.get("/serviceProblem", summary="Mass outages as service problems (TMF656)", responses=TMF_ERRORS)
async def list_service_problems(
    request: Request, wanted: WantedDep, actor: ActorDep, services: ServicesDep
) -> JSONResponse:
    """Scope `read`. The newest 1 000; filters on any member, such as status=acknowledged or priority.lte=2."""
    pages = services.tmf.pages
    base = pages.base(base_of(request))
    return wanted.answer(await pages.service_problems(actor, wanted.filters, wanted.offset, wanted.limit, base))


@router.get("/serviceProblem/{problem_id}", summary="One mass outage as a service problem (TMF656)",
            responses=TMF_ERRORS)  # fmt: skip
async def get_service_problem(
    problem_id: str, request: Request, actor: ActorDep, services: ServicesDep, fields: FieldsQuery = ""
) -> JSONResponse:
    """Scope `read`. With its lines as `affectedService` and its tickets as `troubleTicket`."""
    pages = services.tmf.pages
    return tmf_json(selected(await pages.service_problem(actor, problem_id, pages.base(base_of(request))), fields))


@router.patch("/serviceProblem/{problem_id}", summary="Say what an outage is (TMF656)", responses=TMF_ERRORS)
async def change_service_problem(
    problem_id: str, body: ServiceProblemUpdate, request: Request, actor: ActorDep, services: ServicesDep
) -> JSONResponse:
    """Scope `outages` (part of `operate`). inProgress confirms it, resolved and closed end it, cancelled and rejected
    say that it was none."""
    pages = services.tmf.pages
    base = pages.base(base_of(request))
    return tmf_json(await pages.change_problem(actor, problem_id, body.status, body.status_reason, base))


@router.post("/problemAcknowledgement", summary="Confirm outages (TMF656)", status_code=201, responses=TMF_ERRORS)
async def acknowledge_problems(
    body: AcknowledgementCreate, request: Request, actor: ActorDep, services: ServicesDep
) -> JSONResponse:
    """Scope `outages` (part of `operate`). In order; the first that is no candidate ends it."""
    pages = services.tmf.pages
    base = pages.base(base_of(request))
    done: list[dict[str, Any]] = []
    for one in body.problem:
        changed = await pages.change_problem(actor, one.id, "inProgress", "", base)
        done.append({"id": changed["id"], "href": changed["href"]})
    asked = [{"id": one.id} for one in body.problem]
    shown = {"id": new_id(), "problem": asked, "ackProblem": done, "@type": "ProblemAcknowledgement"}
    return tmf_json(shown, 201)


add_hub(router, Interface.SERVICE_PROBLEM)
