"""Chance, and the sib.* facts from the states of a port."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.linetest.outage import Baselines, SiblingState, binomial_tail, kmin, sibling_facts

NOW = datetime(2026, 5, 20, 19, 10, tzinfo=UTC)
FELL = NOW - timedelta(minutes=20)


def facts(states: list[SiblingState], this: int = 0, **more: object) -> dict[str, object]:
    found = sibling_facts(states, this, now=NOW, window_s=900, baselines=Baselines(7))
    assert all(fact.at == NOW for fact in found)
    return {fact.name: fact.value for fact in found}


def down(ont: int, cause: str = "losi", at: datetime | None = FELL, **more: object) -> SiblingState:
    return SiblingState(ont, False, at, cause, **more)  # type: ignore[arg-type]


def up(ont: int, **more: object) -> SiblingState:
    return SiblingState(ont, True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n", "quiet", "evening"), [(4, 2, 3), (8, 3, 3), (16, 3, 4), (32, 4, 5), (64, 4, 6), (128, 5, 8)]
)
def test_kmin_is_that_of_the_binomial_tail(n: int, quiet: int, evening: int) -> None:
    assert kmin(n, 15, 1e-4, 0.3) == quiet
    assert kmin(n, 15, 1e-4, 1.0) == evening


def test_the_tail_is_a_probability() -> None:
    assert binomial_tail(10, 0, 0.3) == 1.0
    assert binomial_tail(3, 3, 0.5) == pytest.approx(0.125)
    assert binomial_tail(3, 4, 0.5) == 0.0


def test_a_lone_line_has_no_outage() -> None:
    assert kmin(1, 15, 1e-4, 0.3) == 1
    assert facts([down(0)])["sib.others_down_window"] == 0


def test_a_cut_splitter_is_counted_at_the_splitter() -> None:
    near = [down(n, splitter="S1") for n in range(4)]
    far = [up(n, splitter="S2") for n in range(4, 12)]
    found = facts(near + far)
    assert found["sib.level"] == "splitter"
    assert (found["sib.n"], found["sib.up"], found["sib.others_down_window"]) == (4, 0, 3)
    assert (found["sib.splitters_hit"], found["sib.pon_rest_up_ratio"]) == (1, 1.0)
    assert found["sib.dg_ratio"] == 0.0


def test_falls_across_splitters_are_counted_at_the_port() -> None:
    states = [down(n, "dgi", splitter=f"S{n % 3}") for n in range(6)] + [up(n, splitter="S1") for n in range(6, 10)]
    found = facts(states)
    assert (found["sib.level"], found["sib.n"], found["sib.others_down_window"]) == ("pon", 10, 5)
    assert (found["sib.dg_ratio"], found["sib.splitters_hit"]) == (1.0, 3)


def test_an_ont_that_lives_is_compared_with_its_own_splitter_wherever_others_fell() -> None:
    dimmed = {"splitter": "S1", "rx_dbm": -27.0, "baseline_rx_dbm": -20.0}
    fine = {"splitter": "S2", "rx_dbm": -20.0, "baseline_rx_dbm": -20.0}
    fell_now = NOW - timedelta(minutes=2)
    states = [up(n, **dimmed) for n in range(4)] + [up(n, **fine) for n in range(4, 11)]
    found = facts([*states, down(11, "dgi", fell_now, splitter="S2")])
    assert (found["sib.level"], found["sib.n"], found["sib.rx_delta_share"]) == ("splitter", 4, 1.0)


def test_the_dead_and_the_never_born_do_not_count() -> None:
    states = [down(0), down(1, at=NOW - timedelta(days=8)), down(2, at=None), up(3)]
    found = facts(states)
    assert (found["sib.n"], found["sib.down_ratio"], found["sib.others_down_window"]) == (2, 0.5, 0)


def test_the_window_has_its_ends() -> None:
    edge = [down(1, at=FELL - timedelta(seconds=900)), down(2, at=FELL + timedelta(seconds=901))]
    assert facts([down(0), *edge])["sib.others_down_window"] == 1


def test_models_that_never_gasp_have_no_share() -> None:
    assert "sib.dg_ratio" not in facts([down(0, gasps=False), down(1, gasps=False)])


def test_a_fall_without_a_time_cannot_be_compared() -> None:
    assert "sib.others_down_window" not in facts([down(0, at=None), down(1), up(2)])


def test_a_step_of_light_is_counted_against_each_ones_own_past() -> None:
    states = [up(n, rx_dbm=-24.0, baseline_rx_dbm=-20.5, olt_rx_dbm=-26.0, flaps_24h=n) for n in range(5)]
    found = facts([*states, up(5, rx_dbm=-20.0, baseline_rx_dbm=-20.0, flaps_24h=0)])
    assert found["sib.rx_delta_share"] == 0.8
    assert (found["sib.rx_step_median_db"], found["sib.rx_median_dbm"]) == (-3.5, -24.0)
    assert found["sib.olt_rx_median_dbm"] == -26.0
    assert (found["sib.others_flapping"], found["sib.baseline_days"]) == (2, 7)


def test_nothing_read_gives_no_counts() -> None:
    assert set(facts([SiblingState(0, None), SiblingState(1, None)])) <= {"sib.level", "sib.baseline_days"} | {
        "sib.splitters_hit"
    }
    assert "sib.n" not in facts([])


def test_the_order_of_the_port_does_not_matter() -> None:
    states = [down(0), down(1, "dgi"), up(2, rx_dbm=-20.0), up(3, rx_dbm=-23.0)]
    assert facts(states) == facts(states[::-1])
