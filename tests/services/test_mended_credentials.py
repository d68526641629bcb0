"""A device that refused a call gets its passwords again, once; who comes meanwhile has it called."""

import asyncio
from pathlib import Path

import pytest

from acs.app import App
from acs.services import connection_requests
from acs.services.clock import utc_now
from acs.services.connection_requests import Result
from acs.services.first_contact import KIND
from acs.store import operations
from acs.store.records import DUE_STATES, OperationRecord, StepName
from acs.store.store import Store
from acs.store.transaction import Transaction
from tests.fakes.acs_server import ACTOR, config_for, running
from tests.fakes.door import Door, device_with
from tests.held_calls import Held, until
from tests.held_rows import ended_or_waiting
from tests.store.make import opening

NAMES = {"names": ["Device.DeviceInfo.UpTime"]}


async def waiting(store: Store, key: str) -> list[str]:
    """The kinds of what the device has still to do."""
    async with store.reading() as tx:
        return [each.kind for each in await operations.list_operations(tx, device=key, states=DUE_STATES)]


async def test_what_is_requested_while_credentials_are_mended_is_called_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_for(tmp_path, cwmp={"first_contact": {"enabled": True}}, connection_requests={"retry_s": 600.0})
    async with running(config) as server:
        calls, door = server.connection_requests, Door("qop", "401")
        async with device_with(server, door, credentials=False) as cpe:
            await until(lambda: server.sessions.visit_of(cpe.key) is None)
            mending = Held(calls._set_credentials_again)
            monkeypatch.setattr(calls, "_set_credentials_again", mending)
            first = calls.wake(cpe.key)
            async with asyncio.timeout(60):
                await mending.begun.wait()
            late = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
            async with asyncio.timeout(60):
                steps = server.operations.watch(late.id)
                await anext(step async for step in steps if step.name is StepName.CONNECTION_REQUEST_FAILED)
            mending.go_on.set()
            assert (await first).result is Result.UNAUTHORIZED
            await until(lambda: not calls._running)
            assert sorted(await waiting(server.store, cpe.key)) == [KIND, "get"]


async def test_two_calls_that_were_refused_mend_once(app_on_both: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are two processes' calls."""
    calls, arrived = app_on_both.connection_requests, opening(utc_now())
    await app_on_both.store.sessions.open(arrived)
    key = arrived.key
    real, others = connection_requests.operations.add, list[asyncio.Task[None]]()

    async def add(tx: Transaction, operation: OperationRecord) -> OperationRecord:
        if not others:
            others.append(asyncio.create_task(calls._set_credentials_again(key)))
            await ended_or_waiting(app_on_both.store, others[0])
        return await real(tx, operation)

    monkeypatch.setattr(connection_requests.operations, "add", add)
    await calls._set_credentials_again(key)
    await others[0]
    assert await waiting(app_on_both.store, key) == [KIND]
