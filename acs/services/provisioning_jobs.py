"""The search for devices that the rules now want differently, and firmware that a rule asks for. Run by the worker.

The rule of this file: each turn is a bounded bite of the fleet, in the order of keys; what a turn asks twice is one
operation, because its idempotency key names the wish.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from acs.config import Config
from acs.errors import AcsError, Conflict, InvalidInput, NotFound, TooMany
from acs.services.actor import system_actor
from acs.services.clock import Clock
from acs.services.operations import Operations
from acs.services.provisioning import KIND, REFUSED, WHOLE, Known, Provisioning
from acs.services.provisioning_rules import Desired, RuleWish
from acs.store import devices as device_store
from acs.store import operations as operation_store
from acs.store import provisioning as provision_store
from acs.store.provisioning import ProvisionState, RuleRefusal
from acs.store.records import FINAL_STATES, OperationRecord, OperationState
from acs.store.store import Store

log = structlog.get_logger()

#: Seconds until a device that refused a rule is asked again, unless it boots before.
RETRY_S = 3_600.0
#: File type of firmware (TR-069 A.3.2.8).
FIRMWARE = "1 Firmware Upgrade Image"
_ACTOR = system_actor("provisioning")

#: Devices that are compared without letting anything else run: some milliseconds.
_AT_A_STRETCH = 10

#: Gives a device work, as `Operations.request` does.
Request = Callable[..., Awaitable[OperationRecord]]


class ProvisionSearch:
    """Goes over the fleet again and again."""

    def __init__(
        self, store: Store, config: Config, provisioning: Provisioning, operations: Operations, clock: Clock
    ) -> None:
        self._store = store
        self._config = config.provisioning
        self._firmware_s = config.campaigns.deadline_s
        self._seen_within = timedelta(seconds=config.campaigns.seen_within_s)
        self._provisioning = provisioning
        self._request: Request = operations.request
        self._frozen = operations.frozen
        self._clock = clock
        self._after = ""
        self._pause_until: datetime | None = None
        self._seen = ""

    async def turn(self) -> int:
        """One bite: look at the files, then at the next devices; returns how many were given an operation."""
        await self._provisioning.reload()
        now = self._clock()
        stamp = self._provisioning.rules.stamp
        if stamp != self._seen:
            self._seen, self._after, self._pause_until = stamp, "", None
        if not self._provisioning.rules.rules or (self._pause_until is not None and now < self._pause_until):
            return 0
        room = self._config.at_once - await self._open()
        asked = 0
        limit = self._config.devices_per_tick
        page = await self._provisioning.page(self._after, limit)
        for n, known in enumerate(page):
            if asked >= room:
                return asked
            if n % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # sessions of this loop come first
            asked += await self._look(known, now)
            self._after = known.subject.key
        if len(page) < limit:
            self._after, self._pause_until = "", now + timedelta(seconds=self._config.round_s)
        return asked

    async def check(self, key: str) -> bool:
        """Look at one device at once: its tags or its line changed. True when it was given an operation."""
        known = await self._provisioning.known(key)
        return known is not None and bool(await self._look(known, self._clock()))

    async def _look(self, known: Known, now: datetime) -> int:
        """Give the device what it lacks; 1 when something was asked of it."""
        if await self._frozen():
            return 0
        desired = await self._provisioning.desired_of(known, now)
        asked = await self._look_at_firmware(known, desired, now)
        if not known.subject.root or not self._provisioning.is_due(known, desired, now, RETRY_S):
            return asked
        stopped = known.refusals.get(WHOLE)
        if stopped is not None and stopped.stopped_at is not None:
            return asked
        return asked | int(await self._provision(known, now))

    async def _provision(self, known: Known, now: datetime) -> bool:
        key = known.subject.key
        if await self._provisioning.is_under_way(key, known):
            return False
        turn = known.state.updated_at.isoformat() if known.state else "first"
        wanted = await self._try(
            key, KIND, {}, self._config.deadline_s, "the rules want other settings", f"{KIND}:{_short(key)}:{turn}"
        )
        if wanted is None:
            return False
        if wanted.state in FINAL_STATES:
            await self._next_round(known, wanted, now)
            return False
        return wanted.created_at >= now

    async def _next_round(self, known: Known, ended: OperationRecord, now: datetime) -> None:
        """The last operation ended and noted nothing: it expired, was cancelled, or the CPE broke off."""
        key = known.subject.key
        async with self._store.transaction() as tx:
            await device_store.hold(tx, key)
            before = await provision_store.state_of(tx, key)
            if before is not None and known.state is not None and before.updated_at != known.state.updated_at:
                return  # it was noted meanwhile
            state = before or ProvisionState(key, "", now)
            wanted = state.wanted if state.wanted.startswith(REFUSED) else ""
            await provision_store.put_state(tx, replace(state, wanted=wanted, updated_at=now, operation=ended.id))
            if ended.state is not OperationState.FAILED:
                return
            counted = [one.refusals for one in await provision_store.refusals_of(tx, [key]) if one.rule == WHOLE]
            count = sum(counted) + 1
            stopped_at = now if count >= self._config.refusals else None
            refusal = RuleRefusal(key, WHOLE, "", count, ended.detail[:1000], now, stopped_at)
            await provision_store.put_refusal(tx, refusal)
        if stopped_at is not None:
            log.warning("rule.stopped", device=key, rule=WHOLE, refusals=count, why=ended.detail[:300])

    async def _look_at_firmware(self, known: Known, desired: Desired, now: datetime) -> int:
        """Ask for the firmware that the first rule with such a wish names, once per content of the rule."""
        wish = next((each for each in desired.rules if each.firmware is not None), None)
        if wish is None or wish.firmware is None or known.subject.software_version == wish.firmware.version:
            return 0
        tries = known.refusals.get(f"{wish.rule}/firmware")
        if tries is not None and tries.stopped_at is not None and tries.digest == wish.digest:
            return 0
        return int(await self._fetch(known, wish, now))

    async def _fetch(self, known: Known, wish: RuleWish, now: datetime) -> bool:
        assert wish.firmware is not None
        key, rule = known.subject.key, f"{wish.rule}/firmware"
        arguments = {"file_type": FIRMWARE, "file": wish.firmware.file}
        why = f"rule {wish.rule} wants {wish.firmware.version}"
        before = known.refusals.get(rule)
        tries = before.refusals if before is not None and before.digest == wish.digest else 0
        token = f"firmware:{wish.digest}:{_short(key)}:{tries}"
        try:
            wanted = await self._request(
                _ACTOR, key, "download", arguments, deadline_s=self._firmware_s, reason=why, idempotency_key=token
            )
        except (TooMany, Conflict):  # not now: it has enough to do, is in quarantine, or all writes are frozen
            return False
        except (InvalidInput, NotFound) as error:
            await self._stop(key, rule, wish.digest, tries + 1, str(error), now)
            return False
        if wanted.state in FINAL_STATES:
            if wanted.state is OperationState.SUCCEEDED and now < (wanted.finished_at or now) + self._seen_within:
                return False  # it boots
            told = f"{wanted.state}: {wanted.detail}; the version is still {known.subject.software_version}"
            await self._stop(key, rule, wish.digest, tries + 1, told, now)
            return False
        return wanted.created_at >= now

    async def _stop(self, key: str, rule: str, digest: str, tries: int, why: str, now: datetime) -> None:
        """Firmware is fetched once: a device that did not take it is for a person to look at."""
        async with self._store.transaction() as tx:
            await provision_store.put_refusal(tx, RuleRefusal(key, rule, digest, tries, why[:1000], now, now))
        log.warning("rule.stopped", device=key, rule=rule, refusals=tries, why=why[:300])

    async def _try(
        self, key: str, kind: str, arguments: dict[str, object], deadline_s: float, why: str, token: str
    ) -> OperationRecord | None:
        try:
            return await self._request(
                _ACTOR, key, kind, arguments, deadline_s=deadline_s, reason=why, idempotency_key=token
            )
        except TooMany:
            return None
        except AcsError as error:
            log.error("device.not_provisioned", device=key, problem=str(error))
            return None

    async def _open(self) -> int:
        async with self._store.reading() as tx:
            return len(await operation_store.unfinished(tx, limit=self._config.at_once, kinds=[KIND]))


def _short(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
