"""A whole node at a glance: every ONT of an OLT with its state and light, every MAC behind the ports of a switch.

For rounds and for finding things: whole columns where the index says the place, else port by port. It asks through
`Gentle` like everybody, so it is as quick as the node's budget allows. The rule: what did not come is said, and a
survey that is a part is marked as one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.access import AccessReader, NodeTarget, OntPlace, OntReading
from probes.access.node import origin_of
from probes.errors import ProbeError, ProbeTimeout
from probes.facts import Fact
from probes.profiles.decode import Raw
from probes.profiles.indexes import Computed, Spot
from probes.profiles.ports import Fdb
from probes.profiles.reading import Origin, Where, facts_of, flat, ont_oids
from probes.profiles.schema import AccessProfile
from probes.readings import readings_of, with_facts
from probes.snmp.client import Table, Walk

#: dot1dBaseBridgeAddress.0
_BRIDGE_ADDRESS = "1.3.6.1.2.1.17.1.1.0"
#: GETs of light under way at the same time; the node's own limit lies behind it
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """One ONT: its port and what was read of it."""

    frame: int
    slot: int
    port: int
    reading: OntReading

    @property
    def place(self) -> str:
        """Where it is: `0/1/3 ont 5`."""
        return f"{self.frame}/{self.slot}/{self.port} ont {self.reading.ont}"


@dataclass(frozen=True, slots=True)
class Survey:
    """Every ONT of an OLT. `complete` is False when some may be missing; `light_complete` when some light is."""

    at: datetime
    onts: tuple[Seen, ...]
    complete: bool = True
    problem: str = ""
    light_complete: bool = True

    @property
    def online(self) -> int:
        """How many are in the network."""
        return sum(one.reading.run_state == "online" for one in self.onts)


async def survey_olt(
    reader: AccessReader,
    target: NodeTarget,
    profile: AccessProfile,
    now: datetime,
    *,
    light: bool = True,
    budget_s: float = 300.0,
) -> Survey:
    """Every ONT of an OLT, with the light of those that are online as far as the budget of seconds allows.

    Raises:
        ProbeError: the node did not answer at all; of the kind that it was.
    """
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(budget_s):
            found = await _onts(reader, target, profile, now)
    except TimeoutError:
        raise ProbeTimeout(
            f"{target.name} did not tell its ONTs within {budget_s:g} s; give polling.budget_s more, or the node"
        ) from None
    if not light or not profile.reads.port_light or not isinstance(profile.index, Computed):
        return found
    left_s = budget_s - (asyncio.get_running_loop().time() - began)
    return await _with_light(reader, target, profile, found, max(1.0, left_s))


@dataclass(frozen=True, slots=True)
class MacSeen:
    """A MAC in a forwarding table: the port's ifIndex, and the VLAN where it is told."""

    mac: str
    if_index: int
    vlan: int = 0


async def macs_of(reader: AccessReader, target: NodeTarget, fdb: Fdb) -> tuple[list[MacSeen], bool]:
    """Every MAC that a switch has learnt, and whether the table came whole.

    Raises:
        ProbeError: the node did not answer.
    """
    base = {
        int(oid.rsplit(".", 1)[1]): int(index)
        for oid, index in (await reader.nodes.walk_or_problem(target, fdb.base_ports)).rows
        if isinstance(index, int)
    }
    walk = await reader.nodes.walk(target, fdb.per_vlan)
    if not walk.rows:
        walk = await reader.nodes.walk(target, fdb.plain)
        return _macs(walk, fdb.plain, base, vlan=False), walk.complete
    return _macs(walk, fdb.per_vlan, base, vlan=True), walk.complete


async def own_mac(reader: AccessReader, target: NodeTarget) -> str:
    """The MAC by which a switch names itself to relays' servers; empty where it tells none (BRIDGE-MIB, RFC 4188)."""
    try:
        told = (await reader.nodes.get(target, [_BRIDGE_ADDRESS])).get(_BRIDGE_ADDRESS)
    except ProbeError:
        return ""
    return told.hex(":") if isinstance(told, bytes) and len(told) == 6 else ""


def _macs(walk: Walk, root: str, base: Mapping[int, int], *, vlan: bool) -> list[MacSeen]:
    found = []
    for oid, port in walk.rows:
        row = [int(part) for part in oid[len(root) + 1 :].split(".")]
        if len(row) != 6 + vlan or not isinstance(port, int) or port <= 0:
            continue
        mac = ":".join(f"{octet:02x}" for octet in row[-6:])
        found.append(MacSeen(mac, base.get(port, port), row[0] if vlan else 0))
    return found


