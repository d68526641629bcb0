"""Rivals must answer each other's decisive facts: the commonest defect of packs of scorecards.

A fact that decides for one cause (a row of 10 dB or more) and that another, equally likely cause does not know leaves
the other where it was, so that a wrong cause may win. Rivals of a cause are those that its own world lifts too: every
fact as the cause expects it, but without the decisive one. The rule of this file: worlds are made up, never measured.
"""

from collections.abc import Iterator

from probes.linetest.form import TECHNOLOGIES
from probes.linetest.pack import Card, CompiledRow, Pack, measured_facts
from probes.linetest.worlds import domains, ideal, score

#: points of a row that decides for a cause
DECISIVE_DB = 10.0
#: a card that the world of another one lifts by so much is its rival: twice as likely as before
RIVAL_DB = 3.0
_NO_FAULT = ("nff", "other")


def rivals(pack: Pack) -> Iterator[str]:
    """Yield "key: fault; remedy" for every decisive fact that a rival does not answer."""
    tried = domains(pack)
    told: set[tuple[str, str, str]] = set()
    for technology in TECHNOLOGIES:
        cards = [card for card in pack.plans[technology].cards if card.id not in _NO_FAULT]
        for card in cards:
            world = ideal(pack, card, tried)
            for row in decisive(card):
                facts = _answers(card, row)
                less = {name: value for name, value in world.items() if not facts.intersection(measured_facts([name]))}
                for rival in cards:
                    place = (rival.id, card.id, row.fact)
                    silent = rival.id != card.id and _meet(card, rival) and not facts.intersection(asked(rival))
                    if silent and place not in told and score(pack, rival, less) >= RIVAL_DB:
                        told.add(place)
                        yield _fault(rival, card, row)


def decisive(card: Card) -> list[CompiledRow]:
    """Return the rows that decide for a cause."""
    return [row for row in card.rows if max(row.yes, row.no) >= DECISIVE_DB]


def asked(card: Card) -> set[str]:
    """Return the measured facts that a card knows."""
    return {fact for row in card.rows for fact in measured_facts(row.facts)}


def _answers(card: Card, row: CompiledRow) -> set[str]:
    """The facts of a decisive row and of its group: one of them is enough to answer it."""
    return {fact for other in card.rows if other.group == row.group for fact in measured_facts(other.facts)}


def _meet(one: Card, other: Card) -> bool:
    """Whether both may be about the same ticket."""
    return not one.cause.services or not other.cause.services or bool({*one.cause.services} & {*other.cause.services})


def _fault(rival: Card, card: Card, row: CompiledRow) -> str:
    return (
        f"cause.{rival.id}: its rival {card.id} is decided by {row.fact}, which this card does not answer; "
        f"add a row on {row.fact} that takes points away"
    )
