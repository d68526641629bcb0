"""Firmware campaigns: a file for many devices, a few first, in its hours, at its rate, stopped by failures.

    create ─► running ─► done
                │ ▲  └─► stopped (too many failures)
                ▼ │         │ resume
              paused ◄──────┘          each device: waiting ─► started (⇄ silent) ─► succeeded | failed | unknown

The one rule: everything that a turn of the worker needs is in the store, so a campaign goes on after any restart; a
device's operation has one name per attempt, so that a turn that was cut off asks nobody twice.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

import structlog

from acs.config import CampaignsSection
from acs.errors import Conflict, Frozen, InvalidInput, NotFound, TooMany
from acs.services import audit
from acs.services.actor import Actor, Scope, system_actor
from acs.services.approvals import Approvals, Proposal
from acs.services.campaign_steps import CampaignSettings, Step, Targets, judge, next_step
from acs.services.clock import Clock
from acs.services.files import fits_model
from acs.services.identifiers import new_id
from acs.services.operations import Operations
from acs.store import campaigns as campaign_store
from acs.store import devices as device_store
from acs.store import files as file_store
from acs.store import lines as line_store
from acs.store import operations as operation_store
from acs.store import provisioning as provision_store
from acs.store.approvals import ApprovalRecord
from acs.store.campaigns import CampaignDevice, CampaignRecord, CampaignState, DeviceState, Tally
from acs.store.files import FileRecord
from acs.store.records import Json, LineRecord, OperationRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: Devices read at once while targets are chosen and results are collected.
_PAGE = 2_000
#: Days after its end in which late evidence still settles a campaign's unknown devices.
_LATE_DAYS = 14
_ACTOR = system_actor("campaign")
#: what a proposal of a campaign is called
CAMPAIGN = "campaign"
_RESULTS = frozenset(DeviceState) - {DeviceState.WAITING, DeviceState.STARTED, DeviceState.SILENT}
_OPEN = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.STOPPED)


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign and how far it is. `waits` says for what, where it runs and does nothing."""

    campaign: CampaignRecord
    tally: Tally
    waits: str = ""


