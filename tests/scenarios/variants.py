"""The variants of the acceptance table as scenarios: the row's world with facts hidden, aged or other.

    row ─ its scenario ─┬─ remove, stale ──hiding.toml──▶ what the world no longer shows
                        ├─ stale, set ─────────────────▶ what another system says, long ago or now
                        └─ worlds.toml ────────────────▶ what is measured otherwise

The rule: a fact goes missing at its source. What the product loses with it although the variant has it is said by
another system, so that a variant lacks what it names and nothing else.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from cli.simulator.scenario_files import Aged, Scenario, Value, in_tuples
from cli.simulator.scenario_town import TOLD_NOW, Registries
from probes.facts import FACTS

_FOLDER = Path(__file__).parent
#: what the subscriber says stands in the ticket
_SUBSCRIBER = ("led.", "home.")
#: keys of the two tables that are none of a scenario
_TAKES, _REGISTRY, _HIDES, _MEASURES = "takes", "registry", "hides", "measures"
_NAMES = frozenset(one.name for one in fields(Scenario))


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant: its world, what is to be missing, old or other there, and what is expected."""

    name: str
    row: str
    scenario: Scenario
    expect: Mapping[str, Any]
    removed: tuple[str, ...]
    #: fact → value that was told too long ago
    stale: Mapping[str, Value]
    other: Mapping[str, Value]
    registries: Registries = TOLD_NOW


@cache
def hiding() -> Mapping[str, Mapping[str, Any]]:
    """Fact → what else hides it."""
    return tomllib.loads((_FOLDER / "hiding.toml").read_text("utf-8"))


@cache
def worlds() -> Mapping[str, Mapping[str, Any]]:
    """Name of a variant → what its world is like."""
    return tomllib.loads((_FOLDER / "worlds.toml").read_text("utf-8"))


def named(row: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """The name of a variant, as the suite of the pure engine has it."""
    return f"{row['id']}: {item['name']}"


def variants_of(row: Mapping[str, Any], scenario: Scenario) -> Iterator[Variant]:
    """The variants of a row, each with its world."""
    told = {name: _value(fact) for name, fact in row["facts"].items()}
    for number, item in enumerate(row.get("missing", ())):
        name = named(row, item)
        removed, other = tuple(item.get("remove", ())), dict(item.get("set", {}))
        stale = {fact: told[fact] for fact in item.get("stale", ()) if fact in told}
        world = worlds().get(name, {})
        changed = replace(scenario, id=f"{row['id'].lower()}-{number}", row=name)
        touched = {*removed, *stale, *other}
        untouched = {fact: value for fact, value in told.items() if fact not in touched}
        changed = _laid_over(_silenced(changed, {*removed, *stale}), world, _placed)
        changed = _saying(changed, _taken(world, untouched))
        for fact in (*removed, *stale) if world.get(_HIDES, True) else ():
            rule = hiding().get(fact, {})
            changed = _saying(_laid_over(changed, rule, _added), _taken(rule, untouched))
        said = {fact: value for fact, value in other.items() if fact not in world.get(_MEASURES, ())}
        changed = _told(changed, said, stale)
        yield Variant(name, row["id"], changed, item["expect"], removed, stale, other, _registries(removed, stale))


def _value(fact: Any) -> Value:
    return fact["value"] if isinstance(fact, Mapping) else fact  # type: ignore[no-any-return]  # as YAML has it


def _silenced(scenario: Scenario, facts: set[str]) -> Scenario:
    """Nobody says these facts, now or before, and no tree has them."""
    return replace(
        scenario,
        unsaid=(*scenario.unsaid, *sorted(facts)),
        lacks=tuple(sorted(facts)),
        aged=tuple(one for one in scenario.aged if one.fact not in facts),
        said={name: value for name, value in scenario.said.items() if name not in facts},
    )


def _taken(rule: Mapping[str, Any], facts: Mapping[str, Value]) -> dict[str, Value]:
    """The facts that nobody measures any more under a rule."""
    return {name: value for name, value in facts.items() if any(fnmatchcase(name, one) for one in rule.get(_TAKES, ()))}


def _told(scenario: Scenario, other: Mapping[str, Value], stale: Mapping[str, Value]) -> Scenario:
    """The scenario with what is said otherwise now, and what was said too long ago."""
    alone = {fact: value for fact, value in stale.items() if _REGISTRY not in hiding().get(fact, {})}
    past = tuple(Aged(fact, value, (FACTS[fact].max_age_s or 0) + 1) for fact, value in alone.items())
    spoken = {fact: value for fact, value in other.items() if fact.startswith(_SUBSCRIBER)}
    systems = {fact: value for fact, value in other.items() if fact not in spoken}
    scenario = replace(scenario, aged=(*scenario.aged, *past), said={**scenario.said, **spoken})
    return _saying(scenario, systems)


def _saying(scenario: Scenario, facts: Mapping[str, Value]) -> Scenario:
    unsaid = tuple(fact for fact in scenario.unsaid if fact not in facts)
    return replace(scenario, facts={**scenario.facts, **facts}, unsaid=unsaid)


def _laid_over(scenario: Scenario, changes: Mapping[str, Any], joined: Any) -> Scenario:
    """The scenario with changes of its keys: tables are laid over its own."""
    made = {}
    for name, value in in_tuples({name: value for name, value in changes.items() if name in _NAMES}).items():
        before = getattr(scenario, name)
        made[name] = {**before, **value} if isinstance(value, Mapping) else joined(before, value)
    return replace(scenario, **made)


def _placed(_before: Any, after: Any) -> Any:
    return after


def _added(before: Any, after: Any) -> Any:
    return (*before, *after) if isinstance(before, tuple) else after


def _registries(removed: tuple[str, ...], stale: Mapping[str, Value]) -> Registries:
    """How old the snapshots are in a variant: None is never."""
    ages: dict[str, float | None] = {}
    for fact in ("incident.match", "planned.work"):
        kind = f"{hiding()[fact][_REGISTRY]}_age_s"
        if fact in removed:
            ages[kind] = None
        elif fact in stale:
            ages[kind] = (FACTS[fact].max_age_s or 0) + 1.0
    return Registries(**ages)
