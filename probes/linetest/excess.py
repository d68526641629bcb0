"""Slow systemic faults: which model, firmware, splitter or area has more tickets than its share of the lines? Pure.

The rule of this file: a group is named when chance would give it so many tickets less often than `alpha` over all the
groups that were looked at, and when it has at least `ratio` times its share.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from probes.linetest.mass_outage import Group, log_tail


@dataclass(frozen=True, slots=True)
class ExcessRules:
    """When more tickets than a share are too many [E]."""

    alpha: float = 0.01
    ratio: float = 1.5
    least_tickets: int = 5


@dataclass(frozen=True, slots=True)
class Excess:
    """A group with more tickets than its share; `rate` is how many times its share, `chance` how often by chance."""

    level: str
    scope: str
    tickets: int
    lines: int
    expected: float
    rate: float
    chance: float
    #: lines of the group with tickets
    examples: tuple[str, ...]


def find_excess(
    groups: Mapping[str, Iterable[Group]], tickets: Sequence[str], rules: ExcessRules = ExcessRules()
) -> list[Excess]:
    """Return the groups with too many tickets, the clearest first.

    `groups` are those of every line; `tickets` name a line each; several tickets of one line count once.
    """
    members: dict[Group, int] = Counter()
    complaining = {line for line in tickets if line in groups}
    hit: dict[Group, list[str]] = defaultdict(list)
    for line, own in groups.items():
        for group in own:
            members[group] += 1
            if line in complaining:
                hit[group].append(line)
    total, lines = len(complaining), len(groups)
    limit = log(rules.alpha / max(1, len(members)))
    found = []
    for (level, scope), ours in hit.items():
        n = members[level, scope]
        rest, others = total - len(ours), lines - n
        if len(ours) < rules.least_tickets or others <= 0:
            continue
        # against the lines outside of the group: a bad group does not hide behind itself
        usual = max(rest, 0.5) / others
        rate = len(ours) / n / usual
        tail = log_tail(n, len(ours), min(usual, 1.0))
        if rate >= rules.ratio and tail <= limit:
            some = tuple(sorted(ours)[:20])
            found.append(Excess(level, scope, len(ours), n, n * usual, rate, exp(max(tail, -700.0)), some))
    return sorted(found, key=lambda one: (one.chance, -one.rate, one.level, one.scope))
