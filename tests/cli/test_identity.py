"""Quarantine, credentials and alarms from the command line, on a server in a process of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import calls_answered, run, token_in

KEY = "001122-ONT-A%2FB"
ALARM = {
    "id": "a1", "kind": "device.cloned", "subject": f"device:{KEY}", "detail": {"why": "two boxes"}, "count": 3,
    "raised_at": "2026-03-05T12:00:00Z", "last_at": "2026-03-05T12:00:00Z", "cleared_at": None, "cleared_by": None,
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "GET /quarantine": [{"device": KEY, "since": "2026-03-05T12:00:00Z", "actor": "policy", "reason": "new"}],
    "GET /alarms": [ALARM],
    "POST /alarms/a1/clear": {**ALARM, "cleared_by": "me"},
    "PUT /devices/001122-ONT-A%252FB/admission": None,
    "DELETE /devices/001122-ONT-A%252FB/credentials": None,
    "POST /devices/001122-ONT-A%252FB/credentials": {
        "id": "o1", "kind": "own_credentials", "device": KEY, "state": "queued", "created_at": "2026-03-05T12:00:00Z"
    },
}  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    return calls_answered(monkeypatch, ANSWERS)


@pytest.fixture
def token(tmp_path: Path) -> str:
    return token_in(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "asked", "shown"),
    [
        (["device", "admit", KEY, "--reason", "seen"], {"admitted": True, "reason": "seen"}, "is admitted"),
        (["device", "quarantine", KEY], {"admitted": False, "reason": ""}, "is in quarantine"),
        (["device", "quarantine"], {"limit": 1000}, "policy"),
        (["device", "credentials", KEY], {}, "own_credentials"),
        (["device", "credentials", KEY, "--forget"], None, "shared credential again"),
        (["alarm", "list"], {"active": "true"}, "two boxes"),
        (["alarm", "list", "--all", "--device", KEY], {"active": None, "subject": f"device:{KEY}"}, "device.cloned"),
        (["alarm", "clear", "a1"], {}, "is cleared"),
    ],
)
def test_a_command_asks_and_tells(
    calls: list[tuple[str, Any]], token: str, arguments: list[str], asked: dict[str, Any] | None, shown: str
) -> None:
    result = run(*arguments, "--url", "http://127.0.0.1:9", "--token-file", token)
    assert result.exit_code == 0, result.output + result.stderr
    assert shown in result.stdout
    assert len(calls) == 1
    assert (asked or {}).items() <= (calls[0][1] or {}).items()
    told = run(*arguments, "--json", "--url", "http://127.0.0.1:9", "--token-file", token)
    assert json.loads(told.stdout) is not None
