"""A server with every way of waking, and simulated CPEs on it, through real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from acs.cwmp.structs import DeviceId
from acs.store import connection_requests, devices
from acs.store.connection_requests import Binding, Try
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, OperationRecord
from cli.ports import free_port
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import load
from cli.simulator.waking import Surroundings
from tests.fakes.acs_server import ACTOR, Running, config_for, merged, running
from tests.simulator.conftest import FIXED

KEY = "1C61B4-Device2-W1"


def waking_config(folder: Path, **tables: Any) -> Any:
    base: dict[str, Any] = {
        "cwmp": {"first_contact": {"enabled": True, "periodic_inform_s": 3600}},
        "stun": {
            "enabled": True, "host": "127.0.0.1", "port": free_port(), "address": "127.0.0.1", "set_on": "all",
            "keep_alive_s": 1,
        },
        "connection_requests": {"udp_wait_s": 2.0, "retry_s": 30.0, "session_s": 10.0},
    }  # fmt: skip
    return config_for(folder, **merged(base, tables))


@asynccontextmanager
async def server_with(folder: Path, **tables: Any) -> AsyncIterator[Running]:
    async with running(waking_config(folder, **tables)) as server:
        yield server


def make_cpe(server: Running, kind: CpeKind = CpeKind.ROUTER, **surroundings: Any) -> Cpe:
    fixed = FIXED | {"serial": "W1", "acs_url": f"http://127.0.0.1:{server.port}/", "periodic_s": "3600"}
    return Cpe(
        DeviceId("TP-Link", "1C61B4", "Device2", "W1"),
        lambda device: load(kind.value, fixed, device.live),
        "",
        uptime_s=1000,
        habits=Habits(boot_s=0.05, retry_m_s=0.05, surroundings=Surroundings(**surroundings)),
    )


@asynccontextmanager
async def powered(cpe: Cpe) -> AsyncIterator[Cpe]:
    await cpe.start()
    try:
        yield cpe
    finally:
        await cpe.stop()


async def tries_of(server: Running, count: int, key: str = KEY) -> list[Try]:
    """The tries of the device, the oldest first, once there are so many: they are written after the operation ends."""
    async with asyncio.timeout(60):
        while True:
            async with server.store.reading() as tx:
                found = await connection_requests.list_tries(tx, key)
            if len(found) >= count:
                return list(reversed(found))
            await asyncio.sleep(0.02)


async def binding_of(server: Running, key: str = KEY) -> Binding | None:
    async with server.store.reading() as tx:
        return await connection_requests.get_binding(tx, key)


async def credentials_of(server: Running, kind: CredentialKind, key: str = KEY) -> Credentials | None:
    async with server.store.reading() as tx:
        return await devices.get_credentials(tx, key, kind)


async def done(server: Running, kind: str, arguments: dict[str, Any] | None = None, key: str = KEY) -> OperationRecord:
    """An operation, once it has ended; the device is in no session when it is requested, so that it is called."""
    await until(lambda: server.sessions.visit_of(key) is None)
    operation = await server.operations.request(ACTOR, key, kind, arguments or {})
    return await server.operations.wait(operation.id, 60)


async def at_rest(cpe: Cpe) -> None:
    """Return when the CPE has found out its public address and told it in a session of its own: it begins no other."""
    await until(lambda: cpe.doors.udp.bound > 0 and cpe.sessions > 1)


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)
