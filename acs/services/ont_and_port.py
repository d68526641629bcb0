"""An ONT and its PON port, read so that both tell of the same time. No vendor is known here.

    ONT, read now ──────────────┬─► they agree ─────────────────────────────────► the neighbours may be counted
    its port, perhaps from memory ┘ └► it fell since the port was read ─► the port once more ─► counted, or left out

The rule of this file: neighbours that were read before the ONT fell say nothing of who fell with it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from acs.services.cases import instant_of
from acs.services.clock import Clock
from probes.access import AccessReader, NodeTarget, OntPlace, PortReading
from probes.errors import ProbeError
from probes.facts import Fact, Quality
from probes.profiles.schema import AccessProfile

#: share of the access node's time after which a port is no longer waited for: what came must still be told
SHARE = 0.9


@dataclass(frozen=True, slots=True)
class OntAndPort:
    """What was read. `outdated`: the ONT fell after its port was read, and the port could not be read again."""

    ont: Sequence[Fact]
    port: PortReading
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """How an OLT is asked of one ONT, and until when, on the loop's clock: before its source is given up."""

    target: NodeTarget
    profile: AccessProfile
    place: OntPlace
    until_s: float
    detail: bool


async def read_both(reader: AccessReader, asked: Question, now: datetime, clock: Clock) -> OntAndPort:
    """The ONT and its port, side by side; the port anew where its reading is from before the ONT's fall.

    Raises:
        ProbeError: as `AccessReader.read_ont`.
    """
    target, profile, place = asked.target, asked.profile, asked.place
    ont, port = await asyncio.gather(
        reader.read_ont(target, profile, place, now, detail=asked.detail),
        reader.read_port(target, profile, place, now),
    )
    if not _fell_since(ont, port, place):
        return OntAndPort(ont, port)
    try:
        async with asyncio.timeout_at(asked.until_s):
            again = await reader.read_port(target, profile, place, clock(), newer_than=port.at)
    except (TimeoutError, ProbeError, OSError):
        return OntAndPort(ont, port, outdated=True)
    return OntAndPort(ont, again, outdated=_fell_since(ont, again, place))


def _fell_since(ont: Sequence[Fact], port: PortReading, place: OntPlace) -> bool:
    """Whether the ONT's own reading tells of a fall that the port's does not. Both are by the node's own clock."""
    there = port.find(place)
    if there is None:
        return False
    own = {fact.name: fact for fact in ont if fact.quality is Quality.OK}
    state, fell_at = own.get("ont.run_state"), instant_of(own.get("ont.last_down_at"))
    if state is None or state.value != "offline":
        return False
    fell_later = fell_at is not None and there.last_down_at is not None and fell_at > there.last_down_at
    return there.run_state == "online" or fell_later
