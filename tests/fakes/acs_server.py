"""The CWMP side of the server in the test's own loop: store, sessions, endpoint and worker on a port of 127.0.0.1."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from acs.config import Config
from acs.metrics import Metrics
from acs.profiles.schema import load_profiles
from acs.server.cwmp import CwmpEndpoint
from acs.server.outbound import TwistedCaller
from acs.server.waking import Doors, doors
from acs.server.worker import Worker
from acs.services.actor import local_actor
from acs.services.alarms import Alarms
from acs.services.bulk_data import BulkData
from acs.services.bus import Bus
from acs.services.clock import utc_now
from acs.services.connection_requests import Caller, ConnectionRequests
from acs.services.cpe_auth import CpeAuth
from acs.services.identity import Identity
from acs.services.operations import Operations
from acs.services.policies import Policies
from acs.services.sessions import Sessions
from acs.store import operations as operation_store
from acs.store.instants import micros
from acs.store.records import OperationRecord, OperationStep
from acs.store.schema import operations
from acs.store.store import Store
from acs.store.vault import Vault

ACTOR = local_actor("test")
#: the profiles, read once for all tests
profiles_in = functools.cache(load_profiles)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`changes` laid over `base`, table by table."""
    both = {**base, **changes}
    for key in base.keys() & changes.keys():
        if isinstance(base[key], dict) and isinstance(changes[key], dict):
            both[key] = merged(base[key], changes[key])
    return both


def config_for(folder: Path, **tables: Any) -> Config:
    """A configuration on loopback with short times; `tables` are laid over it."""
    base: dict[str, Any] = {
        "cwmp": {
            "host": "127.0.0.1",
            "port": 0,
            "auth": "open",
            "first_contact": {"enabled": False},
            "guard": {"late_s": 60.0},  # a machine that is busy with other things makes no test fail
        },
        "api": {"port": 0},
        "connection_requests": {
            "allowed_networks": ["127.0.0.0/8"],
            "timeout_s": 2.0,
            "retry_s": 0.5,
            "session_s": 0.2,
            "per_device_per_minute": 1000,
        },
        "store": {"url": f"sqlite:///{folder / 'test.db'}", "vault_key_file": str(folder / "test.key")},
        "operations": {"tick_s": 0.1, "settle_s": 0.3, "uptime_slack_s": 0.2},
        "backups": {"enabled": False},  # a device is asked nothing that a test did not ask for
    }
    return Config.from_table(merged(base, tables), folder / "test.toml")


@dataclass
class Running:
    config: Config
    store: Store
    bus: Bus
    metrics: Metrics
    sessions: Sessions
    connection_requests: ConnectionRequests
    operations: Operations
    endpoint: CwmpEndpoint
    worker: Worker
    alarms: Alarms
    identity: Identity
    doors: Doors

    @property
    def port(self) -> int:
        return self.endpoint.port

    async def stop(self) -> None:
        await self.endpoint.stop(0.1)
        await self.worker.stop()
        await self.connection_requests.close()
        await self.sessions.first_contact.close()
        await self.doors.stop()
        await self.alarms.close()
        await self.store.close()

    async def sent_earlier(self, operation: OperationRecord, by_s: float) -> None:
        """Let an operation have been sent so many seconds earlier: time passes without waiting for it."""
        found = await self.now(operation)
        assert found.sent_at is not None
        sent_at = micros(found.sent_at - timedelta(seconds=by_s))
        async with self.store.transaction() as tx:
            await tx.run(update(operations).where(operations.c.id == operation.id).values(sent_at=sent_at))

    async def steps(self, operation: OperationRecord) -> list[str]:
        return [step.name.value for step in await self.steps_of(operation)]

    async def steps_of(self, operation: OperationRecord) -> list[OperationStep]:
        async with self.store.reading() as tx:
            return await operation_store.steps(tx, operation.id)

    async def now(self, operation: OperationRecord) -> OperationRecord:
        return await self.operations.get(ACTOR, operation.id)


async def start(config: Config, caller: Caller | None = None) -> Running:
    """Everything but the API, serving."""
    from twisted.internet import reactor  # noqa: PLC0415 - the session fixture installs it first

    vault = Vault.open_or_create(config.store.vault_key_file)
    store = await Store.open(config.store.url, vault=vault, commit_window_ms=1.0)
    bus, metrics = Bus(), Metrics()
    sessions = Sessions(store, bus, config, metrics)
    waking = doors(config, store, bus, metrics, utc_now, owner=True)
    calls = ConnectionRequests(
        store, bus, config, metrics, caller or TwistedCaller(reactor), utc_now,
        datagrams=waking.datagrams, messenger=waking.messenger,
    )  # fmt: skip
    sessions.first_contact.messenger, sessions.parts.left = waking.messenger, calls.again
    waking.start()
    operations = Operations(store, bus, config, sessions, calls, utc_now)
    policies, alarms = Policies(config.cwmp, profiles_in(config.profiles.directory)), Alarms(store, metrics, utc_now)
    identity, auth = Identity(store, policies, alarms, utc_now), CpeAuth(store, config, b"test", policies)
    sessions.parts.identity, identity.changed = identity, auth.forget
    endpoint = CwmpEndpoint(
        config, sessions, auth, metrics, utc_now, store=store, alarms=alarms, proven=identity.proven,
        reports=BulkData(store, profiles_in()),
    )  # fmt: skip
    worker = Worker(store, bus, config, sessions, calls, utc_now)
    await worker.start()
    await endpoint.start()
    return Running(config, store, bus, metrics, sessions, calls, operations, endpoint, worker, alarms, identity, waking)


@asynccontextmanager
async def running(config: Config, caller: Caller | None = None) -> AsyncIterator[Running]:
    """A server for the length of a block."""
    server = await start(config, caller)
    try:
        yield server
    finally:
        await server.stop()
