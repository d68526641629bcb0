"""What stands beside a value on a card: the norm of a healthy line, and texts that a person can read."""

from dataclasses import replace
from datetime import UTC, datetime

from probes.facts import Fact
from probes.linetest import load_pack
from probes.linetest.cases import Case
from probes.linetest.explain import filled
from probes.linetest.form import Text
from tests.probes.linetest.cases import own_trials, verdict_of

OWN = {trial.name: trial.case for trial in own_trials()}
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def with_fact(case: Case, name: str, value: object) -> Case:
    return replace(case, facts={**case.facts, name: Fact(name, value, case.now, "test")})  # type: ignore[arg-type]


def test_a_norm_is_what_a_healthy_line_shows_and_not_what_another_cause_would() -> None:
    norms = load_pack().norms
    assert norms["olt.unprovisioned_on_port"] == {"ru": "нет", "en": "no"}
    assert norms["bras.peers_lost_ratio"] == {"ru": "< 0,2", "en": "< 0.2"}
    assert norms["stb.mac_on_port"]["en"] == "yes"
    assert norms["wifi.radio_on"]["en"] == "yes"
    assert norms["account.iptv_package"]["en"] == "active"
    assert norms["dhcp.status"]["en"] == "Bound, Renewing"
    assert norms["wifi.snr_db"] == {"ru": "≥ 15 дБ", "en": "≥ 15 dB"}
    assert norms["ont.rx_dbm"]["en"] == "−25 … −8 dBm (B+)", "the pack's own words come first"
    assert {"wifi.clients", "cpe.uptime_s", "ont.last_down_cause", "sib.n"}.isdisjoint(norms)


def test_the_evidence_of_another_cause_has_the_norm_of_a_healthy_line() -> None:
    verdict = verdict_of(with_fact(OWN["customer_power_off"], "olt.unprovisioned_on_port", False))
    lines = {line.fact: line.norm for line in verdict.evidence}
    assert lines["olt.unprovisioned_on_port"]["en"] == "no"
    assert lines["ont.last_down_cause"] == {}


def test_a_text_has_no_unit_without_its_value_and_no_seconds_that_nobody_can_read() -> None:
    text = Text(ru="{wifi.rate_mbit} Мбит/с, {cpe.uptime_s} с.", en="{wifi.rate_mbit} Mbit/s and {cpe.uptime_s} s.")
    assert filled(text, {}) == {"ru": "н/д, н/д.", "en": "not measured and not measured."}
    feminine = Text(ru="скорость {wifi.rate_mbit} Мбит/с", en="rate {wifi.rate_mbit} Mbit/s")
    assert filled(feminine, {}) == {"ru": "скорость н/д", "en": "rate not measured"}, "no word that had to agree"
    known = filled(text, {"wifi.rate_mbit": 6.5, "cpe.uptime_s": 3_053_903})
    assert known == {"ru": "6,5 Мбит/с, 35 сут.", "en": "6.5 Mbit/s and 35 d."}


def test_an_instant_says_that_it_is_utc_and_neighbouring_values_stay_apart() -> None:
    text = Text(ru="{ont.last_down_at} {dhcp.selecting_s} с", en="{ont.last_down_at} {dhcp.selecting_s} s")
    told = filled(text, {"ont.last_down_at": "2026-11-21T15:00:00+03:00", "dhcp.selecting_s": 90})
    assert told == {"ru": "2026-11-21 12:00:00 UTC 90 с", "en": "2026-11-21 12:00:00 UTC 90 s"}


def test_what_was_not_measured_begins_with_what_matters_for_the_verdict() -> None:
    verdict = verdict_of(OWN["nff"])
    rivals = [item.cause for item in verdict.ranking[1:3]]
    rows = [row for name in rivals for row in load_pack().cause(name).evidence]
    asked = {name for row in rows for name in row.facts() if name[0] != "@"} - set(OWN["nff"].facts)
    first = verdict.not_measured[: len(asked)]
    assert asked and set(first) == asked


def test_the_runner_up_is_named_in_both_languages() -> None:
    runner_up = verdict_of(OWN["drop_fibre_cut"]).to_json()["runner_up"]
    assert isinstance(runner_up, dict) and set(runner_up["title"]) == {"ru", "en"}
