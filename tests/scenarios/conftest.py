"""One server for all tests of this folder."""

from collections.abc import Iterator

import pytest

from cli.own_server import OwnServer
from tests.scenarios.world import server_in


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """The running server."""
    made = server_in(tmp_path_factory.mktemp("scenarios"))
    yield made
    made.stop()
