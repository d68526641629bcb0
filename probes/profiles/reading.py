"""A profile's columns at work: which OIDs to ask for, and which facts the answers are. Pure.

The rule: an OID that was asked and not answered is no fact at all; a sentinel is a fact of quality missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from probes.facts import Fact, Quality
from probes.profiles.decode import Decoded, Raw
from probes.profiles.schema import AccessProfile, Column


@dataclass(frozen=True, slots=True)
class Origin:
    """What the facts of one reading share: when, from which node, and the node's time zone."""

    at: datetime
    source: str
    zone: tzinfo
    method: str = "snmp"


def port_oids(profile: AccessProfile, names: Iterable[str], index: int) -> dict[str, list[str]]:
    """OIDs of a PON port's own columns: column name → OIDs."""
    return {name: [f"{profile.columns[name].oid}.{index}"] for name in names}


def ont_oids(profile: AccessProfile, names: Iterable[str], index: int, ont: int) -> dict[str, list[str]]:
    """OIDs of one ONT's columns: column name → one OID, or one per UNI."""
    return {name: _column_oids(profile.columns[name], index, ont) for name in names}


def flat(oids: Mapping[str, Sequence[str]]) -> list[str]:
    """All OIDs of a plan, for one GET."""
    return [oid for group in oids.values() for oid in group]


def facts_of(
    profile: AccessProfile, oids: Mapping[str, Sequence[str]], values: Mapping[str, Raw], origin: Origin
) -> list[Fact]:
    """The facts in the answer to a plan, in the plan's order."""
    cells = {name: [values[oid] for oid in group if oid in values] for name, group in oids.items()}
    return facts_of_cells(profile, cells, origin)


def facts_of_cells(profile: AccessProfile, cells: Mapping[str, Sequence[Raw]], origin: Origin) -> list[Fact]:
    """The facts in raw values by column name (several values for several UNIs)."""
    found: list[Fact] = []
    for name, raws in cells.items():
        column = profile.columns[name]
        if column.fact and raws:
            found += _column_facts(column, [column.decoded(raw, origin.zone) for raw in raws], origin)
    return found


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


def _column_oids(column: Column, index: int, ont: int) -> list[str]:
    base = f"{column.oid}.{index}.{ont}"
    return [f"{base}.{uni}" for uni in range(1, column.instances + 1)] if column.index == "uni" else [base]


def _column_facts(column: Column, decoded: Sequence[Decoded], origin: Origin) -> list[Fact]:
    best = _of_several(column, decoded)
    value = best.value.isoformat() if isinstance(best.value, datetime) else best.value
    facts = [Fact(column.fact, value, origin.at, origin.source, origin.method, best.quality, best.raw)]
    if best.quality is Quality.UNREADABLE and column.unknown_fact:
        facts.append(Fact(column.unknown_fact, best.raw, origin.at, origin.source, origin.method, raw=best.raw))
    return facts


def _of_several(column: Column, decoded: Sequence[Decoded]) -> Decoded:
    """The value that speaks for several instances: the preferred one, else the first that is readable."""
    readable = [one for one in decoded if one.quality is Quality.OK]
    preferred = [one for one in readable if one.value == column.prefer]
    return next(iter(preferred or readable), decoded[0])
