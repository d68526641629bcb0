"""The alert rules and the dashboard: what they name exists, and Prometheus' own tool takes the rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from acs.metrics import Metrics
from acs.services.sessions import ENDS
from acs.services.waking.methods import Result
from acs.store.records import OperationState
from probes.linetest.model import VerdictKind
from tests.absent import absent
from tests.docs.scripts import script

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "monitoring"
RULES = FOLDER / "secondline.rules.yml"
DASHBOARD = FOLDER / "dashboard.json"


def known() -> set[str]:
    found = set()
    for family in Metrics().registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found.update(family.name + suffix for suffix in suffixes)
    return found


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=lambda path: path.name)
def test_every_metric_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\bacs_[a-z0-9_]+", path.read_text(encoding="utf-8")))
    assert len(named) >= 9
    assert named <= known()


def test_every_value_that_a_rule_picks_is_one_that_is_counted() -> None:
    counted = {
        "acs_sessions_total": ("end", set(ENDS)),
        "acs_connection_requests_total": ("result", {each.value for each in Result}),
        "acs_operations_total": ("state", {each.value for each in OperationState}),
        "acs_line_tests_total": ("verdict", {*(each.value for each in VerdictKind), "failed"}),
    }
    picked = re.findall(r'(acs_[a-z_]+)\{(\w+)[!=]=?~?"([^"]+)"', RULES.read_text(encoding="utf-8"))
    seen = [(metric, label, values) for metric, label, values in picked if metric in counted]
    assert {metric for metric, _, _ in seen} == {*counted}
    for metric, label, values in seen:
        known_label, known_values = counted[metric]
        assert label == known_label and set(values.split("|")) <= known_values, (metric, label, values)


def test_the_dashboard_is_the_one_of_its_panels() -> None:
    assert DASHBOARD.read_text(encoding="utf-8") == script("monitoring/dashboard.py").text(), (
        "run: python docs/monitoring/dashboard.py"
    )
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert all(panel["targets"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_alert_says_what_to_do() -> None:
    text = RULES.read_text(encoding="utf-8")
    alerts = text.count("- alert: ")
    assert alerts >= 10
    assert text.count("          action: ") == text.count("          summary: ") == alerts


def test_promtool_takes_the_rules() -> None:
    if shutil.which("promtool") is None:
        absent("promtool is not installed here: apt-get install prometheus")
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
