"""Which group of lines broke together? Falls held against chance, level by level, over everything that is down. Pure.

    falls ─► per group: k of n within a window, against the binomial tail of the area's own rate
          ─► per tree of groups: the parent, or its children, whichever explains the falls with fewer outages
          ─► between trees (network, place, BRAS, firmware): what explains most; then the rest again

The rule of this file: a count alone says nothing; what says something is how improbable it is by chance, and a
wider group is only named when the narrower ones explain less.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, lgamma, log, log1p

#: a level and the name of a group on it
Group = tuple[str, str]
#: falls of one line in a day, at the hour that is asked about
Rate = Callable[[str], float]

#: trees of groups, each from the narrowest level to the widest
TREES: Mapping[str, tuple[str, ...]] = {
    "network": ("splitter", "pon", "slot", "olt", "switch"),
    "place": ("house", "street"),
    "bras": ("bras",),
    "firmware": ("firmware",),
}
_TREE_OF = {level: tree for tree, levels in TREES.items() for level in levels}
#: part of a group from which on it counts as broken, and not some of its lines
_HALF = 0.5
#: terms of a tail after which nothing changes any more
_TERMS = 400


@dataclass(frozen=True, slots=True)
class AreaLine:
    """A line and the groups that it belongs to, from the narrowest to the widest of each tree."""

    id: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Fall:
    """A line that is down, since when, and whether it told of a loss of power; None where nobody can say."""

    line: str
    at: datetime
    gasp: bool | None = None


@dataclass(frozen=True, slots=True)
class OutageRules:
    """When falls are an outage [E].

    `alpha` is the chance that one group falls so by itself within the shortest window: an OLT of a hundred groups has
    some 26 000 000 of them a year. A longer window comes less often and may be that much likelier. `windows_s`: a cut
    is told within seconds by traps, within minutes by polls, and by Informs that stop within one of their intervals.
    `separate` is what one more outage at the same time must explain, in nats.
    """

    alpha: float = 1e-9
    windows_s: tuple[float, ...] = (120.0, 300.0, 900.0, 3_600.0)
    horizon_s: float = 3_600.0
    least_lines: int = 3
    separate: float = 12.0
    dead_after_days: float = 7.0
    power: float = 0.50
    fibre: float = 0.10
    #: falls whose cause must be known before power is told from fibre
    least_causes: int = 3

    def log_alpha(self, window_s: float) -> float:
        """The chance, as a logarithm, from which on falls within such a window are no chance."""
        return log(min(1.0, self.alpha * window_s / min(self.windows_s)))


@dataclass(frozen=True, slots=True)
class Found:
    """A group that broke: `hit` of its `members` live lines, by chance once in exp(-log_chance) windows."""

    level: str
    scope: str
    hit: tuple[str, ...]
    members: int
    log_chance: float
    since: datetime
    kind: str
    gasp_share: float | None
    #: other groups that hold exactly the same live lines, so that nobody can tell them apart
    same: tuple[Group, ...] = ()


@dataclass(slots=True)
class Area:
    """Lines that may fail together, by group; built once for an inventory, used for every look."""

    members: dict[Group, list[str]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[str, tuple[Group, ...]] = field(default_factory=dict)
    #: lines of groups that have more of them than this area holds, for they go on elsewhere
    sizes: Mapping[Group, int] = field(default_factory=dict)

    def size(self, group: Group) -> int:
        """Lines of a group, here and elsewhere."""
        return max(len(self.members[group]), self.sizes.get(group, 0))

    @classmethod
    def of(cls, lines: Iterable[AreaLine]) -> "Area":
        """The area of these lines."""
        area = cls()
        for line in lines:
            area.groups[line.id] = line.groups
            for group in line.groups:
                area.members[group].append(line.id)
        return area


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One group held against chance: how much better `it broke` explains than chance does, in nats."""

    group: Group
    hit: tuple[str, ...]
    members: int
    log_chance: float
    gain: float
    since: datetime


def log_tail(n: int, k: int, p: float) -> float:
    """Return the natural logarithm of P(at least k of n), each with chance p by itself; exact also where it is tiny."""
    if k <= 0:
        return 0.0
    if p <= 0.0 or k > n:
        return float("-inf")
    if p >= 1.0:
        return 0.0
    if k <= n * p:  # what is missing to one is few terms, this is many
        return log1p(-exp(_summed(n, n - k + 1, 1.0 - p)))
    return min(0.0, _summed(n, k, p))


