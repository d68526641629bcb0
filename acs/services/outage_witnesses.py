"""Several witnesses of one fault: a cut is told by traps at once, by lost sessions, and by Informs that stop. Pure.

    fall ─► silent ─► boot ─► session ─► ticket      from who saw the line itself to who only complains

The rule of this file: lines that fell together are one outage, whoever tells of them; the nearest witness names it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from acs.services.outage_cases import RUNNING, Case
from acs.services.outage_rates import WITNESSES

#: of the lines that were hit, so many must be the same before two witnesses tell of one fault
_SAME_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Beside:
    """What other witnesses told of the same lines: the outage that goes on, or those that end as one with ours."""

    goes_on: Case | None
    ended: tuple[Case, ...]


def beside(hit: set[str], witness: str, running: Iterable[Case]) -> Beside:
    """Return what others tell of the lines that one witness found to have fallen together.

    An outage of a nearer witness goes on in place of a new one, and so does one that a person confirmed. Those of
    farther witnesses, most of whose lines are the same, end as one with it.
    """
    goes_on: Case | None = None
    ended = []
    for case in running:
        if case.outage.witness == witness or case.outage.state not in RUNNING:
            continue
        shared = len(hit & {one.line for one in case.down})
        nearer = WITNESSES.index(case.outage.witness) < WITNESSES.index(witness)
        if (nearer or case.outage.state == "confirmed") and shared >= _SAME_SHARE * len(hit):
            goes_on = goes_on or case
        elif not nearer and case.outage.state != "confirmed" and shared >= _SAME_SHARE * max(1, len(case.down)):
            ended.append(case)
    return Beside(goes_on, tuple(ended) if goes_on is None else ())
