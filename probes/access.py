"""What an access node says of one ONT and of one PON port: (profile, place) → facts. No vendor is known here.

The rule: a value is a fact only when the profile says what it means. A sentinel is missing, a code that no table knows
is unreadable (its raw form is kept), and a walk that is much shorter than the last one is dropped whole.
"""

from dataclasses import dataclass, field
from datetime import datetime

from probes.facts import Fact
from probes.profiles.schema import AccessProfile
from probes.snmp.client import SnmpTarget


@dataclass(frozen=True, slots=True)
class OntPlace:
    """Where an ONT hangs. Without `ont` (its id on the port) it is found by `gpon_serial` on that port."""

    frame: int
    slot: int
    port: int
    ont: int | None = None
    gpon_serial: str | None = None


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """One access node: its name in facts, how to read it, and its profile (None: asked of the node itself)."""

    name: str
    snmp: SnmpTarget
    profile: str | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class OntReading:
    """One ONT of a port. None means: not read, or no value; never zero, never 'off'."""

    ont: int
    gpon_serial: str | None = None
    run_state: str | None = None
    last_down_cause: str | None = None
    last_down_at: datetime | None = None
    last_up_at: datetime | None = None
    rx_dbm: float | None = None
    olt_rx_dbm: float | None = None
    #: every fact read of this ONT, with quality and raw value
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class PortReading:
    """A whole PON port. `complete` is False when rows or light may be missing; `problem` says why."""

    place: OntPlace
    at: datetime
    onts: tuple[OntReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    complete: bool = True
    problem: str = ""


@dataclass(slots=True)
class AccessReader:
    """Reads access nodes with a limit per node, one read per port at a time, and a short memory of ports.

    Fifty tickets on one port in ten seconds are one read.
    """

    cache_s: float = 45.0
    per_node: int = 4
    _state: dict[str, object] = field(default_factory=dict, repr=False)

    async def profile_of(self, target: NodeTarget) -> AccessProfile:
        """The target's profile: the named one, or the one that matches what the node says of itself."""
        raise NotImplementedError

    async def read_ont(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool = False
    ) -> list[Fact]:
        """Facts of one ONT in one GET of at most 12 varbinds; `detail` adds a second GET beside it.

        A node that does not answer is not an exception: it is the fact `olt.reachable` = False.
        """
        raise NotImplementedError

    async def read_port(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime
    ) -> PortReading:
        """All ONTs of the place's PON port, from memory when a reading is younger than `cache_s`."""
        raise NotImplementedError


async def read_ont(
    target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool = False
) -> list[Fact]:
    """`AccessReader.read_ont` without limits or memory, for a laptop."""
    return await AccessReader().read_ont(target, profile, place, now, detail=detail)


async def read_port(target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime) -> PortReading:
    """`AccessReader.read_port` without limits or memory, for a laptop."""
    return await AccessReader().read_port(target, profile, place, now)
