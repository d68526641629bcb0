"""What a switch says of a subscriber's port, and a DSLAM of a line: (profile, place) → facts. No vendor is known here.

The rule: what only counts up becomes a rate by two reads of this reader; a port that is down has no speed to tell.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from probes.access import counters, macs
from probes.access.counters import Sample
from probes.access.node import Nodes, NodeTarget, origin_of, said
from probes.errors import ProbeError, ProbeTimeout
from probes.facts import Fact, Quality
from probes.profiles.decode import Raw, plain_text
from probes.profiles.ports import PortProfile, SwitchProfile
from probes.profiles.reading import Origin, facts_of_cells, fallbacks
from probes.tasks import end_tasks

#: facts of a link that is not there: what the node still says of them is old or the port's best
_OF_A_LINK = {
    "sw.port_oper": ("sw.port_speed_mbit", "sw.port_duplex"),
    "dsl.link": (
        "dsl.snr_margin_db",
        "dsl.snr_margin_up_db",
        "dsl.attenuation_db",
        "dsl.attenuation_up_db",
        "dsl.rate_down_mbit",
        "dsl.rate_up_mbit",
        "dsl.attainable_down_mbit",
        "dsl.attainable_up_mbit",
        "dsl.tx_down_dbm",
        "dsl.tx_up_dbm",
        "dsl.delay_ms",
        "dsl.inp_symbols",
        "dsl.uptime_s",
    ),
}
_IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
#: TimeTicks begin again after this many hundredths of a second
_TICKS = 1 << 32


@dataclass(frozen=True, slots=True)
class PortPlace:
    """A subscriber's port: its number with frame and slot, or its own `name` or `if_index` on the node."""

    port: int = 0
    slot: int = 0
    frame: int = 0
    name: str | None = None
    if_index: int | None = None

    def __str__(self) -> str:
        if self.if_index is not None:
            return f"ifIndex {self.if_index}"
        return self.name or f"{self.frame}/{self.slot}/{self.port}"


@dataclass(slots=True)
class _Kept:
    """What is remembered of one port: the read under way, the last counters, its row in RMON."""

    running: "asyncio.Task[list[Fact]] | None" = None
    sample: Sample | None = None
    rmon: int | None = None


