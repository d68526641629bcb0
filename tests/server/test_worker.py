"""The worker: every operation gets its turn, and what another process left behind is found."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from acs.server import worker
from acs.services.clock import utc_now
from acs.store import operations, tokens
from acs.store.records import OperationRecord, OperationState, OperationTransition, StepName, TokenRecord
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe
from tests.fakes.door import Door, device_with
from tests.held_calls import until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    times = {"limits": {"session_idle_s": 0.5}}
    async with running(config_for(tmp_path, cwmp=times, operations={"tick_s": 3600.0})) as server:
        yield server


async def sent_elsewhere(server: Running, cpe: Cpe, ago_s: float) -> OperationRecord:
    """A reboot that a process sent which is no more."""
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    at = utc_now() - timedelta(seconds=ago_s)
    change = OperationTransition(operation.id, (OperationState.QUEUED,), OperationState.SENT, at, StepName.RPC_SENT)
    async with server.store.transaction() as tx:
        assert await operations.transition(tx, change)
    return operation


async def test_more_operations_than_a_page_are_all_seen(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PAGE", 2)
    cpes = [Cpe(server.port, serial=f"MANY{n}") for n in range(5)]
    for cpe in cpes:
        await cpe.session(("1 BOOT", ""))
    sent = [await sent_elsewhere(server, cpe, 0) for cpe in cpes]
    await server.worker.recover()
    for operation in sent:
        assert (await server.now(operation)).state is OperationState.UNKNOWN


async def test_an_operation_that_another_process_left_becomes_unknown(server: Running) -> None:
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    young, old = await sent_elsewhere(server, cpe, 0), await sent_elsewhere(server, cpe, 5)
    await server.worker.wake()
    assert (await server.now(young)).state is OperationState.SENT
    assert (await server.now(old)).state is OperationState.UNKNOWN


async def test_tokens_that_ended_are_kept_as_long_as_it_is_configured(tmp_path: Path) -> None:
    def token(id: str, **ended: datetime) -> TokenRecord:
        return TokenRecord(id, id, f"hash of {id}", ("read",), now - timedelta(days=30), "test", **ended)

    now = utc_now()
    long_ago, late = now - timedelta(days=6), now - timedelta(days=4)
    made = (
        token("expired", expires_at=long_ago), token("revoked", revoked_at=long_ago), token("endless"),
        token("expired late", expires_at=late), token("revoked late", expires_at=now, revoked_at=late),
    )  # fmt: skip
    async with running(config_for(tmp_path, rights={"keep_ended_tokens_days": 5})) as server:
        async with server.store.transaction() as tx:
            for each in made:
                await tokens.add(tx, each)
        await server.worker.prune()
        async with server.store.reading() as tx:
            left = {each.id for each in await tokens.list_tokens(tx)}
    assert left == {"endless", "expired late", "revoked late"}


async def test_what_a_freeze_held_back_is_called_for_when_it_is_lifted(tmp_path: Path) -> None:
    """In the worker's first turn after that, however young the operation is."""
    calls = {"retry_s": 600.0}
    async with running(config_for(tmp_path, operations={"tick_s": 3600.0}, connection_requests=calls)) as server:
        frozen, door = asyncio.Event(), Door("200")

        async def engaged() -> bool:
            return frozen.is_set()

        server.worker.frozen = engaged
        async with device_with(server, door) as cpe:
            await server.operations.request(ACTOR, cpe.key, "reboot", {}, call=False)
            await until(lambda: server.sessions.visit_of(cpe.key) is None)
            frozen.set()
            for _ in range(3):
                await server.worker.wake()
            assert not server.connection_requests._running and not door.seen, "nobody is called while writes are frozen"
            frozen.clear()
            await server.worker.wake()
            await door.called()
            assert len(door.seen) == 1
