"""The door for other systems: facts, readings, incidents, planned works."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, Instant, Name, Scalar
from acs.api.text_bodies import csv_text
from acs.api.told import Told
from acs.services.context import MAX_ENTRIES, Entry, IncidentEntry, WorkEntry

router = APIRouter(tags=["context"])

Scope = Annotated[str, Field(min_length=1, max_length=300, description="topology path such as olt-1/0/1/2, or line:ID")]
SourceQuery = Annotated[str, Query(min_length=1, max_length=64, description="The system that says so.")]
AtQuery = Annotated[Instant | None, Query(description="As of when; now where it is left out.")]
_CSV = {"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}}


class EntryBody(Body):
    """One value about one line."""

    line: Name
    name: Name = Field(description="a name of docs/reference/facts.md")
    value: Scalar
    at: Instant = Field(description="when it was true; never in the future")


class FactsBody(Body):
    """Facts of one source, all taken or none."""

    source: Name
    facts: tuple[EntryBody, ...] = Field(max_length=MAX_ENTRIES)


class ReadingsBody(Body):
    """Numbers of the past of one source, all taken or none."""

    source: Name
    readings: tuple[EntryBody, ...] = Field(max_length=MAX_ENTRIES)


class IncidentBody(Body):
    """One open incident."""

    id: Name
    scope: Scope
    kind: Annotated[str, Field(max_length=64)] = ""
    since: Instant


class IncidentsBody(Body):
    """Every open incident of the source at one instant."""

    at: Instant
    incidents: tuple[IncidentBody, ...] = Field(max_length=10_000)


class WorkBody(Body):
    """One planned work."""

    id: Name
    scope: Scope
    from_at: Instant = Field(alias="from")
    to_at: Instant = Field(alias="to")


class WorksBody(Body):
    """Every planned work of the source as known at one instant."""

    at: Instant
    works: tuple[WorkBody, ...] = Field(max_length=10_000)


class TakenAnswer(Answer):
    """How many entries came, and how many of them are now what is known."""

    received: int
    stored: int


class SnapshotAnswer(Answer):
    """Whether the snapshot was taken; an older one than is stored is not."""

    stored: bool
    entries: int


@router.post("/facts", summary="Hand in facts about lines")
async def put_facts(body: FactsBody, actor: ActorDep, services: ServicesDep) -> TakenAnswer:
    """Scope `context` (part of `write`). A fact replaces what the same source said before, unless that is younger."""
    return TakenAnswer.model_validate(await services.context.put_facts(actor, body.source, _entries(body.facts)))


@router.post("/facts/import", summary="Hand in a CSV of facts", openapi_extra=_CSV)
async def import_facts(request: Request, source: SourceQuery, actor: ActorDep, services: ServicesDep) -> TakenAnswer:
    """Scope `context` (part of `write`). Columns line, name, value, at."""
    return TakenAnswer.model_validate(await services.context.import_facts(actor, source, await csv_text(request)))


@router.post("/readings", summary="Hand in numbers of the past")
async def put_readings(body: ReadingsBody, actor: ActorDep, services: ServicesDep) -> TakenAnswer:
    """Scope `context` (part of `write`). Baselines are made from them: seven days, and at least 48 hours of points."""
    done = await services.context.put_readings(actor, body.source, _entries(body.readings))
    return TakenAnswer.model_validate(done)


@router.post("/readings/import", summary="Hand in a CSV of numbers of the past", openapi_extra=_CSV)
async def import_readings(request: Request, source: SourceQuery, actor: ActorDep, services: ServicesDep) -> TakenAnswer:
    """Scope `context` (part of `write`). Columns line, name, value, at."""
    done = await services.context.import_readings(actor, source, await csv_text(request))
    return TakenAnswer.model_validate(done)


@router.put("/incidents/{source}", summary="Replace the open incidents of a source")
async def put_incidents(source: str, body: IncidentsBody, actor: ActorDep, services: ServicesDep) -> SnapshotAnswer:
    """Scope `context` (part of `write`), for all lines.

    An empty list says that there is none: lines know that they were asked about.
    """
    entries = [IncidentEntry(one.id, one.scope, one.kind, one.since) for one in body.incidents]
    stored = await services.context.put_incidents(actor, source, body.at, entries)
    return SnapshotAnswer(stored=stored, entries=len(entries))


@router.put("/planned-works/{source}", summary="Replace the planned works of a source")
async def put_planned_works(source: str, body: WorksBody, actor: ActorDep, services: ServicesDep) -> SnapshotAnswer:
    """Scope `context` (part of `write`), for all lines. An empty list says that there is none."""
    entries = [WorkEntry(one.id, one.scope, one.from_at, one.to_at) for one in body.works]
    stored = await services.context.put_planned_works(actor, source, body.at, entries)
    return SnapshotAnswer(stored=stored, entries=len(entries))


@router.post("/incidents/import", summary="Replace the open incidents of a source by a CSV", openapi_extra=_CSV)
async def import_incidents(
    request: Request, source: SourceQuery, actor: ActorDep, services: ServicesDep, at: AtQuery = None
) -> SnapshotAnswer:
    """Scope `context` (part of `write`), for all lines. Columns id, scope, kind, since; without rows there is none."""
    entries, stored = await services.context.import_incidents(actor, source, at, await csv_text(request))
    return SnapshotAnswer(stored=stored, entries=entries)


@router.post("/planned-works/import", summary="Replace the planned works of a source by a CSV", openapi_extra=_CSV)
async def import_planned_works(
    request: Request, source: SourceQuery, actor: ActorDep, services: ServicesDep, at: AtQuery = None
) -> SnapshotAnswer:
    """Scope `context` (part of `write`), for all lines. Columns id, scope, from, to; without rows there is none."""
    entries, stored = await services.context.import_planned_works(actor, source, at, await csv_text(request))
    return SnapshotAnswer(stored=stored, entries=entries)


class SourceAnswer(Answer):
    """A system that tells us of lines, and how it stands with it."""

    name: str
    kind: str = Field(description="push (expected by the configuration), pull, radius")
    tried_at: datetime
    ok_at: datetime | None
    down_since: datetime | None = Field(description="null: it is not down")
    problem: Told
    entries: int
    left_out: int = Field(description="items of its last answer that could not be used")


class SessionAnswer(Answer):
    """A session of a line as its BRAS accounts for it."""

    nas: str
    session: str
    login: str
    address: str
    port: str
    circuit: str
    started_at: datetime
    heard_at: datetime
    stopped_at: datetime | None
    cause: str
    in_octets: int
    out_octets: int


@router.get("/context-sources", summary="Systems that tell of lines, and which of them are down")
async def list_sources(actor: ActorDep, services: ServicesDep) -> list[SourceAnswer]:
    """Scope `read`. What a system that is down said before grows old, and is then not concluded from."""
    return [SourceAnswer.model_validate(one) for one in await services.sources.find(actor)]


@router.get("/lines/{line_id}/sessions", summary="Sessions of a line, by RADIUS accounting")
async def list_sessions(line_id: str, actor: ActorDep, services: ServicesDep) -> list[SessionAnswer]:
    """Scope `read`. The youngest first."""
    return [SessionAnswer.model_validate(one) for one in await services.radius.on_line(actor, line_id)]


def _entries(bodies: Sequence[EntryBody]) -> list[Entry]:
    return [Entry(one.line, one.name, one.value, one.at) for one in bodies]
