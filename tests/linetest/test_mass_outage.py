"""Groups that broke together, held against chance."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import exp, log

import pytest

from probes.linetest.excess import find_excess
from probes.linetest.fall_rates import FallRates
from probes.linetest.mass_outage import Area, AreaLine, Fall, OutageRules, find_outages, kind_of, log_tail, still_broken
from probes.linetest.outage import binomial_tail

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


def network(ports: int = 8, splitters: int = 4, onts: int = 16) -> list[AreaLine]:
    return [
        AreaLine(
            f"{port}-{splitter}-{ont}",
            (
                ("splitter", f"o/0/{port // 4}/{port}/s{splitter}"),
                ("pon", f"o/0/{port // 4}/{port}"),
                ("slot", f"o/0/{port // 4}"),
                ("olt", "o"),
                ("street", f"street {ont % 4}"),
            ),
        )
        for port in range(ports)
        for splitter in range(splitters)
        for ont in range(onts)
    ]


def fallen(lines: list[str], gasp: bool | None = None, spread_s: float = 20.0) -> list[Fall]:
    return [Fall(line, NOW - timedelta(seconds=30 + spread_s * n / len(lines)), gasp) for n, line in enumerate(lines)]


def found(falls: list[Fall], lines: list[AreaLine] | None = None, rate: float = 1.0) -> list[tuple[str, str, int]]:
    area = Area.of(network() if lines is None else lines)
    return [(one.level, one.scope, len(one.hit)) for one in find_outages(area, falls, NOW, lambda _: rate)]


def ids(prefix: str) -> list[str]:
    return [line.id for line in network() if line.id.startswith(prefix)]


@pytest.mark.parametrize(("n", "k", "p"), [(8, 3, 0.01), (32, 4, 0.003), (128, 20, 0.1), (64, 64, 0.5), (10, 0, 0.5)])
def test_tail_is_that_of_the_binomial(n: int, k: int, p: float) -> None:
    assert exp(log_tail(n, k, p)) == pytest.approx(binomial_tail(n, k, p), rel=1e-9)


def test_tail_holds_where_numbers_end() -> None:
    assert log_tail(128, 128, 1e-4) == pytest.approx(128 * log(1e-4), rel=1e-9)
    assert log_tail(5, 6, 0.5) == float("-inf")


@pytest.mark.parametrize(
    ("n", "k", "p"), [(20_000, 250, 0.05), (20_000, 999, 0.05), (100_000_000, 3_000, 6e-5), (10, 5, 0.5), (1, 1, 0.999)]
)
def test_fewer_than_chance_brings_are_not_improbable(n: int, k: int, p: float) -> None:
    assert log_tail(n, k, p) >= log(0.5) - 1e-6
    assert exp(log_tail(n, k, p)) <= 1.0


def test_the_tail_has_no_step_where_the_mean_is() -> None:
    near = [exp(log_tail(20_000, k, 0.05)) for k in range(990, 1011)]
    steps = [before - after for before, after in pairwise(near)]
    assert all(0.01 < step < 0.015 for step in steps), "one hundredth each: the chance of just so many"


def test_splitter_is_named_and_not_what_lies_above() -> None:
    assert found(fallen(ids("2-1-"))) == [("splitter", "o/0/0/2/s1", 16)]


def test_noise_of_the_olt_does_not_widen_it() -> None:
    falls = [*fallen(ids("2-1-")), *fallen(["0-0-0", "5-2-3", "7-3-9"])]
    assert found(falls) == [("splitter", "o/0/0/2/s1", 16)]


def test_port_slot_and_olt_are_named_where_all_below_is_down() -> None:
    assert found(fallen(ids("2-")))[0] == ("pon", "o/0/0/2", 64)
    assert found(fallen([*ids("0-"), *ids("1-"), *ids("2-"), *ids("3-")])) == [("slot", "o/0/0", 256)]
    assert found(fallen([line.id for line in network()])) == [("olt", "o", 512)]


def test_two_splitters_are_two_outages() -> None:
    told = found(fallen([*ids("2-1-"), *ids("6-0-")]))
    assert sorted(told) == [("splitter", "o/0/0/2/s1", 16), ("splitter", "o/0/1/6/s0", 16)]


def test_power_follows_streets_across_splitters() -> None:
    hit = [line.id for line in network() if ("street", "street 3") in line.groups]
    assert found(fallen(hit, gasp=True)) == [("street", "street 3", 128)]


def test_partial_fall_counts_where_all_children_down_would_say_nothing() -> None:
    assert found(fallen(ids("2-1-")[:9])) == [("splitter", "o/0/0/2/s1", 9)]


def test_few_falls_are_chance_where_people_switch_off() -> None:
    assert found(fallen(ids("2-1-")[:4]), rate=20.0) == []
    assert found(fallen(ids("2-1-")[:4]), rate=0.1) == [("splitter", "o/0/0/2/s1", 4)]


@pytest.mark.parametrize(("spread_s", "lines"), [(20.0, 4), (300.0, 5), (900.0, 6), (3_500.0, 7)])
def test_a_switch_of_eight_is_found_however_slowly_it_is_told(spread_s: float, lines: int) -> None:
    house = [AreaLine(f"l{n}", (("switch", "sw"), ("house", "h"))) for n in range(8)]
    falls = fallen([f"l{n}" for n in range(lines)], spread_s=spread_s)
    assert [one[0] for one in found(falls, house, 1.0)] == ["switch"]
    assert found(falls[: lines - 2], house, 1.0) == []


def test_a_longer_window_may_be_likelier_for_it_comes_less_often() -> None:
    rules = OutageRules()
    assert exp(rules.log_alpha(min(rules.windows_s))) == pytest.approx(rules.alpha)
    assert exp(rules.log_alpha(3_600.0)) == pytest.approx(rules.alpha * 3_600 / min(rules.windows_s))


def test_old_falls_are_no_evidence_and_no_members() -> None:
    old = [Fall(line, NOW - timedelta(days=9)) for line in ids("2-1-")[:12]]
    assert found(old) == []
    told = find_outages(Area.of(network()), [*old, *fallen(ids("2-1-")[12:])], NOW, lambda _: 0.3)
    assert [(one.level, one.members) for one in told] == [("splitter", 4)]


def test_groups_that_nobody_can_tell_apart_are_said() -> None:
    lines = [AreaLine(f"l{n}", (("splitter", "s"), ("pon", "p"), ("olt", "o"))) for n in range(8)]
    lines += [AreaLine(f"m{n}", (("splitter", "t"), ("pon", "q"), ("olt", "o"))) for n in range(200)]
    told = find_outages(Area.of(lines), fallen([f"l{n}" for n in range(8)]), NOW, lambda _: 1.0)
    assert told[0].level == "splitter"
    assert told[0].same == (("pon", "p"),)


@pytest.mark.parametrize(
    ("gasps", "kind"),
    [
        ([True] * 8, "power"),
        ([False] * 8, "fibre"),
        ([True] * 3 + [False] * 7, "mixed"),
        ([None] * 8, "unknown"),
        ([True, True, None, None], "unknown"),
    ],
)
def test_power_is_told_from_fibre_by_dying_gasps(gasps: list[bool | None], kind: str) -> None:
    assert kind_of([Fall(f"l{n}", NOW, gasp) for n, gasp in enumerate(gasps)])[0] == kind


def test_chance_alone_opens_nothing_in_a_year_of_windows() -> None:
    rng = random.Random(5)
    area = Area.of(network())
    lines = sorted(area.groups)
    for _ in range(300):
        falls = [Fall(rng.choice(lines), NOW - timedelta(seconds=rng.uniform(0, 3600))) for _ in range(21)]
        assert find_outages(area, falls, NOW, lambda _: 1.2) == []


def test_rates_lean_on_the_wider_area_until_enough_was_seen() -> None:
    rates = FallRates("fall")
    first = rates.per_day(("n", "n/0/1/1"), NOW)
    assert 1.0 < first < 1.4
    for hour in (NOW.hour, NOW.hour - 1):
        rates.add("n", hour, 10.0, 100.0)
    quieter = rates.per_day(("n", "n/0/1/1"), NOW)
    assert quieter < first
    rates.add("n/0/1/1", NOW.hour, 60.0, 20.0)
    assert rates.per_day(("n", "n/0/1/1"), NOW) > 1.3
    assert rates.per_day(("n", "n/0/1/2"), NOW) == quieter
    assert rates.per_day(("n",), NOW + timedelta(hours=2)) > 1.0
    rates.add("n", NOW.hour - 1, 300.0, 0.0)
    assert rates.per_day(("n",), NOW) > 2.0  # what fell in the hour before is still looked at


def test_rules_are_configurable() -> None:
    rules = OutageRules(alpha=1e-3, least_lines=2)
    falls = fallen(ids("2-1-")[:2])
    assert find_outages(Area.of(network()), falls, NOW, lambda _: 0.3) == []
    assert len(find_outages(Area.of(network()), falls, NOW, lambda _: 0.3, rules)) == 1


def test_firmware_with_three_times_the_tickets_is_named_with_its_lines() -> None:
    rng = random.Random(7)
    groups = {f"l{n}": (("firmware", f"f{n % 5}"), ("olt", f"o{n % 7}")) for n in range(2_000)}
    tickets = [line for line, own in groups.items() if rng.random() < (0.09 if own[0][1] == "f3" else 0.03)]
    told = find_excess(groups, tickets)
    assert [(one.level, one.scope) for one in told] == [("firmware", "f3")]
    assert told[0].rate > 2
    assert set(told[0].examples) <= set(tickets)
    assert find_excess(groups, [line for line in groups if rng.random() < 0.03]) == []


@pytest.mark.parametrize(("n", "most"), [(8, 3), (16, 4), (64, 5), (128, 6)])
def test_so_many_lines_of_a_port_may_stay_down_after_an_outage_of_it(n: int, most: int) -> None:
    area = Area.of(AreaLine(f"l{i}", (("pon", "p"), ("olt", "o"))) for i in range(n))
    for k in range(3, n + 1):
        left = [Fall(f"l{i}", NOW) for i in range(k)]
        assert still_broken(area, left, NOW, lambda _: 1.0) == (k > most), k
