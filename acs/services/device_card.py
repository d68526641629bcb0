"""The card of a device: what it says of itself, section by section, each value with its age, source and state. Pure.

    facts of the tree, words of other systems ──▶ values ─┬─▶ ok, stale, unreadable
    tables of the tree ──▶ rows ──────────────────────────┴─▶ not_reported, not_read, not_known

The rule of this file: a value that is not there says why: the model never reports it (learned from whole trees), it
was not read yet, or nobody knows a parameter for it. Nothing is guessed, and nothing is left out silently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from acs.profiles.columns import TABLES
from acs.profiles.rows import Cell, Table
from acs.profiles.schema import Profile
from acs.secret_names import is_secret
from acs.services.card_sections import SECTIONS, SectionSpec
from acs.services.merging import is_stale
from acs.services.reboot_history import Reboot
from acs.services.reported import table_key
from acs.store.records import DeviceRecord
from probes.facts import FACTS, Fact, Quality, Scalar

#: What stands in the place of a secret.
HIDDEN = "(hidden)"


class State(StrEnum):
    """Why a value is there, or is not."""

    #: read, and young enough
    OK = "ok"
    #: read, but older than its greatest age
    STALE = "stale"
    #: the device sends what means nothing; `raw` has it
    UNREADABLE = "unreadable"
    #: no tree of this model and firmware ever had it
    NOT_REPORTED = "not_reported"
    #: the profile knows where it stands, but it was not read yet
    NOT_READ = "not_read"
    #: no standard and no profile says where this model has it
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the card. `at` None: there is no time of reading, because there is no value."""

    name: str
    title: Mapping[str, str]
    value: Scalar | None
    unit: str
    state: State
    at: datetime | None = None
    age_s: float | None = None
    source: str = ""
    raw: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CardColumn:
    """A column of a table; `state` is `ok` where some row has it, else why none has."""

    name: str
    title: Mapping[str, str]
    unit: str
    state: State


@dataclass(frozen=True, slots=True)
class CardCell:
    """One value of a row."""

    value: Scalar | None
    state: State
    at: datetime
    age_s: float
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class CardRow:
    """One thing of a table; `path` is its object in the tree."""

    path: str
    source: str
    cells: Mapping[str, CardCell]


@dataclass(frozen=True, slots=True)
class CardTable:
    """A table; `ok` without rows means that the device says there is none."""

    name: str
    title: Mapping[str, str]
    state: State
    columns: tuple[CardColumn, ...]
    rows: tuple[CardRow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the card."""

    name: str
    title: Mapping[str, str]
    values: tuple[Value, ...]
    tables: tuple[CardTable, ...]


@dataclass(frozen=True, slots=True)
class Defect:
    """A known defect of the firmware that runs."""

    title: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class Card:
    """A device at a glance. `proven` False: no real device of this profile was ever seen, its values need care."""

    device: str
    kind: str
    line: str | None
    profile: str | None
    profile_title: str
    proven: bool
    unknown: tuple[str, ...]
    read_at: datetime | None
    sections: tuple[Section, ...]
    reboots: tuple[Reboot, ...]
    defects: tuple[Defect, ...]
    #: None: nobody maintains a list of this model's defects
    defects_reviewed: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """What a card is made of. `facts` are the best word on each name, `extra` values that were worked out already."""

    device: DeviceRecord
    profile: Profile | None
    facts: Mapping[str, Fact]
    tables: Mapping[str, Table]
    absent: frozenset[str]
    extra: Mapping[str, Sequence[Value]]
    reboots: Sequence[Reboot]
    defects: Sequence[Defect]
    read_at: datetime | None
    now: datetime


def card_of(known: Known) -> Card:
    """The card of a device."""
    profile = known.profile
    kind = profile.kind if profile is not None else "generic"
    sections = [_section(spec, known) for spec in SECTIONS if kind in spec.kinds]
    reviewed = profile.firmware.reviewed if profile is not None and profile.firmware.maintained else None
    return Card(
        device=known.device.key,
        kind=kind,
        line=known.device.line,
        profile=profile.id if profile is not None else None,
        profile_title=profile.title if profile is not None else "",
        proven=profile is not None and profile.proven,
        unknown=profile.unknown if profile is not None else (),
        read_at=known.read_at,
        sections=tuple(section for section in sections if section is not None),
        reboots=tuple(known.reboots),
        defects=tuple(known.defects),
        defects_reviewed=reviewed,
    )


def value_of(fact: Fact, now: datetime) -> Value:
    """A fact as a value of the card."""
    spec = FACTS.get(fact.name)
    usable = fact.quality in (Quality.OK, Quality.STALE) and fact.value is not None
    state = State.UNREADABLE if not usable else State.STALE if is_stale(fact, now) else State.OK
    return Value(
        fact.name,
        spec.title if spec is not None else {"ru": fact.name, "en": fact.name},
        fact.value if usable else None,
        spec.unit if spec is not None else "",
        state,
        fact.at,
        round((now - fact.at).total_seconds(), 1),
        fact.source,
        None if usable else fact.raw,
        fact.method,
    )


def _section(spec: SectionSpec, known: Known) -> Section | None:
    values = [*(_value(name, known) for name in spec.facts), *known.extra.get(spec.name, ())]
    tables = [_table(name, known) for name in spec.tables]
    told = any(value.state in (State.OK, State.STALE) for value in values) or any(table.rows for table in tables)
    if spec.quiet and not told:
        return None
    return Section(spec.name, spec.title, tuple(values), tuple(tables))


def _value(name: str, known: Known) -> Value:
    fact = known.facts.get(name)
    if fact is not None:
        return value_of(fact, known.now)
    spec = FACTS[name]
    place = known.profile is not None and name in known.profile.readings
    return Value(name, spec.title, None, spec.unit, _why_missing(name, known, place=place))


def _why_missing(key: str, known: Known, *, place: bool) -> State:
    if not place:
        return State.NOT_KNOWN
    return State.NOT_REPORTED if key in known.absent else State.NOT_READ


def _table(name: str, known: Known) -> CardTable:
    spec, table = TABLES[name], known.tables.get(name)
    forms = known.profile.tables.get(name, ()) if known.profile is not None else ()
    if table is None:
        state = _why_missing(table_key(name), known, place=bool(forms))
        return CardTable(name, spec.title, state, (), ())
    placed = {column for form in forms for column in (*form.columns, *form.fixed)}
    shown = {column for row in table.rows for column in row.cells}
    columns = tuple(
        CardColumn(column, each.title, each.unit, _column_state(name, column, known, shown, placed))
        for column, each in spec.columns.items()
    )
    rows = tuple(
        CardRow(row.path, row.source, {c: _cell(cell, spec.max_age_s, known.now) for c, cell in row.cells.items()})
        for row in table.rows
    )
    return CardTable(name, spec.title, State.OK, columns, rows)


def _column_state(table: str, column: str, known: Known, shown: set[str], placed: set[str]) -> State:
    if column in shown:
        return State.OK
    return _why_missing(table_key(table, column), known, place=column in placed)


def _cell(cell: Cell, max_age_s: int, now: datetime) -> CardCell:
    age_s = round((now - cell.at).total_seconds(), 1)
    if cell.value is None:
        return CardCell(None, State.UNREADABLE, cell.at, age_s, cell.raw)
    value = HIDDEN if cell.name and is_secret(cell.name) else cell.value
    return CardCell(value, State.STALE if age_s > max_age_s else State.OK, cell.at, age_s)
