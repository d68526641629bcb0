"""Firmware campaigns, and what became of each of their devices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, func, or_, select, update

from acs.errors import Conflict
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_text, json_text
from acs.store.records import Json, OperationState
from acs.store.schema import campaign_devices, campaigns, devices, operations
from acs.store.transaction import Transaction


class CampaignState(StrEnum):
    """Where a campaign is: running ⇄ paused → done | cancelled; stopped is paused by its own stop rule."""

    RUNNING = "running"
    #: by a person
    PAUSED = "paused"
    #: too many failures; a person may resume it
    STOPPED = "stopped"
    #: every device has its result
    DONE = "done"
    CANCELLED = "cancelled"


#: a person or the worker may still change it
OPEN = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED)


class DeviceState(StrEnum):
    """Where one device of a campaign is.

    waiting → started → succeeded | failed | unknown;  waiting → skipped | cancelled;  unknown → succeeded | failed
    started → silent → started | waiting | succeeded
    """

    #: not asked yet, or asked and taken back before it was sent
    WAITING = "waiting"
    #: asked; its transfer, boot or new version is awaited
    STARTED = "started"
    #: asked and never came for it; it holds no place, and what it was asked waits for it until its deadline
    SILENT = "silent"
    #: the new version was seen in an Inform
    SUCCEEDED = "succeeded"
    #: proven not to run the new version
    FAILED = "failed"
    #: asked, and nothing tells how it went; it is never asked again without evidence
    UNKNOWN = "unknown"
    #: needs nothing, or the file is not for it
    SKIPPED = "skipped"
    #: the campaign was cancelled before its turn
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """One campaign. `settings` are as `CampaignSettings` dumps them."""

    id: str
    name: str
    file: str
    version: str
    settings: Mapping[str, Json]
    state: CampaignState
    created_at: datetime
    created_by: str
    detail: str = ""
    canary_passed_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CampaignDevice:
    """One device of a campaign, with the version that it runs now as far as is known (None: the device is gone)."""

    campaign: str
    device: str
    state: DeviceState
    canary: bool
    place: int
    version_before: str
    operation: str | None = None
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    detail: str = ""
    version_now: str | None = None
    last_inform_at: datetime | None = None
    last_boot_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many devices of a campaign are in each state, canaries apart."""

    all: Mapping[DeviceState, int] = field(default_factory=dict)
    canaries: Mapping[DeviceState, int] = field(default_factory=dict)

    def count(self, *states: DeviceState) -> int:
        """How many are in one of these states."""
        return sum(self.all.get(state, 0) for state in states)

    def canary_count(self, *states: DeviceState) -> int:
        """How many canaries are in one of these states."""
        return sum(self.canaries.get(state, 0) for state in states)


#: States in which a device may have been told to fetch firmware.
_UNDER_WAY = tuple(state.value for state in (DeviceState.STARTED, DeviceState.SILENT, DeviceState.UNKNOWN))

_COLUMNS = (
    "campaign", "device", "state", "canary", "place", "version_before", "operation", "attempts", "started_at",
    "finished_at", "detail",
)  # fmt: skip


async def add(tx: Transaction, campaign: CampaignRecord, members: Sequence[CampaignDevice]) -> None:
    """Store a campaign with its devices.

    Raises:
        Conflict: its name is taken.
    """
    check_text("name", campaign.name)
    row = {
        "id": campaign.id,
        "name": campaign.name,
        "file": campaign.file,
        "version": check_text("version", campaign.version),
        "settings": json_text("settings", campaign.settings),
        "state": campaign.state.value,
        "detail": campaign.detail,
        "created_at": micros(campaign.created_at),
        "created_by": campaign.created_by,
        "canary_passed_at": micros_or_none(campaign.canary_passed_at),
        "finished_at": micros_or_none(campaign.finished_at),
    }
    if not await tx.insert(campaigns, row):
        raise Conflict(f"campaign {campaign.name!r} exists already; choose another name")
    rows = [
        {
            "campaign": each.campaign,
            "device": each.device,
            "state": each.state.value,
            "canary": each.canary,
            "place": each.place,
            "version_before": each.version_before,
            "operation": each.operation,
            "attempts": each.attempts,
            "started_at": micros_or_none(each.started_at),
            "finished_at": micros_or_none(each.finished_at),
            "detail": each.detail,
        }
        for each in members
    ]
    await tx.insert_many(campaign_devices, rows)


async def get(tx: Transaction, name_or_id: str) -> CampaignRecord | None:
    """Return the campaign with this id or name, or None."""
    row = await tx.one(
        select(campaigns).where((campaigns.c.id == name_or_id) | (campaigns.c.name == name_or_id)).limit(1)
    )
    return None if row is None else _campaign(row)


