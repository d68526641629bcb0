"""Servers that the conformance tests share: an open one, and one that asks for digest."""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.server import OPENED, Acs, serving

USER, PASSWORD = "enrol", "let-me-in"


@pytest.fixture(autouse=True)
def hang_up(request: pytest.FixtureRequest) -> None:
    """Close what the devices of an async test left open; a sync test has no loop, and opens none."""
    if inspect.iscoroutinefunction(getattr(request.node, "function", None)):
        request.getfixturevalue("hanging_up")


@pytest.fixture
async def hanging_up() -> AsyncIterator[None]:
    """Close, at the end of the test, what its devices left open."""
    yield
    while OPENED:
        await OPENED.pop().close()


@pytest.fixture(scope="package")
async def acs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Acs]:
    """A server that believes every device."""
    async with serving(tmp_path_factory.mktemp("conformance")) as server:
        yield server


@pytest.fixture(scope="package")
async def closed_acs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Acs]:
    """A server that asks for digest; the enrolment credential is USER and PASSWORD."""
    folder = tmp_path_factory.mktemp("conformance-digest")
    async with serving(folder, cwmp=enrolling(folder)) as server:
        yield server


def enrolling(folder: Path, **changes: Any) -> dict[str, Any]:
    """The `[cwmp]` table of a server that asks for digest, with changes laid over it."""
    file = folder / "enrol"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    return {"auth": "digest", "enrol_username": USER, "enrol_password_file": str(file), **changes}
