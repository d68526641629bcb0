"""A whole server beside a ticket system: facts are handed in as another system would, calls go over sockets."""

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from acs.app import App, build
from acs.config import Config
from acs.services.actor import local_actor
from acs.store.vault import Vault
from tests.api.conftest import NobodyAnswers

CASES = Path(__file__).resolve().parents[1] / "fixtures" / "linetest"


def facts_of(case: str) -> dict[str, Any]:
    """The facts of a case of the line tests."""
    facts: dict[str, Any] = tomllib.loads((CASES / f"{case}.toml").read_text("utf-8"))["facts"]
    return facts


@dataclass
class Served:
    """The server, and its API as the ticket system uses it."""

    app: App
    api: httpx.AsyncClient

    async def put_line(self, line: str, case: str, *, quiet: bool = True) -> None:
        """A line that is in the state of a case."""
        answer = await self.api.put(f"/api/v1/lines/{line}", json={"technology": "pon"})
        assert answer.status_code in (200, 201), answer.text
        await self.now(line, case, quiet=quiet)

    async def now(self, line: str, case: str, *, quiet: bool = True) -> None:
        """From now on the line is in the state of a case, and there are no works. `quiet`: no incident either."""
        now = datetime.now(UTC) + timedelta(milliseconds=1)
        if quiet:
            await self.app.northbound.context.put_incidents(local_actor(), "noc", now, [])
        await self.app.northbound.context.put_planned_works(local_actor(), "noc", now, [])
        told = facts_of(case) | {"account.state": "active", "contacts_14d": 0}
        facts = [{"line": line, "name": name, "value": value, "at": now.isoformat()} for name, value in told.items()]
        answer = await self.api.post("/api/v1/facts", json={"source": "nms", "facts": facts})
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def serving(
    folder: Path, name: str, timeout_s: float, **sections: Any
) -> AsyncIterator[tuple[App, httpx.AsyncClient]]:
    """A server of these sections that does not wait for long, and its API with a token of this name."""
    Vault.create(folder / "vault.key")
    table = {
        "store": {"url": f"sqlite:///{folder / 'store.db'}", "vault_key_file": "vault.key"},
        "cwmp": {"port": 0, "auth": "open", "first_contact": {"enabled": False}},
        "api": {"port": 0},
        "operations": {"tick_s": 0.1, "settle_s": 0.3},
        "after_fix": {"tick_s": 0.2, "at_hours": [0.0001, 1.0]},
        **sections,
    }
    app = await build(Config.from_table(table, folder / "secondline.toml"), caller=NobodyAnswers())
    await app.start()
    try:
        made = await app.northbound.access.create(local_actor(), name, ["tickets", "operate", "write", "read"])
        headers = {"Authorization": f"Bearer {made.secret}"}
        base = f"http://127.0.0.1:{app.api_port}"
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=timeout_s) as api:
            yield app, api
    finally:
        await app.stop()
