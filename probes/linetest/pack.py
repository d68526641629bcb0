"""A pack ready for judging: conditions that are equal settled once, cards turned round, facts with their readers.

The rule of this file: everything that can be worked out at load is, so that judging only adds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log10

from probes.facts import FACTS, FactSpec
from probes.linetest.conditions import Compiler, Condition, Steps
from probes.linetest.derive import DERIVED, Limits
from probes.linetest.form import TECHNOLOGIES, Cause, FactRule, PackFile, ProbeClass, Row
from probes.linetest.model import PackRef, Title
from probes.linetest.norms import norms


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
    """The cards of a technology, and their rows turned round: from each settled condition to the cards it moves.

    `grouped` are the rows of which only the strongest of a group counts, as (place, group, yes, no, only_if);
    `owners` is the card of each group.
    """

    cards: tuple[Card, ...]
    single: tuple[tuple[int, Effects, Effects], ...]
    grouped: tuple[tuple[int, int, float, float, str], ...]
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """How a fact is read under this pack."""

    spec: FactSpec
    rule: FactRule
    max_age_s: float


@dataclass(frozen=True, slots=True)
class Pack:
    """A checked and compiled pack. `plans` is by technology; `places` finds a condition of the file by identity.

    `norms` is what a healthy line shows, by fact and language; a fact that is not there has none. `intrusive` are the
    facts whose measurement interrupts the service.
    """

    ref: PackRef
    file: PackFile
    steps: Steps
    plans: Mapping[str, Plan]
    places: Mapping[int, int]
    readers: Mapping[str, Reader]
    ages: tuple[float, ...]
    limits: Limits
    norms: Mapping[str, Title]
    intrusive: frozenset[str]

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
    intrusive = frozenset(name for name, rule in file.facts.items() if rule.probe is ProbeClass.INTRUSIVE)
    return Pack(ref, file, compiler.steps(), plans, places, readers, ages, _limits(file), norms(file), intrusive)


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
            before = strongest.get(fact, (0.0, 0.0))
            # of two that are as strong it is the same one in any order of the file
            if _weight(row.yes, row.no) > _weight(*before):
                strongest[fact] = (row.yes, row.no)
    return {name: (10.0 ** (yes / 10.0), 10.0 ** (no / 10.0)) for name, (yes, no) in strongest.items()}


def _weight(yes: float, no: float) -> tuple[float, float, float]:
    return abs(yes) + abs(no), -yes, -no


def _plan(cards: tuple[Card, ...]) -> Plan:
    met: dict[int, list[tuple[int, float]]] = {}
    unmet: dict[int, list[tuple[int, float]]] = {}
    grouped: list[tuple[int, int, float, float, str]] = []
    groups: dict[tuple[int, str], int] = {}
    for number, card in enumerate(cards):
        for row in card.rows:
            if row.only_if or not row.group.startswith("#"):
                group = groups.setdefault((number, row.group), len(groups))
                grouped.append((row.place, group, row.yes, row.no, row.only_if))
                continue
            if row.yes:
                met.setdefault(row.place, []).append((number, row.yes))
            if row.no:
                unmet.setdefault(row.place, []).append((number, row.no))
    places = sorted({*met, *unmet})
    single = tuple((place, tuple(met.get(place, ())), tuple(unmet.get(place, ()))) for place in places)
    return Plan(cards, single, tuple(grouped), tuple(number for number, _ in groups))


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
