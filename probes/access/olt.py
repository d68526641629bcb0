"""What an OLT says of one ONT and of one PON port: (profile, place) → facts. No vendor is known here.

The rule: a value is a fact only when the profile says what it means. A sentinel is missing, a code that no table knows
is unreadable (its raw form is kept), and a walk that is much shorter than the last one is dropped whole.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from probes.access import rows
from probes.access.directory import Directories, Entry, find, on_port, port_row_of, where_of
from probes.access.node import Nodes, NodeTarget, origin_of, said, zone_of
from probes.errors import ProbeError, ProbeTimeout
from probes.facts import Fact, Quality
from probes.profiles import decode
from probes.profiles.decode import Raw, canonical_serial
from probes.profiles.indexes import Computed, IfName, SerialKey
from probes.profiles.reading import (
    Origin,
    Where,
    cells_of,
    facts_of,
    facts_of_cells,
    fallbacks,
    flat,
    history_facts,
    ont_oids,
    port_fault_fact,
    port_oids,
    port_row,
)
from probes.profiles.schema import AccessProfile
from probes.readings import RUN_STATE, OntPlace, OntReading, PortReading, gaps, readings_of, with_facts
from probes.snmp.client import Table
from probes.tasks import end_tasks

#: a walk with a smaller share of the rows of the one before is dropped whole
LEAST_WALK_RATIO = 0.75

_REACHABLE = "olt.reachable"
_FORMS = {"gpon-serial": decode.gpon_serial, "serial-text": decode.serial_text, "mac": decode.mac}


@dataclass(slots=True)
class _Port:
    """What the reader keeps of one port: the read under way, the last reading, the size of the last whole walk."""

    running: asyncio.Task[PortReading] | None = None
    last: PortReading | None = None
    last_rows: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """The ONTs of a port before they are facts: cells by number, where each is, serials that the index says."""

    table: Table
    wheres: Mapping[int, Where] = field(default_factory=dict)
    serials: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class OltReader:
    """Reads OLTs: one read per port at a time, and a short memory of ports. Fifty tickets on one port are one read."""

    nodes: Nodes
    #: how long a port reading answers for the next caller
    cache_s: float
    #: for the light of all ONTs of a port; what is not read by then is left out
    light_budget_s: float
    directories: Directories = field(init=False)
    ports: dict[tuple[object, str, str], _Port] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Directories are of the same nodes."""
        self.directories = Directories(self.nodes)

    async def close(self) -> None:
        """Cancel the reads under way and wait for their end."""
        await end_tasks([port.running for port in self.ports.values() if port.running is not None])

    async def read_ont(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime, *, detail: bool
    ) -> list[Fact]:
        """As `AccessReader.read_ont`."""
        origin = origin_of(target, now)
        _refuse_wrong_place(profile, place)
        try:
            where = await self._where(target, profile, place, now)
            if where is None:
                return [_reached(origin), _not_there(place, origin)]
            facts = await self._ont_facts(target, profile, where, origin, detail=detail)
        except ProbeTimeout:
            return [await self.nodes.silent(target, origin, _REACHABLE)]
        return [_reached(origin), *facts] if facts else [_reached(origin), _not_there(place, origin)]

    async def read_port(
        self,
        target: NodeTarget,
        profile: AccessProfile,
        place: OntPlace,
        now: datetime,
        *,
        newer_than: datetime | None = None,
    ) -> PortReading:
        """As `AccessReader.read_port`."""
        port = self._port(target, profile, place)
        if port.last is not None and self._is_fresh(port.last, now) and _is_newer(port.last, newer_than):
            return port.last
        if port.running is None:
            port.running = asyncio.create_task(self._read_port(target, profile, place, now))
            port.running.add_done_callback(lambda task: self._port_done(port, task))
        return await asyncio.shield(port.running)

    async def _ont_facts(
        self, target: NodeTarget, profile: AccessProfile, where: Where, origin: Origin, *, detail: bool
    ) -> list[Fact]:
        groups = [profile.reads.ont, profile.reads.ont_detail] if detail else [profile.reads.ont]
        plans = [plan for plan in (ont_oids(profile, names, where) for names in groups) if plan]
        answers = await asyncio.gather(*(self.nodes.get(target, flat(plan)) for plan in plans))
        cells: dict[str, Sequence[Raw]] = {}
        for plan, values in zip(plans, answers, strict=True):
            cells |= cells_of(plan, values)
        cells |= await self._second(target, profile, where, cells, origin)
        facts = facts_of_cells(profile.columns, cells, origin)
        return facts + (await self._history(target, profile, where, origin) if detail and facts else [])

    async def _second(
        self,
        target: NodeTarget,
        profile: AccessProfile,
        where: Where,
        cells: Mapping[str, Sequence[Raw]],
        origin: Origin,
    ) -> dict[str, list[Raw]]:
        """What the first answer asks for: stand-ins for columns without a value, and tables by the ONT's MAC."""
        plan = ont_oids(profile, fallbacks(profile.columns, cells, origin.zone), where)
        if profile.reads.ont_by_mac:
            raw = next(iter(cells.get(profile.serial_column, ())), None)
            mac = decode.mac(raw).value if raw is not None else None
            if isinstance(mac, str):
                octets = bytes.fromhex(mac.replace(":", ""))
                plan |= ont_oids(profile, profile.reads.ont_by_mac, replace(where, mac=octets))
        return cells_of(plan, await self.nodes.get(target, flat(plan))) if plan else {}

    async def _history(self, target: NodeTarget, profile: AccessProfile, where: Where, origin: Origin) -> list[Fact]:
        rule = profile.history
        if rule is None:
            return []
        oids = {
            name: oid
            for name, group in ont_oids(profile, (rule.down, rule.up, rule.cause), where).items()
            for oid in group
        }
        walks = await asyncio.gather(*(self.nodes.walk_or_problem(target, oid) for oid in oids.values()))
        table: dict[str, dict[str, Raw]] = {}
        for (name, oid), walk in zip(oids.items(), walks, strict=True):
            for row, raw in walk.rows[: rule.rows]:
                table.setdefault(row[len(oid) + 1 :], {})[name] = raw
        return history_facts(profile, table, origin)

    async def _read_port(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime
    ) -> PortReading:
        origin = origin_of(target, now)
        at = OntPlace(place.frame, place.slot, place.port)
        port = self._port(target, profile, place)
        _refuse_wrong_place(profile, place)
        try:
            where, found = await self._onts_of(target, profile, at, now)
        except ProbeTimeout as error:
            silent = await self.nodes.silent(target, origin, _REACHABLE)
            return PortReading(at, now, facts=(silent,), complete=False, problem=str(error), light_complete=False)
        table = found.table
        onts = readings_of(profile, table, origin, found.serials)
        facts = [_reached(origin), *await self._port_facts(target, profile, where, origin)]
        if any(one.gpon_serial for one in onts):
            facts += await self._unprovisioned(target, profile, where, origin)
        ratio = len(onts) / port.last_rows if port.last_rows else 1.0
        facts.append(said("probe.walk_ratio", round(ratio, 3), origin))
        if table.complete or port.last_rows is None:
            port.last_rows = len(onts)
        if ratio < LEAST_WALK_RATIO:
            problem = f"the walk has {len(onts)} ONTs, {ratio:.0%} of the last one: dropped"
            return PortReading(at, now, facts=tuple(facts), complete=False, problem=problem, light_complete=False)
        lit, light_complete = await self._with_light(target, profile, found, onts, origin)
        problem = "; ".join(filter(None, [table.problem, gaps(profile, onts)]))
        return PortReading(at, now, tuple(lit), tuple(facts), not problem, problem, light_complete)

    async def _onts_of(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime
    ) -> tuple[Where, _Found]:
        """The port, and the cells of its ONTs: walked below it, or read row by row where they lie elsewhere."""
        if profile.index.below_port:
            below = await self._port_where(target, profile, place, now)
            if below is None:
                problem = f"this node names no port {place}"
                return Where(place.frame, place.slot, place.port), _Found(Table({}, complete=False, problem=problem))
            table = await rows.walk_columns(self.nodes, target, profile, below)
            numbers = [int(row) for row in table.rows if row.isdigit()]
            return below, _Found(table, {ont: _at(profile, below, ont) for ont in numbers})
        directory = await self.directories.of(target, profile, now, fresh=True)
        at = port_row_of(profile, directory, place)
        where = Where(place.frame, place.slot, place.port, port_row=at)
        if not directory.placed:
            problem = "nothing in this node says which ONTs share a port: read one by its serial"
            return where, _Found(Table({}, complete=False, problem=problem))
        entries = [one for one in on_port(profile, directory, place) if one.spot and one.spot.ont is not None]
        wheres = {one.spot.ont: where_of(place, one, at) for one in entries if one.spot and one.spot.ont is not None}
        table = await rows.get_rows(self.nodes, target, profile, wheres)
        if not directory.complete:
            table = Table(
                table.rows, complete=False, problem="; ".join(filter(None, [directory.problem, table.problem]))
            )
        serials = {one.spot.ont: one.serial for one in entries if one.serial and one.spot and one.spot.ont is not None}
        return where, _Found(table, wheres, serials)

    async def _port_facts(self, target: NodeTarget, profile: AccessProfile, where: Where, origin: Origin) -> list[Fact]:
        """The port's own light, and whether it is at fault."""
        plan = port_oids(profile, profile.reads.port, where)
        try:
            facts = facts_of(profile, plan, await self.nodes.get(target, flat(plan)), origin)
        except ProbeError:
            facts = []
        fault = port_fault_fact(profile, facts, origin)
        return facts if fault is None else [*facts, fault]

    async def _unprovisioned(
        self, target: NodeTarget, profile: AccessProfile, where: Where, origin: Origin
    ) -> list[Fact]:
        """Whether an ONT that nobody provisioned waits on the port. An empty table says no only where others answer."""
        rule = profile.unprovisioned
        row = port_row(profile, "", where)
        if rule is None or row is None:
            return []
        found = await self.nodes.walk_or_problem(target, f"{rule.oid}.{row}")
        if not (found.complete or found.rows):
            return []
        facts = [said(rule.fact, bool(found.rows), origin)]
        serials = [_FORMS[rule.form](raw).value for _, raw in found.rows]
        if rule.list_fact and any(serials):
            facts.append(said(rule.list_fact, ", ".join(str(one) for one in serials if one), origin))
        return facts

    async def _with_light(
        self, target: NodeTarget, profile: AccessProfile, found: _Found, onts: Sequence[OntReading], origin: Origin
    ) -> tuple[list[OntReading], bool]:
        """The readings with the light of those that are online, as far as it comes within the budget."""
        lit = {one.ont: one for one in onts}

        async def read(one: OntReading) -> None:
            plan = ont_oids(profile, profile.reads.port_light, found.wheres[one.ont])
            try:
                facts = facts_of(profile, plan, await self.nodes.get(target, flat(plan)), origin)
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

    async def _where(self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime) -> Where | None:
        """Where a place's ONT is in the tables: its own number, or the one whose serial the port shows."""
        if place.ont is None and place.gpon_serial is None:
            return None
        index = profile.index
        if isinstance(index, SerialKey) and place.gpon_serial is not None:
            row = index.row_of(place.slot, canonical_serial(place.gpon_serial))
            return Where(place.frame, place.slot, place.port, place.ont, ont_row=row)
        if index.below_port or (place.ont is not None and (profile.computed or _adds(profile))):
            port = await self._port_where(target, profile, place, now)
            if port is None:
                return None
            ont = place.ont if place.ont is not None else await self._by_serial_below(target, profile, place, port, now)
            return None if ont is None else _at(profile, port, ont)
        for fresh in (False, True):
            directory = await self.directories.of(target, profile, now, fresh=fresh)
            entry = find(profile, directory, place)
            if entry is None and place.ont is None:
                entry = await self._by_serial_in(target, profile, on_port(profile, directory, place), place)
            if entry is not None:
                return where_of(place, entry, port_row_of(profile, directory, place))
        return None

    async def _port_where(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, now: datetime
    ) -> Where | None:
        """Where a place's port is in the tables; None when its node names no such port."""
        where = Where(place.frame, place.slot, place.port)
        if profile.computed:
            return where
        for fresh in (False, True):
            row = port_row_of(profile, await self.directories.of(target, profile, now, fresh=fresh), place)
            if row is not None:
                return replace(where, port_row=row)
        return None

    async def _by_serial_below(
        self, target: NodeTarget, profile: AccessProfile, place: OntPlace, port: Where, now: datetime
    ) -> int | None:
        """The number of the ONT with the place's serial, from the port's memory or from its column of serials."""
        known = self._port(target, profile, place).last
        if known is not None and self._is_fresh(known, now):
            found = known.find(place)
            if found is not None:
                return found.ont
        column = profile.columns[profile.serial_column]
        root = f"{column.oid}.{port_row(profile, column.by, port)}"
        serials = await self.nodes.walk(target, root)
        wanted, zone = canonical_serial(place.gpon_serial or ""), zone_of(target)
        for oid, raw in serials.rows:
            told = column.decoded(raw, zone).value
            if isinstance(told, str) and canonical_serial(told) == wanted:
                return int(oid[len(root) + 1 :].split(".", 1)[0])
        return None

    async def _by_serial_in(
        self, target: NodeTarget, profile: AccessProfile, entries: Iterable[Entry], place: OntPlace
    ) -> Entry | None:
        """The entry whose serial, read from its row, is the place's."""
        if not profile.serial_column or isinstance(profile.index, (Computed, SerialKey)):
            return None
        oid = profile.columns[profile.serial_column].oid
        by_oid = {f"{oid}.{one.row}": one for one in entries}
        values = await self.nodes.get(target, by_oid)
        wanted, zone = canonical_serial(place.gpon_serial or ""), zone_of(target)
        for at, raw in values.items():
            told = profile.columns[profile.serial_column].decoded(raw, zone).value
            if isinstance(told, str) and canonical_serial(told) == wanted:
                return by_oid[at]
        return None

    def _is_fresh(self, reading: PortReading, now: datetime) -> bool:
        # a caller whose test began before another one's reading did is served by that reading too
        return abs((now - reading.at).total_seconds()) < self.cache_s

    def _port(self, target: NodeTarget, profile: AccessProfile, place: OntPlace) -> _Port:
        return self.ports.setdefault((target.snmp, profile.id, str(place)), _Port())

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


