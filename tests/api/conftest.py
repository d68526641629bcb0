"""The API over real services on a real store; only the network beyond is absent."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from acs.app import App, build
from acs.config import Config
from acs.services.actor import local_actor
from acs.services.connection_requests import CallFailed, Result
from acs.services.northbound import Northbound
from acs.store import Vault
from acs.store.records import GrantRecord
from tests.postgres import postgres_server
from tests.routed_api import api_over
from tests.store.conftest import postgres_template, sqlite_template, url, vault

__all__ = ["postgres_server", "postgres_template", "sqlite_template", "url", "vault"]


class NobodyAnswers:
    """A caller of CPEs in a network where nobody listens."""

    async def resolve(self, host: str) -> Sequence[str]:
        return [host]

    async def get(self, *_: object) -> Any:
        raise CallFailed(Result.REFUSED, "connection refused")


def config_of(store_url: str, folder: Path, **more: Any) -> Config:
    table = {"store": {"url": store_url, "vault_key_file": "vault.key"}, **more}
    return Config.from_table(table, folder / "secondline.toml")


@pytest.fixture
def store_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@asynccontextmanager
async def built_over(store_url: str, folder: Path) -> AsyncIterator[App]:
    Vault.create(folder / "vault.key")
    built = await build(config_of(store_url, folder), caller=NobodyAnswers())
    try:
        yield built
    finally:
        _MADE.clear()
        await built.stop()


@pytest.fixture
async def app(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    async with built_over(store_url, tmp_path) as built:
        yield built


@pytest.fixture
async def app_on_both(url: str, tmp_path: Path) -> AsyncIterator[App]:
    async with built_over(url, tmp_path) as built:
        yield built


_MADE: dict[int, FastAPI] = {}


def made_once(services: Northbound) -> FastAPI:
    """The API of a server, made once for all clients of it."""
    if id(services) not in _MADE:
        _MADE.clear()
        _MADE[id(services)] = api_over(services)
    return _MADE[id(services)]


async def client_of(app: App, *scopes: str, grants: Sequence[GrantRecord] = ()) -> httpx.AsyncClient:
    name = f"test {' '.join(scopes)}"
    made = await app.northbound.access.create(local_actor(), name, scopes, grants=grants)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False),
        base_url="http://server/api/v1",
        headers={"Authorization": f"Bearer {made.secret}"},
    )


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with await client_of(app, "admin") as made:
        yield made
