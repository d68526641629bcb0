"""The form of a rule pack as it is written: cards of causes, gates, outage kinds, coverage, costs; checked strictly.

The rule of this file: it knows the form of a pack and no figure of one; thresholds live in packs/*.toml.
"""

from enum import StrEnum
from re import compile as compile_pattern
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from probes.linetest.conditions import Condition
from probes.linetest.model import LOCATIONS, QUEUES, Title, VerdictKind

#: a fact quoted in a text
QUOTE = compile_pattern(r"\{([a-z0-9_.]+)\}")

TECHNOLOGIES = ("pon", "fttb", "dsl", "any")


#: bounds of the form: beyond them a figure is a slip of the pen, and instants and sums could not be told any more
_YEAR_H, _YEAR_S, _DAY_S = 8_760, 31_536_000, 86_400
_MONEY = 1e9


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    min_evidence_db: float = Field(ge=0, le=1000)
    min_margin_db: float = Field(ge=0, le=1000)
    cap: float = Field(gt=0, lt=1)
    due_h: float = Field(gt=0, le=_YEAR_H)
    default_probe_s: float = Field(gt=0, le=_DAY_S)
    secondary_db: float = Field(gt=0, le=1000)
    cost_visit_home: float = Field(gt=0, le=_MONEY)
    cost_visit_line: float = Field(gt=0, le=_MONEY)
    cost_day_lost: float = Field(gt=0, le=_MONEY)
    cost_day_lost_business: float = Field(default=5000, gt=0, le=_MONEY)
    cost_look: float = Field(default=80, gt=0, le=_MONEY)
    cost_repeat: float = Field(default=300, gt=0, le=_MONEY)
    cost_noc: float = Field(default=500, gt=0, le=_MONEY)
    repeat_contacts: int = Field(default=3, ge=1)
    complaint_window_h: float = Field(gt=0, le=_YEAR_H)
    optical_class: str
    optical_class_best: str


class ProbeClass(StrEnum):
    """What measuring a fact does to the subscriber."""

    #: reads what is there
    PASSIVE = "passive"
    #: sends a little traffic
    LIGHT = "light"
    #: asks the subscriber
    ASK = "ask"
    #: interrupts the service: needs consent, and is refused from self-service and during a call
    INTRUSIVE = "intrusive"


class FactRule(_Strict):
    """How this pack reads a fact: sentinels and limits that mean "no reading", its group, its norm, its price.

    `unit` is the fact's own, written down for the reader; `probe` is what measuring it does to the subscriber.
    """

    unit: str = ""

    sentinels: tuple[float, ...] = ()
    min: float | None = None
    max: float | None = None
    max_age_s: float | None = Field(default=None, ge=0, le=_YEAR_S)
    group: str = ""
    norm: Text | None = None
    probe_s: float | None = Field(default=None, ge=0, le=_DAY_S)
    probe: ProbeClass = ProbeClass.PASSIVE

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min {self.min:g} is not below max {self.max:g}, so that every reading is unreadable")
        return self


class OpticalClass(_Strict):
    """Receiver limits of an ONT of this class, dBm."""

    sensitivity_dbm: float = Field(ge=-100, le=100)
    overload_dbm: float = Field(ge=-100, le=100)


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
    after_s: int = Field(ge=0, le=_YEAR_S)


class Cause(_Strict):
    """One cause: who it applies to, what speaks for and against it, and what is done about it.

    `scored = false` marks a name that only gates, outages or `instead` use. `services` limits it to tickets about
    these services. `needs` lists groups of facts: of each, at least one must be known before the cause is said.
    `script` is for the engineer; `subscriber` is for the subscriber's own eyes, else the text of the verdict's kind is.
    """

    title: Text
    applies_to: tuple[str, ...] = ("any",)
    services: tuple[str, ...] = ()
    location: str
    prior: float = Field(default=1.0, ge=1e-6, le=1e6)
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
    subscriber: Text | None = None
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

    window_min: float = Field(gt=0, le=1440)
    alpha: float = Field(gt=0, lt=1)
    onset_per_day: float = Field(gt=0, le=1000)
    dead_after_days: float = Field(gt=0, le=3650)
    step_db: float = Field(ge=-100, lt=0)
    flaps_24h: int = Field(gt=0)
    when: Condition
    applies_to: tuple[str, ...]
    kinds: tuple[OutageKind, ...]


class Distrust(_Strict):
    """Facts (or all that begin with a prefix ending in ".") that are dropped under a condition."""

    when: Condition
    drop: tuple[str, ...]


class Fallback(_Strict):
    """A better name, or another verdict, for what would be INCONCLUSIVE.

    With `leader` only where this cause is the likeliest, by the pack's own limits, and merely may not be said. With
    `mute` only where no cause of the line has risen by `min_evidence_db` above its prior: the test names nothing.
    """

    cause: str
    when: Condition
    leader: str = ""
    mute: bool = False
    confidence: float = Field(default=0.0, ge=0, le=1)


class CoverageIf(_Strict):
    """Further facts that "nothing found" needs under a condition."""

    when: Condition
    facts: tuple[str, ...]


class Coverage(_Strict):
    """What must be known before "nothing found" may be said; a technology that is not listed is never covered.

    `without`: decisive facts that "nothing found" does without, by choice: fact → reason.
    """

    pon: tuple[str, ...] = ()
    fttb: tuple[str, ...] = ()
    dsl: tuple[str, ...] = ()
    iptv_adds: tuple[str, ...] = ()
    voip_adds: tuple[str, ...] = ()
    also: tuple[CoverageIf, ...] = ()
    without: dict[str, str] = {}


class GateFacts(_Strict):
    """Which gate facts each technology has beside the common ones.

    `without`: gate facts that verdicts are acted on without, by choice: fact → reason.
    """

    common: tuple[str, ...]
    any: tuple[str, ...] = ()
    pon: tuple[str, ...] = ()
    fttb: tuple[str, ...] = ()
    dsl: tuple[str, ...] = ()
    without: dict[str, str] = {}


class Action(_Strict):
    """A thing that can be done from here: its price, its chance, and when it must not be done."""

    cost: float = Field(ge=0, le=_MONEY)
    p_fix: float = Field(ge=0, le=1)
    minutes: float = Field(ge=0, le=1e6)
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
    subscriber: dict[VerdictKind, Text] = {}

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