def _is_newer(reading: PortReading, than: datetime | None) -> bool:
    return than is None or reading.at > than


def _refuse_wrong_place(profile: AccessProfile, place: OntPlace) -> None:
    """A place that the node cannot have is refused before anything is sent."""
    if isinstance(profile.index, Computed):
        profile.index.port_row(place.frame, place.slot, place.port)


def _adds(profile: AccessProfile) -> bool:
    return isinstance(profile.index, IfName) and profile.index.ont_add


def _at(profile: AccessProfile, port: Where, ont: int) -> Where:
    """An ONT on a port, where its row follows from the port's."""
    if port.port_row is None:
        return replace(port, ont=ont)
    row = str(int(port.port_row) + ont) if _adds(profile) else f"{port.port_row}.{ont}"
    return replace(port, ont=ont, ont_row=row)


def _reached(origin: Origin) -> Fact:
    return said(_REACHABLE, True, origin)


def _not_there(place: OntPlace, origin: Origin) -> Fact:
    """The node answers, but has no such ONT where the inventory says that it is."""
    wanted = place.gpon_serial if place.ont is None else f"ONT {place.ont}"
    raw = f"{wanted or 'no ONT named'} is not on port {place}"
    return Fact(RUN_STATE, None, origin.at, origin.source, origin.method, Quality.MISSING, raw)
