"""Messages to other systems and adapters from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import calls_answered, run, token_in

MESSAGE: dict[str, Any] = {
    "id": "d1", "target": "adapter-desk", "subject": "line:L-1", "ticket": "desk:17", "event_type": "line_test.verdict",
    "state": "failed", "created_at": "2026-11-21T12:00:00Z", "next_at": "2026-11-21T12:00:00Z", "attempts": 3,
    "finished_at": None, "last_error": "HTTP 422: no such field",
}  # fmt: skip
TRY = {"at": "2026-11-21T12:00:01Z", "duration_ms": 81, "taken": False, "answer": "HTTP 422: no such field"}
ADAPTER = {"name": "zammad", "title": "Zammad 6", "tried": "", "signature": "hub-sha1", "asks": True}
SYSTEM = {
    "name": "desk", "adapter": "redmine", "url": "https://desk.example.net", "poll_s": 15.0, "hears": False,
    "feed": {"seen_to": "2026-11-21T12:00:00Z", "looked_at": "2026-11-21T12:00:00Z", "problem": "no answer"},
}  # fmt: skip
CALL = {"method": "PUT", "path": "/issues/7.json", "body": {"issue": {"notes": "told"}}}
ANSWERS: dict[str, Any] = {
    "GET /deliveries": [MESSAGE],
    "GET /deliveries/d1": {**MESSAGE, "body": {"ticket": "desk:17"}, "log": [TRY]},
    "POST /deliveries/d1/resend": {**MESSAGE, "state": "pending"},
    "GET /adapters": [ADAPTER],
    "GET /ticket-systems": [SYSTEM],
    "POST /adapters/check": ADAPTER,
    "POST /adapters/try": {"ticket": {"id": "7", "line": "L-1", "phone": ""}, "event": {}, "calls": [CALL]},
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    return calls_answered(monkeypatch, ANSWERS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a token, an adapter and a message."""
    token_in(tmp_path)
    (tmp_path / "ours.toml").write_text('extends = "redmine"')
    (tmp_path / "message.json").write_text('{"issue": {"id": 7}}')
    (tmp_path / "broken.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "asked", "shown"),
    [
        (["delivery", "list", "--state", "failed", "--ticket", "desk:17"], {"state": "failed"}, "no such field"),
        (["delivery", "show", "d1"], {}, "81"),
        (["delivery", "resend", "d1"], {}, "goes to adapter-desk again"),
        (["adapter", "list"], {}, "its documentation alone"),
        (["adapter", "check", "ours.toml"], {"text": 'extends = "redmine"'}, "is right"),
        (
            ["adapter", "try", "redmine", "message.json", "--set", "verdict_field=11"],
            {"adapter": "redmine", "message": {"issue": {"id": 7}}, "variables": {"verdict_field": "11"}},
            "PUT /issues/7.json",
        ),
        (["adapter", "try", "ours.toml", "message.json"], {"text": 'extends = "redmine"'}, "L-1"),
    ],
)
def test_a_command_asks_and_tells(
    calls: list[tuple[str, Any]], here: Path, arguments: list[str], asked: dict[str, Any], shown: str
) -> None:
    server = ["--url", "http://127.0.0.1:9", "--token-file", str(here / "token")]
    result = run(*arguments, *server)
    assert result.exit_code == 0, result.output + result.stderr
    assert shown in result.stdout
    assert asked.items() <= (calls[0][1] or {}).items()
    told = run(*arguments, "--json", *server)
    assert json.loads(told.stdout) is not None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["adapter", "try", "redmine", "broken.json"], "is no JSON"),
        (["adapter", "try", "redmine", "message.json", "--set", "x"], "NAME=VALUE"),
    ],
)
def test_what_cannot_be_sent_is_told(calls: list[tuple[str, Any]], here: Path, arguments: list[str], told: str) -> None:
    result = run(*arguments, "--url", "http://127.0.0.1:9", "--token-file", str(here / "token"))
    assert result.exit_code != 0
    assert told in result.stderr
    assert not calls
