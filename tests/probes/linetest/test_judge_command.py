"""`secondline linetest judge`: input forms, exit codes, and what is said of bad input."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.exit_status import ExitStatus
from cli.linetest import linetest

WEAK = {"ont.run_state": "online", "ont.rx_dbm": -29.9, "ont.optical_class": "gpon_b+", "ont.rx_delta_db": -7.5}


def run(document: object, *options: str) -> Result:
    text = document if isinstance(document, str) else json.dumps(document)
    return CliRunner().invoke(linetest, ["judge", "-", *options], input=text)


def found(result: Result) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(result.stdout)
    return decoded


def test_the_verdict_has_the_keys_that_others_rely_on() -> None:
    result = run({"technology": "pon", "facts": WEAK}, "--json")
    assert result.exit_code == ExitStatus.VERDICT_DISPATCH_HOME
    verdict = found(result)
    assert (verdict["verdict"], verdict["cause"], verdict["location"]) == ("DISPATCH_HOME", "low_rx_single", "drop")
    assert verdict["needs_human"] is False
    assert set(verdict) >= {"posterior", "runner_up", "evidence", "not_measured", "next_probe", "queue", "pack"}
    line = verdict["evidence"][0]  # type: ignore[index]
    assert set(line) >= {"fact", "value", "points", "age_s", "norm"}
    assert set(verdict["pack"]) == {"id", "version", "hash"}  # type: ignore[call-overload]


def test_an_old_value_is_no_value() -> None:
    aged = {**WEAK, "ont.rx_dbm": {"value": -29.9, "age_s": 3601}, "ont.rx_delta_db": {"value": -7.5, "age_s": 93600}}
    verdict = found(run({"technology": "pon", "facts": aged}, "--json"))
    assert verdict["verdict"] == "INCONCLUSIVE"
    assert verdict["stale"] == ["ont.rx_dbm", "ont.rx_delta_db"]


def test_age_may_be_given_as_an_instant() -> None:
    facts = {**WEAK, "ont.rx_delta_db": {"value": -7.5, "at": "2026-01-01T00:00:00Z", "source": "book"}}
    result = run({"technology": "pon", "facts": facts}, "--json", "--now", "2026-01-01T00:30:00Z")
    rows = {row["fact"]: row for row in found(result)["evidence"]}  # type: ignore[attr-defined]
    assert (rows["ont.rx_delta_db"]["age_s"], rows["ont.rx_delta_db"]["source"]) == (1800.0, "book")


def test_null_is_missing_and_unknown_names_are_told() -> None:
    result = run({"technology": "pon", "facts": {**WEAK, "ont.tx_dbm": None, "moon.phase": 3}}, "--json")
    assert found(result)["ignored"] == ["moon.phase"]
    assert "moon.phase" in result.stderr


def test_strict_gates_ask_for_a_person() -> None:
    verdict = found(run({"technology": "pon", "facts": WEAK}, "--json", "--strict-gates"))
    assert verdict["needs_human"] is True


def test_the_technology_may_be_overridden() -> None:
    assert found(run({"technology": "pon", "facts": WEAK}, "--json", "--technology", "dsl"))["technology"] == "dsl"


def test_a_person_gets_a_card() -> None:
    result = run({"technology": "pon", "facts": WEAK})
    assert "low_rx_single" in result.stdout
    assert "ont.rx_dbm" not in result.stdout.split("Not measured")[0].split("Evidence")[0]


def test_the_clock_and_the_pack_make_it_repeatable(tmp_path: Path) -> None:
    options = ("--json", "--now", "2026-01-01T00:00:00Z")
    first, again = (run({"technology": "pon", "facts": WEAK}, *options).stdout for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "object"),
        ("[" * 100_000, "no JSON"),
        ('{"technology": "pon", "facts": {"ont.rx_dbm": NaN}}', "no JSON"),
        ({"facts": {}}, "technology"),
        ({"technology": "radio", "facts": {}}, "technology"),
        ({"technology": "pon"}, "facts"),
        ({"technology": "pon", "facts": [1]}, "facts"),
        ({"technology": "pon", "facts": {}, "colour": 1}, "colour"),
        ({"technology": "pon", "facts": {}, "now": "soon"}, "now"),
        ({"technology": "pon", "facts": {"ont.rx_dbm": "weak"}}, "ont.rx_dbm"),
        ({"technology": "pon", "facts": {"ont.rx_dbm": True}}, "ont.rx_dbm"),
        ({"technology": "pon", "facts": {"ont.flaps_24h": -1}}, "ont.flaps_24h"),
        ({"technology": "pon", "facts": {"ont.flaps_24h": 1.5}}, "ont.flaps_24h"),
        ({"technology": "pon", "facts": {"cpe.reachable": 1}}, "cpe.reachable"),
        ({"technology": "pon", "facts": {"ont.run_state": 1}}, "ont.run_state"),
        ({"technology": "pon", "facts": {"ont.last_down_at": "yesterday"}}, "ont.last_down_at"),
        ({"technology": "pon", "facts": {"ont.rx_dbm": {"value": -20, "age": 3}}}, "ont.rx_dbm"),
        ({"technology": "pon", "facts": {"ont.rx_dbm": {"value": -20, "age_s": -3}}}, "ont.rx_dbm"),
        ({"technology": "pon", "facts": {"ont.rx_dbm": [1]}}, "ont.rx_dbm"),
    ],
)
def test_bad_input_is_one_clear_message(document: object, told: str) -> None:
    result = run(document, "--json")
    assert result.exit_code == ExitStatus.USAGE
    assert result.stdout == ""
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_file_is_named() -> None:
    result = CliRunner().invoke(linetest, ["judge", "/nowhere/facts.json"])
    assert result.exit_code == ExitStatus.USAGE
    assert "/nowhere/facts.json" in result.stderr


def test_a_wrong_pack_is_named(tmp_path: Path) -> None:
    pack = tmp_path / "pack.toml"
    pack.write_text("[pack]\nid = 3\n", encoding="utf-8")
    result = run({"technology": "pon", "facts": WEAK}, "--pack", str(pack))
    assert result.exit_code == ExitStatus.USAGE
    assert "pack.toml" in result.stderr
