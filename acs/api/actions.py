"""Actions of a second line on a device, and its configurations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, Text
from acs.api.operations import OperationAnswer, operation_answer
from acs.services.action_desk import Offer, Request
from acs.services.actions.base import Action
from acs.store.backups import BackupRecord

router = APIRouter(tags=["actions"])


class RowAnswer(Answer):
    """One of what an action may be about: a network, a port, a connection, a forwarding."""

    number: int
    title: str = Field(description="what people call it, such as the SSID")
    path: str
    in_use: bool


class OfferAnswer(Answer):
    """An action, and whether this device can do it."""

    action: str
    title: dict[str, str] = Field(description="by language")
    available: bool
    why_not: dict[str, str] | None = Field(description="why it cannot, by language")
    risk: dict[str, str] | None = Field(description="what it does to the subscriber, to be confirmed; null: nothing")
    arguments: dict[str, Any] = Field(description="JSON schema of what it takes")
    secrets: list[str] = Field(description="arguments that are never shown")
    rows: list[RowAnswer]


class ActionRequest(Body):
    """What is wanted."""

    arguments: dict[str, Any] = Field(default_factory=dict)
    reason: Text = ""
    ticket: Annotated[str, Field(max_length=200)] | None = None
    override: bool = Field(default=False, description="set a limit aside, with a reason; scope `override`")
    deadline_s: Annotated[float, Field(gt=0, le=2_678_400)] | None = None


class ActionAnswer(Answer):
    """What was asked of the device: operations in their order, each after the success of the one before."""

    action: str
    operations: list[OperationAnswer]
    note: dict[str, str] | None = Field(description="what happens where nothing is asked of this device, by language")


class BackupAnswer(Answer):
    """A kept configuration."""

    id: str
    at: datetime
    seen_at: datetime | None = Field(description="when the same configuration was seen last")
    origin: str = Field(description="schedule, asked, or change: before a change")
    actor: str
    operation: str | None
    software_version: str
    good: bool | None = Field(description="the line was up when it was taken; null: it did not say")
    live: bool = Field(description="read whole from the device for it; false: in part, or as it was known")
    parameters: int
    size_bytes: int


class BackupDetail(Answer):
    """A configuration with its values."""

    name: str
    backup: BackupAnswer | None
    values: dict[str, str] = Field(description="secrets are hidden")


class DifferenceAnswer(Answer):
    """A parameter that differs; null: it is not there. Secrets are hidden."""

    path: str
    first: str | None
    second: str | None


Which = Annotated[str, Query(max_length=40, description="An id, `last_good`, `desired` or `current`.")]


@router.get("/devices/{key:path}/actions", summary="What can be done on a device")
async def list_actions(key: str, actor: ActorDep, services: ServicesDep) -> list[OfferAnswer]:
    """Scope `read`. Every action, with why this model cannot do it where it cannot."""
    return [_offer(offer) for offer in await services.second_line.actions.offers(actor, key)]


@router.post("/devices/{key:path}/actions/{action}", summary="Do something on a device", status_code=202)
async def do_action(
    key: str,
    action: str,
    body: ActionRequest,
    actor: ActorDep,
    services: ServicesDep,
    idempotency_key: Annotated[
        str | None, Header(max_length=180, description="The same key of the same caller gives the first operations.")
    ] = None,
) -> ActionAnswer:
    """Scope `operate`. A swap also wants the right to change the inventory.

    Follow the last operation under `/operations/{id}/events`.
    """
    ticket = await services.tickets.meant_for(actor, body.ticket, device=key)
    wanted = Request(action, body.arguments, body.reason, ticket, body.override, body.deadline_s, idempotency_key)
    done = await services.second_line.actions.do(actor, key, wanted)
    return ActionAnswer(
        action=done.action.name,
        operations=[operation_answer(record) for record in done.operations],
        note=None if done.note is None else dict(done.note),
    )


@router.get("/devices/{key:path}/backups/diff", summary="What differs between two configurations")
async def diff_backups(
    key: str, actor: ActorDep, services: ServicesDep, first: Which = "last_good", second: Which = "current"
) -> list[DifferenceAnswer]:
    """Scope `read`."""
    found = await services.second_line.backups.diff(actor, key, first, second)
    return [DifferenceAnswer.model_validate(each) for each in found]


@router.get("/devices/{key:path}/backups/{backup}", summary="One configuration of a device")
async def get_backup(
    key: str,
    backup: str,
    actor: ActorDep,
    services: ServicesDep,
    path: Annotated[str, Query(max_length=256, description="A partial path.")] = "",
) -> BackupDetail:
    """Scope `read`. `backup` is an id, `last_good`, `desired` or `current`; secrets are hidden."""
    shown = await services.second_line.backups.show(actor, key, backup, path)
    record = None if shown.record is None else _backup(shown.record)
    return BackupDetail(name=shown.name, backup=record, values=dict(shown.values))


@router.get("/devices/{key:path}/backups", summary="Configurations of a device, the newest first")
async def list_backups(
    key: str,
    actor: ActorDep,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=32, description="The last id of the page before.")] = None,
) -> list[BackupAnswer]:
    """Scope `read`."""
    found = await services.second_line.backups.list(actor, key, limit=limit, before=before)
    return [_backup(record) for record in found]


def _offer(offer: Offer) -> OfferAnswer:
    action: Action = offer.action
    return OfferAnswer(
        action=action.name,
        title=dict(action.title),
        available=offer.refused is None,
        why_not=None if offer.refused is None else offer.refused.both(),
        risk=_texts(offer.risk),
        arguments=action.arguments.model_json_schema(),
        secrets=list(action.secrets),
        rows=[RowAnswer.model_validate(row) for row in offer.rows],
    )


def _texts(texts: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if texts is None else dict(texts)


def _backup(record: BackupRecord) -> BackupAnswer:
    return BackupAnswer.model_validate(record)