def _summed(n: int, k: int, p: float) -> float:
    """The logarithm of the tail from `k` on, which lies above the mean, so that its terms fall from the first on."""
    first = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p)
    total, term = 1.0, 1.0
    for i in range(k, min(n, k + _TERMS)):
        term *= (n - i) / (i + 1) * p / (1.0 - p)
        total += term
        if term < total * 1e-12:
            break
    return first + log(total)


def chance_of(per_day: float, window_s: float) -> float:
    """Return the chance that a line falls by itself within a window."""
    return 1.0 - exp(-per_day * window_s / 86_400.0)


def find_outages(
    area: Area, falls: Sequence[Fall], now: datetime, rate: Rate, rules: OutageRules = OutageRules()
) -> list[Found]:
    """Return the groups that broke together, the clearest first.

    `falls` are all lines that are down now. Those that are down for longer than the horizon are no evidence and no
    members: a line that lies cannot fall.
    """
    left = {fall.line: fall for fall in falls if fall.line in area.groups}
    found: list[Found] = []
    while True:
        best = _best(area, left, now, rate, rules)
        if not best:
            return found
        for weighed in best:
            found.append(_found(area, weighed, left, rules))
        for weighed in best:
            for line in weighed.hit:
                left[line] = Fall(line, now - timedelta(days=3650))


def still_broken(
    area: Area, down: Sequence[Fall], now: datetime, rate: Rate, rules: OutageRules = OutageRules()
) -> bool:
    """Return whether what is left of an outage is one by itself: some group holds more of it than chance would leave.

    `down` are the lines that are still down. Half of a group or more is held against the windows in which groups break,
    however long ago that was; of less, lines broke one by one, for which there was all the time since the first fell.
    """
    touched: dict[Group, list[Fall]] = defaultdict(list)
    for fall in sorted(down, key=lambda fall: fall.at):
        for group in area.groups.get(fall.line, ()):
            touched[group].append(fall)
    for group, falls in touched.items():
        if len(falls) < rules.least_lines:
            continue
        if len(falls) < _HALF * area.size(group):
            if _left_by_chance(area, group, falls, now, rate, rules):
                continue
            return True
        if _weigh(area, group, falls, 0, rate, rules) is not None:
            return True
    return False


def _left_by_chance(
    area: Area, group: Group, down: Sequence[Fall], now: datetime, rate: Rate, rules: OutageRules
) -> bool:
    """Whether chance may have left a small part of a group down since the first of them fell."""
    since_s = max((now - down[0].at).total_seconds(), min(rules.windows_s))
    members = area.members[group]
    chance = chance_of(sum(map(rate, members)) / len(members), since_s)
    return log_tail(area.size(group), len(down), chance) > rules.log_alpha(min(since_s, max(rules.windows_s)))


def kind_of(falls: Iterable[Fall], rules: OutageRules = OutageRules()) -> tuple[str, float | None]:
    """Return power, fibre, mixed or unknown, and the share of dying gasps among the falls whose cause is known."""
    known = [fall.gasp for fall in falls if fall.gasp is not None]
    if len(known) < rules.least_causes:
        return "unknown", None
    share = sum(known) / len(known)
    if share >= rules.power:
        return "power", share
    return ("fibre" if share <= rules.fibre else "mixed"), share


def _best(area: Area, left: Mapping[str, Fall], now: datetime, rate: Rate, rules: OutageRules) -> list[_Weighed]:
    """The explanation of one tree that gains most; empty where chance explains everything."""
    horizon = now - timedelta(seconds=rules.horizon_s)
    recent = [fall for fall in left.values() if fall.at > horizon]
    if len(recent) < rules.least_lines:
        return []
    touched: dict[Group, list[Fall]] = defaultdict(list)
    for fall in sorted(recent, key=lambda fall: fall.at):
        for group in area.groups[fall.line]:
            touched[group].append(fall)
    lying = Counter(group for fall in left.values() if fall.at <= horizon for group in area.groups[fall.line])
    weighed = {}
    for group, falls in touched.items():
        one = _weigh(area, group, falls, lying[group], rate, rules)
        if one is not None:
            weighed[group] = one
    explained = [_explain(tree, area, weighed, rules) for tree in TREES]
    gained, best = max(explained, key=lambda each: each[0])
    return best if gained > 0.0 else []


