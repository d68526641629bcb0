"""Explanations of verdicts that no sum decided: what was seen, and what would have made it another."""

from cli.explained import explained
from probes.linetest import load_pack
from probes.linetest.explanation import Judged, explain
from tests.probes.linetest.cases import own_trials

OWN = {trial.name: trial.case for trial in own_trials()}


def told(name: str) -> dict[str, object]:
    case = OWN[name]
    return explain(load_pack(), Judged(case.technology, case.facts, case.now, case.strict_gates))


def test_a_mass_fault_shows_the_falls_that_decided_and_not_what_a_sum_lacked() -> None:
    found = told("mass_fibre")
    decisive = {line["fact"]: line for line in found["decisive"]}  # type: ignore[attr-defined]
    assert decisive["sib.others_down_window"]["points"] > 20
    assert found["missing"] == []
    flips = {(flip["fact"], flip["cause"]) for flip in found["flips"]}  # type: ignore[attr-defined]
    assert {("sib.dg_ratio", "mass_power"), ("sib.dg_ratio", "mass_mixed")} <= flips
    lines = "\n".join(explained(found))
    assert "sib.others_down_window = 9" in lines
    assert "What the sums would have said:" in lines


def test_a_sum_has_nothing_decisive_before_it() -> None:
    found = told("drop_fibre_cut")
    assert found["decisive"] == []
    assert found["missing"]
    assert "What the sums would have said:" not in "\n".join(explained(found))
