"""First contact: a device that is new, or was reset, gets connection-request credentials and a periodic Inform.

It is an operation like any other, so it is done again when a session breaks, and its steps can be seen. The
credentials are random per device and stored, sealed, before the CPE is told.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from acs.config import Config
from acs.services.identifiers import new_id, new_secret
from acs.services.visits import Visit
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, OperationRecord, OperationState, SessionCommit, SessionOpened
from acs.store.store import Store

KIND = "first_contact"
#: Days that the settings of a new device are tried for.
DAYS = 7


def first_contact_operation(key: str, now: datetime, reason: str) -> OperationRecord:
    """The operation that gives a device its settings."""
    id = new_id()
    return OperationRecord(
        id=id,
        device=key,
        kind=KIND,
        arguments={},
        state=OperationState.QUEUED,
        command_key=id,
        created_at=now,
        deadline_at=now + timedelta(days=DAYS),
        actor="system",
        reason=reason,
    )


class FirstContact:
    """Decides who gets first settings, and keeps their credentials."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._enabled = config.cwmp.first_contact.enabled

    async def operation_for(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation for a device that just came for the first time or after a reset; else None."""
        reset = any(code == "0 BOOTSTRAP" for code, _ in visit.events)
        if not self._enabled or not visit.root or not (opened.created or reset):
            return None
        if any(operation.kind == KIND for operation in opened.operations):
            return None
        reason = "the device is new" if opened.created else "the device was reset"
        greeting = first_contact_operation(visit.key, now, reason)
        await self._store.sessions.commit(SessionCommit(visit.key, visit.session.id, now, operations=(greeting,)))
        return replace(greeting, steps=1)

    async def credentials(self, key: str, now: datetime) -> Credentials:
        """The device's connection-request credentials, made and stored when it has none."""
        async with self._store.reading() as tx:
            known = await devices.get_credentials(tx, key, CredentialKind.CONNECTION_REQUEST)
        if known is not None:
            return known
        async with self._store.transaction() as tx:
            known = await devices.get_credentials(tx, key, CredentialKind.CONNECTION_REQUEST)
            if known is not None:
                return known
            made = Credentials(f"acs-{new_id()[-12:]}", new_secret())
            await devices.set_credentials(tx, key, CredentialKind.CONNECTION_REQUEST, made, now)
            return made
