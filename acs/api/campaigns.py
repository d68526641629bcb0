"""Firmware campaigns: create, follow, pause, resume, cancel."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body, LimitQuery
from acs.api.told import Told
from acs.services.campaign_settings import CampaignSettings
from acs.services.campaigns import CampaignView
from acs.store.campaigns import DeviceState

router = APIRouter(tags=["campaigns"])


class CampaignRequest(Body):
    """A campaign to be begun: which file for which devices, and how."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    file: Annotated[str, Field(min_length=1, max_length=64, description="id of a file in the file server")]
    version: Annotated[str, Field(max_length=128, description="what devices show then; empty: as the file says")] = ""
    settings: CampaignSettings


class PreviewAnswer(Answer):
    """The devices that a campaign would have, in the order of starting."""

    count: int
    canaries: int
    devices: list[str] = Field(description="the first thousand")


class CampaignAnswer(Answer):
    """A campaign and how far it is."""

    id: str
    name: str
    file: str
    version: str
    state: str = Field(description="running, paused, stopped, done, cancelled")
    detail: Told
    waits: Told = Field(description="for what it waits, where it runs and does nothing")
    settings: dict[str, Any]
    created_at: datetime
    created_by: str
    canary_passed_at: datetime | None
    finished_at: datetime | None
    devices: dict[str, int] = Field(description="state → how many")
    canaries: dict[str, int]


class CampaignDeviceAnswer(Answer):
    """What became of one device."""

    device: str
    state: str = Field(description="waiting, started, silent, succeeded, failed, unknown, skipped, cancelled")
    canary: bool
    place: int
    version_before: str
    version_now: str | None
    operation: str | None
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    detail: Told


@router.get("/campaigns", summary="Campaigns, newest first")
async def list_campaigns(actor: ActorDep, services: ServicesDep) -> list[CampaignAnswer]:
    """Scope `read`."""
    return [_answer(each) for each in await services.fleet.campaigns.find(actor)]


@router.post("/campaigns", summary="Begin a campaign", status_code=201)
async def create_campaign(body: CampaignRequest, actor: ActorDep, services: ServicesDep) -> CampaignAnswer:
    """Scope `campaigns` (part of `operate`), for all lines. Its devices are chosen now; very many take another
    person's approval.
    """
    made = await services.fleet.campaigns.create(actor, body.name, body.file, body.version, body.settings)
    return _answer(made)


@router.post("/campaigns/preview", summary="Which devices a campaign would have")
async def preview_campaign(body: CampaignRequest, actor: ActorDep, services: ServicesDep) -> PreviewAnswer:
    """Scope `read`. Nothing is stored."""
    found = await services.fleet.campaigns.preview(actor, body.file, body.version, body.settings)
    return PreviewAnswer(count=len(found), canaries=body.settings.canaries_of(len(found)), devices=found[:1000])


@router.get("/campaigns/{campaign}", summary="One campaign")
async def get_campaign(campaign: str, actor: ActorDep, services: ServicesDep) -> CampaignAnswer:
    """Scope `read`. By id or name."""
    return _answer(await services.fleet.campaigns.get(actor, campaign))


@router.get("/campaigns/{campaign}/devices", summary="What became of each device")
async def list_campaign_devices(
    campaign: str,
    actor: ActorDep,
    services: ServicesDep,
    state: DeviceState | None = None,
    limit: LimitQuery = 100,
    after: Annotated[int, Query(ge=-1, le=2**31, description="the last place of the page before")] = -1,
) -> list[CampaignDeviceAnswer]:
    """Scope `read`. In the order of starting."""
    found = await services.fleet.campaigns.devices(actor, campaign, state=state, after=after, limit=limit)
    return [CampaignDeviceAnswer.model_validate(each) for each in found]


@router.post("/campaigns/{campaign}/pause", summary="Begin no more devices")
async def pause_campaign(campaign: str, actor: ActorDep, services: ServicesDep) -> CampaignAnswer:
    """Scope `campaigns` (part of `operate`), for all lines. What was asked and not sent is taken back."""
    return _answer(await services.fleet.campaigns.pause(actor, campaign))


@router.post("/campaigns/{campaign}/resume", summary="Go on with a paused or stopped campaign")
async def resume_campaign(campaign: str, actor: ActorDep, services: ServicesDep) -> CampaignAnswer:
    """Scope `campaigns` (part of `operate`), for all lines. Failures so far stop it no more."""
    return _answer(await services.fleet.campaigns.resume(actor, campaign))


@router.post("/campaigns/{campaign}/cancel", summary="End a campaign")
async def cancel_campaign(campaign: str, actor: ActorDep, services: ServicesDep) -> CampaignAnswer:
    """Scope `campaigns` (part of `operate`), for all lines. Devices under way go on to their result."""
    return _answer(await services.fleet.campaigns.cancel(actor, campaign))


def _answer(view: CampaignView) -> CampaignAnswer:
    campaign = view.campaign
    return CampaignAnswer(
        id=campaign.id,
        name=campaign.name,
        file=campaign.file,
        version=campaign.version,
        state=campaign.state.value,
        detail=campaign.detail,
        waits=view.waits,
        settings=dict(campaign.settings),
        created_at=campaign.created_at,
        created_by=campaign.created_by,
        canary_passed_at=campaign.canary_passed_at,
        finished_at=campaign.finished_at,
        devices={state.value: count for state, count in view.tally.all.items()},
        canaries={state.value: count for state, count in view.tally.canaries.items()},
    )
