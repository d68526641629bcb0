"""The freeze with a real CPE at a real port: what was queued waits, what reads goes on; a hook ends in a reboot."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acs.app import App, build
from acs.errors import Frozen
from acs.services.actor import local_actor
from acs.services.hooks import HookRequest
from acs.store import lines as line_store
from acs.store.records import LineRecord, OperationState
from tests.fakes.acs_server import config_for
from tests.fakes.cpe import Cpe

BOSS = local_actor()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[App]:
    app = await build(config_for(tmp_path, operations={"settle_s": 0.5}))
    await app.start()
    yield app
    await app.stop()


@pytest.fixture
async def cpe(server: App) -> Cpe:
    assert server.cwmp_port is not None
    cpe = Cpe(server.cwmp_port)
    cpe.values = {"Device.Test.Enable": ("true", "xsd:boolean")}
    await cpe.session(("1 BOOT", ""))
    async with server.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-1", "pon")], datetime.now(UTC))
        await line_store.bind_device(tx, "L-1", cpe.key)
    return cpe


async def state(server: App, operation: str) -> OperationState:
    return (await server.operations.get(BOSS, operation)).state


async def test_what_was_queued_before_the_switch_waits_for_it(server: App, cpe: Cpe) -> None:
    freeze = server.northbound.freeze
    queued = await server.operations.request(BOSS, cpe.key, "set", {"values": {"Device.Test.Enable": False}})
    await freeze.throw(BOSS, on=True, reason="works")
    with pytest.raises(Frozen, match="works"):
        await server.operations.request(BOSS, cpe.key, "reboot", {})
    read = await server.operations.request(BOSS, cpe.key, "get", {"names": ["Device.Test.Enable"]})
    await cpe.session(("2 PERIODIC", ""))
    assert (await state(server, queued.id), await state(server, read.id)) == (
        OperationState.QUEUED,
        OperationState.SUCCEEDED,
    )
    assert cpe.values["Device.Test.Enable"][0] == "true"
    await freeze.throw(BOSS, on=False, reason="over")
    await cpe.session(("2 PERIODIC", ""))
    assert await state(server, queued.id) is OperationState.SUCCEEDED
    assert cpe.values["Device.Test.Enable"][0] in ("false", "0")


async def test_a_hook_waits_until_the_device_has_proven_its_reboot(server: App, cpe: Cpe) -> None:
    wanted = HookRequest(line="L-1", ticket="TT-1", reason="no link")
    calls = [
        asyncio.create_task(server.northbound.hooks.call(BOSS, "reboot", wanted, "ev-1", wait_s=30.0)) for _ in range(3)
    ]
    for _ in range(600):
        found = await server.operations.list(BOSS, device=cpe.key)
        if any(one.kind == "reboot" for one in found):
            break
        await asyncio.sleep(0.05)
    await cpe.session(("2 PERIODIC", ""))
    (reboot,) = [one for one in await server.operations.list(BOSS, device=cpe.key) if one.kind == "reboot"]
    await cpe.session(("1 BOOT", ""), ("M Reboot", reboot.command_key))
    views = await asyncio.gather(*calls)
    assert [(view.state, view.operations[0].state.value) for view in views] == [("done", "succeeded")] * 3
    again = await server.northbound.hooks.call(BOSS, "reboot", wanted, "ev-1", wait_s=0.0)
    assert again.operations == views[0].operations
    assert [one.checkup.action for one in await server.northbound.after_fix.find(BOSS, ticket="TT-1")] == ["reboot"]
