"""Secrets of a device, shown: PPPoE, Wi-Fi and connection-request credentials, to whoever has that right, and audited.

The rule of this file: the audit line is on disk before the secret leaves; it says whose secret was seen, by whom, why
and for which ticket, and never the secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from acs.errors import InvalidInput, no_device
from acs.secret_names import is_secret
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.store import backups as backup_store
from acs.store import devices as device_store
from acs.store import trees as tree_store
from acs.store.devices import CredentialKind
from acs.store.records import Json, Tree
from acs.store.store import Store
from acs.store.transaction import Transaction

Kind = Literal["pppoe", "wifi", "connection_request", "cwmp", "other"]
#: words of a path → what its secret opens
_KINDS: Sequence[tuple[tuple[str, ...], Kind]] = (
    (("wanpppconnection", ".ppp.interface"), "pppoe"),
    (("wlanconfiguration", "wifi"), "wifi"),
    (("managementserver.connectionrequest",), "connection_request"),
    (("managementserver",), "cwmp"),
)
#: credentials of ours → what they open
_OURS: Sequence[tuple[CredentialKind, Kind]] = (
    (CredentialKind.CONNECTION_REQUEST, "connection_request"),
    (CredentialKind.CWMP, "cwmp"),
    (CredentialKind.CWMP_NEW, "cwmp"),
    (CredentialKind.STUN, "connection_request"),
    (CredentialKind.XMPP, "connection_request"),
)
_REASON_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret. `at` None: it is ours, and not read from the device. `name` is its path, or `credential KIND`."""

    kind: Kind
    name: str
    username: str
    value: str = field(repr=False)
    at: datetime | None


class SecretSight:
    """Shows secrets."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def reveal(
        self, actor: Actor, key: str, *, reason: str, kind: Kind | None = None, ticket: str | None = None
    ) -> list[Secret]:
        """The secrets of a device, of one kind or all of them.

        Raises:
            Forbidden: the actor does not have the right `secrets` for this device.
            InvalidInput: no reason is given.
            NotFound: no device has this key.
        """
        actor.require(Scope.SECRETS)
        if not reason.strip() or len(reason) > _REASON_CHARS:
            raise InvalidInput("reason: say in a few words why the secret is needed; the audit trail keeps it")
        async with self._store.transaction() as tx:
            if await device_store.get(tx, key) is None:
                raise no_device(key)
            tree = await tree_store.read_open(tx, key)
            shown_by_it = _of_tree(tree)
            found = [*shown_by_it, *await _told(tx, key, tree, shown_by_it), *await _ours(tx, key)]
            shown = [each for each in found if kind is None or each.kind == kind]
            names: list[Json] = [each.name for each in shown]
            after: dict[str, Json] = {"reason": reason, "seen": names}
            await audit.note(tx, actor, "secret.revealed", f"device:{key}", self._clock(), after=after, ticket=ticket)
        return shown


def kind_of(path: str) -> Kind:
    """What the secret at a parameter path opens."""
    lowered = path.lower()
    return next((kind for words, kind in _KINDS if any(word in lowered for word in words)), "other")


def _of_tree(tree: Tree | None) -> list[Secret]:
    if tree is None:
        return []
    found = []
    for name in sorted(tree.values):
        value = tree.values[name][0]
        if value and is_secret(name):
            stem = name.rpartition(".")[0]
            username = tree.values.get(f"{stem}.Username", ("", ""))[0]
            found.append(Secret(kind_of(name), name, username, value, tree.times[name]))
    return found


async def _told(tx: Transaction, key: str, tree: Tree | None, known: Sequence[Secret]) -> list[Secret]:
    """What the device was told by us and does not show, as nearly all do with passwords."""
    names = {each.name for each in known}
    told = await backup_store.desired(tx, key)
    values = {} if tree is None else tree.values
    return [
        Secret(kind_of(name), name, values.get(f"{name.rpartition('.')[0]}.Username", ("", ""))[0], value, None)
        for name, value in sorted(told.secrets.items())
        if name not in names
    ]


async def _ours(tx: Transaction, key: str) -> list[Secret]:
    found = []
    for stored, kind in _OURS:
        credentials = await device_store.get_credentials(tx, key, stored)
        if credentials is not None:
            found.append(Secret(kind, f"credential {stored.value}", credentials.username, credentials.secret, None))
    return found
