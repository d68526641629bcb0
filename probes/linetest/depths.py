"""How deep a test looks. `quick` answers within five seconds and never contradicts `full`; it only says less.

    quick          gates, siblings, what is stored, the access node     l1, while the subscriber says hello
    full           everything that may be asked                         l2
    self-service   as full, without what interrupts the service         the subscriber's own page

A cause is settled for quick when no rival can overtake it, whatever the facts that were not asked turn out to be.
The rule of this file: bounds only; a bound that is too wide makes quick quieter, never wrong.
"""

from collections.abc import Sequence

from probes.linetest.pack import Card, Pack, measured_facts
from probes.linetest.scorecard import Scored
from probes.linetest.view import View

QUICK = "quick"
FULL = "full"
SELF_SERVICE = "self-service"
#: what the subscriber says is asked of him in every depth
_SAID = ("led.", "home.")


def settled(ranked: Sequence[Scored], view: View, pack: Pack) -> bool:
    """Return whether no other cause can come to be said, whatever is measured beyond this view."""
    first = ranked[0]
    least = pack.file.engine.min_margin_db
    worst = first.score_db + swing(first.card, view)[0]
    for rival in ranked[1:]:
        if rival.card.id == "other":
            continue
        best = rival.score_db + swing(rival.card, view)[1]
        enough = best - rival.card.base_db >= pack.file.engine.min_evidence_db or rival.card.id == "nff"
        if enough and best - worst >= least:
            return False
    return True


def swing(card: Card, view: View) -> tuple[float, float]:
    """Return by how much the sum of a card may still fall and rise (≤ 0, ≥ 0): of each group its extreme."""
    groups: dict[str, tuple[float, float]] = {}
    now: dict[str, float] = {}
    for row in card.rows:
        held = view.results[row.place]
        if held is None:
            if all(fact.startswith(_SAID) for fact in measured_facts(row.facts)):
                continue
            low, high = groups.get(row.group, (0.0, 0.0))
            groups[row.group] = (min(low, row.yes, row.no), max(high, row.yes, row.no))
        elif not row.only_if or view.values.get(row.only_if) is True:
            points = row.yes if held else row.no
            if (abs(points), -points) > (abs(was := now.get(row.group, 0.0)), -was):
                now[row.group] = points
    fall = rise = 0.0
    for group, (low, high) in groups.items():
        counts = now.get(group, 0.0)
        fall += min(0.0, low - counts) if -low > abs(counts) else 0.0
        rise += max(0.0, high - counts) if high > abs(counts) else 0.0
    return fall, rise
