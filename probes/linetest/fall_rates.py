"""How often lines of an area fall by themselves, per hour of the day: learned by counting, from a sane beginning. Pure.

A PON leans on its node while little is known of it, the node leans on the prior: each is worth some days of lines.
The rule of this file: what an outage did is not counted here; whoever counts leaves it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt

#: falls of one line in a day where nothing is known [E]: the fact sheet says 1.0 without history, 0.3 where it is quiet
PRIORS: Mapping[str, float] = {"fall": 1.0, "silent": 0.2, "boot": 1.0, "session": 1.0, "ticket": 0.02}
#: days of one line that the prior, and the wider area, are worth
PRIOR_LINE_DAYS = 20.0
#: an hour in which much happened elsewhere is not believed to be quieter than this
LEAST_PER_DAY = 0.01


@dataclass(slots=True)
class Count:
    """What was seen of an area at one hour of the day."""

    falls: float = 0.0
    line_days: float = 0.0


@dataclass(slots=True)
class FallRates:
    """Counts by (area, hour of the day in UTC), of one kind of witness."""

    witness: str
    counts: dict[tuple[str, int], Count] = field(default_factory=dict)

    def add(self, area: str, hour: int, falls: float, line_days: float) -> None:
        """Count falls of an area, and the days of lines in which they could have happened."""
        count = self.counts.setdefault((area, hour), Count())
        count.falls += falls
        count.line_days += line_days

    def per_day(self, areas: tuple[str, ...], at: datetime) -> float:
        """Falls of one line in a day around this instant; `areas` from the wide one (a node) to the narrow one (a PON).

        The more unquiet of this hour and the one before: falls that are looked at are up to an hour old, and at
        midnight those of the evening are still among them.
        """
        return max(self._at_hour(areas, at.hour), self._at_hour(areas, (at.hour - 1) % 24))

    def _at_hour(self, areas: tuple[str, ...], hour: int) -> float:
        """One standard deviation above the mean: what is not known well is rather believed to be unquiet."""
        mean = PRIORS.get(self.witness, 1.0)
        sure = PRIOR_LINE_DAYS
        for area in areas:
            count = self.counts.get((area, hour), Count())
            sure = count.line_days + PRIOR_LINE_DAYS
            mean = (count.falls + mean * PRIOR_LINE_DAYS) / sure
        return max(LEAST_PER_DAY, mean + sqrt(mean / sure))
