"""A device's own credential towards us: made, told to the device, proven, and only then the one that counts.

    made ─→ told by SetParameterValues ─→ used by the device ─→ proven: the old one and the shared one are refused
      │            └─ the session breaks, or the device forgets it: the old one is still good, and it is told again
      └─ stored, sealed, before the device is told

The one rule: until the new credential was used, the old one lets the device in; so a crash anywhere locks nobody out.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from acs.services import audit
from acs.services.actor import Actor, system_actor
from acs.services.identifiers import new_id, new_secret
from acs.services.visits import Visit
from acs.store import devices, operations
from acs.store.devices import CredentialKind
from acs.store.records import (
    FINAL_STATES,
    Credentials,
    Json,
    OperationRecord,
    OperationState,
    SessionCommit,
    SessionOpened,
)
from acs.store.store import Store

log = structlog.get_logger()

KIND = "own_credentials"
#: Days that the device is tried to be told.
DAYS = 7
#: Longest user name that every CPE can store (TR-098, TR-181: string(256)).
NAME_LENGTH = 256
#: Where an operation may still tell the device something; and how many of a device are looked at.
_UNDER_WAY = tuple(state for state in OperationState if state not in FINAL_STATES)
_LOOKED_AT = 1_000
#: Events at which a device without a credential of its own is given one.
TOLD_AT = frozenset({"0 BOOTSTRAP", "1 BOOT"})


class OwnCredentials:
    """Makes, finds, proves and forgets the credentials of devices."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def prepare(self, key: str, now: datetime) -> Credentials:
        """The credential that the device is to be told: the one under way, else its own, else a new one, stored."""
        async with self._store.transaction() as tx:
            for kind in (CredentialKind.CWMP_NEW, CredentialKind.CWMP):
                known = await devices.get_credentials(tx, key, kind)
                if known is not None:
                    return known
            return await devices.give_credentials(tx, key, CredentialKind.CWMP_NEW, _made(key), now)

    async def operation_for(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation that gives the device its credential; None where it has one or it is not the time."""
        principal = visit.arrival.principal
        if not visit.root or (principal is not None and (principal.device is not None or principal.certified)):
            return None
        if not opened.created and not any(code in TOLD_AT for code, _ in visit.events):
            return None
        if any(operation.kind == KIND for operation in opened.operations):
            return None
        wanted = operation(visit.key, now, "the policy gives each device a credential of its own")
        await self._store.sessions.commit(SessionCommit(visit.key, visit.session.id, now, operations=(wanted,)))
        return replace(wanted, steps=1)

    async def proven(self, key: str, now: datetime) -> bool:
        """The device used its new credential: from now on it is the only one; False where it was so before."""
        async with self._store.transaction() as tx:
            new = await devices.get_credentials(tx, key, CredentialKind.CWMP_NEW)
            if new is None:
                return False
            await devices.set_credentials(tx, key, CredentialKind.CWMP, new, now)
            await devices.remove_credentials(tx, key, CredentialKind.CWMP_NEW)
            await audit.note(tx, system_actor("identity"), "credential.proven", f"device:{key}", now)
        log.info("credential.proven", device=key)
        return True

    async def renew(self, actor: Actor, key: str, now: datetime) -> OperationRecord:
        """Make a new credential and the operation that tells it; the present one stays good until the new one was used.

        One at a time: while such an operation is under way it is returned as it is. What the device may have been told
        already is told again, not replaced: it would lock itself out with a credential that we have forgotten.

        Raises:
            NotFound: no device has this key.
        """
        async with self._store.transaction() as tx:
            waiting = await operations.list_operations(tx, device=key, states=_UNDER_WAY, limit=_LOOKED_AT)
            under_way = next((one for one in waiting if one.kind == KIND), None)
            if under_way is not None:
                return under_way
            told = await devices.get_credentials(tx, key, CredentialKind.CWMP_NEW)
            if told is None:
                await devices.give_credentials(tx, key, CredentialKind.CWMP_NEW, _made(key), now)
            wanted = replace(operation(key, now, f"asked by {actor.name}"), actor=actor.name)
            after: dict[str, Json] = {"operation": wanted.id, "told_again": told is not None}
            await audit.note(tx, actor, "credential.renewed", f"device:{key}", now, after=after)
            return await operations.add(tx, wanted)

    async def remove(self, actor: Actor, key: str, now: datetime) -> bool:
        """Forget the device's own credentials, so that the shared one lets it in again; False where it had none."""
        async with self._store.transaction() as tx:
            own = await devices.remove_credentials(tx, key, CredentialKind.CWMP)
            new = await devices.remove_credentials(tx, key, CredentialKind.CWMP_NEW)
            if own or new:
                await audit.note(tx, actor, "credential.removed", f"device:{key}", now)
        return own or new


def operation(key: str, now: datetime, reason: str) -> OperationRecord:
    """The operation that tells a device its credential."""
    id_ = new_id()
    return OperationRecord(
        id=id_,
        device=key,
        kind=KIND,
        arguments={},
        state=OperationState.QUEUED,
        command_key=id_,
        created_at=now,
        deadline_at=now + timedelta(days=DAYS),
        actor="system",
        reason=reason,
    )


def _made(key: str) -> Credentials:
    """A random password under the name that the standard gives the device (TR-069 §3.4.4)."""
    return Credentials(key if len(key) <= NAME_LENGTH else f"cpe-{new_id()}", new_secret())
