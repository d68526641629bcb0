"""One access node as all readers see it: what it is, how many questions at once, and whether it is there at all."""

import time
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

from probes import ping
from probes.errors import ProbeError, ProfileError
from probes.facts import Fact
from probes.gentle import Gentle
from probes.profiles.ports import NodeProfile
from probes.profiles.reading import Origin
from probes.profiles.schema import match
from probes.snmp.client import SnmpTarget, Value, Walk

_Profile = TypeVar("_Profile", bound=NodeProfile)

_SYS_DESCR = "1.3.6.1.2.1.1.1.0"
_SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
#: seconds that a node's word of what it is holds [E]
_IDENTITY_S = 3600.0


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """One access node: its name in facts, how to read it, its profile (None: asked of the node), its time zone."""

    name: str
    snmp: SnmpTarget
    profile: str | None = None
    #: of the times that the node gives without an offset: an IANA name
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a node says of itself."""

    object_id: str
    descr: str


@dataclass(slots=True)
class _Node:
    """What is kept of one node: what it said of itself, and when by the clock of the process."""

    identity: Identity | None = None
    said_s: float = 0.0


@dataclass(slots=True)
class Nodes:
    """Asks nodes through `gentle`, which keeps their limits. Every question of the readers goes through here."""

    #: the way to the nodes; one for the whole process
    gentle: Gentle = field(default_factory=Gentle, repr=False)
    #: ask a node that is silent on SNMP by ping, so that a wrong community does not look like a dead node
    ping_silent: bool = True
    #: seconds that only grow
    clock: Callable[[], float] = time.monotonic
    _nodes: dict[SnmpTarget, _Node] = field(default_factory=dict, repr=False)

    async def get(self, target: NodeTarget, oids: Iterable[str]) -> dict[str, Value]:
        """Values by OID. Raises as the SNMP client."""
        wanted = list(oids)
        return (await self.gentle.get(target.snmp, wanted)).value if wanted else {}

    async def walk(self, target: NodeTarget, root: str) -> Walk:
        """All instances below an OID. Raises as the SNMP client."""
        return await self.gentle.walk(target.snmp, root)

    async def walk_or_problem(self, target: NodeTarget, root: str) -> Walk:
        """As `walk`; an error is an incomplete walk."""
        try:
            return await self.walk(target, root)
        except ProbeError as error:
            return Walk((), complete=False, problem=str(error))

    async def identity(self, target: NodeTarget) -> Identity:
        """What the node says of itself; asked again after an hour, for another one may stand at its address.

        Raises:
            ProbeError: it did not answer.
        """
        node = self._node(target)
        if node.identity is None or self.clock() - node.said_s > _IDENTITY_S:
            answer = await self.get(target, [_SYS_DESCR, _SYS_OBJECT_ID])
            described = answer.get(_SYS_DESCR, b"")
            descr = described.decode("utf-8", "replace") if isinstance(described, bytes) else str(described)
            node.identity, node.said_s = Identity(str(answer.get(_SYS_OBJECT_ID, "")), descr), self.clock()
        return node.identity

    async def profile_of(self, target: NodeTarget, profiles: Mapping[str, _Profile]) -> _Profile:
        """The target's profile: the named one, or the one that matches what the node says of itself.

        Raises:
            ProfileError: no such profile, or none matches; names what the node said.
            ProbeError: the node had to be asked and did not answer.
        """
        if target.profile is not None:
            return named_profile(profiles, target.profile, target.name)
        said = await self.identity(target)
        found = match(profiles, said.object_id, said.descr)
        if found is None:
            # what nobody can read is exchanged, or told anew, sooner than in an hour
            self._node(target).identity = None
            raise ProfileError(
                f"{target.name}: no profile knows sysObjectID {said.object_id or 'none'} ({said.descr[:80]}); "
                "name one for this node, or add a profile file"
            )
        return found

    async def silent(self, target: NodeTarget, origin: Origin, fact: str) -> Fact:
        """Whether a node that is mute on SNMP is there at all; without the right to ping, SNMP's word stands."""
        alive, method = False, "snmp"
        if self.ping_silent:
            try:
                alive = (await ping.ping(target.snmp.address, count=2, timeout_s=1.0)).received > 0
                method = "snmp, ping"
            except ProbeError:
                pass
        return Fact(fact, alive, origin.at, origin.source, method)

    def _node(self, target: NodeTarget) -> _Node:
        return self._nodes.setdefault(target.snmp, _Node())


def named_profile(profiles: Mapping[str, _Profile], name: str, node: str) -> _Profile:
    """A profile by its id.

    Raises:
        ProfileError: there is no such profile; lists those that there are.
    """
    try:
        return profiles[name]
    except KeyError:
        raise ProfileError(
            f"{node}: there is no access profile {name!r}; there are: {', '.join(sorted(profiles))}"
        ) from None


def zone_of(target: NodeTarget) -> tzinfo:
    """The target's time zone.

    Raises:
        ProfileError: there is no such zone.
    """
    try:
        return zoneinfo.ZoneInfo(target.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ProfileError(
            f"{target.name}: there is no time zone {target.time_zone!r}; use a name such as Europe/Moscow"
        ) from error


def origin_of(target: NodeTarget, now: datetime) -> Origin:
    """What the facts of one reading share."""
    return Origin(at=now, source=target.name, zone=zone_of(target))


def said(name: str, value: str | int | float | bool, origin: Origin) -> Fact:
    """A fact of this reading."""
    return Fact(name, value, origin.at, origin.source, origin.method)
