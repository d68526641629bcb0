"""The outage, ticket and report commands against an API that answers from a table."""

from typing import Any

import pytest
from click.testing import CliRunner

import cli.outage
import cli.report
import cli.ticket
from cli.main import cli as command

OUTAGE = {
    "id": "O1", "state": "candidate", "witness": "fall", "level": "splitter", "kind": "fibre",
    "scope": "olt-1/0/1/2/s1",
    "node": "olt-1", "since": "2026-11-21T18:00:00Z", "hit": 8, "members": 9, "gasp_share": 0.0, "confirmed_by": None,
    "restored_at": None, "closed_by": None, "detail": "", "note": "", "tickets": [{"ticket": "T1", "line": "L1"}],
    "still_broken": ["L7"], "outcomes": {"healthy": 5, "broken": 1, "unknown": 2, "not_tested": 0},
    "lines": [{"line": "L1", "at": "2026-11-21T18:00:00Z", "gasp": None, "back_at": None, "outcome": "broken"}],
}  # fmt: skip
RATE = {"part": 1, "whole": 4, "share": 0.25, "low": 0.05, "high": 0.7}
ANSWERS: dict[str, Any] = {
    "/outages": [OUTAGE],
    "/outages/O1": OUTAGE,
    "/outages/O1/confirm": {**OUTAGE, "state": "confirmed"},
    "/outages/O1/close": {**OUTAGE, "state": "dismissed"},
    "/outages/systemic": [
        {"level": "firmware", "scope": "Box 1.2", "tickets": 9, "lines": 40, "expected": 2.0, "rate": 4.5,
         "chance": 1e-5,
         "examples": ["L1", "L2"]}
    ],
    "/tickets/T1": {"id": "T1", "received_at": "2026-11-21T18:00:00Z", "line": "L1", "line_test": "X", "detail": "",
                    "verdict": {"verdict": "NFF", "cause": "nff"}},
    "/tickets/T1/closure": {"ticket": "T1", "cause": "nff"},
    "/checkups": [
        {"at": "2026-11-21T18:00:00Z", "line": "L1", "action": "reboot", "ticket": "T1", "state": "fell_back",
         "runs": [{"outcome": "fixed"}, {"outcome": "same"}, {"outcome": ""}],
         "table": [{"name": "ont.rx_dbm", "before": -28.0, "after": -21.0, "unit": "dBm", "change": 7.0}]}
    ],
    "/reports/quality": {
        "closures": 4, "joined": 4, "rates": {"false_dispatch": RATE}, "brier": 0.1234,
        "causes": [{"cause": "nff", "precision": RATE, "recall": RATE, "brier": 0.2, "alarm": True,
                    "override": RATE}],
        "reliability": [{"low": 0.8, "high": 0.9, "n": 4, "believed": 0.85, "right": 0.25}],
        "after_fix": {"reboot": {"done": 3, "held": 1, "fell_back": 1, "after": [
            {"after_h": 1.0, "fixed": 2, "known": 3}]}},
        "suggestions": [{"cause": "nff", "condition": "led.los = red", "answer": "yes", "points": 5, "suggested": 2.5,
                         "cases": 30}],
    },
}  # fmt: skip


class Client:
    """Answers from the table."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get(self, path: str, **_: object) -> Any:
        return ANSWERS[path]

    def post(self, path: str, _body: object) -> Any:
        return ANSWERS[path]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("outage list", "splitter olt-1/0/1/2/s1"),
        ("outage show O1 --lines", "L7"),
        ("outage show O1", "healthy 5, broken 1, unknown 2\n"),
        ("outage confirm O1 --kind fibre", "confirmed"),
        ("outage close O1 --note no --dismiss", "dismissed"),
        ("outage systemic", "firmware Box 1.2"),
        ("ticket show T1", "NFF (nff)"),
        ("ticket close T1 --code nff --not-visited", "T1 was closed with nff"),
        ("report after-fix", "fixed same …"),
        ("report quality", "Brier score 0.123"),
    ],
)
def test_commands_print_what_the_api_says(words: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cli.outage, cli.ticket, cli.report):
        monkeypatch.setattr(module, "connect", lambda *_: Client())
    done = CliRunner().invoke(command, ["--lang", "en", *words.split()])
    assert (done.exit_code, shown in done.output) == (0, True), done.output
    plain = CliRunner().invoke(command, ["--lang", "en", *words.split(), "--json"])
    assert plain.exit_code == 0 and plain.output.lstrip()[0] in "[{"


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", ("ended without a verdict", "ValueError: a bug", "noc")), ("ru", ("закончилась без вердикта", "a bug"))],
)
def test_a_ticket_whose_test_failed_shows_why(
    language: str, shown: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"test": {"state": "failed", "detail": "ValueError: a bug"}, "verdict": None, "check": {"queue": "noc"}}
    monkeypatch.setitem(ANSWERS, "/tickets/T1", {**ANSWERS["/tickets/T1"], **failed})
    monkeypatch.setattr(cli.ticket, "connect", lambda *_: Client())
    done = CliRunner().invoke(command, ["--lang", language, "ticket", "show", "T1"])
    assert done.exit_code == 0 and all(each in done.output for each in shown), done.output
