"""Values at their limits: light, dying-gasp share, counts against chance, lengths, error rates, ages, contacts."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.facts import Fact, Scalar
from probes.linetest import Verdict
from probes.linetest.cases import Case
from tests.probes.linetest.cases import own_trials, verdict_of

OWN = {trial.name: trial.case for trial in own_trials()}


def changed(name: str, **values: Scalar | None) -> Verdict:
    case: Case = OWN[name]
    facts = dict(case.facts)
    for key, value in values.items():
        fact = key.replace("__", ".")
        facts.pop(fact, None)
        if value is not None:
            facts[fact] = Fact(fact, value, case.now, "test")
    return verdict_of(case, facts)


@pytest.mark.parametrize(
    ("light", "optical_class", "verdicts"),
    [
        (-23.9, "gpon_b+", {"NFF"}),
        (-24.0, "gpon_b+", {"NFF"}),
        (-24.1, "gpon_b+", {"INCONCLUSIVE"}),
        (-26.9, "gpon_b+", {"INCONCLUSIVE"}),
        (-27.0, "gpon_b+", {"INCONCLUSIVE"}),
        (-27.1, "gpon_b+", {"INCONCLUSIVE"}),
        (-29.1, "gpon_b+", {"DISPATCH_HOME"}),
        (-27.0, "gpon_c+", {"NFF"}),
        (-30.0, "gpon_c+", {"INCONCLUSIVE"}),
        (-32.1, "gpon_c+", {"DISPATCH_HOME"}),
        (-29.1, None, {"INCONCLUSIVE"}),
        (-24.1, None, {"INCONCLUSIVE"}),
        (-8.0, "gpon_b+", {"NFF"}),
        (-7.9, "gpon_b+", {"INCONCLUSIVE"}),
    ],
)
def test_light_without_a_step(light: float, optical_class: str | None, verdicts: set[str]) -> None:
    assert changed("nff", ont__rx_dbm=light, ont__optical_class=optical_class).verdict in verdicts


@pytest.mark.parametrize("reading", [0, 0.0, -40, 65535, 2147483647, -32768, float("nan"), float("inf"), True, "weak"])
def test_a_sentinel_is_no_reading(reading: Scalar) -> None:
    verdict = changed("nff", ont__rx_dbm=reading)
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.unreadable == ("ont.rx_dbm",)
    assert verdict.next_probe == "ont.rx_dbm"


@pytest.mark.parametrize(
    ("share", "cause"), [(0.10, "mass_fibre"), (0.11, "mass_mixed"), (0.49, "mass_mixed"), (0.50, "mass_power")]
)
def test_the_share_of_gasps_tells_fibre_from_power(share: float, cause: str) -> None:
    assert changed("mass_fibre", sib__dg_ratio=share).cause == cause


@pytest.mark.parametrize(("n", "least"), [(4, 2), (8, 3), (16, 3), (32, 4), (64, 4), (128, 5)])
def test_an_outage_begins_where_chance_ends(n: int, least: int) -> None:
    few = changed("mass_fibre", sib__n=n, sib__others_down_window=least - 1, sib__down_ratio=least / n)
    enough = changed("mass_fibre", sib__n=n, sib__others_down_window=least, sib__down_ratio=(least + 1) / n)
    assert few.verdict != "OPEN_OUTAGE"
    assert enough.cause == "mass_fibre"


@pytest.mark.parametrize(("gap", "cause"), [(5, "tp_far_end_unplugged"), (6, "tp_cut")])
def test_a_cable_ends_where_it_is_known_to_end(gap: int, cause: str) -> None:
    assert changed("tp_cut", tdr__gap_to_known_len_m=gap).cause == cause


@pytest.mark.parametrize(
    ("ppm", "frames", "cause"),
    [
        (100, 10_000, "not_determined"),
        (101, 10_000, "tp_bad"),
        (101, 9_999, "not_determined"),
        (10, 10_000, "nff"),
    ],
)
def test_errors_need_enough_frames(ppm: int, frames: int, cause: str) -> None:
    assert changed("nff-fttb", sw__crc_ppm=ppm, sw__frames_15min=frames).cause == cause


@pytest.mark.parametrize(("contacts", "verdict"), [(1, "NFF"), (2, "MONITOR_24H")])
def test_a_second_contact_forbids_nothing_found(contacts: int, verdict: str) -> None:
    assert changed("nff", contacts_14d=contacts, visits_30d=0).verdict == verdict


def test_a_contact_is_no_first_one_while_nobody_told_of_visits() -> None:
    assert changed("nff", contacts_14d=1).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(("age", "verdict"), [(300, "NFF"), (301, "INCONCLUSIVE")])
def test_a_fact_is_as_good_as_its_greatest_age(age: int, verdict: str) -> None:
    case = OWN["nff"]
    session = Fact("bras.session", "up", case.now - timedelta(seconds=age), "test")
    assert verdict_of(case, {**case.facts, "bras.session": session}).verdict == verdict


def test_a_fact_of_the_future_is_new() -> None:
    case = OWN["nff"]
    session = Fact("bras.session", "up", datetime(2030, 1, 1, tzinfo=UTC), "test")
    assert verdict_of(case, {**case.facts, "bras.session": session}).verdict == "NFF"


def test_what_tells_fibre_from_port_is_asked_next() -> None:
    verdict = changed("mass_fibre_or_port", olt__port_fault=False)
    assert (verdict.verdict, verdict.next_probe) == ("INCONCLUSIVE", "olt.port_laser_on")
    assert "olt.port_laser_on" in verdict.not_measured
