"""Scorecards: decibans per cause, summed over groups, and the share of belief that they give.

score = 10·log10(prior) + Σ over groups of the strongest points; posterior = softmax in base 10 over score/10.
The rule of this file: the sum that is explained is the sum that decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.facts import FACTS
from probes.linetest.derive import DERIVED
from probes.linetest.model import Candidate, Evidence, Title
from probes.linetest.norms import norm_of
from probes.linetest.pack import Card, CompiledRow, Pack
from probes.linetest.view import View


@dataclass(frozen=True, slots=True)
class Scored:
    """A card with its sum and its share of belief."""

    card: Card
    score_db: float
    posterior: float

    def candidate(self) -> Candidate:
        """Return the short form that a verdict carries."""
        return Candidate(self.card.id, round(self.score_db, 1), round(self.posterior, 4))


def rank(pack: Pack, technology: str, view: View) -> list[Scored]:
    """Return every card of the technology and of the ticket's service, most believed first; ties by id."""
    service = view.values.get("ticket.service")
    scored = [
        (total(card.rows, view) + card.base_db, card)
        for card in pack.cards.get(technology, pack.cards["any"])
        if not card.cause.services or service is None or service in card.cause.services
    ]
    best = max(score for score, _ in scored)
    weights = [10.0 ** ((score - best) / 10.0) for score, _ in scored]
    whole = sum(weights)
    ranked = [Scored(card, score, weight / whole) for (score, card), weight in zip(scored, weights, strict=True)]
    ranked.sort(key=lambda item: (-item.score_db, item.card.id))
    return ranked


def total(rows: Sequence[CompiledRow], view: View) -> float:
    """Return the sum of a card's rows without its prior: of each group only the strongest points count."""
    results, values = view.results, view.values
    alone = 0.0
    groups: dict[str, float] = {}
    for row in rows:
        if row.only_if and values.get("@" + row.only_if) is not True:
            continue
        held = row.node.holds(results)
        if held is None:
            continue
        points = row.yes if held else row.no
        if row.group[0] == "#":
            alone += points
        elif abs(points) > abs(groups.get(row.group, 0.0)):
            groups[row.group] = points
    return alone + sum(groups.values())


def counted(card: Card, view: View) -> list[tuple[CompiledRow, bool, float]]:
    """Return the rows that make up the sum (row, was it met, points), strongest first."""
    strongest: dict[str, tuple[CompiledRow, bool, float]] = {}
    for row in card.rows:
        if row.only_if and view.values.get("@" + row.only_if) is not True:
            continue
        held = row.node.holds(view.results)
        if held is None:
            continue
        points = row.yes if held else row.no
        before = strongest.get(row.group)
        if points and (before is None or abs(points) > abs(before[2])):
            strongest[row.group] = (row, held, points)
    return sorted(strongest.values(), key=lambda item: -abs(item[2]))


def evidence(card: Card, view: View, pack: Pack) -> tuple[Evidence, ...]:
    """Return the evidence lines of a card: one per fact of every row that counted."""
    lines: dict[str, Evidence] = {}
    for row, held, points in counted(card, view):
        for name in row.facts:
            fact = DERIVED[name].base if name in DERIVED else name
            if fact in view.values and fact not in lines:
                norm = norm_of(pack, fact, row.row, name)
                lines[fact] = line(view, fact, points, norm, held=held, group=row.group)
                points = 0.0
    return tuple(lines.values())


def line(view: View, fact: str, points: float, norm: Title, *, held: bool = True, group: str = "") -> Evidence:
    """Return one evidence line of a measured fact."""
    unit = FACTS[fact].unit
    shown = "" if group.startswith("#") else group
    return Evidence(
        fact, view.values[fact], unit, points, round(view.ages[fact], 1), norm, view.sources[fact], held, shown
    )