def _weigh(
    area: Area, group: Group, falls: Sequence[Fall], lying: int, rate: Rate, rules: OutageRules
) -> _Weighed | None:
    """The window that says most about a group; None where chance explains it."""
    if len(falls) < rules.least_lines:
        return None
    members = area.members[group]
    n = area.size(group) - lying
    per_day = sum(map(rate, members)) / len(members)
    best: _Weighed | None = None
    for window_s in rules.windows_s:
        hit = _densest(falls, window_s)
        # those that fell before the window were down already when it began
        before = sum(fall.at < hit[0].at for fall in falls)
        upright, k = max(n - before, len(hit)), len(hit)
        p = chance_of(per_day, window_s)
        tail = log_tail(upright, k, p)
        if k < rules.least_lines or tail > rules.log_alpha(window_s):
            continue
        gain = _gain(upright, [chance_of(rate(fall.line), window_s) for fall in hit], p)
        if best is None or gain > best.gain:
            best = _Weighed(group, tuple(fall.line for fall in hit), upright, tail, gain, hit[0].at)
    return best


def _densest(falls: Sequence[Fall], window_s: float) -> Sequence[Fall]:
    """The falls of the fullest window; they come in the order of time."""
    window, start, best = timedelta(seconds=window_s), 0, (0, 0)
    for end, fall in enumerate(falls):
        while fall.at - falls[start].at > window:
            start += 1
        if end + 1 - start >= best[1] - best[0]:
            best = (start, end + 1)
    return falls[best[0] : best[1]]


def _gain(n: int, fell: Sequence[float], p: float) -> float:
    """How much better the group's own share explains these falls of n lines than chance does, in nats.

    `fell` are the chances of the lines that fell, p the mean chance: so the gains of groups beside each other add up
    to that of the group above them, where all of it is down.
    """
    k = len(fell)
    share = k / n
    if share <= p:
        return 0.0
    rest = (n - k) * (log1p(-share) - log1p(-p)) if k < n else 0.0
    return k * log(share) - sum(map(log, fell)) + rest


def _explain(
    tree: str, area: Area, weighed: Mapping[Group, _Weighed], rules: OutageRules
) -> tuple[float, list[_Weighed]]:
    """The set of groups of a tree that explains most, where each further outage must earn its place."""
    groups = [group for group in weighed if _TREE_OF[group[0]] == tree]
    children: dict[Group, set[Group]] = defaultdict(set)
    top: set[Group] = set()
    for group in groups:
        line = weighed[group].hit[0]
        above = [each for each in area.groups[line] if each in weighed and _wider(each, group)]
        if above:
            children[above[0]].add(group)
        else:
            top.add(group)
    found: list[_Weighed] = []
    gained = 0.0
    for group in sorted(top):
        gain, best = _down(group, weighed, children, rules)
        gained += gain - (rules.separate if found else 0.0)
        found += best
    return gained, sorted(found, key=lambda each: -each.gain)


def _wider(one: Group, other: Group) -> bool:
    tree = TREES[_TREE_OF[other[0]]]
    return one[0] in tree and tree.index(one[0]) > tree.index(other[0])


def _down(
    group: Group, weighed: Mapping[Group, _Weighed], children: Mapping[Group, set[Group]], rules: OutageRules
) -> tuple[float, list[_Weighed]]:
    """A group, or what lies below it, whichever explains more; of the same the narrower one."""
    own = weighed[group]
    below = [_down(child, weighed, children, rules) for child in sorted(children.get(group, ()))]
    if not below:
        return own.gain, [own]
    parts = [part for _gain_of, best in below for part in best]
    gain = sum(each for each, _best_of in below) - rules.separate * (len(below) - 1)
    return (gain, parts) if gain >= own.gain else (own.gain, [own])


def _found(area: Area, weighed: _Weighed, left: Mapping[str, Fall], rules: OutageRules) -> Found:
    hit = tuple(sorted(weighed.hit))
    kind, share = kind_of((left[line] for line in hit), rules)
    level, scope = weighed.group
    alike = [
        group
        for group in area.groups[hit[0]]
        if group != weighed.group
        and area.size(group) == area.size(weighed.group)
        and set(area.members[group]) == set(area.members[weighed.group])
    ]
    return Found(level, scope, hit, weighed.members, weighed.log_chance, weighed.since, kind, share, tuple(alike))
