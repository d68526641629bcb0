"""Where a node's ONTs are in its tables, when the index does not say it: by name, by serial, by columns of their own.

The rule: a directory is read whole and remembered for a while; what it does not have is looked for once more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from probes.access.node import Nodes, NodeTarget, zone_of
from probes.profiles.decode import Raw, canonical_serial, plain_text
from probes.profiles.indexes import IfName, PackedBits, Rows, SerialKey, Spot
from probes.profiles.reading import Where
from probes.profiles.schema import AccessProfile
from probes.readings import OntPlace
from probes.snmp.client import Walk

#: names and rows change when ONTs are added: a place that is not there is looked for again after this
_AGAIN = timedelta(seconds=30)
#: and everything after this [E]
_KEEP = timedelta(minutes=10)
#: the bits of an ONT's number in a row that is the port's row and that number
_LOW = 0xFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One ONT: its row, its place as far as it is known, its serial where the row or a column says it."""

    row: str
    spot: Spot | None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """The ONTs and the ports of a node. `placed` is False where nothing says which ONTs share a port."""

    at: datetime
    onts: Sequence[Entry] = ()
    ports: Mapping[Spot, str] = field(default_factory=dict)
    placed: bool = True
    complete: bool = True
    problem: str = ""


@dataclass(slots=True)
class Directories:
    """Reads and remembers the directories of nodes."""

    nodes: Nodes
    _known: dict[tuple[object, str], Directory] = field(default_factory=dict, repr=False)

    async def of(self, target: NodeTarget, profile: AccessProfile, now: datetime, *, fresh: bool = False) -> Directory:
        """The directory of a node; `fresh` asks for one that was read within half a minute.

        Raises:
            ProbeError: as the SNMP client.
        """
        key = (target.snmp, profile.id)
        known = self._known.get(key)
        if known is not None and abs(now - known.at) < (_AGAIN if fresh else _KEEP):
            return known
        found = await self._read(target, profile, now)
        if found.complete:
            self._known[key] = found
        return found

    async def _read(self, target: NodeTarget, profile: AccessProfile, now: datetime) -> Directory:
        index = profile.index
        if isinstance(index, IfName):
            named = _by_name(index, await self.nodes.walk(target, index.names), now)
            return await self._behind_ports(target, profile, named) if index.ont_add else named
        if isinstance(index, (SerialKey, Rows)):
            return await self._by_columns(target, profile, index, now)
        # an index that holds the ONT's number, so that a port cannot be walked: the serials name the rows
        oid = profile.columns[profile.serial_column].oid
        walk = await self.nodes.walk(target, oid)
        tail = profile.columns[profile.serial_column].tail
        entries = [
            Entry(row, index.parse_row(row), self._serial(profile, raw, target)) for row, raw in _cells(walk, oid, tail)
        ]
        return _directory([one for one in entries if one.spot], {}, walk, now)

    async def _behind_ports(self, target: NodeTarget, profile: AccessProfile, named: Directory) -> Directory:
        """The ONTs whose rows are their port's row and a number, by the column of their serials."""
        oid, tail = profile.columns[profile.serial_column].oid, profile.columns[profile.serial_column].tail
        ports = {int(row): spot for spot, row in named.ports.items()}
        walk = await self.nodes.walk_or_problem(target, oid)
        entries = []
        for row, raw in _cells(walk, oid, tail):
            spot = ports.get(int(row) & ~_LOW) if row.isdigit() else None
            if spot is not None:
                entries.append(Entry(row, replace(spot, ont=int(row) & _LOW), self._serial(profile, raw, target)))
        problem = "; ".join(filter(None, [named.problem, walk.problem]))
        return replace(named, onts=entries, complete=not problem, problem=problem)

    async def _by_columns(
        self, target: NodeTarget, profile: AccessProfile, index: SerialKey | Rows, now: datetime
    ) -> Directory:
        """Rows from the column that says the port, or from the serials; numbers where a column says them."""
        serials: dict[str, str | None] = {}
        first = index.port_column or profile.columns[profile.serial_column].oid
        walk = await self.nodes.walk(target, first)
        ports = dict(_cells(walk, first)) if index.port_column else {}
        rows = [row for row, _ in _cells(walk, first)]
        if isinstance(index, Rows) and profile.serial_column:
            oid = profile.columns[profile.serial_column].oid
            named = walk if oid == first else await self.nodes.walk_or_problem(target, oid)
            serials = {row: self._serial(profile, raw, target) for row, raw in _cells(named, oid)}
        else:
            serials = {row: index.serial_of(row) for row in rows} if isinstance(index, SerialKey) else {}
        numbers: dict[str, Raw] = {}
        if index.ont_column:
            numbers = dict(_cells(await self.nodes.walk_or_problem(target, index.ont_column), index.ont_column))
        entries = [Entry(row, _spot(index, row, ports.get(row), numbers.get(row)), serials.get(row)) for row in rows]
        directory = _directory(_numbered(entries, bool(index.ont_column)), {}, walk, now)
        return replace(directory, placed=bool(index.port_column))

    def _serial(self, profile: AccessProfile, raw: Raw, target: NodeTarget) -> str | None:
        told = profile.columns[profile.serial_column].decoded(raw, zone_of(target)).value
        return told if isinstance(told, str) else None


