"""Firmware campaigns as a person begins, sees, halts and ends them.

    create ─► running ─► done
                │ ▲  └─► stopped (too many failures)
                ▼ │         │ resume
              paused ◄──────┘

The rule of this file: a person changes what is stored, and the worker (`campaign_turns`) goes by that; whoever halts a
campaign has taken back what was not sent yet when the answer comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from acs.config import CampaignsSection
from acs.errors import Conflict, InvalidInput, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.approvals import Approvals, Proposal
from acs.services.campaign_settings import CampaignSettings, accepting
from acs.services.campaign_steps import step_of
from acs.services.campaign_targets import CampaignTargets
from acs.services.campaign_turns import CampaignTurns
from acs.services.clock import Clock
from acs.services.file_models import known_file
from acs.services.identifiers import new_id
from acs.store import campaigns as campaign_store
from acs.store.approvals import ApprovalRecord
from acs.store.campaigns import OPEN, CampaignDevice, CampaignRecord, CampaignState, DeviceState, Tally
from acs.store.files import FileRecord
from acs.store.records import Json
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: what a proposal of a campaign is called
CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign and how far it is. `waits` says for what, where it runs and does nothing."""

    campaign: CampaignRecord
    tally: Tally
    waits: str = ""


class Campaigns:
    """Use cases of campaigns."""

    def __init__(
        self, store: Store, config: CampaignsSection, targets: CampaignTargets, turns: CampaignTurns, clock: Clock
    ) -> None:
        self._store = store
        self._targets = targets
        self._turns = turns
        self._clock = clock
        self._zone = ZoneInfo(config.time_zone)
        #: asks for another person where a campaign has very many devices; the composition sets it
        self.approvals: Approvals | None = None

    async def create(
        self,
        actor: Actor,
        name: str,
        file_id: str,
        version: str,
        settings: CampaignSettings,
        *,
        approved: int | None = None,
    ) -> CampaignView:
        """Choose the devices and begin; another person `approved` so many of them at most.

        Raises:
            ApprovalNeeded: it has as many devices as take two persons (`rights.bulk_limit`).
            NotFound: no such file.
            InvalidInput: nothing matches, or the file names another version.
            Conflict: the name is taken, or more devices match than were approved.
        """
        actor.require(Scope.CAMPAIGNS)
        now = self._clock()
        async with self._store.reading() as tx:
            file = await known_file(tx, file_id)
        wanted = _version(file, version)
        if not name or len(name) > 64 or not name.isprintable():
            raise InvalidInput("name: write 1 to 64 printable characters, such as ont-5-to-v5")
        chosen = await self._targets.choose(file, wanted, settings.targets)
        if not chosen:
            raise InvalidInput(
                "targets: no device matches, has another version and is of a model that the file is for; "
                "`secondline device list` shows models and versions"
            )
        if approved is not None and len(chosen) > approved:
            raise Conflict(f"{len(chosen)} devices match now, and {approved} were approved; propose it again")
        if approved is None and self.approvals is not None and self.approvals.is_bulk(len(chosen)):
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
        """Begin a campaign that another person approved; its devices are chosen now, and no more than were approved.

        Raises:
            Conflict: more devices match by now; it must be proposed again.
        """
        scopes = frozenset({Scope.OPERATE, Scope.READ})
        proposer = Actor(approval.proposed_by, "system", scopes, f"approval {approval.id}")
        wanted = {name: str(approval.wanted[name]) for name in ("name", "file", "version")}
        settings = CampaignSettings.model_validate(approval.wanted["settings"])
        most = approval.wanted.get("devices")
        approved = most if isinstance(most, int) else 0  # proposed before the number was a part of it
        made = await self.create(
            proposer, wanted["name"], wanted["file"], wanted["version"], settings, approved=approved
        )
        return f"campaign {made.campaign.id} was begun"

    async def preview(self, actor: Actor, file_id: str, version: str, settings: CampaignSettings) -> list[str]:
        """The devices that a campaign would have, in the order of starting; nothing is stored."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            file = await known_file(tx, file_id)
        chosen = await self._targets.choose(file, _version(file, version), settings.targets)
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
        waits = step_of(campaign, tally, begun, self._clock(), self._zone).waits
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
        return await self._change(actor, name_or_id, OPEN, CampaignState.CANCELLED, "cancelled")

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
            await self._turns.recall(campaign)
            await self._turns.collect(replace(campaign, state=to_state), now)
            if to_state is CampaignState.CANCELLED:
                async with self._store.transaction() as tx:
                    await campaign_store.settle_all(tx, campaign.id, DeviceState.WAITING, DeviceState.CANCELLED, told)
        return await self.get(actor, campaign.id)

    async def _accept(self, tx: Transaction, campaign: CampaignRecord) -> None:
        """A person looked at the failures so far: they stop the campaign no more."""
        tally = await campaign_store.tally(tx, campaign.id)
        bad = tally.count(DeviceState.FAILED, DeviceState.UNKNOWN)
        await campaign_store.put_settings(tx, campaign.id, accepting(campaign, bad))


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
        "devices": devices,
    }
    return Proposal(CAMPAIGN, f"campaign:{name}", wanted, f"{devices} devices to version {version}")
