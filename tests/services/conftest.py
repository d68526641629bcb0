"""Services over a real store, as the API tests have them, and a whole server with a CPE."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.conftest import (
    app,
    app_on_both,
    postgres_server,
    postgres_template,
    sqlite_template,
    store_url,
    url,
    vault,
)
from tests.fakes.acs_server import Running, config_for, running
from tests.fakes.cpe import Cpe

__all__ = ["app", "app_on_both", "postgres_server", "postgres_template", "sqlite_template", "store_url", "url", "vault"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A server with what its tests have for a configuration."""
    async with running(config_for(tmp_path)) as server:
        yield server


@pytest.fixture
async def cpe(server: Running) -> Cpe:
    """A CPE that has called once."""
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    return cpe
