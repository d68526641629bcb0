"""Facts of several sources become one per name; what is thrown away is told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.services.merging import merge
from probes.facts import Fact, Quality, Scalar

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RX = "ont.rx_dbm"


def fact(value: Scalar | None, age_s: float, source: str, name: str = RX) -> Fact:
    quality = Quality.OK if value is not None else Quality.UNREADABLE
    return Fact(name, value, NOW - timedelta(seconds=age_s), source, quality=quality)


@pytest.mark.parametrize(
    ("live", "known", "source"),
    [
        ([fact(-20, 1, "olt"), fact(-21, 0, "cpe")], [], "olt"),
        ([fact(None, 0, "olt"), fact(-21, 30, "cpe")], [], "cpe"),
        ([fact(None, 0, "olt")], [fact(-21, 3000, "tree")], "tree"),
        ([fact(-20, 300, "olt"), fact(-21, 0, "cpe")], [], "cpe"),
        ([], [fact(-20, 4000, "nms"), fact(-21, 3500, "tree")], "tree"),
        ([], [fact(-20, 9000, "nms"), fact(-21, 8000, "tree")], "tree"),
    ],
)
def test_the_best_fact_of_a_name(live: list[Fact], known: list[Fact], source: str) -> None:
    assert merge(live, known, NOW).facts[RX].source == source


def test_two_live_levels_far_apart_are_a_doubt_and_history_is_none() -> None:
    assert len(merge([fact(-20, 1, "olt"), fact(-27, 0, "cpe")], [], NOW).doubts) == 1
    assert not merge([fact(-20, 1, "olt"), fact(-24, 0, "cpe")], [], NOW).doubts
    assert not merge([fact(-28, 0, "olt")], [fact(-20, 15, "tree")], NOW).doubts


@given(
    st.lists(st.tuples(st.sampled_from([None, -20.0, -25.0]), st.floats(0, 9000), st.sampled_from("abc")), min_size=1)
)
def test_a_value_is_never_lost_to_no_value_nor_a_fresh_one_to_a_stale_one(
    rows: list[tuple[float | None, float, str]],
) -> None:
    facts = [fact(value, age, source) for value, age, source in rows]
    chosen = merge(facts, [], NOW).facts[RX]
    assert (chosen.value is not None) == any(one.value is not None for one in facts)
    fresh = [one for one in facts if one.value is not None and (NOW - one.at).total_seconds() <= 3600]
    if fresh:
        assert chosen in fresh
