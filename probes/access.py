"""What an access node says of one ONT and of one PON port: (profile, place) → facts. No vendor is known here.

The rule: a value is a fact only when the profile says what it means. A sentinel is missing, a code that no table knows
is unreadable (its raw form is kept), and a walk that is much shorter than the last one is dropped whole.
"""

import asyncio
import zoneinfo
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

from probes import ping
from probes.errors import ProbeError, ProbeTimeout, ProfileError
from probes.facts import Fact, Quality
from probes.profiles.decode import canonical_serial
from probes.profiles.reading import Origin, facts_of, flat, ont_oids, port_fault_fact, port_oids
from probes.profiles.schema import AccessProfile, load_profiles, match
from probes.readings import RUN_STATE, OntPlace, OntReading, PortReading, gaps, readings_of, with_facts
from probes.snmp import client
from probes.snmp.client import SnmpTarget, Table, Value, Walk

__all__ = ["AccessReader", "NodeTarget", "OntPlace", "OntReading", "PortReading", "read_ont", "read_port"]

_Answer = TypeVar("_Answer")

#: a walk with a smaller share of the rows of the one before is dropped whole
LEAST_WALK_RATIO = 0.75

_SYS_DESCR = "1.3.6.1.2.1.1.1.0"
_SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
_REACHABLE = "olt.reachable"


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """One access node: its name in facts, how to read it, its profile (None: asked of the node), its time zone."""

    name: str
    snmp: SnmpTarget
    profile: str | None = None
    #: of the times that the node gives without an offset: an IANA name
    time_zone: str = "UTC"


@dataclass(slots=True)
class _Node:
    """What the reader keeps of one node: its limit and its profile once it was asked for."""

    limit: asyncio.Semaphore
    profile: AccessProfile | None = None


@dataclass(slots=True)
class _Port:
    """What the reader keeps of one port: the read under way, the last reading, the size of the last whole walk."""

    running: asyncio.Task[PortReading] | None = None
    last: PortReading | None = None
    last_rows: int | None = None


