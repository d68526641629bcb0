"""The product's own cases: at least one for each cause of the packaged pack."""

import pytest

from probes.facts import FACTS
from probes.linetest import load_pack
from tests.probes.linetest.cases import Trial, faults, own_trials, verdict_of

TRIALS = own_trials()


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_own_case(trial: Trial) -> None:
    assert faults(verdict_of(trial.case), trial) == []


def test_every_cause_has_a_case() -> None:
    told = {trial.expect["cause"] for trial in TRIALS}
    assert set(load_pack().file.cause) - told == {"other"}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_a_verdict_is_whole_and_plain_json(trial: Trial) -> None:
    verdict = verdict_of(trial.case)
    found = verdict.to_json()
    assert found["queue"]
    assert found["due_at"] == "2026-05-21T19:10:00Z" or trial.name in ("restored",)
    for text in (verdict.title, verdict.text, verdict.script):
        assert set(text) == {"ru", "en"}
        assert "{" not in text["ru"] + text["en"]
    for line in verdict.evidence:
        assert line.fact in FACTS
        assert line.source == "fixture"


def test_a_repair_names_at_least_two_facts() -> None:
    few = {trial.name for trial in TRIALS if len(verdict_of(trial.case).evidence) < 2}
    registries = {"incident_match", "planned_work", "account_blocked", "inventory_mismatch", "own_probes_down"}
    assert few <= registries
