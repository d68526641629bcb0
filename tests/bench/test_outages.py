"""The bench of outages runs, and its generator is what it says."""

import random
from collections import defaultdict

from bench import outages


def test_a_cut_of_the_generator_is_found_where_it_is() -> None:
    rng = random.Random(3)
    for kind in ("splitter", "power", "switch"):
        olt = outages.switch_of(rng, 16) if kind == "switch" else outages.olt_of(rng, 16)
        rates = outages.learned(rng, olt, 2)
        score = outages.Score()
        while score.cuts < 2:
            outages.one_cut(rng, olt, rates, kind, score, defaultdict(int))
        assert (score.found, score.named) == (score.cuts, score.cuts)


def test_quiet_days_are_quiet() -> None:
    rng = random.Random(4)
    olt = outages.olt_of(rng, 8)
    falls = outages.own_falls(rng, olt, 5)
    assert len(falls) > 100
    assert outages.Quiet(olt, outages.learned(rng, olt, 5)).alarms(falls) == 0


def test_a_day_that_is_not_quiet_is_told() -> None:
    rng = random.Random(4)
    olt = outages.olt_of(rng, 16)
    splitter = next(group for group in olt.area.members if group[0] == "splitter")
    cut = [(200_000.0 + n, line, 3_600.0) for n, line in enumerate(olt.members(splitter))]
    falls = sorted([*outages.own_falls(rng, olt, 5), *cut])
    assert outages.Quiet(olt, outages.learned(rng, olt, 5)).alarms(falls) == 1
