"""Coverage-guided fuzzing in every run of the tests: half a minute under CI, a few seconds elsewhere."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absent import absent
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
SEEDS = sorted((Path(__file__).parent / "corpus").rglob("*/*"))
UNDER_CI = os.environ.get("CI") == "true"


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_seed_is_borne(seed: Path) -> None:
    TARGETS[seed.parent.name](seed.read_bytes())


def test_every_target_has_seeds() -> None:
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)


def test_strangers_bytes_do_no_harm(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        absent("atheris is not installed: `pip install -e '.[dev]'` brings it on Linux with a Python that has a wheel")
    seconds = 30 if UNDER_CI else 4
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "--seconds", str(seconds), "--findings", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    found = [path.read_bytes().hex()[:2000] for path in tmp_path.glob("fuzz-*")]
    assert run.returncode == 0, f"{run.stdout[-3000:]}{run.stderr[-3000:]} {found}"
    assert "runs=" in run.stdout
