"""Every log event that the code writes stands in docs/operations.md, and none stands there that it does not write."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception"}


@cache
def written() -> set[str]:
    """Event names given to structlog as literals."""
    names = {"library.logged"}
    for path in [*(ROOT / "acs").rglob("*.py"), *(ROOT / "probes").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first = node.args[0]
            if node.func.attr in LEVELS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                names.add(first.value)
    return names


def test_log_events_and_their_page_agree() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", rows))
    assert written() - listed == set(), "these are logged and not in docs/operations.md"
    assert listed - written() == set(), "these are in docs/operations.md and nobody logs them"


def test_event_names_are_noun_and_past_verb() -> None:
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", name) for name in written())
