"""Who devices are: quarantine and admission, credentials of their own, and what disagrees about one identity.

    new device ─→ quarantine ─→ admitted, by a person or by a rule of `[[cwmp.admit]]`

The one rule: of a device in quarantine nothing is kept but what its Informs say, and nothing is asked or set.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from acs.cwmp.structs import DeviceId
from acs.errors import Conflict, no_device
from acs.services import audit
from acs.services.actor import Actor, Scope, system_actor
from acs.services.alarms import CLONED, Alarms
from acs.services.clock import Clock
from acs.services.clones import Clones
from acs.services.first_contact import first_contact_operation
from acs.services.own_credentials import OwnCredentials, operation
from acs.services.policies import Policies
from acs.services.visits import Visit
from acs.store import devices, identity, operations
from acs.store.devices import CredentialKind
from acs.store.identity import QuarantineRecord
from acs.store.records import Credentials, DeviceRecord, OperationRecord, SessionOpened, Sighting
from acs.store.store import Store

log = structlog.get_logger()

#: Called with a device that was admitted: its line is looked for, and its tree is read; see `Devices.came`.
Admitted = Callable[[DeviceRecord], Awaitable[None]]


class Identity:
    """Use cases about who a device is."""

    def __init__(
        self, store: Store, policies: Policies, alarms: Alarms, clock: Clock, *, first_settings: bool = False
    ) -> None:
        #: called with a device whose credentials changed; see `CpeAuth.forget`
        self.changed: Callable[[str | None], None] = lambda _key: None
        #: what follows when a device is admitted
        self.admitted: Admitted | None = None
        self._store = store
        self._policies = policies
        self._alarms = alarms
        self._clock = clock
        self._first_settings = first_settings
        self._clones = Clones()
        self._own = OwnCredentials(store)

    # In sessions

    async def begun(self, visit: Visit, opened: SessionOpened, now: datetime) -> bool:
        """Look at a device that is in quarantine or told what does not go together; whether it is admitted."""
        if opened.earlier is not None:
            self._compare(visit, opened, opened.earlier)
        if not opened.quarantined:
            return True
        principal = visit.arrival.principal
        proved = principal is not None and principal.proved
        device = opened.device
        named = DeviceId(device.manufacturer, device.oui, device.product_class, device.serial_number)
        if not self._policies.admits(named, visit.arrival.address, proved=proved):
            if opened.created:
                log.info("device.quarantined", device=visit.key, address=visit.arrival.address)
            return False
        await self._admit(system_actor("rule"), device, "a rule of [[cwmp.admit]] matches")
        return True

    async def greeting(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation that gives the device a credential of its own; None where that is not its turn."""
        return await self._own.operation_for(visit, opened, now)

    async def credentials(self, key: str, now: datetime) -> Credentials:
        """The credential that the device is told, made and stored before."""
        made = await self._own.prepare(key, now)
        self.changed(key)
        return made

    async def proven(self, key: str) -> None:
        """The device used the credential that it was given."""
        await self._own.proven(key, self._clock())
        self.changed(key)

    # For people

    async def quarantined(self, actor: Actor, *, limit: int = 100, after: str = "") -> list[QuarantineRecord]:
        """Devices in quarantine, by key."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await identity.list_quarantined(tx, limit=limit, after=after)

    async def quarantine_of(self, actor: Actor, key: str) -> QuarantineRecord | None:
        """The device's quarantine; None when it is admitted."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await identity.quarantined(tx, key)

    async def admit(self, actor: Actor, key: str, reason: str = "") -> None:
        """Let a device out of quarantine: from its next session on it is served as any other.

        Raises:
            NotFound: no device has this key.
            Conflict: it is not in quarantine.
        """
        actor.require(Scope.OPERATE)
        device = await self._known(key)
        if not await self._admit(actor, device, reason):
            raise Conflict(f"device {key} is not in quarantine")

    async def quarantine(self, actor: Actor, key: str, reason: str = "") -> None:
        """Put a device into quarantine: its operations wait, and nothing is asked of it until it is admitted.

        Raises:
            NotFound: no device has this key.
            Conflict: it is in quarantine already.
        """
        actor.require(Scope.OPERATE)
        await self._known(key)
        now = self._clock()
        async with self._store.transaction() as tx:
            if not await identity.quarantine(tx, QuarantineRecord(key, now, actor.name, reason)):
                raise Conflict(f"device {key} is in quarantine already")
            await audit.note(tx, actor, "device.quarantined", f"device:{key}", now, after={"reason": reason})
        log.info("device.quarantined", device=key, actor=actor.name)

    async def renew_credentials(self, actor: Actor, key: str) -> OperationRecord:
        """Give the device a new credential of its own in its next session; the old one is good until it is used.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.OPERATE)
        await self._known(key)
        renewed = await self._own.renew(actor, key, self._clock())
        self.changed(key)
        return renewed

    async def remove_credentials(self, actor: Actor, key: str) -> None:
        """Let the device in with the shared credential again, as after a reset to factory state.

        Raises:
            NotFound: no device has this key.
            Conflict: it has no credential of its own.
        """
        actor.require(Scope.OPERATE)
        await self._known(key)
        if not await self._own.remove(actor, key, self._clock()):
            raise Conflict(f"device {key} has no credential of its own")
        self.changed(key)

    async def has_own_credentials(self, key: str) -> bool:
        """Whether the device proved a credential of its own."""
        async with self._store.reading() as tx:
            return await devices.get_credentials(tx, key, CredentialKind.CWMP) is not None

    async def _known(self, key: str) -> DeviceRecord:
        async with self._store.reading() as tx:
            device = await devices.get(tx, key)
        if device is None:
            raise no_device(key)
        return device

    async def _admit(self, actor: Actor, device: DeviceRecord, reason: str) -> bool:
        now = self._clock()
        async with self._store.transaction() as tx:
            was_there = await identity.admit(tx, device.key)
            if was_there:
                for each in self._settings(device, now):
                    await operations.add(tx, each)
                await audit.note(tx, actor, "device.admitted", f"device:{device.key}", now, after={"reason": reason})
        if was_there:
            log.info("device.admitted", device=device.key, actor=actor.name)
            if self.admitted is not None:
                await self.admitted(device)
        return was_there

    def _settings(self, device: DeviceRecord, now: datetime) -> list[OperationRecord]:
        """What a device is given that any other got at its first contact."""
        wanted = [first_contact_operation(device.key, now, "it was admitted")] if self._first_settings else []
        if self._policies.of_address(device.address).own_credentials:
            wanted.append(operation(device.key, now, "it was admitted"))
        return wanted

    def _compare(self, visit: Visit, opened: SessionOpened, earlier: Sighting) -> None:
        device = opened.device
        uptime_s = int(visit.uptime_s) if visit.uptime_s is not None else None
        seen = Sighting(visit.arrival.now, device.address, device.hardware_version, uptime_s, visit.arrival.now)
        why = self._clones.look(visit.key, earlier, seen)
        if why is not None:
            self._alarms.raise_soon(
                CLONED, f"device:{visit.key}", {"why": why, "addresses": [earlier.address, device.address]}
            )
