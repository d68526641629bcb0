"""The card of a device, and its history as curves."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer
from acs.api.told import Told
from acs.services.curves import LONGEST_DAYS, MOST_POINTS, SHOWN_POINTS
from acs.services.device_card import State
from acs.services.device_cards import LIVE_S, LONGEST_LIVE_S
from acs.services.reboot_history import Cause

router = APIRouter(tags=["devices"])

Scalar = bool | int | float | str
Title = Annotated[dict[str, str], Field(description="in Russian and English: ru, en")]


class ValueAnswer(Answer):
    """One value of a card."""

    name: str
    title: Title
    value: Scalar | None
    unit: str
    state: State = Field(
        description="ok, stale, unreadable (see raw), not_reported (no tree of this model ever had it), not_read, "
        "not_known (neither a standard nor its profile says where this model has it)"
    )
    at: datetime | None = Field(description="when it was measured or read")
    age_s: float | None
    source: str
    raw: str | None = Field(description="what was sent, where it means nothing")
    note: str = Field(description="how it was read, or what it rests on")


class ColumnAnswer(Answer):
    """A column of a table."""

    name: str
    title: Title
    unit: str
    state: State = Field(description="ok where a row has it, else why none has")


class CellAnswer(Answer):
    """One value of a row."""

    value: Scalar | None
    state: State
    at: datetime
    age_s: float
    raw: str | None


class RowAnswer(Answer):
    """One thing of a table."""

    path: str = Field(description="its object in the device's tree")
    source: str
    cells: dict[str, CellAnswer]


class TableAnswer(Answer):
    """A table; `ok` without rows: the device says that there is none."""

    name: str
    title: Title
    state: State
    columns: list[ColumnAnswer]
    rows: list[RowAnswer]


class SectionAnswer(Answer):
    """A section of a card."""

    name: str
    title: Title
    values: list[ValueAnswer]
    tables: list[TableAnswer]


class RebootAnswer(Answer):
    """One start of the device."""

    at: datetime
    cause: Cause
    by: str = Field(description="who asked for it, or the command key of another ACS")
    reason: Told = Field(description="of the operation behind it, or the device's own")
    operation: str | None
    events: list[str]
    told: bool = Field(
        description="the device's own table of starts has it; without events it is known from there only"
    )


class DefectAnswer(Answer):
    """A known defect of the firmware that runs."""

    title: Title
    source: str


class CardAnswer(Answer):
    """A device at a glance."""

    device: str
    kind: str = Field(description="generic, ont, router, stb")
    line: str | None
    profile: str | None
    profile_title: str
    proven: bool = Field(description="false: no real device of this profile was ever seen, its values need care")
    unknown: list[str] = Field(description="what is not known of this model")
    read_at: datetime | None = Field(description="when its tree was last read")
    sections: list[SectionAnswer]
    reboots: list[RebootAnswer]
    defects: list[DefectAnswer]
    defects_reviewed: str | None = Field(description="when the list of defects was last looked at; null: there is none")


class RefreshedAnswer(Answer):
    """A card after a reading of the device."""

    card: CardAnswer
    operation: str = Field(description="the reading, under /operations")
    seconds: float
    problem: Told = Field(description="why the device did not answer; empty where it did")


class PointAnswer(Answer):
    """One point: the mean of `n` measurements, the least and the greatest of them."""

    at: datetime
    value: float
    low: float
    high: float
    n: int


class CurveAnswer(Answer):
    """What one source measured, oldest first."""

    of: str = Field(description="device: it said so itself; line: others measured it on its line")
    source: str
    points: list[PointAnswer]


class CurvesAnswer(Answer):
    """History of one fact."""

    fact: str
    since: datetime
    until: datetime
    curves: list[CurveAnswer]


@router.get("/devices/{key:path}/card", summary="A device at a glance")
async def device_card(key: str, actor: ActorDep, services: ServicesDep) -> CardAnswer:
    """Scope `read`. As everything is known now; every value has its age, source and state."""
    return CardAnswer.model_validate(await services.cards.show(actor, key))


@router.post("/devices/{key:path}/card/refresh", summary="Read a device, then its card")
async def refresh_card(
    key: str,
    actor: ActorDep,
    services: ServicesDep,
    wait_s: Annotated[float, Query(gt=0, le=LONGEST_LIVE_S, description="Seconds to wait for the device.")] = LIVE_S,
) -> RefreshedAnswer:
    """Scope `operate`. The device is called and read; what did not come in time stays as it was known."""
    return RefreshedAnswer.model_validate(await services.cards.refresh(actor, key, wait_s=wait_s))


@router.get("/devices/{key:path}/readings/facts", summary="Facts of a device that have history")
async def reading_facts(key: str, actor: ActorDep, services: ServicesDep) -> list[str]:
    """Scope `read`. Names of `docs/reference/facts.md`."""
    return await services.history.facts(actor, key)


@router.get("/devices/{key:path}/readings/all", summary="History of every fact of a device")
async def every_reading(
    key: str,
    actor: ActorDep,
    services: ServicesDep,
    days: Annotated[float, Query(gt=0, le=LONGEST_DAYS)] = 7.0,
    points: Annotated[
        int, Query(ge=1, le=MOST_POINTS, description="Greatest number of points of a curve.")
    ] = SHOWN_POINTS,
) -> list[CurvesAnswer]:
    """Scope `read`. One entry per fact that was measured in this time, by name; each as `readings` gives it."""
    found = await services.history.every(actor, key, days=days, points=points)
    return [CurvesAnswer.model_validate(each) for each in found]


@router.get("/devices/{key:path}/readings", summary="History of one fact of a device")
async def readings(
    key: str,
    actor: ActorDep,
    services: ServicesDep,
    fact: Annotated[str, Query(max_length=64)],
    days: Annotated[float, Query(gt=0, le=LONGEST_DAYS)] = 7.0,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS, description="Greatest number of points of a curve.")] = 1_000,
) -> CurvesAnswer:
    """Scope `read`. One curve per source; old values are means of an hour or a day, with least and greatest."""
    return CurvesAnswer.model_validate(await services.history.curves(actor, key, fact, days=days, points=points))
