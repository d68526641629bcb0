"""What a person reads has words in his language before its values, not the names of fields."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from acs.api.files import FileAnswer
from acs.api.lines import LineAnswer
from acs.api.operations import OperationAnswer
from cli import texts
from cli.main import cli
from cli.titles import STATES, TITLES, titled
from tests.cli.conftest import calls_answered, token_in

AT = "2026-11-21T12:00:00Z"
LINE = {
    "id": "L-1", "technology": "pon", "address": "Sadovaya 1", "node": "olt-1", "frame": 0, "slot": 1, "port": 2,
    "splitter": "S1", "ont": 3, "gpon_serial": "HWTC00000001", "account": "77", "services": ["internet", "iptv"],
    "pppoe_login": "user1", "cable_length_m": 40.0, "device_serials": ["S1"],
}  # fmt: skip
OPERATION = {
    "id": "op-1", "device": "d", "kind": "reboot", "state": "expired", "created_at": AT, "deadline_at": AT,
    "finished_at": AT, "actor": "anna", "reason": "hangs", "detail": "x", "result": {"a": 1}, "steps": [],
}  # fmt: skip
WAYS = {
    "methods": ["http"], "behind_nat": True, "udp_address": "192.0.2.1:7547", "stun_address": "192.0.2.2:3478",
    "stun_seen_at": AT, "jabber_id": "a@b", "tries": [],
}  # fmt: skip
CARD: dict[str, Any] = {"device": "d", "profile": None, "sections": [], "reboots": []}
VERDICT = {"verdict": "GUIDE_CUSTOMER", "title": {"en": "Weak Wi-Fi", "ru": "Слабый Wi-Fi"}, "text": {"ru": "−82 dBm"},
           "evidence": [{"fact": f"f{n}"} for n in range(99)]}  # fmt: skip
DELIVERY = {
    "id": "d1", "target": "crm", "subject": "line:L-1", "ticket": "TT-1", "event_type": "line_test.verdict",
    "state": "delivered", "created_at": AT, "next_at": AT, "attempts": 1, "finished_at": AT, "last_error": "",
    "log": [{"at": AT, "duration_ms": 81, "taken": True, "answer": "200"}],
    "body": {"line": "L-1", "line_test": "t1", "queue": "l1", "verdict": VERDICT},
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "GET /lines/L-1": {**LINE, "devices": [], "facts": []},
    "GET /operations/op-1": OPERATION,
    "GET /devices/d": {"key": "d"},
    "GET /devices/d/connection-requests": WAYS,
    "GET /devices/d/card": CARD,
    "GET /deliveries/d1": DELIVERY,
}


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    calls_answered(monkeypatch, ANSWERS)


def shown(folder: Path, *arguments: str, language: str = "ru") -> str:
    token_in(folder)
    texts.choose(language)
    server = ["--url", "http://127.0.0.1:9", "--token-file", str(folder / "token")]
    result = CliRunner().invoke(cli, [*arguments, *server], prog_name="secondline")
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("line", "show", "L-1"), ("лицевой счёт", "номера устройств", "internet, iptv")),
        (("operation", "show", "op-1"), ("кто запросил", "истекла", "2026-11-21 12:00:00")),
        (("device", "show", "d"), ("за NAT", "способы вызова", "последний пакет STUN")),
        (("delivery", "show", "d1"), ("Слабый Wi-Fi", "−82 dBm", "81")),
    ],
)
def test_a_person_reads_words_in_his_language(
    tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    text = shown(tmp_path, *arguments)
    for word in words:
        assert word in text
    heads = [line.split("  ")[0] for line in text.splitlines()]
    assert not [head for head in heads if re.fullmatch(r"[a-z]+(_[a-z]+)+|actor|reason|kind|state|account", head)], text


def test_every_field_that_is_shown_has_a_title() -> None:
    """Of what the API tells of lines, files and operations; a new field is given its words here."""
    named = {*LineAnswer.model_fields, *FileAnswer.model_fields, *WAYS} - {"tries"}
    shown_of_operations = {name for name in OPERATION if name != "steps"}
    assert shown_of_operations <= {*OperationAnswer.model_fields}
    assert (named | shown_of_operations) - {*TITLES} == set()


def test_states_and_moments_are_words_and_what_is_empty_is_left_out() -> None:
    pairs = titled([("state", "sent"), ("created_at", AT), ("note", ""), ("frame", 0), ("services", []), ("other", 1)])
    assert pairs == [("state", STATES["sent"]), ("created", "2026-11-21 12:00:00"), ("frame", 0), ("other", 1)]


def test_a_message_is_told_in_short_and_its_body_when_asked(tmp_path: Path) -> None:
    assert "evidence" not in shown(tmp_path, "delivery", "show", "d1", language="en")
    assert json.loads(shown(tmp_path, "delivery", "show", "d1", "--body")) == DELIVERY["body"]
    assert json.loads(shown(tmp_path, "delivery", "show", "d1", "--json")) == DELIVERY
