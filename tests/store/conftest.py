"""Every store test runs on SQLite and on a real PostgreSQL: the fixture `url` names an empty-handed, upgraded store."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acs.store import Store, Vault, upgrade
from tests.postgres import PostgresServer, postgres_server

__all__ = ["postgres_server"]

_TEMPLATE = "secondline_template"


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 5, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault.create(tmp_path_factory.mktemp("vault") / "key")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded SQLite store, to be copied: one upgrade for all tests."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """An upgraded PostgreSQL database, to be copied: one upgrade for all tests."""
    asyncio.run(postgres_server.run(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0"))
    asyncio.run(upgrade(postgres_server.url(_TEMPLATE)))
    return _TEMPLATE


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an upgraded store without rows."""
    if request.param == "sqlite":
        path = tmp_path / "store.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = asyncio.run(server.create_database(request.getfixturevalue("postgres_template")))
    yield server.url(name)
    asyncio.run(server.drop_database(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = asyncio.run(server.create_database())
    yield server.url(name)
    asyncio.run(server.drop_database(name))


@pytest.fixture
async def store(url: str, vault: Vault) -> AsyncIterator[Store]:
    store = await Store.open(url, vault=vault)
    yield store
    await store.close()