def find(profile: AccessProfile, directory: Directory, place: OntPlace) -> Entry | None:
    """The entry of a place: by its number on the port, else by its serial on that port or, unplaced, in the node."""
    if place.ont is not None:
        # where nothing says a port, an ONT's number is one of the whole node
        return next(
            (
                one
                for one in directory.onts
                if one.spot is not None
                and one.spot.ont == place.ont
                and (not directory.placed or same_port(profile, one.spot, place))
            ),
            None,
        )
    wanted = canonical_serial(place.gpon_serial or "")
    if not wanted:
        return None
    for one in directory.onts:
        if one.serial and canonical_serial(one.serial) == wanted:
            return one
    return None


def on_port(profile: AccessProfile, directory: Directory, place: OntPlace) -> list[Entry]:
    """The entries of a place's port."""
    return [one for one in directory.onts if one.spot is not None and same_port(profile, one.spot, place)]


def port_row_of(profile: AccessProfile, directory: Directory, place: OntPlace) -> str | None:
    """The row of a place's port where the directory has ports."""
    return next((row for spot, row in directory.ports.items() if same_port(profile, spot, place)), None)


def same_port(profile: AccessProfile, spot: Spot, place: OntPlace) -> bool:
    """Whether a spot is on a place's port, by the numbers that the node's index has."""
    told = _numbers_of(profile)
    return all(getattr(spot, name) == getattr(place, name) for name in told)


def where_of(place: OntPlace, entry: Entry | None, port_row: str | None, mac: bytes | None = None) -> Where:
    """A place and what a directory knows of it."""
    ont = entry.spot.ont if entry is not None and entry.spot is not None else place.ont
    row = entry.row if entry is not None else None
    return Where(place.frame, place.slot, place.port, ont, port_row, row, mac)


def _numbers_of(profile: AccessProfile) -> Iterable[str]:
    index = profile.index
    if isinstance(index, IfName):
        return [name for name in ("frame", "slot", "port") if f"(?P<{name}>" in index.port]
    if isinstance(index, SerialKey):
        return ["slot", "port"] if "slot" in index.before else ["port"]
    if isinstance(index, PackedBits):
        return [name for name in ("frame", "slot", "port") if getattr(index, name) is not None]
    return ["slot", "port"] if not isinstance(index, Rows) else ["port"]


def _by_name(index: IfName, walk: Walk, now: datetime) -> Directory:
    ports: dict[Spot, str] = {}
    onts = []
    for row, raw in _cells(walk, index.names):
        spot = index.spot_of(plain_text(raw))
        if spot is None:
            continue
        if spot.ont is None:
            ports[spot] = row
        else:
            onts.append(Entry(row, spot))
    return _directory(onts, ports, walk, now)


def _directory(onts: Sequence[Entry], ports: Mapping[Spot, str], walk: Walk, now: datetime) -> Directory:
    return Directory(now, onts, ports, complete=walk.complete, problem=walk.problem)


def _cells(walk: Walk, oid: str, tail: str = "") -> list[tuple[str, Raw]]:
    """Row and value of each cell of a walked column, without the tail that its rows have."""
    end = f".{tail}" if tail else ""
    return [(row[len(oid) + 1 :].removesuffix(end), raw) for row, raw in walk.rows]


def _spot(index: SerialKey | Rows, row: str, port: Raw | None, number: Raw | None) -> Spot | None:
    slot = int(row.split(".", 1)[0]) if isinstance(index, SerialKey) and "slot" in index.before else 0
    at, ont = _whole(port), _whole(number)
    if at is None and ont is None:
        return None
    return Spot(0, slot, at if at is not None else -1, ont)


def _whole(raw: Raw | None) -> int | None:
    """A number, whether the node writes it as one or as text."""
    if isinstance(raw, int):
        return raw
    text = plain_text(raw) if raw is not None else ""
    return int(text) if text.isdigit() else None


def _numbered(entries: Sequence[Entry], told: bool) -> list[Entry]:
    """The entries with numbers on their ports: those that the node tells, else in the order of the rows, from 1."""
    if told:
        return list(entries)
    counts: dict[tuple[int, int], int] = {}
    found = []
    for one in entries:
        if one.spot is None:
            found.append(one)
            continue
        port = (one.spot.slot, one.spot.port)
        counts[port] = counts.get(port, 0) + 1
        found.append(replace(one, spot=replace(one.spot, ont=counts[port])))
    return found