async def list_campaigns(
    tx: Transaction, *, states: Sequence[CampaignState] | None = None, limit: int = 100
) -> list[CampaignRecord]:
    """Return campaigns, newest first."""
    query = select(campaigns).order_by(campaigns.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(campaigns.c.state.in_([state.value for state in states]))
    return [_campaign(row) for row in await tx.rows(query)]


async def at_work(tx: Transaction, since: datetime) -> list[CampaignRecord]:
    """Return the campaigns that are not over, however many, and those that ended after an instant; the oldest first."""
    open_ = campaigns.c.state.in_([state.value for state in OPEN])
    query = select(campaigns).where(or_(open_, campaigns.c.finished_at > micros(since))).order_by(campaigns.c.id)
    return [_campaign(row) for row in await tx.rows(query)]


async def change(
    tx: Transaction,
    campaign_id: str,
    from_states: Sequence[CampaignState],
    to_state: CampaignState,
    detail: str,
    *,
    finished_at: datetime | None = None,
) -> bool:
    """Change a campaign's state under a guard; False where it is in another one by now."""
    statement = (
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.state.in_([state.value for state in from_states]))
        .values(state=to_state.value, detail=detail[:1000], finished_at=micros_or_none(finished_at))
    )
    return await tx.run(statement) == 1


async def put_settings(tx: Transaction, campaign_id: str, settings: Mapping[str, Json]) -> None:
    """Replace a campaign's settings."""
    await tx.run(
        update(campaigns).where(campaigns.c.id == campaign_id).values(settings=json_text("settings", settings))
    )


async def pass_canary(tx: Transaction, campaign_id: str, at: datetime) -> None:
    """Note that every canary came through; the soak time counts from here."""
    statement = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.canary_passed_at.is_(None))
    await tx.run(statement.values(canary_passed_at=micros(at)))


async def members(
    tx: Transaction,
    campaign_id: str,
    *,
    states: Sequence[DeviceState] | None = None,
    canary: bool | None = None,
    limit: int = 1000,
    after: int = -1,
) -> list[CampaignDevice]:
    """Return devices of a campaign in the order of starting; `after` is the last place of the page before."""
    query = _with_versions(campaign_id).where(campaign_devices.c.place > after)
    query = query.order_by(campaign_devices.c.place).limit(limit)
    if states is not None:
        query = query.where(campaign_devices.c.state.in_([state.value for state in states]))
    if canary is not None:
        query = query.where(campaign_devices.c.canary.is_(canary))
    return [_device(row) for row in await tx.rows(query)]


async def with_news(
    tx: Transaction, campaign_id: str, version: str, *, limit: int = 1000, after: int = -1
) -> list[CampaignDevice]:
    """Return the devices that were asked and have no result, without the silent ones of which nothing can be new.

    Those, whose operation waits and who were not seen with the version, may be many: a switched-off quarter of a town.
    """
    table = campaign_devices.c
    waits = exists().where(operations.c.id == table.operation, operations.c.state == OperationState.QUEUED.value)
    now = devices.c.software_version
    query = (
        _with_versions(campaign_id)
        .where(table.place > after, table.state.in_(_UNDER_WAY))
        .where(or_(table.state != DeviceState.SILENT.value, ~waits, now.is_(None), now == version))
        .order_by(table.place)
        .limit(limit)
    )
    return [_device(row) for row in await tx.rows(query)]


async def not_sent(tx: Transaction, campaign_id: str, *, limit: int = 1000, after: int = -1) -> list[tuple[int, str]]:
    """Return (place, operation) of devices whose operation has not left yet, in the order of starting."""
    table = campaign_devices.c
    query = (
        select(table.place, table.operation)
        .join(operations, operations.c.id == table.operation)
        .where(
            table.campaign == campaign_id,
            table.place > after,
            table.state.in_((DeviceState.STARTED.value, DeviceState.SILENT.value)),
            operations.c.state == OperationState.QUEUED.value,
        )
        .order_by(table.place)
        .limit(limit)
    )
    return [(row.place, row.operation) for row in await tx.rows(query)]


async def next_waiting(
    tx: Transaction, campaign_id: str, *, canary: bool | None, limit: int
) -> Sequence[CampaignDevice]:
    """Return the devices that may begin next: none that another campaign has under way, those asked in vain last.

    Nearly all of a running campaign were never asked: these are read in the order of an index, and nothing is sorted.
    """
    table = campaign_devices.c
    query = _with_versions(campaign_id).where(table.state == DeviceState.WAITING.value, ~_busy_elsewhere(campaign_id))
    if canary is not None:
        query = query.where(table.canary.is_(canary))
    found = [_device(row) for row in await tx.rows(query.where(table.attempts == 0).order_by(table.place).limit(limit))]
    if len(found) < limit:
        again = query.where(table.attempts > 0).order_by(table.attempts, table.place).limit(limit - len(found))
        found += [_device(row) for row in await tx.rows(again)]
    return found


