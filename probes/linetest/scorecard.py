"""Scorecards: decibans per cause, summed over groups, and the share of belief that they give.

score = 10·log10(prior) + Σ over groups of the strongest points; posterior = softmax in base 10 over score/10.
The rule of this file: the sum that is explained is the sum that decided.
"""

from dataclasses import dataclass

from probes.facts import FACTS
from probes.linetest.derive import DERIVED
from probes.linetest.model import Candidate, Evidence, Title
from probes.linetest.pack import Card, CompiledRow, Pack, Plan
from probes.linetest.view import View

#: lines of evidence that a verdict carries at most
_MOST_LINES = 10


@dataclass(frozen=True, slots=True)
class Scored:
    """A card with its sum and its share of belief."""

    card: Card
    score_db: float
    posterior: float

    def candidate(self) -> Candidate:
        """Return the short form that a verdict carries."""
        return Candidate(self.card.id, round(self.score_db, 1), round(self.posterior, 4), self.card.cause.title.both())


def rank(pack: Pack, technology: str, view: View) -> list[Scored]:
    """Return every card of the technology and of the ticket's service, most believed first; ties by id.

    Where the service is not told, a card of television or telephony takes part only if something speaks for it.
    """
    plan = pack.plans.get(technology) or pack.plans["any"]
    service = view.values.get("ticket.service")
    sums = _sums(plan, view)
    scored = [
        (score + card.base_db, card)
        for score, card in zip(sums, plan.cards, strict=True)
        if not card.cause.services or service in card.cause.services or (service is None and score > 0)
    ]
    best = max(score for score, _ in scored)
    weights = [10.0 ** ((score - best) / 10.0) for score, _ in scored]
    whole = sum(weights)
    ranked = [Scored(card, score, weight / whole) for (score, card), weight in zip(scored, weights, strict=True)]
    ranked.sort(key=lambda item: (-item.score_db, item.card.id))
    return ranked


def _sums(plan: Plan, view: View) -> list[float]:
    """Return the sum of every card without its prior: of each group only the strongest points count."""
    results, values = view.results, view.values
    sums = [0.0] * len(plan.cards)
    for place, met, unmet in plan.single:
        held = results[place]
        if held is not None:
            for number, points in met if held else unmet:
                sums[number] += points
    strongest = [0.0] * len(plan.owners)
    for place, group, yes, no, only_if in plan.grouped:
        held = results[place]
        if held is None or (only_if and values.get(only_if) is not True):
            continue
        points, before = yes if held else no, strongest[group]
        # of two that are as strong the one that speaks against it, whichever stands first in the file
        if points and (abs(points) > abs(before) or points == -before < 0.0):
            strongest[group] = points
    for number, points in zip(plan.owners, strongest, strict=True):
        sums[number] += points
    return sums


def counted(card: Card, view: View) -> list[tuple[CompiledRow, bool, float]]:
    """Return the rows that make up the sum (row, was it met, points), strongest first."""
    strongest: dict[str, tuple[CompiledRow, bool, float]] = {}
    for row in card.rows:
        held = view.results[row.place]
        if held is None or (row.only_if and view.values.get(row.only_if) is not True):
            continue
        points = row.yes if held else row.no
        before = strongest.get(row.group)
        if points and (before is None or _weight(row, points) > _weight(before[0], before[2])):
            strongest[row.group] = (row, held, points)
    return sorted(strongest.values(), key=lambda item: -abs(item[2]))


def _weight(row: CompiledRow, points: float) -> tuple[float, float, str]:
    """What the rows of a group are ordered by: strength, then against rather than for, then the name of the fact."""
    return abs(points), -points, row.fact


def evidence(card: Card, view: View, pack: Pack) -> tuple[Evidence, ...]:
    """Return the evidence lines of a card: the rows that counted, strongest first, then what merely fits (0 points)."""
    lines: dict[str, Evidence] = {}
    rows = counted(card, view)
    for row, held, points in [*rows, *_fitting(card, view, {id(item[0]) for item in rows})]:
        for name in row.facts:
            fact = DERIVED[name].base if name in DERIVED else name
            if len(lines) < _MOST_LINES and fact in view.values and fact not in lines:
                norm = pack.norms.get(fact, {})
                lines[fact] = line(view, fact, points, norm, held=held, group=row.group)
                points = 0.0
    return tuple(lines.values())


def _fitting(card: Card, view: View, counted_rows: set[int]) -> list[tuple[CompiledRow, bool, float]]:
    """Return the rows that took nothing away: the answer was the one that the cause expects."""
    out = []
    for row in card.rows:
        held = view.results[row.place]
        expected = row.yes > row.no
        if held is expected and row.yes != row.no and id(row) not in counted_rows:
            out.append((row, held, 0.0))
    return out


def line(view: View, fact: str, points: float, norm: Title, *, held: bool = True, group: str = "") -> Evidence:
    """Return one evidence line of a measured fact."""
    unit = FACTS[fact].unit
    shown = "" if group.startswith("#") else group
    return Evidence(fact, view.values[fact], unit, points, view.age_s(fact), norm, view.facts[fact].source, held, shown)
