"""A profile's columns at work: which OIDs to ask for, and which facts the answers are. Pure.

The rule: an OID that was asked and not answered is no fact at all; a sentinel is a fact of quality missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from probes.facts import Fact, Quality, Scalar
from probes.profiles.columns import Column
from probes.profiles.decode import Decoded, Raw
from probes.profiles.indexes import Computed, MacBelowPort, Template
from probes.profiles.schema import AccessProfile

_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the facts of one reading share: when, from which node, and the node's time zone."""

    at: datetime
    source: str
    zone: tzinfo
    method: str = "snmp"


@dataclass(frozen=True, slots=True)
class Where:
    """One port or ONT in the tables of its node. `port_row` and `ont_row` are what a look-up found; else computed."""

    frame: int
    slot: int
    port: int
    ont: int | None = None
    port_row: str | None = None
    ont_row: str | None = None
    #: six octets, for tables whose index is the ONT's MAC
    mac: bytes | None = None


def port_row(profile: AccessProfile, by: str, where: Where) -> str | None:
    """The row of a port in the tables of a scheme; None when it is not known."""
    scheme = profile.scheme(by)
    if isinstance(scheme, Computed):
        return scheme.port_row(where.frame, where.slot, where.port)
    return where.port_row if not by else None


def ont_rows(profile: AccessProfile, column: Column, where: Where) -> list[str]:
    """The rows of an ONT in a column's table, one per UNI; empty when they are not known."""
    scheme = profile.scheme(column.by)
    if isinstance(scheme, Computed) and where.ont is not None:
        place = (where.frame, where.slot, where.port, where.ont)
        if column.index == "uni":
            return [scheme.uni_row(*place, uni) for uni in range(1, column.instances + 1)]
        return [scheme.ont_row(*place)]
    row = _looked_up(profile, column, where)
    if row is None:
        return []
    before = f"{row}.{column.before_uni}" if column.before_uni else row
    return [f"{before}.{uni}" for uni in range(1, column.instances + 1)] if column.index == "uni" else [row]


def _looked_up(profile: AccessProfile, column: Column, where: Where) -> str | None:
    scheme = profile.scheme(column.by)
    if isinstance(scheme, Template):
        port = port_row(profile, "", where)
        return None if port is None or where.ont is None else scheme.row.format(port=port, ont=where.ont)
    if isinstance(scheme, MacBelowPort):
        port = port_row(profile, "", where)
        return None if port is None or where.mac is None else ".".join([port, *map(str, where.mac)])
    return where.ont_row if not column.by else None


def port_oids(profile: AccessProfile, names: Iterable[str], where: Where) -> dict[str, list[str]]:
    """OIDs of a PON port's own columns: column name → OIDs."""
    rows = ((name, profile.columns[name], port_row(profile, profile.columns[name].by, where)) for name in names)
    return {name: [_oid(column, row)] for name, column, row in rows if row is not None}


def ont_oids(profile: AccessProfile, names: Iterable[str], where: Where) -> dict[str, list[str]]:
    """OIDs of one ONT's columns: column name → one OID, or one per UNI."""
    rows = ((name, profile.columns[name], ont_rows(profile, profile.columns[name], where)) for name in names)
    return {name: [_oid(column, row) for row in found] for name, column, found in rows if found}


def flat(oids: Mapping[str, Sequence[str]]) -> list[str]:
    """All OIDs of a plan, for one GET."""
    return [oid for group in oids.values() for oid in group]


def cells_of(oids: Mapping[str, Sequence[str]], values: Mapping[str, Raw]) -> dict[str, list[Raw]]:
    """The raw values by column name in the answer to a plan."""
    return {name: [values[oid] for oid in group if oid in values] for name, group in oids.items()}


def facts_of(
    profile: AccessProfile, oids: Mapping[str, Sequence[str]], values: Mapping[str, Raw], origin: Origin
) -> list[Fact]:
    """The facts in the answer to a plan, in the plan's order."""
    return facts_of_cells(profile.columns, cells_of(oids, values), origin)


def facts_of_cells(columns: Mapping[str, Column], cells: Mapping[str, Sequence[Raw]], origin: Origin) -> list[Fact]:
    """The facts in raw values by column name (several for several UNIs); of one name the first good one counts."""
    found: dict[str, Fact] = {}
    for name, raws in cells.items():
        if not raws:
            continue
        for fact in _column_facts(columns[name], raws, origin):
            known = found.get(fact.name)
            if known is None or (known.quality is not Quality.OK and fact.quality is Quality.OK):
                found[fact.name] = fact
    return list(found.values())


