"""Whose notification it is: the node that may say so, the user of its engine, the line at its place.

The rule of this file: the inventory is believed for half a minute, so that a flood of notifications asks the store
for nothing.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from acs.services.clock import Clock
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store.access import AccessAlarm
from acs.store.records import AccessNode, LineRecord
from acs.store.store import Store
from probes.profiles.decode import canonical_serial
from probes.snmp.notification import Notification
from probes.snmp.target import V3User

#: seconds for which the inventory of nodes and lines is believed
BELIEVED_S = 30.0


class AlarmSenders:
    """What is believed of nodes and of the lines on them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._read_at: datetime | None = None
        self._by_address: Mapping[str, Sequence[AccessNode]] = {}
        self._lines: dict[str, tuple[datetime, Mapping[object, LineRecord]]] = {}

    async def refresh(self) -> None:
        """Read the nodes again, when what is believed of them is old."""
        now = self._clock()
        if self._read_at is not None and (now - self._read_at).total_seconds() < BELIEVED_S:
            return
        async with self._store.reading() as tx:
            nodes = await node_store.list_nodes(tx)
        by_address: dict[str, list[AccessNode]] = {}
        for node in nodes:
            by_address.setdefault(_plain(node.address), []).append(node)
        self._by_address, self._read_at = by_address, now

    async def refresh_lines(self, nodes: set[str]) -> None:
        """Read the lines of these nodes again, where what is believed of them is old."""
        now = self._clock()
        for name in nodes:
            known = self._lines.get(name)
            if known is not None and (now - known[0]).total_seconds() < BELIEVED_S:
                continue
            async with self._store.reading() as tx:
                lines = await line_store.on_node(tx, name)
            self._lines[name] = (now, _by_place(lines))

    def user(self, address: str, name: str) -> V3User | None:
        """The SNMPv3 user of a node at this address; None where the inventory has none of this name."""
        for node in self._by_address.get(_plain(address), ()):
            secrets = node.credentials
            if secrets.get("user") == name:
                return V3User(
                    name,
                    secrets.get("auth", "sha"),
                    secrets.get("auth_password", ""),
                    secrets.get("privacy", "aes128"),
                    secrets.get("privacy_password", ""),
                )
        return None

    def node_of(self, told: Notification, address: str) -> AccessNode | str:
        """The node that says so, when it may: by its address, and by its community where there is no user.

        Otherwise a word for why not.
        """
        nodes = self._by_address.get(_plain(address), ())
        if not nodes:
            return "unknown_address"
        for node in nodes:
            if told.user:
                if node.credentials.get("user") == told.user:
                    return node
                continue
            wanted = node.credentials.get("trap_community") or node.credentials.get("community", "")
            if wanted and hmac.compare_digest(wanted.encode(), told.community):
                return node
        return "wrong_community"

    def line_of(self, alarm: AccessAlarm) -> str | None:
        """The line at the alarm's place; none for a whole port or node, whose lines are found by their place."""
        _, lines = self._lines.get(alarm.node, (None, {}))
        if alarm.serial:
            found = lines.get(canonical_serial(alarm.serial))
            if found is not None:
                return found.id
        if alarm.ont is not None:
            found = lines.get((alarm.frame or 0, alarm.slot, alarm.port, alarm.ont))
        else:
            found = lines.get(("if", alarm.if_index)) if alarm.if_index is not None else None
        return None if found is None else found.id


def _by_place(lines: Sequence[LineRecord]) -> dict[object, LineRecord]:
    """Lines by ONT place, by serial, and, for ports of switches and DSLAMs, by the number of the port."""
    found: dict[object, LineRecord] = {}
    for line in lines:
        if line.gpon_serial:
            found[canonical_serial(line.gpon_serial)] = line
        if line.ont is not None:
            found[(line.frame or 0, line.slot, line.port, line.ont)] = line
        elif line.technology != "pon" and line.port is not None:
            found[("if", line.port)] = line
    return found


def _plain(address: str) -> str:
    """An address as it is written in the inventory: IPv4 on a socket of IPv6 comes with a prefix."""
    return address.removeprefix("::ffff:")
