"""An outage that turns out to be several faults: its lines go to whom they belong.

The rule of this file: the one that has most of its lines goes on under its name; what a person confirmed stays whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from acs.services.outage_cases import Case
from probes.linetest.mass_outage import Found


@dataclass(frozen=True, slots=True)
class Split:
    """What becomes of the outages that are several: those with fewer lines, and which lines each let go."""

    cases: tuple[Case, ...]
    let_go: tuple[tuple[str, frozenset[str]], ...]
    #: confirmed outages that are several, and stay as wide as they are
    kept: frozenset[str]


def split(cases: Sequence[Case], founds: Sequence[Found]) -> Split:
    """Return what becomes of running outages that several of those that were found lie in. Pure."""
    hits = [frozenset(found.hit) for found in founds]
    fewer, let_go, kept = [], [], set()
    for case in cases:
        inside = sorted((hit & case.lines.keys() for hit in hits if hit & case.lines.keys()), key=len, reverse=True)
        if len(inside) < 2:
            continue
        if case.outage.state == "confirmed":
            kept.add(case.outage.id)
            continue
        gone = frozenset[str]().union(*inside[1:])
        fewer.append(Case(case.outage, {line: one for line, one in case.lines.items() if line not in gone}))
        let_go.append((case.outage.id, gone))
    return Split(tuple(fewer), tuple(let_go), frozenset(kept))
