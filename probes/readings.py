"""What was read of a PON port: places, ONTs, ports; and how the rows of a walk become them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from probes.facts import Fact, Quality
from probes.profiles.decode import Raw, canonical_serial
from probes.profiles.reading import Origin, facts_of_cells
from probes.profiles.schema import AccessProfile
from probes.snmp.client import Table

RUN_STATE = "ont.run_state"
#: fields of OntReading whose home is a fact
_TEXTS = {"run_state": RUN_STATE, "last_down_cause": "ont.last_down_cause"}
_INSTANTS = {"last_down_at": "ont.last_down_at", "last_up_at": "ont.last_up_at"}
_NUMBERS = {"rx_dbm": "ont.rx_dbm", "olt_rx_dbm": "ont.olt_rx_dbm"}


@dataclass(frozen=True, slots=True)
class OntPlace:
    """Where an ONT hangs. Without `ont` (its id on the port) it is found by `gpon_serial` on that port.

    On EPON `gpon_serial` is the ONT's MAC.
    """

    frame: int
    slot: int
    port: int
    ont: int | None = None
    gpon_serial: str | None = None

    def __str__(self) -> str:
        return f"{self.frame}/{self.slot}/{self.port}"


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
    """A whole PON port. `complete` is False when an ONT or its state may be missing; `problem` says why.

    `light_complete` is False when some ONT that is online was not asked for its light in time.
    """

    place: OntPlace
    at: datetime
    onts: tuple[OntReading, ...] = ()
    facts: tuple[Fact, ...] = ()
    complete: bool = True
    problem: str = ""
    light_complete: bool = True

    def find(self, place: OntPlace) -> OntReading | None:
        """The ONT that a place means, by id or by serial; None when the port has no such ONT."""
        if place.ont is not None:
            return next((one for one in self.onts if one.ont == place.ont), None)
        wanted = canonical_serial(place.gpon_serial or "")
        named = (one for one in self.onts if one.gpon_serial)
        return next((one for one in named if canonical_serial(one.gpon_serial or "") == wanted), None)


def readings_of(
    profile: AccessProfile, table: Table, origin: Origin, serials: Mapping[int, str] | None = None
) -> list[OntReading]:
    """The ONTs in the columns of a port, by id; `serials` are those that the index itself says.

    A row without a serial is no ONT of this port, unless the node gives no serial at all.
    """
    told = serials or {}
    rows = {int(index): cells for index, cells in table.rows.items() if index.isdigit()}
    named = {ont for ont, cells in rows.items() if profile.serial_column in cells or ont in told}
    onts = [
        _reading(profile, ont, cells, origin, told.get(ont)) for ont, cells in rows.items() if ont in named or not named
    ]
    return sorted(onts, key=lambda one: one.ont)


def with_facts(one: OntReading, facts: Sequence[Fact]) -> OntReading:
    """The reading with more facts, and with the fields that they fill."""
    good = {fact.name: fact.value for fact in facts if fact.quality is Quality.OK}
    texts = {field: good.get(name) for field, name in _TEXTS.items()}
    instants = {field: good.get(name) for field, name in _INSTANTS.items()}
    numbers = {field: good.get(name) for field, name in _NUMBERS.items()}
    changes: dict[str, object] = {field: value for field, value in texts.items() if isinstance(value, str)}
    changes |= {field: datetime.fromisoformat(value) for field, value in instants.items() if isinstance(value, str)}
    changes |= {field: float(value) for field, value in numbers.items() if isinstance(value, (int, float))}
    return replace(one, facts=(*one.facts, *facts), **changes)  # type: ignore[arg-type]  # the tables above hold it


def gaps(profile: AccessProfile, onts: Sequence[OntReading]) -> str:
    """What a walk left out: ONTs of the serial column whose run state did not come; empty when nothing is missing."""
    if RUN_STATE not in facts_walked(profile):
        return ""
    lost = [one.ont for one in onts if not any(fact.name == RUN_STATE for fact in one.facts)]
    return f"no run state of ONT {', '.join(map(str, lost))}" if lost else ""


def facts_walked(profile: AccessProfile) -> frozenset[str]:
    """The facts that the walk of a port gives of each ONT."""
    return frozenset(profile.columns[name].fact for name in profile.reads.port_walk)


def _reading(
    profile: AccessProfile, ont: int, cells: Mapping[str, Raw], origin: Origin, told: str | None
) -> OntReading:
    named = told
    if profile.serial_column in cells:
        serial = profile.columns[profile.serial_column].decoded(cells[profile.serial_column], origin.zone)
        named = serial.value if isinstance(serial.value, str) else None
    facts = facts_of_cells(profile.columns, {name: [raw] for name, raw in cells.items()}, origin)
    return with_facts(OntReading(ont=ont, gpon_serial=named), facts)
