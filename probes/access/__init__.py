"""Reading access nodes: an ONT and a PON port of an OLT, a port of a switch, a line of a DSLAM. Knows no vendor.

    Nodes       what is asked of a node, within its limit           directory   where ONTs are that no index tells
    OltReader   olt.py, rows.py                                     PortReader  ports.py, macs.py, cable.py

The rule: (profile, place) → facts; what a profile does not explain is no fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from probes import ping
from probes.access.node import Nodes, NodeTarget, origin_of
from probes.access.olt import LEAST_WALK_RATIO, OltReader
from probes.access.ports import PortPlace, PortReader
from probes.facts import Fact
from probes.gentle import Gentle
from probes.profiles.schema import (
    AccessProfile,
    DslamProfile,
    SwitchProfile,
    load_dslams,
    load_profiles,
    load_switches,
)
from probes.readings import OntPlace, OntReading, PortReading

__all__ = [
    "LEAST_WALK_RATIO",
    "AccessReader",
    "NodeTarget",
    "OntPlace",
    "OntReading",
    "PortPlace",
    "PortReading",
    "ping",
    "read_ont",
    "read_port",
]


@dataclass(slots=True)
class AccessReader:
    """Reads access nodes with a limit per node, one read per port at a time, and a short memory of PON ports.

    Fifty tickets on one port in ten seconds are one read. Belongs to one event loop; `close` ends what runs.
    """

    #: how long a reading of a PON port answers for the next caller
    cache_s: float = 45.0
    #: the way to the nodes, with their limits; one for the whole process
    gentle: Gentle = field(default_factory=Gentle, repr=False)
    #: for the light of all ONTs of a port; what is not read by then is left out
    light_budget_s: float = 6.0
    #: ask a node that is silent on SNMP by ping, so that a wrong community does not look like a dead node
    ping_silent: bool = True
    #: seconds between two reads of a port's counters, when no earlier reading is remembered [E]
    rate_window_s: float = 2.0
    nodes: Nodes = field(init=False, repr=False)
    olts: OltReader = field(init=False, repr=False)
    ports: PortReader = field(init=False, repr=False)
    _profiles: Mapping[str, AccessProfile] = field(default_factory=load_profiles, repr=False)
    _switches: Mapping[str, SwitchProfile] = field(default_factory=load_switches, repr=False)
    _dslams: Mapping[str, DslamProfile] = field(default_factory=load_dslams, repr=False)

    def __post_init__(self) -> None:
        """All readers ask through the same limits."""
        self.nodes = Nodes(self.gentle, self.ping_silent)
        self.olts = OltReader(self.nodes, self.cache_s, self.light_budget_s)
        self.ports = PortReader(self.nodes, self.rate_window_s)

    async def close(self) -> None:
        """Cancel the reads under way and wait for their end."""
        await self.olts.close()
        await self.ports.close()
        await self.gentle.close()

    async def profile_of(self, target: NodeTarget) -> AccessProfile:
        """The profile of an OLT: the named one, or the one that matches what the node says of itself.

        Raises:
            ProfileError: no such profile, or none matches; names what the node said.
            ProbeError: the node had to be asked and did not answer.
        """
        return await self.nodes.profile_of(target, self._profiles)

    async def silent(self, target: NodeTarget, now: datetime, fact: str) -> Fact:
        """What is said of a node that did not even tell what it is: whether it is there at all."""
        return await self.nodes.silent(target, origin_of(target, now), fact)

    async def read_ont(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool = False
    ) -> list[Fact]:
        """Facts of one ONT in one GET of at most 12 varbinds; `detail` adds a second GET and the ONT's last falls.

        Where the profile's index does not tell an ONT's row, it is looked up first, and remembered. A node that does
        not answer is no exception: it is the fact `olt.reachable` = False. An ONT that the port does not have gives
        `ont.run_state` of quality missing.

        Raises:
            ProbeRefused, ProbeUnreadable: as the SNMP client.
            ProfileError: the profile has no such port.
        """
        return await self.olts.read_ont(target, profile, place, now, detail=detail)

    async def read_port(
        self,
        target: NodeTarget,
        profile: AccessProfile,
        place: OntPlace,
        now: datetime,
        *,
        newer_than: datetime | None = None,
    ) -> PortReading:
        """All ONTs of the place's PON port; from memory when a reading is younger than `cache_s`, and `newer_than`.

        Raises:
            ProbeRefused, ProbeUnreadable, ProfileError: as `read_ont`. A silent node is `olt.reachable` = False.
        """
        return await self.olts.read_port(target, profile, place, now, newer_than=newer_than)

    async def switch_profile_of(self, target: NodeTarget) -> SwitchProfile:
        """As `profile_of`, for a switch; one of no known family is read by the standard tables."""
        return await self.nodes.profile_of(target, self._switches)

    async def dslam_profile_of(self, target: NodeTarget) -> DslamProfile:
        """As `profile_of`, for a DSLAM; one of no known family is read by the standard tables."""
        return await self.nodes.profile_of(target, self._dslams)

    async def read_switch_port(
        self, target: NodeTarget, profile: SwitchProfile, place: PortPlace, now: datetime
    ) -> list[Fact]:
        """State, speed, errors, addresses and bindings of a switch port, the first fact `sw.reachable`.

        Raises:
            ProbeRefused, ProbeUnreadable, ProfileError: as `read_ont`.
        """
        return await self.ports.read(target, profile, place, now)

    async def read_dsl_line(
        self, target: NodeTarget, profile: DslamProfile, place: PortPlace, now: datetime
    ) -> list[Fact]:
        """State, margins, rates, errors and retrains of a DSL line, the first fact `dslam.reachable`.

        Raises:
            ProbeRefused, ProbeUnreadable, ProfileError: as `read_ont`.
        """
        return await self.ports.read(target, profile, place, now)


async def read_ont(
    target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool = False
) -> list[Fact]:
    """`AccessReader.read_ont` without limits or memory, for a laptop."""
    return await AccessReader().read_ont(target, profile, place, now, detail=detail)


async def read_port(target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime) -> PortReading:
    """`AccessReader.read_port` without limits or memory, for a laptop."""
    return await AccessReader().read_port(target, profile, place, now)
