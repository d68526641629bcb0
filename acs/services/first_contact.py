"""First contact and rotation: a device gets its own passwords for connection requests, and the settings to be woken.

    new, or reset        ─▶ operation first_contact        its passwords, made once and stored sealed before it is told
    older than configured ─▶ operation rotate_credentials   new ones beside the old ones, until the CPE has taken them

The one rule: an operation like any other, so it is done again when a session breaks, and its steps can be seen; what
the CPE may have is never forgotten before it has confirmed something else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from acs.config import Config, SetOn
from acs.services.identifiers import new_id, new_secret
from acs.services.visits import Visit
from acs.services.waking.methods import CallFailed, Messenger
from acs.services.waking.reach import private_elsewhere
from acs.services.waking.settings import LightweightSettings, StunSettings, WakingSettings, XmppSettings
from acs.store import connection_requests as waking_store
from acs.store import devices, operations
from acs.store.coalescer import Coalescer
from acs.store.connection_requests import Rotation, Secrets
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, OperationRecord, OperationState, SessionCommit, SessionOpened
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

KIND: Final = "first_contact"
ROTATION: Final = "rotate_credentials"
#: Days that the settings of a device are tried for.
DAYS: Final = 7


def first_contact_operation(key: str, now: datetime, reason: str) -> OperationRecord:
    """The operation that gives a device its settings."""
    return _operation(KIND, key, now, reason)


class FirstContact:
    """Decides who gets settings, and keeps the passwords. `messenger` makes XMPP accounts, where there is one."""

    def __init__(self, store: Store, config: Config) -> None:
        self.messenger: Messenger | None = None
        self._store = store
        self._config = config
        self._enabled = config.cwmp.first_contact.enabled
        self._making: Coalescer[tuple[str, CredentialKind, datetime], Credentials] = Coalescer(self._make, window_s=0.0)

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
        return await self._credentials(key, CredentialKind.CONNECTION_REQUEST, now)

    async def close(self) -> None:
        """Return when what is being made is stored."""
        await self._making.close()

    async def settings(self, operation: OperationRecord, address: str, now: datetime) -> WakingSettings:
        """What the operation tells the device; made and stored before this returns. `address`: it comes from there."""
        if operation.kind == ROTATION:
            return await self._rotated(operation, now)
        key = operation.device
        async with self._store.reading() as tx:
            device = await devices.get(tx, key)
        behind_nat = device is not None and private_elsewhere(device.connection_request_url, address)
        lightweight = self._config.lightweight
        return WakingSettings(
            await self.credentials(key, now),
            self._config.cwmp.first_contact.periodic_inform_s,
            await self._stun(key, behind_nat, now),
            await self._xmpp(key, behind_nat, now),
            LightweightSettings(lightweight.address, lightweight.port)
            if lightweight.enabled and lightweight.address
            else None,
        )

    async def begin_rotations(self, now: datetime) -> None:
        """Begin the rotations that are due, a bounded number; settle those that succeeded. The worker's job."""
        section = self._config.credentials
        async with self._store.transaction() as tx:
            for key in await waking_store.settled_rotations(tx):
                await waking_store.settle_rotation(tx, key, now)
            if not section.rotate_days:
                return
            before = now - timedelta(days=section.rotate_days)
            limit = section.rotate_per_minute
            for key in await waking_store.due_for_rotation(tx, before, kind=ROTATION, limit=limit):
                await waking_store.touch_credentials(tx, key, now)
                reason = f"its connection-request password is older than {section.rotate_days} days"
                await operations.add(tx, _operation(ROTATION, key, now, reason))

    async def _rotated(self, operation: OperationRecord, now: datetime) -> WakingSettings:
        """New passwords beside the old ones; the same ones again when a session broke off the operation."""
        key = operation.device
        async with self._store.transaction() as tx:
            await waking_store.settle_rotation(tx, key, now)
            rotation = await waking_store.get_rotation(tx, key)
            current = await devices.get_credentials(tx, key, CredentialKind.CONNECTION_REQUEST)
            stun = await devices.get_credentials(tx, key, CredentialKind.STUN)
            if rotation is None or rotation.operation != operation.id:
                username = _new_username() if current is None else current.username
                secrets = Secrets(username, new_secret(), "" if stun is None else new_secret())
                rotation = Rotation(key, operation.id, secrets, now)
                await waking_store.start_rotation(tx, rotation)
        secrets = rotation.secrets
        told = None
        if stun is not None and secrets.stun_secret:
            told = StunSettings("", 0, stun.username, secrets.stun_secret, enable=False)
        return WakingSettings(Credentials(secrets.username, secrets.secret), stun=told, together=True)

    async def _stun(self, key: str, behind_nat: bool, now: datetime) -> StunSettings | None:
        section = self._config.stun
        if not section.enabled or not _wanted(section.set_on, behind_nat):
            return None
        own = await self._credentials(key, CredentialKind.STUN, now)
        return StunSettings(section.address, section.port, own.username, own.secret, section.keep_alive_s)

    async def _xmpp(self, key: str, behind_nat: bool, now: datetime) -> XmppSettings | None:
        section = self._config.xmpp
        if section.jid is None or self.messenger is None or not _wanted(section.set_on, behind_nat):
            return None
        own = await self._credentials(key, CredentialKind.XMPP, now)
        try:
            await self.messenger.make_account(own.username, own.secret)
        except CallFailed as error:
            log.warning("xmpp.account_not_made", device=key, why=str(error))
            return None
        domain = section.domain or section.jid.rpartition("@")[2]
        return XmppSettings(own.username, own.secret, domain, section.host or domain, section.port, section.jid)

    async def _credentials(self, key: str, kind: CredentialKind, now: datetime) -> Credentials:
        """The likeliest credentials of a kind, made and stored when there are none."""
        async with self._store.reading() as tx:
            known = await waking_store.candidates(tx, key, kind)
        if known:
            return known[0]
        return await self._making.submit((key, kind, now))

    async def _make(self, wanted: Sequence[tuple[str, CredentialKind, datetime]]) -> list[Credentials]:
        """Make and store those of several devices in one transaction: a town that comes back waits for one flush."""
        async with self._store.transaction() as tx:
            return [await _made(tx, key, kind, now) for key, kind, now in wanted]


async def _made(tx: Transaction, key: str, kind: CredentialKind, now: datetime) -> Credentials:
    known = await waking_store.candidates(tx, key, kind)
    if known:
        return known[0]
    made = Credentials(await _username(tx, key, kind), new_secret())
    return await devices.give_credentials(tx, key, kind, made, now)


def _wanted(set_on: SetOn, behind_nat: bool) -> bool:
    return set_on is SetOn.ALL or (set_on is SetOn.BEHIND_NAT and behind_nat)


async def _username(tx: Transaction, key: str, kind: CredentialKind) -> str:
    """One user name for HTTP, UDP and STUN; an XMPP account keeps its name for ever, for a reset shall leave none."""
    if kind is CredentialKind.XMPP:
        return "cpe-" + hashlib.blake2b(key.encode(), digest_size=10).hexdigest()
    known = await devices.get_credentials(tx, key, CredentialKind.CONNECTION_REQUEST)
    return _new_username() if known is None else known.username


def _new_username() -> str:
    return f"acs-{new_id()[-12:]}"


def _operation(kind: str, key: str, now: datetime, reason: str) -> OperationRecord:
    id = new_id()
    return OperationRecord(
        id=id,
        device=key,
        kind=kind,
        arguments={},
        state=OperationState.QUEUED,
        command_key=id,
        created_at=now,
        deadline_at=now + timedelta(days=DAYS),
        actor="system",
        reason=reason,
    )
