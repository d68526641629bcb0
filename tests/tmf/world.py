"""A whole server and a ticket system of TMF621 beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.ticket_system import TicketSystem
from tests.ticket_world import Served, serving

#: seconds that anything may take on a busy machine
LONG_S = 60.0


@dataclass
class World(Served):
    """The server, its API as the ticket system uses it, and the ticket system."""

    system: TicketSystem

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
    async with system.serving():  # its port is known from here on
        ticket_system = {
            "name": "bss", "url": system.url, "version": system.version, "token_file": "token", "timeout_s": 0.7,
            **settings,
        }  # fmt: skip
        sections: dict[str, Any] = {
            "webhooks": {"retry_s": 0.1, "rest_max_s": 0.3, "retry_max_s": 0.5},
            "outages": {"enabled": False},
            "tmf": {"plain_networks": ["127.0.0.0/8"], "ticket_systems": [ticket_system]},
        }
        async with serving(folder, "bss", LONG_S, **sections) as (app, api):
            yield World(app, api, system)
