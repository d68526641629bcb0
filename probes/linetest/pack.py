"""The form of a rule pack: cards of causes, gates, outage kinds, coverage, costs; checked strictly, compiled once.

The rule of this file: it knows the form of a pack and no figure of one; thresholds live in packs/*.toml.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log10
from re import compile as compile_pattern
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from probes.facts import FACTS, FactSpec
from probes.linetest.conditions import Compiler, Condition, Steps
from probes.linetest.derive import DERIVED, Limits
from probes.linetest.model import LOCATIONS, QUEUES, PackRef, Title, VerdictKind

#: a fact quoted in a text
QUOTE = compile_pattern(r"\{([a-z0-9_.]+)\}")

TECHNOLOGIES = ("pon", "fttb", "dsl", "any")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """A text in both languages."""

    ru: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def both(self) -> Title:
        """Return the text by language."""
        return {"ru": self.ru, "en": self.en}


class PackHead(_Strict):
    """Who wrote the pack, and which pack it changes (`extends`; "default" is the packaged one)."""

    id: str
    version: str
    owner: str
    approved_by: tuple[str, ...] = ()
    extends: str = ""


class EngineSettings(_Strict):
    """When a cause may be said, what a wrong decision costs, and how long a ticket may take."""

    min_posterior: float = Field(ge=0, le=1)
    min_evidence_db: float = Field(ge=0)
    min_margin_db: float = Field(ge=0)
    cap: float = Field(gt=0, lt=1)
    due_h: float = Field(gt=0)
    default_probe_s: float = Field(gt=0)
    secondary_db: float = Field(gt=0)
    cost_visit_home: float = Field(gt=0)
    cost_visit_line: float = Field(gt=0)
    cost_day_lost: float = Field(gt=0)
    complaint_window_h: float = Field(gt=0)
    optical_class: str
    optical_class_best: str


class FactRule(_Strict):
    """How this pack reads a fact: sentinels and limits that mean "no reading", its group, its norm, its price."""

    sentinels: tuple[float, ...] = ()
    min: float | None = None
    max: float | None = None
    max_age_s: float | None = None
    group: str = ""
    norm: Text | None = None
    probe_s: float | None = None


class OpticalClass(_Strict):
    """Receiver limits of an ONT of this class, dBm."""

    sensitivity_dbm: float
    overload_dbm: float


class Row(Condition):
    """A line of a card: decibans when the condition is met (`yes`) and when it is not (`no`)."""

    yes: float = Field(default=0.0, ge=-60, le=60)
    no: float = Field(default=0.0, ge=-60, le=60)
    group: str = ""
    only_if: str = ""


class Trait(_Strict):
    """Rows that many cards share, written once; a card takes them by `traits`."""

    evidence: tuple[Row, ...]


class Instead(_Strict):
    """What a cause becomes under a condition; empty keys keep what the cause says."""

    when: Condition
    cause: str = ""
    verdict: VerdictKind | None = None
    queue: str = ""
    location: str = ""
    action: str = ""


class PostCheck(_Strict):
    """What must hold after the repair."""

    fact: str
    op: str
    value: bool | int | float | str | tuple[str, ...]
    after_s: int = Field(ge=0)


class Cause(_Strict):
    """One cause: who it applies to, what speaks for and against it, and what is done about it.

    `scored = false` marks a name that only gates, outages or `instead` use. `services` limits it to tickets about
    these services. `needs` lists groups of facts: of each, at least one must be known before the cause is said.
    """

    title: Text
    applies_to: tuple[str, ...] = ("any",)
    services: tuple[str, ...] = ()
    location: str
    prior: float = Field(default=1.0, gt=0)
    verdict: VerdictKind
    action: str = ""
    queue: str
    parts: tuple[str, ...] = ()
    scored: bool = True
    traits: tuple[str, ...] = ()
    evidence: tuple[Row, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    instead: tuple[Instead, ...] = ()
    text: Text
    script: Text
    post_check: PostCheck | None = None

    @field_validator("location")
    @classmethod
    def _location(cls, value: str) -> str:
        return _member(value, LOCATIONS, "location")

    @field_validator("queue")
    @classmethod
    def _queue(cls, value: str) -> str:
        return _member(value, QUEUES, "queue")

    @field_validator("applies_to")
    @classmethod
    def _technologies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_member(item, TECHNOLOGIES, "technology") for item in value)


class Gate(_Strict):
    """An answer that comes before all scoring. `known` lists the gate facts that a person may still have to settle."""

    cause: str
    when: Condition
    confidence: float = Field(gt=0, le=1)
    scope_fact: str = ""
    gates: tuple[str, ...] = ()
    applies_to: tuple[str, ...] = ("any",)


class Place(_Strict):
    """Where an outage is, under a condition."""

    when: Condition
    location: str


class OutageKind(_Strict):
    """What kind of mass fault it is; the first kind in the file whose condition is met is taken."""

    cause: str
    when: Condition | None = None
    confidence: float = Field(gt=0, le=1)
    places: tuple[Place, ...] = ()


class Outage(_Strict):
    """Chance of falls by themselves, and the kinds of mass faults of a PON."""

    window_min: float = Field(gt=0)
    alpha: float = Field(gt=0, lt=1)
    onset_per_day: float = Field(gt=0)
    dead_after_days: float = Field(gt=0)
    step_db: float = Field(lt=0)
    flaps_24h: int = Field(gt=0)
    when: Condition
    applies_to: tuple[str, ...]
    kinds: tuple[OutageKind, ...]


class Distrust(_Strict):
    """Facts (or all that begin with a prefix ending in ".") that are dropped under a condition."""

    when: Condition
    drop: tuple[str, ...]


class Fallback(_Strict):
    """A better name, or another verdict, for what would be INCONCLUSIVE."""

    cause: str
    when: Condition
    confidence: float = Field(default=0.0, ge=0, le=1)


class CoverageIf(_Strict):
    """Further facts that "nothing found" needs under a condition."""

    when: Condition
    facts: tuple[str, ...]


class Coverage(_Strict):
    """What must be known before "nothing found" may be said; a technology that is not listed is never covered."""

    pon: tuple[str, ...] = ()
    fttb: tuple[str, ...] = ()
    dsl: tuple[str, ...] = ()
    iptv_adds: tuple[str, ...] = ()
    voip_adds: tuple[str, ...] = ()
    also: tuple[CoverageIf, ...] = ()


class GateFacts(_Strict):
    """Which gate facts each technology has beside the common ones."""

    common: tuple[str, ...]
    any: tuple[str, ...] = ()
    pon: tuple[str, ...] = ()
    fttb: tuple[str, ...] = ()
    dsl: tuple[str, ...] = ()


class Action(_Strict):
    """A thing that can be done from here: its price, its chance, and when it must not be done."""

    cost: float = Field(ge=0)
    p_fix: float = Field(ge=0, le=1)
    minutes: float = Field(ge=0)
    needs: str = ""
    limit_24h: int | None = None
    limit_fact: str = ""
    forbid_if: tuple[str, ...] = ()
    snapshot_first: bool = False


class PackFile(_Strict):
    """A whole pack as it is written."""

    pack: PackHead
    engine: EngineSettings
    access: dict[str, tuple[str, ...]] = {}
    facts: dict[str, FactRule] = {}
    optical: dict[str, OpticalClass]
    distrust: tuple[Distrust, ...] = ()
    gate: tuple[Gate, ...] = ()
    gate_facts: GateFacts
    outage: Outage
    fallback: tuple[Fallback, ...] = ()
    trait: dict[str, Trait] = {}
    cause: dict[str, Cause]
    coverage: dict[str, Coverage]
    action: dict[str, Action] = {}

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name in (self.engine.optical_class, self.engine.optical_class_best):
            if name not in self.optical:
                raise ValueError(f"engine: optical class {name!r} is not in [optical]; add it there")
        if "nff" not in self.coverage:
            raise ValueError("[coverage.nff] is missing")
        for name in ("nff", "other", "not_determined"):
            if name not in self.cause:
                raise ValueError(f"[cause.{name}] is missing")
        for name, cause in self.cause.items():
            for trait in cause.traits:
                if trait not in self.trait:
                    raise ValueError(f"cause.{name}.traits: unknown trait {trait!r}; add [trait.{trait}] or remove it")
        return self

    def rows(self, cause: Cause) -> tuple[Row, ...]:
        """Return the rows of a card with those of its traits."""
        return (*cause.evidence, *(row for name in cause.traits for row in self.trait[name].evidence))


def _member(value: str, allowed: tuple[str, ...], what: str) -> str:
    if value not in allowed:
        raise ValueError(f"unknown {what} {value!r}; one of {', '.join(allowed)}")
    return value


@dataclass(frozen=True, slots=True)
class CompiledRow:
    """A row ready to be counted: the place of its condition, its facts, its group (a row without one is its own)."""

    place: int
    fact: str
    facts: tuple[str, ...]
    yes: float
    no: float
    group: str
    only_if: str
    row: Row


@dataclass(frozen=True, slots=True)
class Card:
    """A cause ready to be scored; `base_db` is its prior in decibans.

    `asks` holds, for every fact of the card, by what factor the belief changes when its strongest row is met or not.
    """

    id: str
    base_db: float
    rows: tuple[CompiledRow, ...]
    cause: Cause
    asks: Mapping[str, tuple[float, float]]


#: what a settled condition does: (card, points) for every card that counts it on its own
Effects = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The cards of a technology, and their rows turned round: from each settled condition to the cards it moves."""

    cards: tuple[Card, ...]
    single: tuple[tuple[int, Effects, Effects], ...]
    grouped: tuple[tuple[int, CompiledRow], ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """How a fact is read under this pack."""

    spec: FactSpec
    rule: FactRule
    max_age_s: float


@dataclass(frozen=True, slots=True)
class Pack:
    """A checked and compiled pack. `plans` is by technology; `places` finds a condition of the file by identity."""

    ref: PackRef
    file: PackFile
    steps: Steps
    plans: Mapping[str, Plan]
    places: Mapping[int, int]
    readers: Mapping[str, Reader]
    ages: tuple[float, ...]
    limits: Limits

    def met(self, condition: Condition, results: Sequence[bool | None]) -> bool:
        """Return whether a condition of this pack's file is known to be met."""
        return results[self.places[id(condition)]] is True

    def cause(self, name: str) -> Cause:
        """Return a cause of the pack by its id."""
        return self.file.cause[name]


def compile_pack(file: PackFile, digest: str) -> Pack:
    """Return the pack ready for judging; `digest` names the exact text that it was read from."""
    compiler = Compiler()
    places = {id(condition): compiler.place(condition) for condition in _conditions(file)}
    plans = {technology: _plan(_cards(file, technology, compiler)) for technology in TECHNOLOGIES}
    readers = _readers(file)
    ages = tuple({reader.max_age_s for reader in readers.values()} - {inf})
    ref = PackRef(file.pack.id, file.pack.version, digest)
    return Pack(ref, file, compiler.steps(), plans, places, readers, ages, _limits(file))


def _conditions(file: PackFile) -> list[Condition]:
    found: list[Condition] = [file.outage.when]
    found += [gate.when for gate in file.gate]
    found += [item.when for item in file.distrust]
    found += [item.when for item in file.fallback]
    found += [kind.when for kind in file.outage.kinds if kind.when is not None]
    found += [place.when for kind in file.outage.kinds for place in kind.places]
    found += [item.when for cause in file.cause.values() for item in cause.instead]
    found += [item.when for coverage in file.coverage.values() for item in coverage.also]
    return found


def _cards(file: PackFile, technology: str, compiler: Compiler) -> tuple[Card, ...]:
    wanted = {technology, "any"}
    cards = []
    for name, cause in sorted(file.cause.items()):
        if cause.scored and wanted.intersection(cause.applies_to):
            rows = _rows(file, cause, technology, compiler)
            cards.append(Card(name, _decibans(cause.prior), rows, cause, _asks(rows)))
    return tuple(cards)


def _asks(rows: tuple[CompiledRow, ...]) -> dict[str, tuple[float, float]]:
    strongest: dict[str, tuple[float, float]] = {}
    for row in rows:
        for fact in measured_facts(row.facts):
            yes, no = strongest.get(fact, (0.0, 0.0))
            if abs(row.yes) + abs(row.no) > abs(yes) + abs(no):
                strongest[fact] = (row.yes, row.no)
    return {name: (10.0 ** (yes / 10.0), 10.0 ** (no / 10.0)) for name, (yes, no) in strongest.items()}


def _plan(cards: tuple[Card, ...]) -> Plan:
    met: dict[int, list[tuple[int, float]]] = {}
    unmet: dict[int, list[tuple[int, float]]] = {}
    grouped = []
    for number, card in enumerate(cards):
        for row in card.rows:
            if row.only_if or not row.group.startswith("#"):
                grouped.append((number, row))
                continue
            if row.yes:
                met.setdefault(row.place, []).append((number, row.yes))
            if row.no:
                unmet.setdefault(row.place, []).append((number, row.no))
    places = sorted({*met, *unmet})
    single = tuple((place, tuple(met.get(place, ())), tuple(unmet.get(place, ()))) for place in places)
    return Plan(cards, single, tuple(grouped))


def _readers(file: PackFile) -> dict[str, Reader]:
    out = {}
    for name, spec in FACTS.items():
        rule = file.facts.get(name, FactRule())
        oldest = rule.max_age_s if rule.max_age_s is not None else spec.max_age_s
        out[name] = Reader(spec, rule, inf if oldest is None else float(oldest))
    return out


def _limits(file: PackFile) -> Limits:
    engine, optical = file.engine, file.optical
    return Limits(
        {name: item.sensitivity_dbm for name, item in optical.items()},
        {name: item.overload_dbm for name, item in optical.items()},
        engine.optical_class,
        engine.optical_class_best,
        file.outage.window_min,
        file.outage.alpha,
        file.outage.onset_per_day,
        engine.complaint_window_h,
    )


def measured_facts(names: Iterable[str]) -> list[str]:
    """Return the facts behind names of which some may be derived."""
    return [fact for name in names for fact in (DERIVED[name].needs if name in DERIVED else (name,))]


def _foreign(file: PackFile, technology: str) -> tuple[str, ...]:
    """Return the beginnings of the names of facts that only other access technologies have."""
    return tuple(start for name, starts in file.access.items() if name != technology for start in starts)


def _rows(file: PackFile, cause: Cause, technology: str, compiler: Compiler) -> tuple[CompiledRow, ...]:
    rows = []
    foreign = _foreign(file, technology)
    for number, row in enumerate(file.rows(cause)):
        facts = row.facts()
        if foreign and all(fact.startswith(foreign) for fact in measured_facts(facts)):
            continue
        rule = file.facts.get(facts[0])
        only_if = f"@{row.only_if}" if row.only_if else ""
        group = row.group or (rule.group if rule else "") or f"#{number}"
        rows.append(CompiledRow(compiler.place(row), facts[0], facts, row.yes, row.no, group, only_if, row))
    return tuple(rows)


def _decibans(odds: float) -> float:
    return 10.0 * log10(odds)
