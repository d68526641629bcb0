"""Where the team's shared folder is, for the tests that read it: beside the checkout, never part of the product."""

from pathlib import Path

from tests.absent import absent

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(relative: str) -> Path:
    """The path of a shared file; without the folder the test skips, and under CI=true it fails."""
    path = SHARED / relative
    if path.exists():
        return path
    absent(f"{relative}: the shared folder is not beside this checkout, so what it holds cannot be compared with")
