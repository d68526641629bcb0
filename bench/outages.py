"""Mass outages in a generator: how many cuts are found, how soon, and how often quiet years raise a false alarm.

    python -m bench.outages [--trials 60] [--olt-years 5] [--seed 1] [--inform 300]

An OLT of 16 ports. What the detector does not know and the generator does: evenings in which people switch off three
times as often, one ONT in ten that goes to bed at the same time every night, areas three times as unquiet as others,
lines that flap, 3 % that are dead for weeks, 2 % of traps that are lost. Traps of a cut come spread over 3 to 20
seconds, rounds of polling every five minutes, Informs every five. The detector is given what the server gives it: the
falls so far, at each of its looks every five seconds, and the rates that it learned of the weeks before.

Beside it two rules that are in use: all children of a group are down, and three falls in a group within fifteen
minutes. It measures the detector against this generator, not against a network.
"""

import argparse
import math
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from probes.linetest.fall_rates import FallRates
from probes.linetest.mass_outage import (
    Area,
    AreaLine,
    Fall,
    Found,
    Group,
    OutageRules,
    chance_of,
    find_outages,
    log_tail,
)

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
RULES = OutageRules()
DAY_S = 86_400.0
#: seconds between two looks of the detector
TICK_S = 5.0
SIZES = (8, 16, 32, 64, 128)
CUTS = ("splitter", "pon", "slot", "olt", "switch", "power")
#: seconds between two Informs of a line behind a switch; others only with `--inform`
INFORM_S = 300.0
#: falls of the fixed rule, and its window
THREE, FIFTEEN_S = 3, 900.0
#: part of ONTs that tell of a loss of power, where they support it
GASPS = 0.85


@dataclass(frozen=True, slots=True)
class Ont:
    """A line of the generator: its groups, how often it falls by itself, and when it goes to bed; None: it does not."""

    id: str
    groups: tuple[Group, ...]
    per_day: float
    bed_s: float | None
    dead: bool


@dataclass(slots=True)
class Olt:
    """An OLT with its lines."""

    onts: list[Ont]
    area: Area

    def members(self, group: Group) -> list[str]:
        """The lines of a group that are not dead."""
        dead = {ont.id for ont in self.onts if ont.dead}
        return [line for line in self.area.members[group] if line not in dead]


@dataclass(slots=True)
class Score:
    """Of one kind of cut at one size: how many there were and were found, how soon, and how well they were named."""

    cuts: int = 0
    found: int = 0
    named: int = 0
    kinds: int = 0
    delays: list[float] = field(default_factory=list)
    after_data: list[float] = field(default_factory=list)


