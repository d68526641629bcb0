"""What questions of history are answered from: columns of blocks, corrected by young values, thinned out."""

import random
import statistics

import pytest

from acs.errors import StoreError
from acs.store.instants import instant
from acs.store.packing import Columns, pack, unpack, unpack_columns
from acs.store.tracks import Track, corrected, joined, points, thinned

SECOND = 1_000_000


def test_a_body_of_another_form_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match=r"form 0x02, which nothing here writes"):
        unpack(bytes.fromhex("0280ee89ab0df7df89ab0d00a3210202"), 3)


@pytest.mark.parametrize("rises", [0, 900, 70_000, 2**40])
def test_levels_and_counters_come_back(rises: int) -> None:
    chance = random.Random(rises)
    given = [(n * 900, float(n * rises + chance.randint(-9, 9))) for n in range(300)]
    found = unpack_columns(pack([(second, value, value, value, 1) for second, value in given]), len(given))
    assert list(zip(found.at, found.means, strict=True)) == [(second * SECOND, value) for second, value in given]
    assert found.counts is None


def test_facts_that_were_measured_at_the_same_moments_keep_their_own_values() -> None:
    at = [n * 900 for n in range(300)]
    bodies = [pack([(second, level, level, level, 1) for second in at]) for level in (1.0, 2.5)]
    later = pack([(second + 1, 4.0, 4.0, 4.0, 1) for second in at])
    first, second, third = (unpack_columns(body, 300) for body in (*bodies, later))
    assert first.at == second.at == tuple(each * SECOND for each in at) and third.at[0] == SECOND
    assert (first.means[7], second.means[7], third.means[7]) == (1.0, 2.5, 4.0)


def test_blocks_are_cut_to_what_is_asked_for_and_put_in_order() -> None:
    late = Columns([30 * SECOND, 40 * SECOND], [3.0, 4.0], [3.0, 4.0], [3.0, 4.0], None)
    hours = Columns([10 * SECOND, 20 * SECOND], [1.0, 2.0], [0.0, 1.0], [9.0, 9.0], [5, 6])
    for blocks in ((hours, late), (late, hours)):
        track = joined(blocks, 15 * SECOND, 40 * SECOND)
        assert track == Track([20 * SECOND, 30 * SECOND], [2.0, 3.0], [1.0, 3.0], [9.0, 3.0], [6, 1])


def test_of_one_second_the_young_value_stands() -> None:
    packed = joined([Columns([10 * SECOND, 20 * SECOND], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0], None)], 0, 60 * SECOND)
    fresh = [(5 * SECOND, 0.5), (10 * SECOND + 7, 8.0)]
    assert corrected(packed, fresh).at == [5 * SECOND, 10 * SECOND + 7, 20 * SECOND]
    assert corrected(packed, fresh).values == [0.5, 8.0, 2.0]
    assert corrected(packed, [(30 * SECOND, 3.0)]).values == [1.0, 2.0, 3.0]


def test_neighbours_become_one_with_mean_least_and_greatest() -> None:
    values = [float(n % 7) for n in range(100)]
    track = Track([n * SECOND for n in range(100)], values, values, values, [1] * 100)
    few = thinned(track, 12)
    assert len(few.at) == 12 and few.at[0] == 0 and sum(few.counts) == 100
    assert (few.values[0], few.lows[0], few.highs[0]) == (round(statistics.mean(values[:9]), 3), 0.0, 6.0)
    assert few.counts[-1] == 1, "the last point stands for what is left"
    assert thinned(track, 100) is track
    twice = thinned(few, 1)
    assert twice.values == [pytest.approx(statistics.mean(values), abs=0.001)]
    assert points(twice)[0] == (instant(0), twice.values[0], 0.0, 6.0, 100)