@dataclass(slots=True)
class PortReader:
    """Reads ports of switches and lines of DSLAMs: one read per port at a time.

    A port has one line: what was read before the cable was plugged in must not answer the test after it.
    """

    nodes: Nodes
    #: seconds between two reads of the counters, when there is no earlier one
    rate_window_s: float
    kept: dict[tuple[object, str, PortPlace], _Kept] = field(default_factory=dict, repr=False)
    _indexes: dict[tuple[object, str, PortPlace], int] = field(default_factory=dict, repr=False)

    async def close(self) -> None:
        """Cancel the reads under way and wait for their end."""
        await end_tasks([kept.running for kept in self.kept.values() if kept.running is not None])

    async def read(self, target: NodeTarget, profile: PortProfile, place: PortPlace, now: datetime) -> list[Fact]:
        """Facts of one port; a node that does not answer is `sw.reachable` or `dslam.reachable` = False.

        Raises:
            ProbeRefused, ProbeUnreadable: as the SNMP client.
            ProfileError: the place is no port of this node.
        """
        kept = self.kept.setdefault((target.snmp, profile.id, place), _Kept())
        if kept.running is None:
            kept.running = asyncio.create_task(self._read(target, profile, place, now, kept))
            kept.running.add_done_callback(lambda _: _done(kept))
        return await asyncio.shield(kept.running)

    async def if_index(self, target: NodeTarget, profile: PortProfile, place: PortPlace) -> int | None:
        """The ifIndex of a place; None when the node has no port of that name or number.

        Raises:
            ProbeError: as the SNMP client.
        """
        if place.if_index is not None:
            return place.if_index
        if place.name is None and profile.port.scheme == "if-index":
            return place.port
        key = (target.snmp, profile.id, place)
        if key not in self._indexes:
            walk = await self.nodes.walk(target, profile.port.names)
            found = _index_of(profile, place, {oid: plain_text(raw) for oid, raw in walk.rows})
            if found is None:
                return None
            self._indexes[key] = found
        return self._indexes[key]

    async def _read(
        self, target: NodeTarget, profile: PortProfile, place: PortPlace, now: datetime, kept: _Kept
    ) -> list[Fact]:
        origin = origin_of(target, now)
        reachable = "sw.reachable" if isinstance(profile, SwitchProfile) else "dslam.reachable"
        state = "sw.port_oper" if isinstance(profile, SwitchProfile) else "dsl.link"
        try:
            at = await self.if_index(target, profile, place)
            cells = {} if at is None else await self._cells(target, profile, profile.reads.port, at, origin, kept)
        except ProbeTimeout:
            return [await self.nodes.silent(target, origin, reachable)]
        reached = said(reachable, True, origin)
        if at is None or not any(cells[name] for name in cells if profile.columns[name].index != "scalar"):
            raw = f"{target.name} has no port {place}"
            return [reached, Fact(state, None, origin.at, origin.source, origin.method, Quality.MISSING, raw)]
        facts = [*facts_of_cells(profile.columns, cells, origin), *_times(profile, cells, origin)]
        for step in (self._detail, self._rates, self._addresses):
            try:
                facts += await step(target, profile, at, origin, kept)
            except ProbeError:
                # what came is told; what did not come is simply not known
                continue
        return [reached, *_without_old(facts)]

    async def _cells(
        self,
        target: NodeTarget,
        profile: PortProfile,
        names: Sequence[str],
        at: int,
        origin: Origin,
        kept: _Kept,
    ) -> dict[str, Sequence[Raw]]:
        """Raw values by column name, stand-ins for those without a value included."""
        cells = await self._get(target, profile, names, at, kept)
        while others := fallbacks(profile.columns, cells, origin.zone):
            cells |= await self._get(target, profile, others, at, kept)
        return cells

    async def _get(
        self, target: NodeTarget, profile: PortProfile, names: Sequence[str], at: int, kept: _Kept
    ) -> dict[str, Sequence[Raw]]:
        if kept.rmon is None and any("{rmon}" in profile.rows.get(profile.columns[name].by, "") for name in names):
            kept.rmon = await self._rmon_row(target, profile, at)
        oids = {name: profile.oid(name, at, kept.rmon) for name in names}
        values = await self.nodes.get(target, oids.values())
        return {name: [values[oid]] if oid in values else [] for name, oid in oids.items()}

    async def _rmon_row(self, target: NodeTarget, profile: PortProfile, at: int) -> int:
        """The row of RMON's statistics that is this port's: most often the ifIndex itself."""
        sources, wanted = profile.rmon_sources, f"{_IF_INDEX}.{at}"
        if sources is None:
            return at
        if (await self.nodes.get(target, [f"{sources}.{at}"])).get(f"{sources}.{at}") == wanted:
            return at
        walk = await self.nodes.walk_or_problem(target, sources)
        return next((int(oid.rsplit(".", 1)[1]) for oid, source in walk.rows if source == wanted), at)

    async def _detail(
        self, target: NodeTarget, profile: PortProfile, at: int, origin: Origin, kept: _Kept
    ) -> list[Fact]:
        if not profile.reads.port_detail:
            return []
        cells = await self._cells(target, profile, profile.reads.port_detail, at, origin, kept)
        return facts_of_cells(profile.columns, cells, origin)

    async def _rates(
        self, target: NodeTarget, profile: PortProfile, at: int, origin: Origin, kept: _Kept
    ) -> list[Fact]:
        """Rates between the last counters and these; without earlier ones they are read twice."""
        if not profile.reads.counters:
            return []
        before = kept.sample
        if before is None or not counters.usable(before, origin.at):
            first = await self._cells(target, profile, profile.reads.counters, at, origin, kept)
            before = Sample(origin.at, first)
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(self.rate_window_s)
            cells = await self._cells(target, profile, profile.reads.counters, at, origin, kept)
            elapsed = timedelta(seconds=asyncio.get_running_loop().time() - began)
            kept.sample = Sample(origin.at + elapsed, cells)
        else:
            cells = await self._cells(target, profile, profile.reads.counters, at, origin, kept)
            kept.sample = Sample(origin.at, cells)
        return counters.rates(profile, before, kept.sample, origin)

    async def _addresses(
        self, target: NodeTarget, profile: PortProfile, at: int, origin: Origin, kept: _Kept
    ) -> list[Fact]:
        return await macs.facts(self.nodes, target, profile, at, origin) if isinstance(profile, SwitchProfile) else []


def _done(kept: _Kept) -> None:
    kept.running = None


def _index_of(profile: PortProfile, place: PortPlace, names: Mapping[str, str]) -> int | None:
    """The ifIndex of a place among the names of a node."""
    for oid, name in names.items():
        if place.name is not None:
            if name.lower() == place.name.strip().lower():
                return int(oid.rsplit(".", 1)[1])
            continue
        told = profile.port.place_of(name)
        wanted = {"frame": place.frame, "slot": place.slot, "port": place.port}
        here = dict(zip(("frame", "slot", "port"), told or (), strict=False))
        if told is not None and all(here[key] == wanted[key] for key in profile.port.places):
            return int(oid.rsplit(".", 1)[1])
    return None


def _times(profile: PortProfile, cells: Mapping[str, Sequence[Raw]], origin: Origin) -> list[Fact]:
    """Since when the switch runs, and when the port changed: both are hundredths of a second of one clock."""
    uptime = next(iter(cells.get("uptime", ())), None)
    changed = next(iter(cells.get("last_change", ())), None)
    if not isinstance(uptime, int) or not isinstance(profile, SwitchProfile):
        return []
    facts = [said("sw.uptime_s", uptime / 100, origin)]
    # 0 is "before the agent started": since when is not known
    if isinstance(changed, int) and changed:
        ago = timedelta(milliseconds=10 * ((uptime - changed) % _TICKS))
        facts.append(said("sw.port_changed_at", (origin.at - ago).isoformat(timespec="seconds"), origin))
    return facts


def _without_old(facts: Sequence[Fact]) -> list[Fact]:
    """The facts, without those of a link that is not there."""
    down = {fact.name for fact in facts if fact.name in _OF_A_LINK and fact.value == "down"}
    old = {name for state in down for name in _OF_A_LINK[state]}
    return [fact for fact in facts if fact.name not in old]
