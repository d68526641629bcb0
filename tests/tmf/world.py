"""A whole server and a ticket system beside it: facts are handed in as another system would, calls go over sockets."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable
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
from tests.fakes.ticket_system import TicketSystem

#: seconds that anything may take on a busy machine
LONG_S = 60.0
CASES = Path(__file__).resolve().parents[2] / "fixtures" / "linetest"
#: said by the server about itself, or by a CPE that these lines do not have
_NOT_HANDED_IN = ("cpe.reachable",)


def facts_of(case: str) -> dict[str, Any]:
    """The facts of a case of the line tests."""
    facts: dict[str, Any] = tomllib.loads((CASES / f"{case}.toml").read_text("utf-8"))["facts"]
    return facts


@dataclass
class World:
    """The server, its API as the ticket system uses it, and the ticket system."""

    app: App
    api: httpx.AsyncClient
    system: TicketSystem

    async def put_line(self, line: str, case: str) -> None:
        """A line that is in the state of a case."""
        answer = await self.api.put(f"/api/v1/lines/{line}", json={"technology": "pon"})
        assert answer.status_code in (200, 201), answer.text
        await self.now(line, case)

    async def now(self, line: str, case: str) -> None:
        """From now on the line is in the state of a case."""
        at = datetime.now(UTC) + timedelta(milliseconds=1)
        facts = [
            {"line": line, "name": name, "value": value, "at": at.isoformat()} for name, value in facts_of(case).items()
        ]
        answer = await self.api.post("/api/v1/facts", json={"source": "nms", "facts": facts})
        assert answer.status_code == 200, answer.text

    async def tell(self, event_id: str, event_type: str, ticket: str) -> httpx.Response:
        """Post an event of a ticket to the server's listener, as the hub of the ticket system does."""
        name = event_type[0].lower() + event_type[1:]
        path = f"/tmf-api/troubleTicket/{self.system.version}/listener/{name}"
        return await self.api.post(path, json=self.system.event(event_id, event_type, ticket))

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        try:
            async with asyncio.timeout(LONG_S):
                while not holds():  # noqa: ASYNC110 - what is waited for is in another system
                    await asyncio.sleep(0.05)
        except TimeoutError:
            listed = (await self.api.get("/api/v1/deliveries")).text[:3000]
            raise AssertionError(f"{what}; tickets {self.system.tickets}; deliveries {listed}") from None


@asynccontextmanager
async def world(folder: Path, system: TicketSystem, **settings: Any) -> AsyncIterator[World]:
    """A server with the ticket system, both serving."""
    secret = folder / "token"
    secret.write_text("hush\n")
    secret.chmod(0o600)
    Vault.create(folder / "vault.key")
    async with system.serving():
        ticket_system = {
            "name": "bss", "url": system.url, "version": system.version, "token_file": "token", "timeout_s": 0.7,
            **settings,
        }  # fmt: skip
        table = {
            "store": {"url": f"sqlite:///{folder / 'store.db'}", "vault_key_file": "vault.key"},
            "cwmp": {"port": 0, "auth": "open", "first_contact": {"enabled": False}},
            "api": {"port": 0},
            "operations": {"tick_s": 0.1, "settle_s": 0.3},
            "after_fix": {"tick_s": 0.2, "at_hours": [0.0001, 1.0]},
            "webhooks": {"retry_s": 0.1, "rest_max_s": 0.3, "retry_max_s": 0.5},
            "outages": {"enabled": False},
            "tmf": {"plain_networks": ["127.0.0.0/8"], "ticket_systems": [ticket_system]},
        }
        app = await build(Config.from_table(table, folder / "secondline.toml"), caller=NobodyAnswers())
        await app.start()
        scopes = ["tickets", "operate", "write", "read"]
        made = await app.northbound.access.create(local_actor(), "bss", scopes)
        headers = {"Authorization": f"Bearer {made.secret}"}
        base = f"http://127.0.0.1:{app.api_port}"
        try:
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=LONG_S) as api:
                yield World(app, api, system)
        finally:
            await app.stop()
