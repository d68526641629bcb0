"""Gates and post-gates: strictness, actions already tried, safety, and what else is wrong."""

from dataclasses import replace

import pytest

from probes.facts import Fact
from probes.linetest.cases import Case
from tests.probes.linetest.cases import own_trials, verdict_of

OWN = {trial.name: trial.case for trial in own_trials()}


def with_facts(case: Case, **values: object) -> Case:
    facts = {key.replace("__", "."): value for key, value in values.items()}
    added = {name: Fact(name, value, case.now, "test") for name, value in facts.items()}  # type: ignore[arg-type]
    return replace(case, facts={**case.facts, **added})


def test_unknown_gates_need_a_person_only_when_gates_are_strict() -> None:
    loose, strict = OWN["drop_fibre_cut"], replace(OWN["drop_fibre_cut"], strict_gates=True)
    assert not verdict_of(loose).needs_human
    found = verdict_of(strict)
    assert found.needs_human
    assert "gate_unknown:incident.match" in found.human_reasons
    asked = with_facts(strict, incident__match="none", planned__work="none", account__state="active", contacts_14d=0)
    assert not verdict_of(asked).needs_human


def test_twisted_pair_asks_for_the_subscribers_of_its_switch() -> None:
    case = replace(OWN["tp_cut"], strict_gates=True)
    asked = with_facts(case, incident__match="none", planned__work="none", account__state="active", contacts_14d=0)
    assert not verdict_of(asked).needs_human
    alone = {name: fact for name, fact in asked.facts.items() if name != "sw.subs_down_ratio"}
    assert verdict_of(asked, alone).human_reasons == ("gate_unknown:sw.subs_down_ratio",)


def test_siblings_that_nobody_spoke_of_are_quiet_only_without_strict_gates() -> None:
    case = OWN["drop_fibre_cut"]
    alone = replace(case, facts={name: fact for name, fact in case.facts.items() if not name.startswith("sib.")})
    assert verdict_of(alone).cause == "drop_fibre_cut"
    found = verdict_of(replace(alone, strict_gates=True))
    assert (found.verdict, found.next_probe) == ("INCONCLUSIVE", "sib.down_ratio")


@pytest.mark.parametrize("fact", ["voip.call_active", "fw.upgrade_running"])
def test_nothing_is_rebooted_during_a_call_or_an_upgrade(fact: str) -> None:
    found = verdict_of(with_facts(OWN["cpe_memory"], **{fact.replace(".", "__"): True}))
    assert found.cause == "cpe_memory"
    assert found.human_reasons == (f"unsafe:{fact}",)


def test_an_action_that_was_tried_is_not_proposed_again_without_a_person() -> None:
    found = verdict_of(with_facts(OWN["cpe_memory"], actions__tried="push_settings, reboot_cpe"))
    assert found.human_reasons == ("action_already_tried",)


@pytest.mark.parametrize(("contacts", "reasons"), [(2, ()), (3, ("repeated_contacts",)), (4, ("repeated_contacts",))])
def test_who_comes_a_third_time_gets_no_automatic_reboot(contacts: int, reasons: tuple[str, ...]) -> None:
    found = verdict_of(with_facts(OWN["cpe_memory"], contacts_14d=contacts))
    assert (found.cause, found.verdict, found.human_reasons) == ("cpe_memory", "REMOTE_FIX", reasons)
    assert found.needs_human is bool(reasons)
    (reboot,) = [step for step in found.steps if step.action == found.action]
    assert reboot.refused == reasons


def test_a_blocked_account_keeps_the_weak_light_as_a_finding() -> None:
    found = verdict_of(with_facts(OWN["low_rx_single"], account__state="blocked"))
    assert found.cause == "account_blocked"
    assert [finding.cause for finding in found.secondary] == ["low_rx_single"]


def test_radius_stands_in_for_billing_and_asks_for_a_person() -> None:
    case = replace(with_facts(OWN["ppp_auth"], radius__last="reject_blocked"), strict_gates=True)
    found = verdict_of(case)
    assert (found.cause, found.posterior) == ("account_blocked", 0.85)
    assert "gate_unknown:account.state" in found.human_reasons


@pytest.mark.parametrize(
    ("account", "session", "blocked"),
    [
        (None, None, True),
        (None, "none", True),
        (None, "up", False),
        ("active", "up", False),
        ("active", "none", True),
        ("active", None, False),
        ("blocked", "up", True),
    ],
)
def test_a_reject_stands_in_for_billing_unless_a_session_or_billing_says_otherwise(
    account: str | None, session: str | None, blocked: bool
) -> None:
    """It may be an hour old: a session that is up is younger, and billing that speaks needs nobody in its place."""
    told = {"account__state": account, "bras__session": session}
    case = with_facts(OWN["nff"], radius__last="reject_blocked", **told)
    case = replace(case, facts={name: fact for name, fact in case.facts.items() if fact.value is not None})
    assert (verdict_of(case).cause == "account_blocked") is blocked


def test_half_a_walk_is_no_walk() -> None:
    found = verdict_of(with_facts(OWN["mass_fibre"], probe__walk_ratio=0.7))
    assert found.verdict == "INCONCLUSIVE"
    assert "sib.n" in found.unreadable


def test_an_old_fall_does_not_explain_this_one() -> None:
    case = with_facts(OWN["customer_power_off"], ont__last_down_at="2026-05-01T00:00:00Z")
    assert verdict_of(case).verdict == "INCONCLUSIVE"


def test_a_model_that_never_gasps_makes_light_lost_mean_nothing() -> None:
    case = with_facts(OWN["customer_power_off"], ont__gasp_supported=False, ont__last_down_cause="losi")
    found = verdict_of(case)
    assert found.verdict == "INCONCLUSIVE"
    assert found.next_probe in ("led.power", "led.los")


def test_the_posterior_is_capped() -> None:
    assert max(verdict_of(case).posterior for case in OWN.values()) == 0.98