async def hand_on_canary(tx: Transaction, campaign_id: str, device: str) -> bool:
    """Give the part of a silent canary to the next device that waits; False where none does, and it keeps its part."""
    heirs = await next_waiting(tx, campaign_id, canary=False, limit=1)
    if not heirs:
        return False
    for key, canary in ((device, False), (heirs[0].device, True)):
        statement = update(campaign_devices).where(
            campaign_devices.c.campaign == campaign_id, campaign_devices.c.device == key
        )
        await tx.run(statement.values(canary=canary))
    return True


async def settle(
    tx: Transaction,
    member: CampaignDevice,
    to_state: DeviceState,
    detail: str,
    *,
    operation: str | None = None,
    started_at: datetime | None = None,
    finished_at: datetime | None = None,
    attempts: int | None = None,
) -> bool:
    """Change one device's state under a guard: it must be as `member` says; False where it is not by now."""
    table = campaign_devices
    statement = (
        update(table)
        .where(
            table.c.campaign == member.campaign,
            table.c.device == member.device,
            table.c.state == member.state.value,
            table.c.attempts == member.attempts,
        )
        .values(
            state=to_state.value,
            detail=detail[:1000],
            operation=operation if operation is not None else member.operation,
            started_at=micros_or_none(started_at if started_at is not None else member.started_at),
            finished_at=micros_or_none(finished_at),
            attempts=member.attempts if attempts is None else attempts,
        )
    )
    return await tx.run(statement) == 1


async def settle_all(
    tx: Transaction, campaign_id: str, from_state: DeviceState, to_state: DeviceState, why: str
) -> int:
    """Change every device that is in a state to another one; returns how many."""
    statement = (
        update(campaign_devices)
        .where(campaign_devices.c.campaign == campaign_id, campaign_devices.c.state == from_state.value)
        .values(state=to_state.value, detail=why[:1000])
    )
    return await tx.run(statement)


async def tally(tx: Transaction, campaign_id: str) -> Tally:
    """Return how many devices are in each state."""
    query = (
        select(campaign_devices.c.state, campaign_devices.c.canary, func.count().label("devices"))
        .where(campaign_devices.c.campaign == campaign_id)
        .group_by(campaign_devices.c.state, campaign_devices.c.canary)
    )
    found: dict[DeviceState, int] = {}
    canaries: dict[DeviceState, int] = {}
    for row in await tx.rows(query):
        state = DeviceState(row.state)
        found[state] = found.get(state, 0) + row.devices
        if row.canary:
            canaries[state] = canaries.get(state, 0) + row.devices
    return Tally(found, canaries)


async def started_since(tx: Transaction, campaign_id: str, since: datetime) -> int:
    """Return how many devices were asked since an instant."""
    row = await tx.one(
        select(func.count())
        .select_from(campaign_devices)
        .where(campaign_devices.c.campaign == campaign_id, campaign_devices.c.started_at > micros(since))
    )
    return 0 if row is None else int(row[0])


def _busy_elsewhere(campaign_id: str) -> ColumnElement[bool]:
    """Whether another campaign that is not over has asked the device of a row, and has no result of it."""
    other, open_ = campaign_devices.alias("other"), [state.value for state in OPEN]
    return (
        exists()
        .where(
            other.c.device == campaign_devices.c.device,
            other.c.campaign != campaign_id,
            other.c.state.in_(_UNDER_WAY),
            # of one that is over, what stays unknown is a result: else nobody would ever ask the device again
            or_(other.c.state != DeviceState.UNKNOWN.value, campaigns.c.state.in_(open_)),
        )
        .where(campaigns.c.id == other.c.campaign)
        .correlate(campaign_devices)
    )


def _with_versions(campaign_id: str) -> Select[Any]:
    """The devices of a campaign, each with the version that it runs now."""
    return (
        select(
            *(campaign_devices.c[name] for name in _COLUMNS),
            devices.c.software_version.label("version_now"),
            devices.c.last_inform_at.label("last_inform_at"),
            devices.c.last_boot_at.label("last_boot_at"),
        )
        .select_from(campaign_devices.outerjoin(devices, devices.c.key == campaign_devices.c.device))
        .where(campaign_devices.c.campaign == campaign_id)
    )


def _campaign(row: Row[Any]) -> CampaignRecord:
    values = dict(row._mapping)
    values["settings"] = json.loads(values["settings"])
    values["state"] = CampaignState(values["state"])
    values["created_at"] = instant(values["created_at"])
    for name in ("canary_passed_at", "finished_at"):
        values[name] = instant_or_none(values[name])
    return CampaignRecord(**values)


def _device(row: Row[Any]) -> CampaignDevice:
    values = dict(row._mapping)
    values["state"] = DeviceState(values["state"])
    values["canary"] = bool(values["canary"])
    for name in ("started_at", "finished_at", "last_inform_at", "last_boot_at"):
        values[name] = instant_or_none(values[name])
    return CampaignDevice(**values)