async def _onts(
    reader: AccessReader,
    target: NodeTarget,
    profile: AccessProfile,
    now: datetime,
    columns: Sequence[str] | None = None,
) -> Survey:
    if isinstance(profile.index, Computed):
        return await _by_columns(reader, target, profile, now, columns or profile.reads.port_walk)
    return await _by_ports(reader, target, profile, now)


async def _by_columns(
    reader: AccessReader, target: NodeTarget, profile: AccessProfile, now: datetime, names: Sequence[str]
) -> Survey:
    """Whole columns: a question brings some tens of ONTs."""
    origin = origin_of(target, now)
    ports: dict[tuple[int, int, int], dict[str, dict[str, Raw]]] = {}
    problems = []
    # the serials first, so that a node that is silent is asked once and not once for each column
    first = profile.serial_column
    for name in [first, *(name for name in names if name != first)]:
        column = profile.columns[name]
        if name == first:
            walk = await reader.nodes.walk(target, column.oid)
        else:
            walk = await reader.nodes.walk_or_problem(target, column.oid)
        if not walk.complete:
            problems.append(f"{name}: {walk.problem}")
        for spot, raw in _cells(profile, name, walk):
            key = (spot.frame, spot.slot, spot.port)
            ports.setdefault(key, {}).setdefault(str(spot.ont), {})[name] = raw
    onts = [
        Seen(*place, reading)
        for place, rows in sorted(ports.items())
        for reading in readings_of(profile, Table(rows), origin)
    ]
    return Survey(now, tuple(onts), not problems, "; ".join(problems))


def _cells(profile: AccessProfile, name: str, walk: Walk) -> list[tuple[Spot, Raw]]:
    column = profile.columns[name]
    tail = f".{column.tail}" if column.tail else ""
    found = []
    for oid, raw in walk.rows:
        row = oid[len(column.oid) + 1 :]
        spot = profile.scheme(column.by).parse_row(row.removesuffix(tail)) if row.endswith(tail) else None
        if spot is not None and spot.ont is not None:
            found.append((spot, raw))
    return found


async def _by_ports(reader: AccessReader, target: NodeTarget, profile: AccessProfile, now: datetime) -> Survey:
    """Port by port, where only the node's own tables say which ONT is where."""
    directory = await reader.olts.directories.of(target, profile, now, fresh=True)
    spots = [*directory.ports, *(one.spot for one in directory.onts if one.spot is not None)]
    places = sorted({(spot.frame, spot.slot, spot.port) for spot in spots})
    problems = [directory.problem] if directory.problem else []
    onts: list[Seen] = []
    light = True
    for place in places:
        try:
            reading = await reader.read_port(target, profile, OntPlace(*place), now)
        except ProbeError as error:
            problems.append(f"port {'/'.join(map(str, place))}: {error}")
            continue
        onts += [Seen(*place, one) for one in reading.onts]
        light = light and reading.light_complete
        if not reading.complete:
            problems.append(f"port {reading.place}: {reading.problem}")
    return Survey(now, tuple(onts), not problems, "; ".join(problems), light)


async def _with_light(
    reader: AccessReader, target: NodeTarget, profile: AccessProfile, found: Survey, budget_s: float
) -> Survey:
    """The light of the ONTs that are online, until the budget is used up."""
    origin = origin_of(target, found.at)
    lit = {one.place: one for one in found.onts}
    waiting = [one for one in found.onts if one.reading.run_state == "online"]
    asked = iter(waiting)
    left = {one.place for one in waiting}

    async def work() -> None:
        for one in asked:
            facts = await _light_of(reader, target, profile, one, origin)
            if facts is not None:
                lit[one.place] = Seen(one.frame, one.slot, one.port, with_facts(one.reading, facts))
                left.discard(one.place)

    try:
        async with asyncio.timeout(budget_s), asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except TimeoutError:
        pass
    return Survey(found.at, tuple(lit.values()), found.complete, found.problem, not left)


async def _light_of(
    reader: AccessReader, target: NodeTarget, profile: AccessProfile, one: Seen, origin: Origin
) -> list[Fact] | None:
    where = Where(one.frame, one.slot, one.port, one.reading.ont)
    plan = ont_oids(profile, profile.reads.port_light, where)
    try:
        return facts_of(profile, plan, await reader.nodes.get(target, flat(plan)), origin)
    except ProbeError:
        return None
