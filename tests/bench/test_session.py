"""`bench.session` runs: every session succeeds, and the report has its rows. No test asserts a time."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_quick_run_reports_every_case(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    command = [sys.executable, "-m", "bench.session", "--quick", "--stores", "sqlite", "--json", str(report_file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    rows = json.loads(report_file.read_text())["rows"]
    assert [(row["store"], row["known"]) for row in rows] == [
        ("echo", 0),
        ("sqlite", 8),
        ("sqlite", 1000),
        ("sqlite", 3000),
        ("sqlite-digest", 8),
    ]
    assert all(row["failed"] == 0 and row["sessions"] > 0 and row["median_us"] > 0 for row in rows)
    assert [row["posts_per_session"] for row in rows] == [2, 2, 2, 2, 3]
    assert "× echo" in ended.stdout
