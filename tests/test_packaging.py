"""The wheel that we build is complete: installed elsewhere, it has its data and a working command."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PACKAGES = ("acs", "cli", "probes")
#: what Python makes of sources when they run
_MADE = (".pyc",)


def needed() -> set[str]:
    """Every file of the packages, code and data."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if path.suffix not in _MADE}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, away from the checkout."""
    work = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(work), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = work.glob("secondline-*.whl")
    target = work / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert needed() - set(names) == set()
    return target


def run(installed: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed command, from the folder that it was installed to."""
    code = "import sys, cli.main; print(cli.main.__file__, file=sys.stderr); sys.exit(cli.main.main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed), "LC_ALL": "C.UTF-8"},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_installed_command_shows_its_help(installed: Path) -> None:
    done = run(installed, "--help")
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stderr
    assert "line" in done.stdout


def test_the_installed_command_judges_facts_with_the_packaged_pack(installed: Path) -> None:
    facts = {"technology": "pon", "facts": {"account.state": "blocked"}}
    done = run(installed, "linetest", "judge", "-", "--json", stdin=json.dumps(facts))
    assert json.loads(done.stdout)["cause"] == "account_blocked", done.stderr


def test_the_installed_command_makes_a_database(installed: Path, tmp_path: Path) -> None:
    """The migrations travel in the wheel and run from there."""
    code = (
        "import asyncio, sys, acs.store as s; assert sys.argv[1] in s.__file__; "
        "asyncio.run(s.upgrade('sqlite:///' + sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(installed), str(tmp_path / "new.db")],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new.db").stat().st_size > 0
