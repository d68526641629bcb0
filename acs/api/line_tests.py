"""Line tests: start, read, list, and the stream of what happens."""

from collections.abc import AsyncGenerator
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field

from acs.api.auth import ActorDep, ServicesDep, StillDep
from acs.api.bodies import AfterQuery, Answer, Body, LimitQuery
from acs.api.sse import EVENTS, LastEventId, ServerEvent, event_stream, number_of
from acs.api.told import Told, told_within
from acs.services.actor import Actor
from acs.services.northbound import Northbound
from acs.store.records import LineTestRecord

router = APIRouter(tags=["line tests"])

#: what a stored test, and an event of a running one, say of their sources
_SAID = frozenset({"problem"})
#: number of the verdict among the events of a test, which a test of another process has as well; beyond all others
_VERDICT = 1_000_000


class LineTestRequest(Body):
    """How a line is tested."""

    depth: Literal["quick", "self-service", "normal", "full"] = Field(
        default="normal",
        description="quick asks only the access node, 5 s at most; full waits longer for a slow CPE",
    )
    ticket: Annotated[str, Field(max_length=200)] | None = None
    service: Literal["internet", "iptv", "voip"] | None = None
    deadline_s: Annotated[float, Field(ge=0.1, le=60)] | None = None


class LineTestAnswer(Answer):
    """A line test without its facts."""

    id: str
    line: str
    state: str = Field(description="running, done, failed")
    depth: str
    service: str | None
    ticket: str | None
    actor: str
    created_at: datetime
    finished_at: datetime | None
    verdict: Any = Field(None, description="null until it is done")
    detail: Told


class LineTestDetail(LineTestAnswer):
    """A line test with the snapshot of every fact, what the sources said, and where they disagree."""

    facts: Annotated[Any, AfterValidator(partial(told_within, keys=_SAID))] = None


@router.post("/lines/{line_id}/tests", summary="Test a line", status_code=202)
async def start_test(
    line_id: str, actor: ActorDep, services: ServicesDep, body: LineTestRequest | None = None
) -> LineTestAnswer:
    """Scope `test` (part of `operate`). A test of the line that runs already is joined. Follow it under
    `/line-tests/{id}/events`.
    """
    wanted = body or LineTestRequest()
    record = await services.line_tests.start(
        actor,
        line_id,
        depth=wanted.depth,
        ticket=await services.tickets.meant_for(actor, wanted.ticket, line=line_id),
        service=wanted.service,
        deadline_s=wanted.deadline_s,
    )
    return LineTestAnswer.model_validate(record)


@router.get("/line-tests", summary="Line tests, newest first")
async def list_tests(
    actor: ActorDep,
    services: ServicesDep,
    line: Annotated[str | None, Query(max_length=64)] = None,
    ticket: Annotated[str | None, Query(max_length=200)] = None,
    limit: LimitQuery = 100,
    before: AfterQuery = "",
) -> list[LineTestAnswer]:
    """Scope `read`."""
    meant = await services.tickets.meant(actor, ticket)
    found = await services.line_tests.find(actor, line=line, ticket=meant, limit=limit, before=before or None)
    return [LineTestAnswer.model_validate(record) for record in found]


@router.get("/line-tests/{test_id}", summary="One line test with its facts and verdict")
async def get_test(test_id: str, actor: ActorDep, services: ServicesDep) -> LineTestDetail:
    """Scope `read`."""
    return LineTestDetail.model_validate(await services.line_tests.get(actor, test_id))


@router.get(
    "/line-tests/{test_id}/events",
    summary="What happens in a line test, as it happens",
    response_class=StreamingResponse,
    responses=EVENTS,
)
async def watch_test(
    test_id: str, actor: ActorDep, services: ServicesDep, still: StillDep, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """Scope `read`. Server-sent events: `progress` per source, `partial` for a verdict that may still change,
    `verdict` for the final one, then `end` with the test."""
    await services.line_tests.get(actor, test_id)
    return event_stream(_events(test_id, actor, services, number_of(last_event_id)), still)


async def _events(test_id: str, actor: Actor, services: Northbound, after: int) -> AsyncGenerator[ServerEvent, None]:
    n = 0
    async for progress in services.line_tests.watch(actor, test_id):
        final = progress.kind == "verdict" and not progress.data.get("partial")
        n = _VERDICT if final else n + 1
        if progress.kind == "ended" or n <= after:
            continue
        if progress.kind == "verdict":
            yield ServerEvent("verdict" if final else "partial", dict(progress.data), str(n))
        else:
            data = {"what": progress.kind, "at": progress.at.isoformat(), **told_within(progress.data, _SAID)}
            yield ServerEvent("progress", data, str(n))
    record: LineTestRecord = await services.line_tests.get(actor, test_id)
    yield ServerEvent("end", LineTestAnswer.model_validate(record).model_dump(mode="json"))
