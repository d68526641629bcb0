"""Everything that acts on many devices: provisioning, files, campaigns; put together for one process.

The rule of this file: it only puts services together and names the worker's jobs; it decides nothing.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from acs.config import Config
from acs.services.background import repeat
from acs.services.campaign_targets import CampaignTargets
from acs.services.campaign_turns import CampaignTurns
from acs.services.campaigns import Campaigns
from acs.services.clock import Clock
from acs.services.file_addresses import FileAddresses
from acs.services.file_intake import FileIntake
from acs.services.file_transfers import FileTransfers
from acs.services.files import Files
from acs.services.kinds.base import Place
from acs.services.operations import Operations
from acs.services.provision_desk import ProvisionDesk
from acs.services.provisioning import Provisioning
from acs.services.provisioning_jobs import ProvisionSearch
from acs.services.sessions import Sessions
from acs.store.files import Direction
from acs.store.records import DeviceRecord, OperationRecord
from acs.store.store import Store

log = structlog.get_logger()

#: A job of the worker: seconds between two calls, and the call.
Jobs = Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]
#: Seconds between two looks at files that are too old.
_TIDY_S = 600.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The services that act on many devices."""

    config: Config
    provisioning: Provisioning
    desk: ProvisionDesk
    search: ProvisionSearch
    files: Files
    file_intake: FileIntake
    file_addresses: FileAddresses
    file_transfers: FileTransfers
    campaigns: Campaigns
    campaign_turns: CampaignTurns
    campaign_targets: CampaignTargets

    def jobs(self) -> Jobs:
        """What the worker runs again and again."""
        return {
            "provisioning": (self.config.provisioning.tick_s, self.search.turn),
            "files": (_TIDY_S, self.file_transfers.tidy),
            "campaigns": (self.config.campaigns.tick_s, self.campaign_turns.turn),
        }

    async def keep_rules_fresh(self) -> None:
        """Read the rule files again whenever they change, until cancelled: for a process without the worker."""

        async def turn() -> None:
            await asyncio.sleep(self.config.provisioning.tick_s)
            await self.provisioning.reload()

        await repeat(turn, lambda error: log.error("rules.not_read", problem=str(error), exc_info=error))


class OwnTransfers:
    """Gives operations their places in our own file server; see `transfers.Transfers`."""

    def __init__(self, intake: FileIntake, transfers: FileTransfers) -> None:
        self._intake = intake
        self._transfers = transfers

    def why_not(self, operation: OperationRecord) -> str | None:
        """Why there is no place for the operation's file; None when there is one."""
        if self._intake.enabled:
            return None
        return f"{operation.kind} without a URL needs the file server; name a folder in files.directory, or give url"

    async def place_of(self, operation: OperationRecord, device: DeviceRecord, now: datetime) -> Place:
        """The place of the file: `arguments["file"]` of a download, a new one of an upload."""
        file = operation.arguments.get("file")
        purpose = Direction.UPLOAD if operation.kind == "upload" else Direction.DOWNLOAD
        signed = await self._transfers.url_for(
            None if file is None or purpose is Direction.UPLOAD else str(file),
            device.key,
            purpose,
            file_type=str(operation.arguments.get("file_type", "")),
            operation=operation.id,
        )
        return Place(signed.url, signed.username, signed.password, signed.size_bytes)


def build_fleet(
    config: Config, store: Store, operations: Operations, sessions: Sessions, clock: Clock, key: bytes
) -> Fleet:
    """Put the services together and hang them into the sessions.

    Raises:
        ConfigError: a rule file is wrong.
    """
    provisioning = Provisioning(store, config, clock, _derived(key, b"provisioning"))
    provisioning.credentials["connection_request"] = sessions.first_contact.credentials
    intake, addresses = FileIntake(store, config.files), FileAddresses(config.files, _derived(key, b"files"))
    files = Files(store, config.files, intake, clock)
    transfers = FileTransfers(store, config.files, intake, addresses, clock)
    search = ProvisionSearch(store, config, provisioning, operations, clock)
    desk = ProvisionDesk(store, provisioning, clock)
    desk.changed = search.check
    sessions.parts.provisioning = provisioning
    sessions.parts.transfers = OwnTransfers(intake, transfers)
    targets, turns = CampaignTargets(store), CampaignTurns(store, config.campaigns, operations, clock)
    campaigns = Campaigns(store, config.campaigns, targets, turns, clock)
    return Fleet(
        config=config,
        provisioning=provisioning,
        desk=desk,
        search=search,
        files=files,
        file_intake=intake,
        file_addresses=addresses,
        file_transfers=transfers,
        campaigns=campaigns,
        campaign_turns=turns,
        campaign_targets=targets,
    )


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=32, person=purpose[:16]).digest()
