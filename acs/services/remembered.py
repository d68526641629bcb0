"""What is remembered of a line's devices from before a test: their trees, and when they last came. Pure.

    a device that answered ─► what its tree said before is left out: it has given what it has
    a device that did not  ─► a cause is found: it speaks, with its age
                           └► a healthy line:   it is stale, and the line is judged again without it

The rule of this file: what is remembered may accuse a line and never acquit it; no age is young enough, for the
trouble may be younger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from acs.services.cases import LIGHT
from acs.services.gathering import SourceReport, SourceState
from probes.facts import Fact, Quality
from probes.linetest.pack import Pack

#: the card of the healthy line, as the engine knows it
_HEALTHY = "nff"
#: whether a device can be reached: measured by this test, or by the last time when it came
_CONTACTS = ("cpe.reachable", "stb.reachable")
#: what follows from a fact that may be remembered
_FOLLOWS = {LIGHT: "ont.rx_delta_db"}


def acquittals(pack: Pack) -> frozenset[str]:
    """The causes under which a pack says that a line is healthy."""
    return frozenset({_HEALTHY, *(one.cause for one in pack.cause(_HEALTHY).instead if one.cause)})


@dataclass(frozen=True, slots=True)
class Remembered:
    """What devices said before a test began at `since`, by the name of each device's source."""

    trees: Mapping[str, Sequence[Fact]]
    since: datetime

    def beside(self, reports: Sequence[SourceReport]) -> list[Fact]:
        """What may stand beside the readings of the test: the trees of devices that have not answered in it."""
        answered = {report.name for report in reports if report.state is SourceState.ANSWERED}
        return [fact for name, tree in self.trees.items() if name not in answered for fact in tree]

    def stale(self, facts: Mapping[str, Fact], reports: Sequence[SourceReport]) -> dict[str, Fact]:
        """The facts by name, those that are remembered marked as stale, and what follows from them too."""
        old = {fact.name for fact in self.beside(reports) if facts.get(fact.name) == fact}
        old |= {name for name in _CONTACTS if name in facts and facts[name].at < self.since}
        old |= {derived for name, derived in _FOLLOWS.items() if name in old}
        return {name: replace(fact, quality=_aged(fact)) if name in old else fact for name, fact in facts.items()}


def _aged(fact: Fact) -> Quality:
    """Stale, where there was a value to age."""
    return Quality.STALE if fact.quality is Quality.OK and fact.value is not None else fact.quality
