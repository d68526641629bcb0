"""Reports of support: JSON, CSV, and a page."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Instant
from acs.api.language import current
from acs.api.operating_page import page
from acs.api.pages import Page
from acs.api.pages import alone as with_looks
from acs.services.operating import Report, csv_of
from acs.services.operating_figures import Figures, Part

router = APIRouter(tags=["quality"])

Division = Literal["all", "region", "model", "cause", "verdict", "day"]
DaysQuery = Annotated[float, Query(gt=0, le=3_660, description="How many days the report is about.")]
UntilQuery = Annotated[Instant | None, Query(description="When they end; now where it is left out.")]
ByQuery = Annotated[Division, Query(description="What the figures are divided by.")]


class ShareAnswer(Answer):
    """How many of how many; `share` is null of nothing."""

    part: int
    whole: int
    share: float | None


class FiguresAnswer(Answer):
    """The figures of one part; `name` is empty for what belongs to none."""

    name: str
    tests: int
    tickets: int
    verdicts: dict[str, int]
    closed: int
    fixed_remotely: ShareAnswer
    dispatched: ShareAnswer
    repeats: ShareAnswer
    verdict_median_s: float | None
    verdict_p95_s: float | None
    norms: dict[str, ShareAnswer]


class ReportAnswer(Answer):
    """Figures of a time; `whole` is false where there were more tests than one report counts."""

    since: datetime
    until: datetime
    by: str
    whole: bool
    total: FiguresAnswer
    parts: list[FiguresAnswer]


@router.get("/reports/operating", summary="Tests, verdicts, repairs from afar, visits, repeats, norms")
async def operating_report(
    actor: ActorDep, services: ServicesDep, days: DaysQuery = 30.0, by: ByQuery = "all", until: UntilQuery = None
) -> ReportAnswer:
    """Scope `reports` (part of `read`). The norms: 30 s to the verdict, 5 min, 10 min and 24 h to the closing."""
    return _answer(await services.operating.report(actor, days=days, by=by, until=until))


@router.get(
    "/reports/operating.csv",
    summary="The same as a table",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def operating_csv(
    actor: ActorDep, services: ServicesDep, days: DaysQuery = 30.0, by: ByQuery = "day", until: UntilQuery = None
) -> Response:
    """Scope `reports` (part of `read`). A row per part."""
    report = await services.operating.report(actor, days=days, by=by, until=until)
    told = {"Content-Disposition": f'attachment; filename="operating-{by}.csv"'}
    return Response(csv_of(report), media_type="text/csv; charset=utf-8", headers=told)


@router.get("/reports/operating.html", summary="The same as a page", response_class=Page)
async def operating_page(
    actor: ActorDep,
    services: ServicesDep,
    days: DaysQuery = 30.0,
    by: ByQuery = "region",
    until: UntilQuery = None,
    lang: Annotated[Literal["en", "ru"] | None, Query(description="Else as Accept-Language says.")] = None,
    alone: Annotated[bool, Query(description="With its looks inside, to be kept as a file.")] = False,
) -> Page:
    """Scope `reports` (part of `read`). Without scripts and without anything from elsewhere."""
    report = await services.operating.report(actor, days=days, by=by, until=until)
    drawn = page(report, lang or current(), services.packs.titles())
    return Page(with_looks(drawn), file=f"operating-{by}.html") if alone else Page(drawn)


def _answer(report: Report) -> ReportAnswer:
    return ReportAnswer(
        since=report.since,
        until=report.until,
        by=report.division,
        whole=report.whole,
        total=_figures(report.total),
        parts=[_figures(one) for one in report.parts],
    )


def _figures(one: Figures) -> FiguresAnswer:
    told: dict[str, Any] = asdict(one)
    for name in ("fixed_remotely", "dispatched", "repeats"):
        told[name] = _share(getattr(one, name))
    told["norms"] = {name: _share(part) for name, part in one.norms.items()}
    return FiguresAnswer(**told)


def _share(part: Part) -> ShareAnswer:
    return ShareAnswer(part=part.part, whole=part.whole, share=part.share)
