"""The worker's turn over campaigns: results are collected, devices that may go now are asked, ends are noted.

    each device: waiting ─► asked: started (⇄ silent) ─► succeeded | failed | unknown

The rule of this file: everything that a turn needs is in the store, so a campaign goes on after any restart; a device's
operation has one name per attempt, so that a turn that was cut off asks nobody twice.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from acs.config import CampaignsSection
from acs.errors import Conflict, Frozen, InvalidInput, NotFound, TooMany
from acs.services.actor import system_actor
from acs.services.campaign_settings import settings_of
from acs.services.campaign_steps import Judged, Step, judge, step_of
from acs.services.clock import Clock
from acs.services.operations import Operations
from acs.store import campaigns as campaign_store
from acs.store import files as file_store
from acs.store import operations as operation_store
from acs.store.campaigns import CampaignDevice, CampaignRecord, CampaignState, DeviceState
from acs.store.records import OperationState
from acs.store.store import Store

log = structlog.get_logger()

#: Devices whose results are read at once.
_PAGE = 2_000
#: Devices that are taken back, or get their results, in one transaction: others write in between.
_STEP = 100
#: Days after its end in which late evidence still settles a campaign's unknown devices.
_LATE_DAYS = 14
_ACTOR = system_actor("campaign")
_RESULTS = frozenset(DeviceState) - {DeviceState.WAITING, DeviceState.STARTED, DeviceState.SILENT}


class CampaignTurns:
    """What the worker does for campaigns, and at once what a person's pause or end of one asks for."""

    def __init__(self, store: Store, config: CampaignsSection, operations: Operations, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._operations = operations
        self._clock = clock
        self._zone = ZoneInfo(config.time_zone)

    async def turn(self) -> None:
        """Collect results of every campaign, and begin what may begin now."""
        now = self._clock()
        async with self._store.reading() as tx:
            found = await campaign_store.at_work(tx, now - timedelta(days=_LATE_DAYS))
        for campaign in found:
            await self.collect(campaign, now)
            if campaign.state is CampaignState.RUNNING:
                if not await self._operations.frozen():
                    await self._advance(campaign, now)
            elif campaign.state is not CampaignState.DONE:
                await self.recall(campaign)

    async def _advance(self, campaign: CampaignRecord, now: datetime) -> None:
        async with self._store.reading() as tx:
            tally = await campaign_store.tally(tx, campaign.id)
            begun = await campaign_store.started_since(tx, campaign.id, now - timedelta(minutes=1))
        step = step_of(campaign, tally, begun, now, self._zone)
        if step.recall:
            await self.recall(campaign)
        if step.stop:
            await self._end(campaign, CampaignState.STOPPED, step.stop, None)
            log.warning("campaign.stopped", campaign=campaign.id, why=step.stop)
        elif step.done:
            await self._end(campaign, CampaignState.DONE, "every device has its result", now)
            log.info("campaign.done", campaign=campaign.id, succeeded=tally.count(DeviceState.SUCCEEDED))
        elif step.passed:
            async with self._store.transaction() as tx:
                await campaign_store.pass_canary(tx, campaign.id, now)
        elif step.start:
            await self._start(campaign, step, now)

    async def _start(self, campaign: CampaignRecord, step: Step, now: datetime) -> None:
        canary = True if step.canaries_only else None
        async with self._store.reading() as tx:
            file = await file_store.get(tx, campaign.file)
            waiting = await campaign_store.next_waiting(tx, campaign.id, canary=canary, limit=step.start)
        if file is None:
            await self._end(campaign, CampaignState.STOPPED, f"its file {campaign.file} was removed", None)
            return
        for member in waiting:
            if not await self._runs(campaign):
                return
            await self._ask(campaign, member, now)

    async def _runs(self, campaign: CampaignRecord) -> bool:
        """Whether nobody has halted it since the turn began: to ask a thousand devices takes a while."""
        async with self._store.reading() as tx:
            known = await campaign_store.get(tx, campaign.id)
        return known is not None and known.state is CampaignState.RUNNING

    async def _ask(self, campaign: CampaignRecord, member: CampaignDevice, now: datetime) -> None:
        if member.version_now == campaign.version:
            await self._settle([(member, Judged(DeviceState.SKIPPED, f"it runs {campaign.version} already"))], now)
            return
        arguments = {"file_type": "firmware", "file": campaign.file, "version": campaign.version}
        short = hashlib.blake2b(member.device.encode(), digest_size=16).hexdigest()
        try:
            operation = await self._operations.request(
                _ACTOR,
                member.device,
                "download",
                arguments,
                deadline_s=self._config.deadline_s,
                reason=f"campaign {campaign.name}",
                idempotency_key=f"campaign:{campaign.id}:{member.attempts}:{short}",
            )
        except (TooMany, Frozen):  # later: it has enough to do, or the switch was thrown this very moment
            return
        except (InvalidInput, NotFound, Conflict) as error:
            await self._settle([(member, Judged(DeviceState.SKIPPED, str(error)))], now)
            return
        async with self._store.transaction() as tx:
            asked = await campaign_store.settle(
                tx,
                member,
                DeviceState.STARTED,
                "asked",
                operation=operation.id,
                started_at=now,
                attempts=member.attempts + 1,
            )
        if not asked:  # somebody cancelled it meanwhile: nobody would ever look for this operation
            await self._take_back([operation.id])

    async def collect(self, campaign: CampaignRecord, now: datetime) -> None:
        """Settle every device that was asked, as far as is known."""
        after, settings = -1, settings_of(campaign)
        while True:
            async with self._store.reading() as tx:
                page = await campaign_store.with_news(tx, campaign.id, campaign.version, after=after, limit=_PAGE)
                operations = await operation_store.get_many(tx, [each.operation for each in page if each.operation])
            news: list[tuple[CampaignDevice, Judged]] = []
            needless: list[str] = []
            for member in page:
                operation = operations.get(member.operation) if member.operation else None
                found = judge(
                    member,
                    campaign.version,
                    operation,
                    now,
                    seen_within_s=self._config.seen_within_s,
                    attempts=settings.attempts,
                    silent_s=settings.silent_s,
                )
                if found is not None:
                    news.append((member, found))
                    queued = operation is not None and operation.state is OperationState.QUEUED
                    if found.state is DeviceState.SUCCEEDED and operation is not None and queued:
                        needless.append(operation.id)
            for first in range(0, len(news), _STEP):
                await self._settle(news[first : first + _STEP], now)
            await self._take_back(needless)
            if len(page) < _PAGE:
                return
            after = page[-1].place

    async def _settle(self, news: Sequence[tuple[CampaignDevice, Judged]], now: datetime) -> None:
        changed = []
        async with self._store.transaction() as tx:
            for member, found in news:
                finished = now if found.state in _RESULTS else None
                began = now if found.state is DeviceState.STARTED else None
                if await campaign_store.settle(
                    tx, member, found.state, found.detail, started_at=began, finished_at=finished
                ):
                    changed.append((member, found.state))
                    if found.state is DeviceState.SILENT and member.canary:
                        await campaign_store.hand_on_canary(tx, member.campaign, member.device)
        for member, state in changed:
            log.info("campaign.device", campaign=member.campaign, device=member.device, state=state.value)

    async def recall(self, campaign: CampaignRecord) -> None:
        """Take back all that was asked and has not been sent; the next collection finds it waiting."""
        after = -1
        while True:
            async with self._store.reading() as tx:
                found = await campaign_store.not_sent(tx, campaign.id, after=after, limit=_PAGE)
            await self._take_back([operation for _, operation in found])
            if len(found) < _PAGE:
                return
            after = found[-1][0]

    async def _take_back(self, wanted: Sequence[str]) -> None:
        """Cancel those of the operations that have not left meanwhile."""
        for first in range(0, len(wanted), _STEP):
            await self._operations.cancel_queued(_ACTOR, wanted[first : first + _STEP])

    async def _end(self, campaign: CampaignRecord, state: CampaignState, why: str, at: datetime | None) -> None:
        async with self._store.transaction() as tx:
            await campaign_store.change(tx, campaign.id, (CampaignState.RUNNING,), state, why, finished_at=at)