def fallbacks(columns: Mapping[str, Column], cells: Mapping[str, Sequence[Raw]], zone: tzinfo) -> list[str]:
    """The columns to ask next: those that stand in for one that the node does not have, or has no value in."""
    wanted: dict[str, None] = {}
    for name, raws in cells.items():
        other = columns[name].fallback
        if other and other not in cells and not _says_something(columns[name], raws, zone):
            wanted[other] = None
    return list(wanted)


def _says_something(column: Column, raws: Sequence[Raw], zone: tzinfo) -> bool:
    return any(column.decoded(raw, zone).quality is not Quality.MISSING for raw in raws)


def port_fault_fact(profile: AccessProfile, facts: Iterable[Fact], origin: Origin) -> Fact | None:
    """Whether the port's own light is too weak; None when it was not measured or the profile does not say."""
    rule = profile.port_fault
    if rule is None:
        return None
    wanted = profile.columns[rule.column].fact
    light = next((fact for fact in facts if fact.name == wanted and fact.quality is Quality.OK), None)
    if light is None or not isinstance(light.value, (int, float)):
        return None
    return Fact(rule.fact, light.value < rule.below, origin.at, origin.source, origin.method, raw=str(light.value))


def history_facts(profile: AccessProfile, rows: Mapping[str, Mapping[str, Raw]], origin: Origin) -> list[Fact]:
    """The last falls of an ONT, newest first, and how many there were in 24 hours; nothing without a readable row.

    The node keeps few rows: when all of them are younger than a day, the counts are lower bounds.
    """
    rule = profile.history
    if rule is None:
        return []
    falls = []
    for cells in rows.values():
        told = {
            name: profile.columns[name].decoded(cells[name], origin.zone).value
            for name in (rule.down, rule.up, rule.cause)
            if name in cells
        }
        down = told.get(rule.down)
        if isinstance(down, datetime):
            falls.append((down, told.get(rule.cause), told.get(rule.up)))
    if not falls:
        return []
    falls.sort(key=lambda fall: fall[0], reverse=True)
    lately = [cause for down, cause, _ in falls if timedelta(0) <= origin.at - down <= _DAY]
    text = "; ".join(_fall(down, cause, up) for down, cause, up in falls)
    counts: list[tuple[str, Scalar]] = [
        ("ont.down_history", text),
        ("ont.flaps_24h", len(lately)),
        ("ont.dg_24h", lately.count("dgi")),
    ]
    return [Fact(name, value, origin.at, origin.source, origin.method) for name, value in counts]


def _fall(down: datetime, cause: object, up: object) -> str:
    back = f", up {up:%Y-%m-%d %H:%M:%S}" if isinstance(up, datetime) else ""
    return f"{down:%Y-%m-%d %H:%M:%S} {cause or 'no known cause'}{back}"


def _oid(column: Column, row: str) -> str:
    return f"{column.oid}.{row}{'.' + column.tail if column.tail else ''}"


def _column_facts(column: Column, raws: Sequence[Raw], origin: Origin) -> list[Fact]:
    decoded = [column.decoded(raw, origin.zone) for raw in raws]
    best = _of_several(column, decoded)
    facts = [_fact(column.fact, best, origin)] if column.fact else []
    if best.quality is Quality.UNREADABLE and column.unknown_fact:
        facts.append(Fact(column.unknown_fact, best.raw, origin.at, origin.source, origin.method, raw=best.raw))
    if column.each_fact:
        facts += _each(column, decoded, origin)
    if best.quality is not Quality.MISSING:
        facts += [_fact(name, more, origin) for name, more in column.more(raws[decoded.index(best)]).items()]
    return facts


def _each(column: Column, decoded: Sequence[Decoded], origin: Origin) -> list[Fact]:
    told = [f"{n} {one.value}" for n, one in enumerate(decoded, start=1) if one.quality is Quality.OK]
    return [Fact(column.each_fact, ", ".join(told), origin.at, origin.source, origin.method)] if told else []


def _fact(name: str, told: Decoded, origin: Origin) -> Fact:
    value = told.value.isoformat() if isinstance(told.value, datetime) else told.value
    return Fact(name, value, origin.at, origin.source, origin.method, told.quality, told.raw)


def _of_several(column: Column, decoded: Sequence[Decoded]) -> Decoded:
    """The value that speaks for several instances: the preferred one, else the first that is readable."""
    readable = [one for one in decoded if one.quality is Quality.OK]
    preferred = [one for one in readable if one.value == column.prefer]
    return next(iter(preferred or readable), decoded[0])