@dataclass(slots=True)
class AccessReader:
    """Reads access nodes with a limit per node, one read per port at a time, and a short memory of ports.

    Fifty tickets on one port in ten seconds are one read. Belongs to one event loop; `close` ends what runs.
    """

    #: how long a port reading answers for the next caller
    cache_s: float = 45.0
    #: requests in flight to one node [E]; an OLT answers from its control CPU
    per_node: int = 4
    #: for the light of all ONTs of a port; what is not read by then is left out
    light_budget_s: float = 6.0
    #: ask a node that is silent on SNMP by ping, so that a wrong community does not look like a dead node
    ping_silent: bool = True
    _profiles: Mapping[str, AccessProfile] = field(default_factory=load_profiles, repr=False)
    _nodes: dict[SnmpTarget, _Node] = field(default_factory=dict, repr=False)
    _ports: dict[tuple[SnmpTarget, str, str], _Port] = field(default_factory=dict, repr=False)

    async def close(self) -> None:
        """Cancel the reads under way and wait for their end."""
        running = [port.running for port in self._ports.values() if port.running is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def profile_of(self, target: NodeTarget) -> AccessProfile:
        """The target's profile: the named one, or the one that matches what the node says of itself.

        Raises:
            ProfileError: no such profile, or none matches; names what the node said.
            ProbeError: the node had to be asked and did not answer.
        """
        if target.profile is not None:
            return self._named_profile(target.profile)
        node = self._node(target)
        if node.profile is None:
            answer = await self._limited(target, lambda: client.get(target.snmp, [_SYS_DESCR, _SYS_OBJECT_ID]))
            node.profile = self._matching_profile(target, answer)
        return node.profile

    async def read_ont(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool = False
    ) -> list[Fact]:
        """Facts of one ONT in one GET of at most 12 varbinds; `detail` adds a second GET beside it.

        A node that does not answer is no exception: it is the fact `olt.reachable` = False. An ONT that the port does
        not have gives `ont.run_state` of quality missing.

        Raises:
            ProbeRefused, ProbeUnreadable: as the SNMP client.
            ProfileError: the profile has no such port.
        """
        origin = _origin(target, now)
        index = profile.index.encode(place.frame, place.slot, place.port)
        try:
            ont = await self._locate(target, profile, place, now)
            if ont is None:
                return [_reached(origin), _not_there(place, origin)]
            groups = [profile.reads.ont, profile.reads.ont_detail] if detail else [profile.reads.ont]
            plans = [ont_oids(profile, names, index, ont) for names in groups if names]
            answers = await asyncio.gather(*(self._get(target, flat(plan)) for plan in plans))
        except ProbeTimeout:
            return [await self._silent(target, origin)]
        facts = [
            fact
            for plan, values in zip(plans, answers, strict=True)
            for fact in facts_of(profile, plan, values, origin)
        ]
        return [_reached(origin), *facts] if facts else [_reached(origin), _not_there(place, origin)]

    async def read_port(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime
    ) -> PortReading:
        """All ONTs of the place's PON port; from memory when a reading is younger than `cache_s`.

        Raises:
            ProbeRefused, ProbeUnreadable, ProfileError: as `read_ont`. A silent node is `olt.reachable` = False.
        """
        port = self._port(target, profile, place)
        if port.last is not None and self._is_fresh(port.last, now):
            return port.last
        if port.running is None:
            port.running = asyncio.create_task(self._read_port(target, profile, place, now))
            port.running.add_done_callback(lambda task: self._port_done(port, task))
        return await asyncio.shield(port.running)

    async def _read_port(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime
    ) -> PortReading:
        origin = _origin(target, now)
        where = OntPlace(place.frame, place.slot, place.port)
        port = self._port(target, profile, place)
        index = profile.index.encode(place.frame, place.slot, place.port)
        try:
            table = await self._walk_columns(target, profile, index)
        except ProbeTimeout as error:
            silent = await self._silent(target, origin)
            return PortReading(where, now, facts=(silent,), complete=False, problem=str(error), light_complete=False)
        onts = readings_of(profile, table, origin)
        facts = [_reached(origin), *await self._port_facts(target, profile, index, origin)]
        if onts:
            facts += await self._unprovisioned(target, profile, index, origin)
        ratio = len(onts) / port.last_rows if port.last_rows else 1.0
        facts.append(Fact("probe.walk_ratio", round(ratio, 3), now, origin.source, origin.method))
        if table.complete or port.last_rows is None:
            port.last_rows = len(onts)
        if ratio < LEAST_WALK_RATIO:
            problem = f"the walk has {len(onts)} ONTs, {ratio:.0%} of the last one: dropped"
            return PortReading(where, now, facts=tuple(facts), complete=False, problem=problem, light_complete=False)
        lit, light_complete = await self._with_light(target, profile, index, onts, origin)
        lost = gaps(profile, onts)
        problem = "; ".join(filter(None, [table.problem, lost]))
        return PortReading(where, now, tuple(lit), tuple(facts), not problem, problem, light_complete)

    async def _walk_columns(self, target: NodeTarget, profile: AccessProfile, index: int) -> Table:
        """The state columns of a port, each column a bounded walk, side by side within the node's limit."""
        oids = {name: profile.columns[name].oid for name in profile.reads.port_walk}
        roots = {name: f"{oid}.{index}" for name, oid in oids.items()}
        # The serials go first: a node that is silent is asked once, not once per column
        serials = await self._walk(target, roots.pop(profile.serial_column))
        rest = await asyncio.gather(*(self._walk_or_problem(target, root) for root in roots.values()))
        walks = {profile.serial_column: serials, **dict(zip(roots, rest, strict=True))}
        return client.join_columns({name: f"{oid}.{index}" for name, oid in oids.items()}, walks)

    async def _port_facts(self, target: NodeTarget, profile: AccessProfile, index: int, origin: Origin) -> list[Fact]:
        """The port's own light, and whether it is at fault."""
        plan = port_oids(profile, profile.reads.port, index)
        try:
            facts = facts_of(profile, plan, await self._get(target, flat(plan)), origin)
        except ProbeError:
            facts = []
        fault = port_fault_fact(profile, facts, origin)
        return facts if fault is None else [*facts, fault]

    async def _unprovisioned(
        self, target: NodeTarget, profile: AccessProfile, index: int, origin: Origin
    ) -> list[Fact]:
        """Whether an ONT that nobody provisioned waits on the port. An empty table says no only where others answer."""
        rule = profile.unprovisioned
        if rule is None:
            return []
        found = await self._walk_or_problem(target, f"{rule.oid}.{index}")
        if not (found.complete or found.rows):
            return []
        return [Fact(rule.fact, bool(found.rows), origin.at, origin.source, origin.method)]

    async def _with_light(
        self, target: NodeTarget, profile: AccessProfile, index: int, onts: Sequence[OntReading], origin: Origin
    ) -> tuple[list[OntReading], bool]:
        """The readings with the light of those that are online, as far as it comes within the budget."""
        lit = {one.ont: one for one in onts}

        async def read(one: OntReading) -> None:
            plan = ont_oids(profile, profile.reads.port_light, index, one.ont)
            try:
                facts = facts_of(profile, plan, await self._get(target, flat(plan)), origin)
            except ProbeError:
                return
            lit[one.ont] = with_facts(one, facts)
            waiting.discard(one.ont)

        waiting = {one.ont for one in onts if one.run_state == "online"} if profile.reads.port_light else set[int]()
        try:
            async with asyncio.timeout(self.light_budget_s):
                await asyncio.gather(*(read(one) for one in onts if one.ont in waiting))
        except TimeoutError:
            pass
        return list(lit.values()), not waiting

    async def _locate(self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime) -> int | None:
        """The id of a place's ONT: its own, or the one whose serial the port shows; None when there is none."""
        if place.ont is not None or place.gpon_serial is None:
            return place.ont
        known = self._port(target, profile, place).last
        if known is not None and self._is_fresh(known, now):
            found = known.find(place)
            if found is not None:
                return found.ont
        column = profile.columns[profile.serial_column]
        root = f"{column.oid}.{profile.index.encode(place.frame, place.slot, place.port)}"
        serials = await self._walk(target, root)
        wanted, zone = canonical_serial(place.gpon_serial), _zone(target)
        for oid, raw in serials.rows:
            if column.decoded(raw, zone).value == wanted:
                return int(oid.rsplit(".", 1)[1])
        return None

    async def _silent(self, target: NodeTarget, origin: Origin) -> Fact:
        """Whether a node that is mute on SNMP is there at all; without the right to ping, SNMP's word stands."""
        alive, method = False, "snmp"
        if self.ping_silent:
            try:
                alive = (await ping.ping(target.snmp.address, count=2, timeout_s=1.0)).received > 0
                method = "snmp, ping"
            except ProbeError:
                pass
        return Fact(_REACHABLE, alive, origin.at, origin.source, method)

    async def _get(self, target: NodeTarget, oids: Iterable[str]) -> dict[str, Value]:
        return await self._limited(target, lambda: client.get(target.snmp, oids))

    async def _walk(self, target: NodeTarget, root: str) -> Walk:
        return await self._limited(target, lambda: client.walk(target.snmp, root))

    async def _walk_or_problem(self, target: NodeTarget, root: str) -> Walk:
        try:
            return await self._walk(target, root)
        except ProbeError as error:
            return Walk((), complete=False, problem=str(error))

    async def _limited(self, target: NodeTarget, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        async with self._node(target).limit:
            return await ask()

    def _is_fresh(self, reading: PortReading, now: datetime) -> bool:
        # a caller whose test began before another one's reading did is served by that reading too
        return abs((now - reading.at).total_seconds()) < self.cache_s

    def _node(self, target: NodeTarget) -> _Node:
        return self._nodes.setdefault(target.snmp, _Node(asyncio.Semaphore(self.per_node)))

    def _port(self, target: NodeTarget, profile: AccessProfile, place: OntPlace) -> _Port:
        return self._ports.setdefault((target.snmp, profile.id, str(place)), _Port())

    def _port_done(self, port: _Port, task: asyncio.Task[PortReading]) -> None:
        port.running = None
        if task.cancelled() or task.exception() is not None or not task.result().onts:
            return
        reading = port.last = task.result()
        # a reading is a hundred kilobytes: ten thousand ports must not keep theirs for ever
        asyncio.get_running_loop().call_later(self.cache_s, self._forget, port, reading)

    @staticmethod
    def _forget(port: _Port, reading: PortReading) -> None:
        if port.last is reading:
            port.last = None

    def _named_profile(self, name: str) -> AccessProfile:
        if name not in self._profiles:
            known = ", ".join(sorted(self._profiles))
            raise ProfileError(f"there is no access profile {name!r}; there are: {known}")
        return self._profiles[name]

    def _matching_profile(self, target: NodeTarget, answer: Mapping[str, Value]) -> AccessProfile:
        object_id = str(answer.get(_SYS_OBJECT_ID, ""))
        described = answer.get(_SYS_DESCR, b"")
        descr = described.decode("utf-8", "replace") if isinstance(described, bytes) else str(described)
        found = match(self._profiles, object_id, descr)
        if found is None:
            raise ProfileError(
                f"{target.name}: no profile knows sysObjectID {object_id or 'none'} ({descr[:80]}); "
                "name one for this node, or add a profile file"
            )
        return found


async def read_ont(
    target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool = False
) -> list[Fact]:
    """`AccessReader.read_ont` without limits or memory, for a laptop."""
    return await AccessReader().read_ont(target, profile, place, now, detail=detail)


async def read_port(target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime) -> PortReading:
    """`AccessReader.read_port` without limits or memory, for a laptop."""
    return await AccessReader().read_port(target, profile, place, now)


def _zone(target: NodeTarget) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(target.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ProfileError(
            f"{target.name}: there is no time zone {target.time_zone!r}; use a name such as Europe/Moscow"
        ) from error


def _origin(target: NodeTarget, now: datetime) -> Origin:
    return Origin(at=now, source=target.name, zone=_zone(target))


def _reached(origin: Origin) -> Fact:
    return Fact(_REACHABLE, True, origin.at, origin.source, origin.method)


def _not_there(place: OntPlace, origin: Origin) -> Fact:
    """The node answers, but has no such ONT where the inventory says that it is."""
    wanted = place.gpon_serial if place.ont is None else f"ONT {place.ont}"
    raw = f"{wanted or 'no ONT named'} is not on port {place}"
    return Fact(RUN_STATE, None, origin.at, origin.source, origin.method, Quality.MISSING, raw)
