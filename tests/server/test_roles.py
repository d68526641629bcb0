"""The API and the CPEs' endpoint as processes of their own on one PostgreSQL: nobody hands operations to sessions.

What one queues while the other has the device is in the store: it is done in the session, or the device is called.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acs.app import App, build
from acs.config import Config
from acs.cwmp.messages import GetParameterValues, Reboot
from acs.cwmp.soap import Envelope, encode
from acs.services.actor import local_actor
from acs.store import postgres_hot
from acs.store.records import OperationRecord, OperationState
from acs.store.vault import Vault
from tests.fakes.acs_server import config_for
from tests.fakes.cpe import Cpe, Http
from tests.fakes.door import Door
from tests.held_calls import Held
from tests.held_rows import ended_or_waiting
from tests.postgres import PostgresServer, postgres_server
from tests.store.conftest import postgres_template

__all__ = ["postgres_server", "postgres_template"]

BOSS = local_actor()
NAMES = {"names": ["Device.DeviceInfo.UpTime"]}


@dataclass
class Pair:
    """Two processes of one store, both in this test's; no worker calls anybody."""

    api: App
    cwmp: App

    @property
    def port(self) -> int:
        assert self.cwmp.cwmp_port is not None
        return self.cwmp.cwmp_port

    async def get(self, key: str) -> OperationRecord:
        return await self.api.operations.request(BOSS, key, "get", NAMES)

    async def state(self, operation: OperationRecord) -> OperationState:
        return (await self.api.operations.get(BOSS, operation.id)).state


@pytest.fixture
async def pair(postgres_server: PostgresServer, postgres_template: str, tmp_path: Path) -> AsyncIterator[Pair]:
    name = await postgres_server.create_database(postgres_template)
    made = config_for(tmp_path)

    def config(role: str) -> Config:
        return config_for(tmp_path, server={"role": role, "grace_s": 0.1}, store={"url": postgres_server.url(name)})

    Vault.create(made.store.vault_key_file)
    api, cwmp = await build(config("api")), await build(config("cwmp"))
    await cwmp.start()
    cwmp.sessions.parts.noticed = lambda _device, _new: None  # a new device is not read for a first time
    yield Pair(api, cwmp)
    await api.stop()
    await cwmp.stop()
    await postgres_server.drop_database(name)


async def asked(http: Http, body: bytes = b"") -> Envelope | None:
    return (await http.post(body)).envelope


def reply(cpe: Cpe, envelope: Envelope | None) -> bytes:
    assert envelope is not None
    answer = cpe._answer(envelope.message)
    assert answer is not None
    return encode(Envelope(answer, envelope.id, envelope.namespace))


async def test_what_another_process_queues_during_a_session_is_done_in_it(pair: Pair) -> None:
    cpe, http = Cpe(pair.port), Http(pair.port)
    await cpe.session(("1 BOOT", ""))
    first = await pair.get(cpe.key)
    await http.post(cpe.inform(("2 PERIODIC", "")))
    envelope = await asked(http)
    meanwhile = await pair.get(cpe.key)
    envelope = await asked(http, reply(cpe, envelope))
    assert envelope is not None and isinstance(envelope.message, GetParameterValues)
    assert (await http.post(reply(cpe, envelope))).status == 204
    assert [await pair.state(each) for each in (first, meanwhile)] == [OperationState.SUCCEEDED] * 2
    await http.close()


async def test_what_is_held_back_is_not_taken_up_again_and_again(pair: Pair) -> None:
    cpe, http = Cpe(pair.port), Http(pair.port)
    await cpe.session(("1 BOOT", ""))
    held = await pair.api.operations.request(BOSS, cpe.key, "reboot", {})
    await pair.get(cpe.key)
    await pair.api.northbound.freeze.throw(BOSS, on=True, reason="works")
    await http.post(cpe.inform(("2 PERIODIC", "")))
    envelope = await asked(http)
    assert (await http.post(reply(cpe, envelope))).status == 204
    assert await pair.state(held) is OperationState.QUEUED
    await http.close()


async def test_a_session_that_ends_with_a_reboot_takes_up_nothing_more(pair: Pair) -> None:
    cpe, http = Cpe(pair.port), Http(pair.port)
    await cpe.session(("1 BOOT", ""))
    await pair.api.operations.request(BOSS, cpe.key, "reboot", {})
    await http.post(cpe.inform(("2 PERIODIC", "")))
    envelope = await asked(http)
    assert envelope is not None and isinstance(envelope.message, Reboot)
    await pair.get(cpe.key)
    assert (await http.post(reply(cpe, envelope))).status == 204
    await http.close()


async def test_what_is_queued_while_another_process_takes_the_inform_has_the_device_called(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the row of the device, so it is in the store after the Inform has read what is due, and knows it."""
    door, cpe, http = Door("503", "200"), Cpe(pair.port), Http(pair.port)
    listener = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    cpe.connection_request_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/path?id=1"
    await cpe.session(("1 BOOT", ""))
    taken = Held(nothing)
    real = postgres_hot._open_all

    async def open_all(*arguments: Any) -> Any:
        opened = await real(*arguments)
        await taken()
        return opened

    monkeypatch.setattr(postgres_hot, "_open_all", open_all)
    informing = asyncio.create_task(http.post(cpe.inform(("2 PERIODIC", ""))))
    await taken.begun.wait()
    wanted = asyncio.create_task(pair.get(cpe.key))
    await ended_or_waiting(pair.api.store, wanted)
    assert not wanted.done()
    taken.go_on.set()
    assert (await informing).status == 200
    assert (await http.post()).status == 204
    await http.close()
    await door.called(2)
    assert await pair.state(await wanted) is OperationState.QUEUED
    await cpe.session(("6 CONNECTION REQUEST", ""))
    assert await pair.state(await wanted) is OperationState.SUCCEEDED
    listener.close()


async def nothing() -> None:
    return None
