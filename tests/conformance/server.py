"""The real server for the conformance tests: the composition root on ports of its own, and what a test asks of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from acs.app import App, build
from acs.services.actor import local_actor
from acs.store import devices, trees
from acs.store.records import DeviceRecord, EventRecord, OperationRecord, OperationState
from tests.conformance.wire import Cpe
from tests.fakes.acs_server import config_for, merged

ACTOR = local_actor("conformance")
_NUMBERS = count(1)
#: Every device of the test that runs; its connection is closed when the test is over, however it ends.
OPENED: list[Cpe] = []


@dataclass
class Acs:
    """A running server."""

    app: App

    @property
    def port(self) -> int:
        """Where CPEs call."""
        assert self.app.cwmp_port is not None
        return self.app.cwmp_port

    def cpe(self, **changes: Any) -> Cpe:
        """A device that the server has never seen."""
        cpe = Cpe(self.port, f"CONF{next(_NUMBERS):06d}", **changes)
        OPENED.append(cpe)
        return cpe

    async def request(self, cpe: Cpe, kind: str, arguments: Mapping[str, Any] | None = None) -> OperationRecord:
        """Ask for an operation on a device that the server knows, as two persons do."""
        return await self.app.operations.request(ACTOR, cpe.key, kind, arguments or {}, approved=True)

    async def state(self, operation: OperationRecord) -> OperationRecord:
        """The operation as it stands."""
        return await self.app.operations.get(ACTOR, operation.id)

    async def ended(self, operation: OperationRecord) -> OperationRecord:
        """The operation once it has ended; the test fails when it does not."""
        found = await self.app.operations.wait(operation.id, 60)
        assert found.finished_at is not None, (found.state, found.detail)
        return found

    async def device(self, cpe: Cpe) -> DeviceRecord | None:
        """What is stored of the device."""
        async with self.app.store.reading() as tx:
            return await devices.get(tx, cpe.key)

    async def events(self, cpe: Cpe) -> list[EventRecord]:
        """The events stored of the device, oldest first."""
        async with self.app.store.reading() as tx:
            return list(reversed(await devices.list_events(tx, cpe.key)))

    async def values(self, cpe: Cpe) -> Mapping[str, tuple[str, str]]:
        """What is known of the device's parameters."""
        async with self.app.store.reading() as tx:
            tree = await trees.read(tx, cpe.key)
        return tree.values if tree is not None else {}

    async def devices(self) -> int:
        """How many devices are stored."""
        async with self.app.store.reading() as tx:
            return len(await devices.list_devices(tx, limit=10_000))

    def counted(self, end: str) -> float:
        """How many sessions ended so: ended, failed, replaced, timed_out."""
        return float(self.app.metrics.sessions.labels(end)._value.get())

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true; the test fails when it never is."""
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.01)

    async def until_state(self, operation: OperationRecord, *states: OperationState) -> OperationRecord:
        """The operation once it is in one of the states."""
        async with asyncio.timeout(60):
            while (found := await self.state(operation)).state not in states:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        return found


@asynccontextmanager
async def serving(folder: Path, *, quiet: bool = True, **tables: Any) -> AsyncIterator[Acs]:
    """A server for the length of a block; `quiet`: it asks nothing of new devices by itself."""
    app = await build(config_for(folder, **merged({"server": {"grace_s": 0.1}}, tables)))
    await app.start()
    if quiet:
        app.sessions.parts.noticed = lambda _device, _new: None
    try:
        yield Acs(app)
    finally:
        await app.stop()
