"""Access nodes: where an OLT or switch is and with which credentials it is read.

The rule of this file: credentials go in and never come out; answers and audit carry only their names.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from acs.errors import InvalidInput, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.store import nodes as node_store
from acs.store.records import AccessNode, Json
from acs.store.store import Store

#: the keys that credentials may have: a community, or the names of SNMPv3
CREDENTIAL_KEYS = (
    "community",
    "version",
    "user",
    "auth",
    "auth_password",
    "privacy",
    "privacy_password",
    "time_zone",
    # what its traps carry where that is another word than it is read with
    "trap_community",
    # what a SET needs: never the credentials of reading
    "write_community",
    "write_version",
    "write_user",
    "write_auth",
    "write_auth_password",
    "write_privacy",
    "write_privacy_password",
)


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as it is shown: without any secret."""

    name: str
    address: str
    port: int
    profile: str | None
    credential_keys: tuple[str, ...]
    updated_at: str


class Nodes:
    """Use cases on access nodes."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def put(
        self,
        actor: Actor,
        name: str,
        address: str,
        port: int = 161,
        profile: str | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> NodeView:
        """Store a node; without credentials those of the node of that name stay.

        Raises:
            InvalidInput: a name with /, an address that is none, a port or credential that cannot be.
        """
        actor.require(Scope.ADMIN)
        _check(name, address, port, credentials or {})
        now = self._clock()
        async with self._store.transaction() as tx:
            before = await node_store.hold(tx, name)
            kept = dict(before.credentials) if before is not None and credentials is None else dict(credentials or {})
            node = AccessNode(name, address, now, port, profile, kept)
            await node_store.put(tx, node)
            old = {} if before is None else _shown(before)
            await audit.note(tx, actor, "node.stored", f"node:{name}", now, before=old, after=_shown(node))
        return _view(node)

    async def list(self, actor: Actor) -> list[NodeView]:
        """Every node, without credentials."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return [_view(node) for node in await node_store.list_nodes(tx)]

    async def remove(self, actor: Actor, name: str) -> None:
        """Forget a node.

        Raises:
            NotFound: there is none of that name.
        """
        actor.require(Scope.ADMIN)
        async with self._store.transaction() as tx:
            if not await node_store.remove(tx, name):
                raise NotFound(f"there is no access node {name[:80]!r}")
            await audit.note(tx, actor, "node.removed", f"node:{name}", self._clock())


def _check(name: str, address: str, port: int, credentials: Mapping[str, str]) -> None:
    if not name or "/" in name or not name.isprintable():
        raise InvalidInput(f"name: {name[:80]!r}: write a printable name without /")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise InvalidInput(f"address: {address[:80]!r}: write an IPv4 or IPv6 address") from None
    if not 1 <= port <= 65535:
        raise InvalidInput(f"port: {port}: write a port from 1 to 65535")
    for key in credentials:
        if key not in CREDENTIAL_KEYS:
            raise InvalidInput(f"credentials: {key[:80]!r}: the keys are {', '.join(CREDENTIAL_KEYS)}")


def _view(node: AccessNode) -> NodeView:
    keys = tuple(sorted(node.credentials))
    return NodeView(node.name, node.address, node.port, node.profile, keys, node.updated_at.isoformat())


def _shown(node: AccessNode) -> dict[str, Json]:
    return {
        "address": node.address,
        "port": node.port,
        "profile": node.profile,
        "credential_keys": [*sorted(node.credentials)],
    }