class Campaigns:
    """Use cases of campaigns, and the turn that the worker takes."""

    def __init__(self, store: Store, config: CampaignsSection, operations: Operations, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._operations = operations
        self._clock = clock
        self._zone = ZoneInfo(config.time_zone)
        #: asks for another person where a campaign has very many devices; the composition sets it
        self.approvals: Approvals | None = None
        #: the devices that a search finds; see `Search.devices`
        self.searched: Callable[[str], Awaitable[frozenset[str]]] | None = None

    # A person

    async def create(
        self,
        actor: Actor,
        name: str,
        file_id: str,
        version: str,
        settings: CampaignSettings,
        *,
        approved: bool = False,
    ) -> CampaignView:
        """Choose the devices and begin.

        Raises:
            ApprovalNeeded: it has as many devices as take two persons (`rights.bulk_limit`).
            NotFound: no such file.
            InvalidInput: nothing matches, or the file names another version.
            Conflict: the name is taken.
        """
        actor.require(Scope.CAMPAIGNS)
        now = self._clock()
        async with self._store.reading() as tx:
            file = await _file(tx, file_id)
        wanted = _version(file, version)
        if not name or len(name) > 64 or not name.isprintable():
            raise InvalidInput("name: write 1 to 64 printable characters, such as ont-5-to-v5")
        chosen = await self._choose(file, wanted, settings.targets)
        if not chosen:
            raise InvalidInput(
                "targets: no device matches, has another version and is of a model that the file is for; "
                "`secondline device list` shows models and versions"
            )
        if not approved and self.approvals is not None and self.approvals.is_bulk(len(chosen)):
            raise await self.approvals.needed(actor, _proposal(name, file.id, wanted, settings, len(chosen)))
        campaign = CampaignRecord(
            new_id(), name, file.id, wanted, settings.model_dump(mode="json"), CampaignState.RUNNING, now, actor.name
        )
        async with self._store.transaction() as tx:
            await campaign_store.add(tx, campaign, _members(campaign.id, chosen, settings))
            told: dict[str, Json] = {"name": name, "file": file.id, "version": wanted, "devices": len(chosen)}
            await audit.note(tx, actor, "campaign.created", f"campaign:{campaign.id}", now, after=told)
        log.info("campaign.created", campaign=campaign.id, devices=len(chosen), version=wanted)
        return await self.get(actor, campaign.id)

    async def create_approved(self, _actor: Actor, approval: ApprovalRecord) -> str:
        """Begin a campaign that another person approved; its devices are chosen now."""
        scopes = frozenset({Scope.OPERATE, Scope.READ})
        proposer = Actor(approval.proposed_by, "system", scopes, f"approval {approval.id}")
        wanted = {name: str(approval.wanted[name]) for name in ("name", "file", "version")}
        settings = CampaignSettings.model_validate(approval.wanted["settings"])
        made = await self.create(proposer, wanted["name"], wanted["file"], wanted["version"], settings, approved=True)
        return f"campaign {made.campaign.id} was begun"

    async def preview(self, actor: Actor, file_id: str, version: str, settings: CampaignSettings) -> list[str]:
        """The devices that a campaign would have, in the order of starting; nothing is stored."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            file = await _file(tx, file_id)
        chosen = await self._choose(file, _version(file, version), settings.targets)
        return [key for key, _ in chosen]

    async def find(self, actor: Actor) -> list[CampaignView]:
        """The last hundred campaigns, newest first."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            found = await campaign_store.list_campaigns(tx)
            return [CampaignView(each, await campaign_store.tally(tx, each.id)) for each in found]

    async def get(self, actor: Actor, name_or_id: str) -> CampaignView:
        """One campaign.

        Raises:
            NotFound: there is none with this id or name.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            campaign = await _known(tx, name_or_id)
            tally = await campaign_store.tally(tx, campaign.id)
            begun = await campaign_store.started_since(tx, campaign.id, self._clock() - timedelta(minutes=1))
        waits = self._step(campaign, tally, begun, self._clock()).waits
        return CampaignView(campaign, tally, waits if campaign.state is CampaignState.RUNNING else "")

    async def devices(
        self, actor: Actor, name_or_id: str, *, state: DeviceState | None = None, after: int = -1, limit: int = 1000
    ) -> list[CampaignDevice]:
        """Devices of a campaign in the order of starting, each with its result.

        Raises:
            NotFound: there is no such campaign.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            campaign = await _known(tx, name_or_id)
            states = None if state is None else (state,)
            return await campaign_store.members(tx, campaign.id, states=states, after=after, limit=limit)

    async def pause(self, actor: Actor, name_or_id: str) -> CampaignView:
        """Begin no more devices; what was asked and not sent is taken back.

        Raises:
            Conflict: it does not run.
        """
        return await self._change(actor, name_or_id, (CampaignState.RUNNING,), CampaignState.PAUSED, "paused")

    async def resume(self, actor: Actor, name_or_id: str) -> CampaignView:
        """Go on; where it stopped by itself, the failures so far are accepted: it stops at the next rule only.

        Raises:
            Conflict: it is neither paused nor stopped.
        """
        states = (CampaignState.PAUSED, CampaignState.STOPPED)
        return await self._change(actor, name_or_id, states, CampaignState.RUNNING, "resumed")

    async def cancel(self, actor: Actor, name_or_id: str) -> CampaignView:
        """End it: devices under way go on to their result, the others are not begun.

        Raises:
            Conflict: it is over.
        """
        return await self._change(actor, name_or_id, _OPEN, CampaignState.CANCELLED, "cancelled")

    # The worker

    async def turn(self) -> None:
        """Collect results of every campaign, and begin what may begin now."""
        now = self._clock()
        async with self._store.reading() as tx:
            found = await campaign_store.list_campaigns(tx, states=tuple(CampaignState))
        late = now - timedelta(days=_LATE_DAYS)
        for campaign in reversed(found):
            if campaign.state in _OPEN or (campaign.finished_at is not None and campaign.finished_at > late):
                await self._collect(campaign, now)
            if campaign.state is CampaignState.RUNNING:
                if not await self._operations.frozen():
                    await self._advance(campaign, now)
            elif campaign.state is not CampaignState.DONE:
                await self._recall(campaign)

    async def _advance(self, campaign: CampaignRecord, now: datetime) -> None:
        async with self._store.reading() as tx:
            tally = await campaign_store.tally(tx, campaign.id)
            begun = await campaign_store.started_since(tx, campaign.id, now - timedelta(minutes=1))
        step = self._step(campaign, tally, begun, now)
        if step.recall:
            await self._recall(campaign)
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

    def _step(self, campaign: CampaignRecord, tally: Tally, begun: int, now: datetime) -> Step:
        settings = _settings(campaign)
        accepted = campaign.settings.get("accepted")
        if isinstance(accepted, int) and accepted:
            tally = _without_accepted(tally, accepted)
        return next_step(
            settings,
            tally,
            now=now,
            local=now.astimezone(self._zone),
            canary_passed_at=campaign.canary_passed_at,
            begun_last_minute=begun,
        )

    async def _start(self, campaign: CampaignRecord, step: Step, now: datetime) -> None:
        canary = True if step.canaries_only else None
        async with self._store.reading() as tx:
            file = await file_store.get(tx, campaign.file)
            waiting = await campaign_store.next_waiting(tx, campaign.id, canary=canary, limit=step.start)
        if file is None:
            await self._end(campaign, CampaignState.STOPPED, f"its file {campaign.file} was removed", None)
            return
        for member in waiting:
            await self._ask(campaign, member, now)

    async def _ask(self, campaign: CampaignRecord, member: CampaignDevice, now: datetime) -> None:
        if member.version_now == campaign.version:
            await self._settle(member, DeviceState.SKIPPED, f"it runs {campaign.version} already", now)
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
            await self._settle(member, DeviceState.SKIPPED, str(error), now)
            return
        async with self._store.transaction() as tx:
            await campaign_store.settle(
                tx,
                member,
                DeviceState.STARTED,
                "asked",
                operation=operation.id,
                started_at=now,
                attempts=member.attempts + 1,
            )

    async def _collect(self, campaign: CampaignRecord, now: datetime) -> None:
        """Settle every device that was asked, as far as is known."""
        after, settings = -1, _settings(campaign)
        while True:
            async with self._store.reading() as tx:
                asked = (DeviceState.STARTED, DeviceState.SILENT, DeviceState.UNKNOWN)
                page = await campaign_store.members(tx, campaign.id, states=asked, after=after, limit=_PAGE)
                operations = {
                    each.operation: await operation_store.get(tx, each.operation) for each in page if each.operation
                }
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
                    await self._settle(member, found.state, found.detail, now)
                    if found.state is DeviceState.SUCCEEDED and operation is not None:
                        await self._take_back(operation)
            if len(page) < _PAGE:
                return
            after = page[-1].place

    async def _settle(self, member: CampaignDevice, state: DeviceState, detail: str, now: datetime) -> None:
        finished = now if state in _RESULTS else None
        began = now if state is DeviceState.STARTED else None
        async with self._store.transaction() as tx:
            changed = await campaign_store.settle(tx, member, state, detail, started_at=began, finished_at=finished)
            if changed and state is DeviceState.SILENT and member.canary:
                await campaign_store.hand_on_canary(tx, member.campaign, member.device)
        if changed:
            log.info("campaign.device", campaign=member.campaign, device=member.device, state=state.value)

    async def _recall(self, campaign: CampaignRecord) -> None:
        """Take back what was asked and has not been sent; the next collection finds it waiting again."""
        async with self._store.reading() as tx:
            states = (DeviceState.STARTED, DeviceState.SILENT)
            asked = await campaign_store.members(tx, campaign.id, states=states, limit=_PAGE)
            found = [await operation_store.get(tx, each.operation) for each in asked if each.operation]
        for operation in found:
            if operation is not None:
                await self._take_back(operation)

    async def _take_back(self, operation: OperationRecord) -> None:
        if operation.state is OperationState.QUEUED:
            with suppress(Conflict, NotFound):  # it left meanwhile
                await self._operations.cancel(_ACTOR, operation.id)

    async def _end(self, campaign: CampaignRecord, state: CampaignState, why: str, at: datetime | None) -> None:
        async with self._store.transaction() as tx:
            await campaign_store.change(tx, campaign.id, (CampaignState.RUNNING,), state, why, finished_at=at)

    async def _change(
        self,
        actor: Actor,
        name_or_id: str,
        from_states: Sequence[CampaignState],
        to_state: CampaignState,
        word: str,
    ) -> CampaignView:
        actor.require(Scope.CAMPAIGNS)
        now = self._clock()
        over = now if to_state is CampaignState.CANCELLED else None
        async with self._store.transaction() as tx:
            campaign = await _known(tx, name_or_id)
            told = f"{word} by {actor.name}"
            if not await campaign_store.change(tx, campaign.id, from_states, to_state, told, finished_at=over):
                wanted = " or ".join(state.value for state in from_states)
                raise Conflict(f"campaign {campaign.name} is {campaign.state}; only one that is {wanted} can be {word}")
            if to_state is CampaignState.CANCELLED:
                await campaign_store.settle_all(tx, campaign.id, DeviceState.WAITING, DeviceState.CANCELLED, told)
            if campaign.state is CampaignState.STOPPED and to_state is CampaignState.RUNNING:
                await self._accept(tx, campaign)
            target = f"campaign:{campaign.id}"
            await audit.note(
                tx, actor, f"campaign.{word}", target, now, before={"state": campaign.state}, after={"state": to_state}
            )
        if to_state is not CampaignState.RUNNING:
            await self._recall(campaign)
            await self._collect(replace(campaign, state=to_state), now)
            if to_state is CampaignState.CANCELLED:
                async with self._store.transaction() as tx:
                    await campaign_store.settle_all(tx, campaign.id, DeviceState.WAITING, DeviceState.CANCELLED, told)
        return await self.get(actor, campaign.id)

    async def _accept(self, tx: Transaction, campaign: CampaignRecord) -> None:
        """A person looked at the failures so far: they stop the campaign no more."""
        tally = await campaign_store.tally(tx, campaign.id)
        bad = tally.count(DeviceState.FAILED, DeviceState.UNKNOWN)
        await campaign_store.put_settings(tx, campaign.id, {**campaign.settings, "accepted": bad})

    async def _found(self, query: str) -> frozenset[str] | None:
        """The devices that the targets' search finds; None where they name no search."""
        if not query:
            return None
        if self.searched is None:
            raise InvalidInput("targets: a query needs the search, which this process does not have; name models")
        return await self.searched(query)

    async def _choose(self, file: FileRecord, version: str, targets: Targets) -> list[tuple[str, str]]:
        """(device, its version) of every device that matches, by a hash of the key."""
        chosen: list[tuple[str, str]] = []
        wanted = frozenset(targets.devices)
        searched = await self._found(targets.query)
        after = ""
        while True:
            async with self._store.reading() as tx:
                page = await device_store.list_devices(tx, after=after, limit=_PAGE)
                tags = await provision_store.tags_of(tx, [each.key for each in page])
                lines = await line_store.get_many(tx, sorted({each.line for each in page if each.line}))
            for each in page:
                if (wanted and each.key not in wanted) or (searched is not None and each.key not in searched):
                    continue
                if each.software_version == version or not fits_model(file.models, each):
                    continue
                if not fits_model(targets.models, each):
                    continue
                line = lines.get(each.line or "")
                if _fits(targets, each.software_version, each.hardware_version, tags.get(each.key, frozenset()), line):
                    chosen.append((each.key, each.software_version))
            if len(page) < _PAGE:
                return sorted(chosen, key=lambda pair: hashlib.blake2b(pair[0].encode()).digest())
            after = page[-1].key


def _settings(campaign: CampaignRecord) -> CampaignSettings:
    return CampaignSettings.model_validate({k: v for k, v in campaign.settings.items() if k != "accepted"})


def _without_accepted(tally: Tally, accepted: int) -> Tally:
    """The tally without failures that a person accepted; canaries are part of all."""
    found, canaries = dict(tally.all), dict(tally.canaries)
    for state in (DeviceState.FAILED, DeviceState.UNKNOWN):
        taken = min(accepted, found.get(state, 0))
        found[state] = found.get(state, 0) - taken
        canaries[state] = max(0, canaries.get(state, 0) - taken)
        accepted -= taken
    return Tally(found, canaries)


def _fits(targets: Targets, version: str, hardware: str, tags: frozenset[str], line: LineRecord | None) -> bool:
    return (
        _any(targets.versions, version)
        and _any(targets.hardware_versions, hardware)
        and all(any(fnmatchcase(tag, glob) for tag in tags) for glob in targets.tags)
        and not any(fnmatchcase(tag, glob) for tag in tags for glob in targets.without_tags)
        and (not targets.scopes or (line is not None and any(_any(targets.scopes, s) for s in line.scopes())))
    )


def _any(globs: Sequence[str], text: str) -> bool:
    return not globs or any(fnmatchcase(text.lower(), glob.lower()) for glob in globs)


def _members(campaign_id: str, chosen: Sequence[tuple[str, str]], settings: CampaignSettings) -> list[CampaignDevice]:
    canaries = settings.canaries_of(len(chosen))
    return [
        CampaignDevice(campaign_id, key, DeviceState.WAITING, place < canaries, place, version)
        for place, (key, version) in enumerate(chosen)
    ]


def _version(file: FileRecord, version: str) -> str:
    wanted = version or file.version
    if not wanted:
        raise InvalidInput(f"version: file {file.id} does not say which version it is; write the one that devices show")
    if file.version and wanted != file.version:
        raise InvalidInput(f"version: file {file.id} is version {file.version}, not {wanted}; choose one of both")
    return wanted


async def _file(tx: Transaction, file_id: str) -> FileRecord:
    file = await file_store.get(tx, file_id)
    if file is None:
        raise NotFound(f"there is no file {file_id[:80]!r}; `secondline file list` shows their ids")
    return file


async def _known(tx: Transaction, name_or_id: str) -> CampaignRecord:
    campaign = await campaign_store.get(tx, name_or_id)
    if campaign is None:
        raise NotFound(f"there is no campaign {name_or_id[:80]!r}; `secondline campaign list` shows them")
    return campaign


def _proposal(name: str, file: str, version: str, settings: CampaignSettings, devices: int) -> Proposal:
    wanted: dict[str, Json] = {
        "name": name,
        "file": file,
        "version": version,
        "settings": settings.model_dump(mode="json"),
    }
    return Proposal(CAMPAIGN, f"campaign:{name}", wanted, f"{devices} devices to version {version}")
