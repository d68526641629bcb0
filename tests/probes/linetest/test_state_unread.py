"""The state of the ONT was not read: what stands in for it, and what never does."""

from dataclasses import replace

import pytest

from probes.linetest.cases import Case
from probes.linetest.model import VerdictKind
from tests.probes.linetest.cases import own_trials, verdict_of
from tests.probes.linetest.test_postgates import with_facts

OWN = {trial.name: trial.case for trial in own_trials()}


def without(case: Case, *names: str) -> Case:
    return replace(case, facts={name: fact for name, fact in case.facts.items() if name not in names})


@pytest.mark.parametrize("name", ["mass_fibre", "mass_fibre-feeder", "mass_power"])
def test_a_mass_fault_is_named_where_session_and_contact_are_gone(name: str) -> None:
    found = verdict_of(without(OWN[name], "ont.run_state"))
    assert found.verdict is VerdictKind.OPEN_OUTAGE
    assert {"bras.session", "cpe.reachable"} <= {line.fact for line in found.evidence}


def test_one_witness_alone_opens_no_outage() -> None:
    alone = without(OWN["mass_fibre"], "ont.run_state", "bras.session", "cpe.reachable")
    assert verdict_of(alone).verdict is VerdictKind.INCONCLUSIVE


@pytest.mark.parametrize(
    "denied", [{"bras.session": "up"}, {"cpe.reachable": True}, {"ont.last_up_at": "2026-05-20T18:50:00Z"}]
)
def test_a_witness_that_denies_keeps_it_open(denied: dict[str, object]) -> None:
    told = with_facts(without(OWN["mass_fibre"], "ont.run_state"), **denied)
    assert verdict_of(told).verdict is not VerdictKind.OPEN_OUTAGE


def test_the_cause_of_the_fall_speaks_where_all_others_say_that_the_line_is_down() -> None:
    off = without(OWN["customer_power_off"], "ont.run_state")
    assert "ont.last_down_at" in off.facts
    assert verdict_of(with_facts(off, bras__session="none", cpe__reachable=False)).cause == "customer_power_off"
    fewer = without(with_facts(off, bras__session="none"), "cpe.reachable")
    assert verdict_of(fewer).verdict is VerdictKind.INCONCLUSIVE


def test_a_line_that_came_back_and_was_not_wholly_measured_is_watched_and_not_closed() -> None:
    case = OWN["restored_unmeasured"]
    assert verdict_of(case).verdict is VerdictKind.MONITOR_24H
    assert verdict_of(with_facts(case, contacts_14d=3)).verdict is VerdictKind.INCONCLUSIVE
    assert verdict_of(without(case, "bras.session")).verdict is VerdictKind.INCONCLUSIVE
    assert verdict_of(with_facts(case, ont__rx_dbm=-31.0, ont__rx_delta_db=-9.0)).cause == "low_rx_single"
