"""Who is told that a device is coming, and whose call a store broke off, is not left to the worker's round."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from acs.errors import StoreError
from acs.services import connection_requests
from acs.store.records import OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.door import Door, device_with
from tests.held_calls import Held, until

NAMES = {"names": ["Device.DeviceInfo.UpTime"]}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A server whose worker calls nobody within a test."""
    config = config_for(tmp_path, connection_requests={"retry_s": 600.0, "session_s": 30.0})
    async with running(config) as server:
        yield server


class Away:
    """A store that fails for its first readings."""

    def __init__(self, store: Store, times: int) -> None:
        self._store, self.times = store, times

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        self.times -= 1
        if self.times >= 0:
            raise StoreError("the store is away")
        async with self._store.reading() as tx:
            yield tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_what_a_session_left_is_called_for_once_the_store_answers(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_requests, "STORE_S", 0.01)
    door = Door("200")
    async with device_with(server, door) as cpe:
        wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES, call=False)
        away = Away(server.store, 3)
        monkeypatch.setattr(server.connection_requests, "_store", away)
        server.connection_requests.again(cpe.key, [wanted.id])
        await door.called()
        assert away.times < 0 and len(door.seen) == 1


async def test_a_call_that_the_store_broke_off_is_made_again(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_requests, "BUSY_S", (0.01,))
    door = Door("200")
    async with device_with(server, door) as cpe:
        await until(lambda: server.sessions.visit_of(cpe.key) is None)
        away = Away(server.store, 1)
        monkeypatch.setattr(server.connection_requests, "_store", away)
        wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        await until(lambda: away.times <= 0)
        await door.called()
        assert away.times < 0, "the call that broke off was the first of two"
        assert len(door.seen) == 1 and (await server.now(wanted)).state is OperationState.QUEUED


async def test_who_joins_a_call_of_a_device_that_has_just_come_has_it_called(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call saw nobody come; then the device came and went, and only then did he join."""
    calls, door = server.connection_requests, Door("200")
    async with device_with(server, door) as cpe:
        await until(lambda: server.sessions.visit_of(cpe.key) is None)
        await calls.request(cpe.key)
        looked = Held(nobody)
        monkeypatch.setattr(calls._arrivals, "has_come", looked)
        calls.wake(cpe.key)
        await looked.begun.wait()
        await cpe.session(("6 CONNECTION REQUEST", ""))
        await until(lambda: server.sessions.visit_of(cpe.key) is None)
        await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        monkeypatch.undo()
        assert len(door.seen) == 1, "he joined: nobody else called"
        looked.go_on.set()
        await door.called(2)


async def nobody(_key: str, _since: datetime) -> bool:
    return False
