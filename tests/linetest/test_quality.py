"""Did it help, and how good are the verdicts: the counting."""

import pytest

from probes.linetest import load_pack
from probes.linetest.after_fix import Said, changes, next_state, outcome, post_check
from probes.linetest.quality import Answered, Closed, brier, causes, rates, reliability, suggestions, wilson

DROP = Said("DISPATCH_HOME", "drop_fibre_cut")


@pytest.mark.parametrize(
    ("before", "after", "check", "wanted"),
    [
        (DROP, Said("NFF", "nff"), None, "fixed"),
        (DROP, Said("NFF", "nff"), False, "same"),
        (DROP, DROP, None, "same"),
        (DROP, DROP, True, "same"),
        (DROP, Said("INCONCLUSIVE", "other"), None, "unknown"),
        (DROP, Said("INCONCLUSIVE", "other"), True, "fixed"),
        (DROP, Said("GUIDE_CUSTOMER", "wifi_weak"), None, "other"),
        (DROP, Said("GUIDE_CUSTOMER", "wifi_weak"), True, "other"),
        (Said(), Said("MONITOR_24H", "nff"), None, "fixed"),
        (DROP, Said("MONITOR_24H", "repeat_green"), None, "fixed"),
        (DROP, Said("MONITOR_24H", "restored_unmeasured"), None, "unknown"),
        (DROP, Said("MONITOR_24H", "restored_unmeasured"), True, "fixed"),
        (Said(), Said("MONITOR_24H", "restored_unmeasured"), None, "unknown"),
        (Said(), DROP, None, "same"),
        (Said("NFF", "nff"), DROP, None, "other"),
        (DROP, Said("OPEN_OUTAGE", "mass_power"), None, "unknown"),
        (DROP, Said("OPEN_OUTAGE", "mass_power"), False, "unknown"),
        (DROP, Said("ATTACH_OUTAGE", "incident_match"), False, "unknown"),
        (DROP, Said("ESCALATE_CORE", "olt_down"), None, "unknown"),
        (Said("ESCALATE_CORE", "olt_down"), Said("ESCALATE_CORE", "olt_down"), None, "same"),
        (Said(), Said("INCONCLUSIVE", "x"), None, "unknown"),
    ],
)
def test_outcome_of_a_test_after_an_action(before: Said, after: Said, check: bool | None, wanted: str) -> None:
    assert outcome(before, after, check) == wanted


@pytest.mark.parametrize(("check", "wanted"), [(None, "unknown"), (True, "fixed"), (False, "same")])
def test_what_must_be_checked_is_fixed_by_its_check_alone(check: bool | None, wanted: str) -> None:
    assert outcome(Said("REMOTE_FIX", "stb_hung"), Said("NFF", "nff"), check, must_check=True) == wanted


@pytest.mark.parametrize(
    ("earlier", "now", "last", "state"),
    [
        ([], "fixed", False, "watching"),
        (["fixed", "fixed", "fixed"], "fixed", True, "held"),
        (["fixed"], "same", False, "fell_back"),
        (["fixed"], "other", True, "fell_back"),
        ([], "same", False, "not_fixed"),
        (["same"], "fixed", False, "watching"),
        (["unknown"], "unknown", True, "unknown"),
        (["fixed"], "unknown", True, "held"),
        (["fixed", "same"], "fixed", False, "fell_back"),
        (["same", "fixed"], "fixed", True, "held"),
        (["well"], "well", True, "well"),
        (["well"], "other", False, "fell_back"),
        (["well", "fixed"], "unknown", True, "held"),
    ],
)
def test_state_after_a_test(earlier: list[str], now: str, last: bool, state: str) -> None:
    assert next_state(earlier, now, last=last) == state


def test_post_checks_of_the_packaged_pack_are_three_valued() -> None:
    check = load_pack().file.cause["low_rx_single"].post_check
    assert check is not None
    assert post_check(check, {check.fact: -20.0}) is True
    assert post_check(check, {check.fact: -29.0}) is False
    assert post_check(check, {}) is None
    assert post_check(None, {}) is None


def test_table_of_before_and_after() -> None:
    rows = changes(
        {"ont.rx_dbm": -28.0, "ont.run_state": "online", "probe.done_n": 3, "ont.lan_link": "up"},
        {"ont.rx_dbm": -21.5, "ont.run_state": "online", "ping.loss_pct": 0.0},
    )
    assert [(row.name, row.before, row.after, row.change) for row in rows] == [
        ("ont.lan_link", "up", None, None),
        ("ont.rx_dbm", -28.0, -21.5, 6.5),
        ("ping.loss_pct", None, 0.0, None),
    ]


