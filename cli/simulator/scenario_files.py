"""Scenarios as data: what stands on a line, what is broken about it, who says what, and the verdict that is right.

    scenarios/*.toml ──load──▶ Scenario      scenarios/systems.toml ──load──▶ Systems: what healthy systems say

The rule: a scenario tells what the world is like; the verdict beside it is for whoever checks the product.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

#: the file that holds no scenarios
SYSTEMS = "systems.toml"

Value = str | int | float | bool


class ScenarioError(ValueError):
    """A scenario file is wrong; the message names file, scenario and what to do."""


@dataclass(frozen=True, slots=True)
class Near:
    """Neighbours on the PON that something happened to. `on`: letters of their splitters, taken in turn."""

    n: int
    on: str = "A"
    #: losi or dgi: they fell together with the line; empty: they are up
    cause: str = ""
    #: dB that their light changed by
    step_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Aged:
    """What a system said some time ago and did not renew."""

    fact: str
    value: Value
    age_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line and what is wrong with it. `row` is the number of the acceptance table."""

    id: str
    row: str
    complaint: str
    expect: Mapping[str, str]
    #: pon, fttb, dsl; bare: a line whose access node nobody knows
    access: str = "pon"
    service: str = "internet"
    #: ONTs on the PON
    onts: int = 16
    #: why the line's own ONT fell: losi, dgi, deactivated, or the node's own number; empty: it is up
    down: str | int = ""
    #: minutes since it fell, and since it came up again
    minutes: float = 18.0
    up_minutes: float | None = None
    #: dBm at the ONT, and how many dB it changed by
    light: float = -20.4
    step_db: float = 0.0
    near: tuple[Near, ...] = ()
    #: end of an OID below the line's own rows → number that the node gives: its other columns
    ont_cells: Mapping[str, int] = field(default_factory=dict)
    port_cells: Mapping[str, int] = field(default_factory=dict)
    #: ends of OIDs that the node has not: below the line's own rows, its neighbours' rows, and the port's
    ont_gone: tuple[str, ...] = ()
    near_gone: tuple[str, ...] = ()
    port_gone: tuple[str, ...] = ()
    #: ends of OIDs below which the node answers with an error
    failing: tuple[str, ...] = ()
    #: the copper port: name of a column → number; a negative one takes the column away
    cells: Mapping[str, int] = field(default_factory=dict)
    #: how long the cable of a line of a switch is stands in the inventory
    known_length: bool = True
    #: answers, silent, half: its tables are cut short, or unknown: the inventory names one that nobody told of
    node: str = "answers"
    #: the inventory says which splitter a line hangs on
    splitters: bool = True
    #: hours ago that the light of the line, and that of its neighbours, was read; None: for a week
    past: tuple[float, ...] | None = None
    near_past: tuple[float, ...] | None = None
    #: an ONT that nobody ordered is seen on the PON
    stranger: bool = False
    #: ont, router or none
    cpe: str = "ont"
    #: what it calls its model; empty: the one whose maker's defects are known
    model: str = ""
    #: facts of which the trees of its devices have no leaf, in the words of the profiles
    lacks: tuple[str, ...] = ()
    #: homes of the PON that have one, the line's own first
    cpes: int = 1
    stb: bool = False
    #: what is there but silent: cpe, stb (off), cpe-session (it takes calls, and never comes)
    hung: tuple[str, ...] = ()
    #: the CPE goes on although the access node says that it is off
    cpe_lives: bool = False
    boots: int = 0
    inform_s: int = 25
    tree: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    stb_tree: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    #: our own ping has an address to ping
    pinged: bool = True
    facts: Mapping[str, Value] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()
    #: systems that say nothing at all; `*`: none says anything
    silent: tuple[str, ...] = ()
    aged: tuple[Aged, ...] = ()
    #: minutes since the subscriber called
    opened_minutes: float = 0.0
    incident: str = ""
    work: str = ""
    said: Mapping[str, Value] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        """Whether the line's own end is up."""
        return not self.down or self.up_minutes is not None

    @property
    def has_session(self) -> bool:
        """Whether AAA knows a session."""
        return (self.session or ("up" if self.up else "none")) == "up"


@dataclass(frozen=True, slots=True)
class Systems:
    """What the provider's other systems say of a healthy line: set → system → fact → value."""

    sets: Mapping[str, Mapping[str, Mapping[str, Value]]]
    owners: Mapping[str, str]

    def words(self, scenario: Scenario) -> Iterator[tuple[str, str, Value]]:
        """Yield (system, fact, value): the healthy word of each set that fits, with the scenario's own in its place."""
        told: dict[str, tuple[str, Value]] = {}
        for name in _sets(scenario):
            for system, facts in self.sets.get(name, {}).items():
                told |= {fact: (system, value) for fact, value in facts.items()}
        for fact, value in scenario.facts.items():
            told[fact] = (told[fact][0] if fact in told else self.owner(fact), value)
        for fact, (system, value) in told.items():
            if fact not in scenario.unsaid and system not in scenario.silent and "*" not in scenario.silent:
                yield system, fact, value

    def owner(self, fact: str) -> str:
        """The system that says a fact which no healthy line has."""
        found = [prefix for prefix in self.owners if fact.startswith(prefix)]
        return self.owners[max(found, key=len)] if found else "nms"


def _sets(scenario: Scenario) -> Sequence[str]:
    session = "session" if scenario.has_session else "no-session"
    alive = scenario.up and scenario.node != "silent"
    names = ["always", session, scenario.access, scenario.service]
    if scenario.cpe != "none" and scenario.up and "cpe" not in scenario.hung:
        names.append("cpe")
    return [*names, f"{scenario.access}-up"] if alive else names


def load_systems() -> Systems:
    """The healthy word of every system."""
    document = tomllib.loads(resources.files("cli.simulator").joinpath("scenarios", SYSTEMS).read_text("utf-8"))
    return Systems(document["sets"], document["owners"])


def load_scenarios() -> list[Scenario]:
    """Every packaged scenario, in the order of files and places.

    Raises:
        ScenarioError: a wrong key, or an id that is there twice.
    """
    folder = resources.files("cli.simulator").joinpath("scenarios")
    found: dict[str, Scenario] = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".toml") or file.name == SYSTEMS:
            continue
        for raw in tomllib.loads(file.read_text("utf-8"))["scenario"]:
            scenario = _scenario(file.name, raw)
            if scenario.id in found:
                raise ScenarioError(f"{file.name}: scenario {scenario.id} is there twice; rename one")
            found[scenario.id] = scenario
    return list(found.values())


def in_tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a scenario with every list as a tuple, as it holds them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}


def _scenario(file: str, raw: Mapping[str, Any]) -> Scenario:
    made = dict(raw)
    try:
        verdict, cause, location = made.pop("expect")
        made["expect"] = {"verdict": verdict, "cause": cause, "location": location}
        made["near"] = tuple(Near(**one) for one in made.get("near", ()))
        made["aged"] = tuple(Aged(**one) for one in made.get("aged", ()))
        return Scenario(**in_tuples(made))
    except (KeyError, TypeError, ValueError) as error:
        raise ScenarioError(f"{file}: scenario {raw.get('id')}: {error}; see Scenario for its keys") from error
