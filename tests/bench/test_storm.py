"""`bench.storm` runs: no session fails, and every acknowledged event is in the store afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [[], ["--digest"]], ids=["open", "digest"])
def test_a_short_storm_loses_nothing(tmp_path: Path, arguments: list[str]) -> None:
    report_file = tmp_path / "report.json"
    command = [sys.executable, "-m", "bench.storm", "--rate", "40", "--seconds", "3", "--devices", "120"]
    command += [*arguments, "--json", str(report_file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    report = json.loads(report_file.read_text())
    assert (report["offered"], report["done"], report["failed"], report["events_lost"]) == (120, 120, 0, 0)
    assert report["acknowledged"] == 120
    assert report["events_stored"] == 240
