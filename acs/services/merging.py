"""Facts of several sources become one fact per name. Pure.

The rule of this file: a value beats no value, a young value beats an old one, and nothing is thrown away silently:
where two sources tell different things of the same line, a doubt says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.services.serials import serial_forms
from probes.facts import FACTS, Fact, Quality

#: dB by which two readings of one level may differ before the inventory is doubted; both are ±3 dB sensors
_LEVEL_GAP_DB = 6.0

#: readings of one test differ by less
_SAME_TIME = timedelta(seconds=60)

#: read to check the inventory; it is no measured quantity, so the judgement does not get it
SERIAL = "ont.gpon_serial"

_LEVELS = ("ont.rx_dbm",)

#: name → how old a fact may be, of those that age
_AGES = {name: timedelta(seconds=spec.max_age_s) for name, spec in FACTS.items() if spec.max_age_s is not None}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two sources that cannot both be right about one line: its inventory entry may be wrong."""

    fact: str
    said: str
    by: str
    against: str
    against_by: str


@dataclass(frozen=True, slots=True)
class Merged:
    """One fact per name, and what the sources disagreed about."""

    facts: Mapping[str, Fact]
    doubts: tuple[Doubt, ...]


def merge(live: Iterable[Fact], known: Iterable[Fact], now: datetime) -> Merged:
    """The best fact of each name: usable before unusable, fresh before stale, and among these the youngest.

    `live` are readings of this test, `known` what was there before. Facts measured within a minute of each other are
    equally young: of these the one given first counts, live ones before known ones. Only live readings can
    contradict each other: an older value is history.
    """
    by_name: dict[str, list[Fact]] = {}
    doubts: list[Doubt] = []
    for fact in live:
        by_name.setdefault(fact.name, []).append(fact)
    for name in _LEVELS:
        doubts.extend(_level_doubts(name, by_name.get(name, []), now))
    for fact in known:
        by_name.setdefault(fact.name, []).append(fact)
    best = {name: _best(candidates, now) for name, candidates in by_name.items()}
    best, alive_doubts = settle_alive(best)
    return Merged(best, (*doubts, *alive_doubts))


def settle_alive(facts: Mapping[str, Fact]) -> tuple[dict[str, Fact], list[Doubt]]:
    """Where the access node and the CPE disagree about being alive, the freshest direct contact wins.

    A contact of the CPE that is older than the fall, or than the node's own reading, is history, not a contradiction:
    `cpe.reachable` and `stb.reachable` that rest on it are dropped. A younger one stays beside the node's word, and
    is a doubt about the inventory.
    """
    kept = dict(facts)
    doubts: list[Doubt] = []
    run_state = facts.get("ont.run_state")
    if run_state is None or run_state.value != "offline" or run_state.quality is not Quality.OK:
        return kept, doubts
    for name in ("cpe.reachable", "stb.reachable"):
        contact = facts.get(name)
        if contact is None or contact.value is not True:
            continue
        if contact.at < run_state.at - timedelta(seconds=1):
            del kept[name]
        else:
            doubts.append(Doubt(name, "True", contact.source, "ont.run_state = offline", run_state.source))
    return kept, doubts


def serial_doubt(facts: Mapping[str, Fact], expected: str) -> list[Doubt]:
    """A doubt where another ONT stands in the line's place than the inventory says."""
    seen = facts.get(SERIAL)
    if seen is None or not expected or not isinstance(seen.value, str):
        return []
    if same_serial(seen.value, expected):
        return []
    return [Doubt(SERIAL, seen.value, seen.source, expected, "inventory")]


def same_serial(seen: str, expected: str) -> bool:
    """Whether both name one ONT, in whatever spelling; where nothing is expected there is nothing to contradict."""
    spellings = {form.upper() for form in serial_forms(expected)}
    return not expected or bool(spellings & {form.upper() for form in serial_forms(seen)})


def is_stale(fact: Fact, now: datetime) -> bool:
    """Whether the fact is older than its name allows."""
    oldest = _AGES.get(fact.name)
    return oldest is not None and now - fact.at > oldest


def _best(candidates: list[Fact], now: datetime) -> Fact:
    if len(candidates) == 1:
        return candidates[0]
    ranks = [_rank(fact, now) for fact in candidates]
    top = max(ranks)
    usable = [fact for fact, rank in zip(candidates, ranks, strict=True) if rank == top]
    youngest = max(fact.at for fact in usable)
    return next(fact for fact in usable if youngest - fact.at <= _SAME_TIME)


def _rank(fact: Fact, now: datetime) -> int:
    if fact.value is None:
        return 0
    return 1 if is_stale(fact, now) else 2


def _level_doubts(name: str, candidates: list[Fact], now: datetime) -> list[Doubt]:
    fresh: list[Fact] = [fact for fact in candidates if _rank(fact, now) == 2 and isinstance(fact.value, int | float)]
    first = fresh[0] if fresh else None
    return [
        Doubt(name, f"{first.value}", first.source, f"{other.value}", other.source)
        for other in fresh[1:]
        if first is not None and abs(float(first.value or 0) - float(other.value or 0)) > _LEVEL_GAP_DB
    ]