def closed(said: str, cause: str, truth: str, needed: str, belief: float = 0.8, n: int = 1) -> list[Closed]:
    return [Closed(f"T{cause}{truth}{i}", said, cause, belief, truth, needed) for i in range(n)]


MIXED = [
    *closed("DISPATCH_HOME", "drop", "drop", "DISPATCH_HOME", 0.9, 9),
    *closed("DISPATCH_HOME", "drop", "power_off", "GUIDE_CUSTOMER", 0.9, 1),
    *closed("GUIDE_CUSTOMER", "wifi", "ont_dead", "DISPATCH_HOME", 0.6, 2),
    *closed("INCONCLUSIVE", "", "wifi", "GUIDE_CUSTOMER", 0.4, 3),
]


def test_rates_count_false_and_missed_dispatches() -> None:
    told = rates(MIXED)
    assert (told["false_dispatch"].part, told["false_dispatch"].whole) == (1, 10)
    assert (told["missed_dispatch"].part, told["missed_dispatch"].whole) == (2, 2)
    assert told["right_cause"].part == 9
    assert told["solved_without_visit"].share is None
    assert rates([])["repeat"].to_json() == {"part": 0, "whole": 0, "share": None, "low": None, "high": None}


def test_precision_and_recall_per_cause_and_the_alarm() -> None:
    found = {one.cause: one for one in causes(MIXED)}
    assert found["drop"].said.share == 0.9
    assert found["drop"].found.share == 1.0
    assert found["wifi"].found.share == 0.0
    assert not any(one.alarm for one in found.values())
    bad = causes(closed("DISPATCH_HOME", "drop", "wifi", "GUIDE_CUSTOMER", n=50))
    assert [one.cause for one in bad if one.alarm] == ["drop"]


def test_the_alarm_looks_at_the_last_fifty_closures() -> None:
    right = closed("DISPATCH_HOME", "drop", "drop", "DISPATCH_HOME", n=320)
    wrong = closed("DISPATCH_HOME", "drop", "wifi", "GUIDE_CUSTOMER", n=80)
    assert {one.cause: one.alarm for one in causes([*wrong, *right])}["drop"], "four of five in all, none of the last"
    assert not {one.cause: one.alarm for one in causes([*right, *wrong])}["drop"], "it is over"


def test_calibration() -> None:
    assert brier(closed("NFF", "nff", "nff", "NFF", 1.0)) == 0.0
    assert brier(MIXED) == pytest.approx((9 * 0.01 + 0.81 + 2 * 0.36) / 12)
    assert brier([]) is None
    filled = [one for one in reliability(MIXED) if one.n]
    assert [(one.n, one.right) for one in filled] == [(2, 0.0), (10, 0.9)]
    low, high = wilson(9, 10)
    assert low is not None and high is not None and low < 0.9 < high


def test_suggested_points_move_with_cases_and_the_expert_holds_few() -> None:
    def told(truth: str, met: int, of: int) -> list[Answered]:
        return [Answered(truth, {"led red": n < met}) for n in range(of)]

    rows = {"led red": (12.0, -12.0)}
    few = suggestions("drop", rows, [*told("drop", 1, 2), *told("wifi", 1, 2)])
    many = suggestions("drop", rows, [*told("drop", 250, 500), *told("wifi", 250, 500)])
    assert all(abs(one.suggested - one.points) < 4 for one in few)
    assert {one.answer for one in many} == {"yes", "no"}
    assert all(abs(one.suggested) < 2 for one in many)
    right = suggestions("drop", rows, [*told("drop", 470, 500), *told("wifi", 30, 500)])
    assert right == [] or all(one.suggested * one.points > 0 for one in right)
    assert suggestions("drop", rows, told("drop", 5, 5)) == []


def test_closures_that_agree_with_a_row_that_excludes_leave_it_alone() -> None:
    """−60 is a chance of a millionth; nineteen closures say nothing of it, and hundreds that agree neither."""

    def told(truth: str, met: int, of: int) -> list[Answered]:
        return [Answered(truth, {"offline": n < met}) for n in range(of)]

    rows = {"offline": (5.0, -60.0)}
    assert suggestions("drop", rows, [*told("drop", 19, 19), *told("wifi", 100, 100)]) == []
    agreed = suggestions("drop", rows, [*told("drop", 200, 200), *told("wifi", 63, 200)])
    assert not [one for one in agreed if one.answer == "no"]
