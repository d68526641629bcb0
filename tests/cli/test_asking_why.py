"""From a ticket or a line to why its verdict was given; a misspelt action is told its right name."""

from pathlib import Path
from typing import Any

import pytest

from cli.report import _after
from tests.cli.conftest import calls_answered, run, token_in

AT = "2026-11-21T12:00:00Z"
TICKETS = [
    {"id": "TT-2", "line": None, "line_test": None, "received_at": AT, "detail": "no line: the ticket names none"},
    {"id": "TT-1", "line": "L-1", "line_test": "t-1", "received_at": AT, "detail": ""},
]  # fmt: skip
TESTS: list[dict[str, Any]] = [
    {"id": "t-2", "line": "L-1", "ticket": None, "state": "running", "created_at": AT, "verdict": None},
    {"id": "t-1", "line": "L-1", "ticket": "TT-1", "state": "done", "created_at": AT,
     "verdict": {"verdict": "GUIDE_CUSTOMER", "cause": "wifi_weak"}},
]  # fmt: skip
OFFERS = [{"action": "wifi-name"}, {"action": "reboot"}]
ANSWERS: dict[str, Any] = {
    "GET /tickets": TICKETS,
    "GET /line-tests": TESTS,
    "GET /devices/d/actions": OFFERS,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Any]]:
    token_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    return calls_answered(monkeypatch, ANSWERS)


@pytest.mark.parametrize(
    ("words", "question", "shown"),
    [
        (["ticket", "list", "--line", "L-1"], {"line": "L-1", "limit": 50}, ("TT-1", "the ticket names none")),
        (["linetest", "list", "--ticket", "TT-1"], {"ticket": "TT-1", "limit": 20}, ("t-1", "wifi_weak", "running")),
    ],
    ids=["tickets", "tests"],
)
def test_lists(asked: list[tuple[str, Any]], words: list[str], question: dict[str, Any], shown: tuple[str]) -> None:
    told = run(*words, "--token-file", "token")
    assert told.exit_code == 0, told.stderr
    assert all(part in told.stdout for part in shown), told.stdout
    assert {name: value for name, value in asked[0][1].items() if value is not None} == question
    assert run(*words, "--json", "--token-file", "token").stdout.startswith("[")


def test_a_misspelt_action_is_told_its_name(asked: list[tuple[str, Any]]) -> None:
    told = run("device", "do", "d", "wifi-nam", "name=x", "--yes", "--token-file", "token")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "There is no action wifi-nam; did you mean wifi-name?" in told.stderr
    assert [question for question, _ in asked] == ["GET /devices/d/actions"]


def test_how_long_after_an_action_is_told_in_minutes_or_hours() -> None:
    assert [_after(hours) for hours in (5 / 60, 0.5, 1.0, 24.0)] == ["5 min", "30 min", "1 h", "24 h"]