def olt_of(rng: random.Random, n: int, ports: int = 16) -> Olt:
    """An OLT whose ports have n lines each, on splitters of at least 8; streets cross the ports."""
    unquiet = rng.choice((0.3, 0.6, 1.0))
    onts = []
    each = max(8, n // 4)
    for number in range(ports * n):
        port, ont = divmod(number, n)
        pon = f"olt/0/{port // 8}/{port}"
        groups: tuple[Group, ...] = (
            ("splitter", f"{pon}/{ont // each}"),
            ("pon", pon),
            ("slot", f"olt/0/{port // 8}"),
            ("olt", "olt"),
            ("street", f"street {port // 4}-{ont % 4}"),
        )
        bed = _bed(rng)
        per_day = unquiet * rng.lognormvariate(0, 0.7)
        onts.append(Ont(f"{port}-{ont}", groups, per_day, bed, rng.random() < 0.03))
    return Olt(onts, Area.of(AreaLine(ont.id, ont.groups) for ont in onts))


def _bed(rng: random.Random) -> float | None:
    """When a line goes to bed every night, if it is one of the ten that do."""
    return rng.gauss(22.5 * 3600, 2_700) if rng.random() < 0.1 else None


def switch_of(rng: random.Random, n: int) -> Olt:
    """Houses with a switch of n ports each, where subscribers switch their routers off."""
    onts = []
    for number in range(16 * n):
        house, port = divmod(number, n)
        groups: tuple[Group, ...] = (("switch", f"sw-{house}"), ("house", f"house {house}"))
        onts.append(Ont(f"{house}-{port}", groups, rng.lognormvariate(-0.5, 0.7), _bed(rng), rng.random() < 0.03))
    return Olt(onts, Area.of(AreaLine(ont.id, ont.groups) for ont in onts))


def busy(second: float) -> float:
    """How unquiet an hour of the day is: nights are still, evenings are not; the mean is about one."""
    hour = second % DAY_S / 3600
    return 0.4 if hour < 7 else 0.8 if hour < 18 else 2.2


def own_falls(rng: random.Random, olt: Olt, days: float) -> list[tuple[float, str, float]]:
    """(second, line, seconds down) of what lines do by themselves, in the order of time."""
    found = []
    for ont in olt.onts:
        if ont.dead:
            continue
        at = 0.0
        while (at := at + rng.expovariate(ont.per_day * 2.2 / DAY_S)) < days * DAY_S:
            if rng.random() < busy(at) / 2.2:
                flaps = rng.randint(2, 6) if rng.random() < 0.02 else 1
                for flap in range(flaps):
                    found.append((at + 90 * flap, ont.id, rng.lognormvariate(6, 1.5)))
        if ont.bed_s is not None:
            nights = range(int(days) + 1)
            found += [
                (night * DAY_S + ont.bed_s + rng.gauss(0, 900), ont.id, 8 * 3600.0)
                for night in nights
                if rng.random() < 0.9 and night * DAY_S + ont.bed_s < days * DAY_S
            ]
    return sorted(found)


def learned(rng: random.Random, olt: Olt, days: int = 28) -> Callable[[datetime], Callable[[str], float]]:
    """The rates that the server would have learned in the weeks before, per node, port and hour."""
    rates = FallRates("fall")
    where = {ont.id: _areas(ont) for ont in olt.onts}
    counts: dict[tuple[str, int], float] = defaultdict(float)
    for second, line, _ in own_falls(rng, olt, days):
        for area in where[line]:
            counts[area, int(second % DAY_S // 3600)] += 1
    sizes: dict[str, int] = defaultdict(int)
    for areas in where.values():
        for area in areas:
            sizes[area] += 1
    for area, size in sizes.items():
        for hour in range(24):
            rates.add(area, hour, counts[area, hour], size * days / 24)

    def at(now: datetime) -> Callable[[str], float]:
        known: dict[tuple[str, ...], float] = {}

        def per_day(line: str) -> float:
            areas = where[line]
            if areas not in known:
                known[areas] = rates.per_day(areas, now)
            return known[areas]

        return per_day

    return at


def _areas(ont: Ont) -> tuple[str, ...]:
    names = dict(ont.groups)
    return ("olt", names["pon"]) if "pon" in names else (names["switch"],)


def cut(rng: random.Random, olt: Olt, kind: str) -> tuple[Group, list[str]]:
    """A group that breaks, and its live lines."""
    level = "street" if kind == "power" else kind
    groups = sorted(group for group in olt.area.members if group[0] == level)
    group = rng.choice(groups)
    return group, olt.members(group)


def told(
    rng: random.Random, lines: Sequence[str], at: float, kind: str, inform_s: float = INFORM_S
) -> list[tuple[float, float, str, bool | None]]:
    """(told at, fell at, line, gasp): traps within seconds, 2 % lost and seen by the next round; a dead switch by
    Informs that do not come."""
    found: list[tuple[float, float, str, bool | None]] = []
    spread = rng.uniform(3, 20)
    round_at = at + rng.uniform(0, 300)
    for line in lines:
        if kind == "switch":
            late = at + rng.uniform(0, inform_s) + 0.25 * inform_s + 30
            found.append((late, late, line, None))
            continue
        fell = at + rng.uniform(0, spread)
        supports = rng.random() < 0.9
        gasp: bool | None = kind == "power" and rng.random() < GASPS
        if not supports:
            gasp = None
        found.append((fell + 1 if rng.random() >= 0.02 else max(round_at, fell), fell, line, gasp))
    return sorted(found)


def detected(found: Sequence[Found], hit: set[str]) -> Found | None:
    """The outage of which most lines are of the cut."""
    ours = [one for one in found if len(hit.intersection(one.hit)) >= 0.5 * len(one.hit)]
    return max(ours, key=lambda one: len(one.hit), default=None)


def one_cut(rng: random.Random, olt: Olt, rates: Callable[[datetime], Callable[[str], float]], kind: str,
            score: Score, other: dict[str, int], inform_s: float = INFORM_S) -> None:  # fmt: skip
    """One cut at some instant of a day that is like others, looked at every five seconds until all is told."""
    group, lines = cut(rng, olt, kind)
    if len(lines) < 8 * 0.9:
        return
    score.cuts += 1
    at = rng.uniform(0, DAY_S)
    events = told(rng, lines, at, kind, inform_s)
    ended = at + 600 + inform_s
    noise = [(t, t, line, None) for t, line, down_s in own_falls(rng, olt, 1) if t < ended and t + down_s > at]
    noise = [one for one in noise if one[2] not in set(lines) or one[0] < at]
    data_at = events[len(events) // 2][0]
    down: dict[str, Fall] = {ont.id: Fall(ont.id, BEGAN - timedelta(days=20)) for ont in olt.onts if ont.dead}
    told_all = sorted([*events, *noise])
    hit, next_, look = set(lines), 0, math.ceil(at / TICK_S) * TICK_S
    best: Found | None = None
    while look < ended:
        fresh = False
        while next_ < len(told_all) and told_all[next_][0] <= look:
            _, fell, line, gasp = told_all[next_]
            down.setdefault(line, Fall(line, BEGAN + timedelta(seconds=fell), gasp))
            next_, fresh = next_ + 1, True
        now = BEGAN + timedelta(seconds=look)
        if fresh:
            one = detected(find_outages(olt.area, list(down.values()), now, rates(now), RULES), hit)
            if one is not None and best is None:
                score.found += 1
                score.delays.append(look - at)
                score.after_data.append(max(0.0, look - data_at))
            best = one or best
        look += TICK_S
        if best is not None and next_ >= len(events) and look > events[-1][0] + TICK_S:
            break
    _name(best, group, kind, score)
    rows = [fall for fall in down.values() if fall.at > BEGAN - timedelta(days=1)]
    other["all down"] += _all_down(olt, down, group)
    other["three in 15 min"] += _three(olt, rows, hit)


def _name(best: Found | None, group: Group, kind: str, score: Score) -> None:
    if best is None:
        return
    score.named += (best.level, best.scope) == group or group in best.same
    wanted = {"power": ("power",), "switch": ("unknown",)}.get(kind, ("fibre",))
    score.kinds += best.kind in wanted


def _all_down(olt: Olt, down: dict[str, Fall], group: Group) -> bool:
    """Whether the rule `all children fell` fires for the group that broke; it knows nothing of dead lines."""
    return all(line in down and _recent(down[line]) for line in olt.area.members[group])


def _recent(fall: Fall) -> bool:
    return fall.at > BEGAN - timedelta(days=1)


def _three(olt: Olt, falls: Sequence[Fall], hit: set[str]) -> bool:
    ours = sorted(fall.at for fall in falls if fall.line in hit)
    window = timedelta(seconds=FIFTEEN_S)
    return any(ours[n + THREE - 1] - ours[n] <= window for n in range(len(ours) - THREE + 1))


def cuts(rng: random.Random, trials: int, inform_s: float = INFORM_S) -> None:
    """Print the table of cuts."""
    print(f"{'cut':<9}{'n':>4}{'cuts':>6}{'found':>8}{'<=60 s':>8}{'median s':>10}{'p95 s':>7}{'place':>7}{'kind':>7}"
          f"{'all down':>10}{'3 in 15':>9}")  # fmt: skip
    every = Score()
    for kind in CUTS:
        for n in SIZES:
            score = Score()
            other: dict[str, int] = defaultdict(int)
            done = 0
            while done < trials:
                olt = switch_of(rng, n) if kind == "switch" else olt_of(rng, n, 16 if n < 64 else 8)
                rates = learned(rng, olt, 7)
                for _ in range(min(20, trials - done)):
                    one_cut(rng, olt, rates, kind, score, other, inform_s)
                    done += 1
            _row(kind, n, score, other)
            every.cuts += score.cuts
            every.found += score.found
            every.after_data.extend(score.after_data)
    soon = sum(each <= 60 for each in every.after_data)
    print(f"all: {every.cuts} cuts, found {every.found / every.cuts:.2%}, within 60 s of half of the data "
          f"{soon / every.cuts:.2%}")  # fmt: skip


def _row(kind: str, n: int, score: Score, other: dict[str, int]) -> None:
    delays, after = sorted(score.delays or [0.0]), score.after_data
    soon = sum(each <= 60 for each in after) / score.cuts
    print(f"{kind:<9}{n:>4}{score.cuts:>6}{score.found / score.cuts:>8.1%}{soon:>8.1%}{delays[len(delays) // 2]:>10.1f}"
          f"{delays[int(len(delays) * 0.95)]:>7.0f}{score.named / score.cuts:>7.0%}{score.kinds / score.cuts:>7.0%}"
          f"{other['all down'] / score.cuts:>10.1%}{other['three in 15 min'] / score.cuts:>9.1%}")  # fmt: skip


def quiet(rng: random.Random, olt_years: float) -> None:
    """Print the false alarms of quiet years of OLTs, and of as many years of 16 houses with a switch each."""
    for what, make in (("OLT-years of 16 ports", olt_of), ("years of 16 switches", switch_of)):
        days = 61.0
        rounds = max(1, round(olt_years * 365 / days))
        counts = {"binomial": 0, "three in 15 min": 0, "all down": 0}
        for number in range(rounds):
            olt = make(rng, SIZES[number % 4])
            rates = learned(rng, olt, 14)
            falls = own_falls(rng, olt, days)
            counts["binomial"] += Quiet(olt, rates).alarms(falls)
            counts["three in 15 min"] += _false_three(olt, falls)
            counts["all down"] += _false_all(olt, falls)
        years = rounds * days / 365
        print(f"quiet: {years:.1f} {what} with 8 to 64 lines")
        for name, alarms in counts.items():
            most = f" (0 seen: at most {-math.log(0.05) / years:.3f} with 95 %)" if not alarms else ""
            print(f"  {name:<16} {alarms:>7} false alarms, {alarms / years:.3f} a year{most}")


class Quiet:
    """The detector over falls of which none is an outage.

    It is only asked where a group of the line that just fell is within a hundred times of its limit: any other look
    finds what the look before found. How many lines of a group are that many is known once per hour of the day; a line
    that flaps is one line.
    """

    def __init__(self, olt: Olt, rates: Callable[[datetime], Callable[[str], float]]) -> None:
        self._olt = olt
        self._rates = rates
        self._few: dict[tuple[Group, int], tuple[int, ...]] = {}
        self._lately: dict[Group, list[tuple[float, str]]] = defaultdict(list)

    def alarms(self, falls: Sequence[tuple[float, str, float]]) -> int:
        """Outages that the detector opens; one is counted once while its lines are down."""
        down: dict[str, tuple[float, float]] = {}
        alarmed: dict[str, float] = {}
        alarms = 0
        for at, line, down_s in falls:
            down[line] = (at, at + down_s)
            if not self._promising(at, line, down):
                continue
            now = BEGAN + timedelta(seconds=at)
            lying = [Fall(each, BEGAN + timedelta(seconds=t)) for each, (t, until) in down.items() if until > at]
            for one in find_outages(self._olt.area, lying, now, self._rates(now), RULES):
                if any(alarmed.get(each, -1e9) > at - RULES.horizon_s for each in one.hit):
                    continue
                alarms += 1
                alarmed.update(dict.fromkeys(one.hit, at))
        return alarms

    def _promising(self, at: float, line: str, down: Mapping[str, tuple[float, float]]) -> bool:
        longest, found = max(RULES.windows_s), False
        for group in self._olt.area.groups[line]:
            fell = self._lately[group]
            fell.append((at, line))
            if fell[0][0] <= at - 2 * longest:
                del fell[: bisect_right(fell, (at - longest, ""))]
            if found or len(fell) < RULES.least_lines:
                continue
            for window_s, few in zip(RULES.windows_s, self._limits(group, at), strict=True):
                # the few-th fall from the end lies within the window, and so many lines of those are down now
                if len(fell) >= few and fell[-few][0] > at - window_s:
                    since = bisect_right(fell, (at - window_s, ""))
                    found |= len({each for _, each in fell[since:] if down[each][1] > at}) >= few
        return found

    def _limits(self, group: Group, at: float) -> tuple[int, ...]:
        """Per window how many falls are within a hundred times of the limit."""
        key = (group, int(at // 3600 % 24))
        if key not in self._few:
            members = self._olt.area.members[group]
            rate = self._rates(BEGAN + timedelta(seconds=at))
            mean = sum(map(rate, members)) / len(members)
            self._few[key] = tuple(self._limit(len(members), mean, each) for each in RULES.windows_s)
        return self._few[key]

    @staticmethod
    def _limit(n: int, per_day: float, window_s: float) -> int:
        chance, near = chance_of(per_day, window_s), RULES.log_alpha(window_s) + math.log(100)
        return next((k for k in range(RULES.least_lines, n + 1) if log_tail(n, k, chance) <= near), n + 1)


def _false_three(olt: Olt, falls: Sequence[tuple[float, str, float]]) -> int:
    """How often three falls within fifteen minutes fire for a port or a splitter."""
    last: dict[Group, list[float]] = defaultdict(list)
    alarms = 0
    for at, line, _ in falls:
        for group in olt.area.groups[line][:2]:
            times = [each for each in last[group] if each > at - FIFTEEN_S]
            times.append(at)
            if len(times) >= THREE:
                alarms += 1
                times = []
            last[group] = times
    return alarms


def _false_all(olt: Olt, falls: Sequence[tuple[float, str, float]]) -> int:
    """How often all children of a splitter are down by chance."""
    until: dict[str, float] = {}
    alarms = 0
    for at, line, down_s in falls:
        until[line] = at + down_s
        group = olt.area.groups[line][0]
        alarms += all(until.get(each, -1.0) > at for each in olt.area.members[group])
    return alarms


def main() -> None:
    """Run both parts with a fixed seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--olt-years", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inform", type=float, default=INFORM_S, help="seconds between two Informs behind a switch")
    options = parser.parse_args()
    cuts(random.Random(options.seed), options.trials, options.inform)
    quiet(random.Random(options.seed + 1), options.olt_years)


if __name__ == "__main__":
    main()
