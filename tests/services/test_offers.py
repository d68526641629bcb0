"""What is offered to a session is done in it, or handed back: then the device is called."""

import asyncio
from collections.abc import AsyncIterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.messages import GetParameterValues, Message, Reboot, SetParameterValues
from acs.cwmp.soap import Envelope, encode
from acs.errors import StoreError
from acs.server import presence
from acs.store.records import (
    OperationRecord,
    OperationState,
    SessionCommit,
    SessionCommitted,
    SessionOpened,
    SessionOpening,
    StepName,
)
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped, Http
from tests.fakes.door import Door, device_with
from tests.held_calls import Held, until

NAMES = {"names": ["Device.DeviceInfo.UpTime"]}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A server whose worker calls nobody within a test: what is called, is called because it was handed back."""
    async with running(config_for(tmp_path, connection_requests={"retry_s": 600.0})) as server:
        yield server


class Meanwhile:
    """Requests an operation when an Inform has been read and its session is not yet there."""

    def __init__(self, server: Running, key: str, *, fails: bool = False) -> None:
        self.requested: list[OperationRecord] = []
        self._server, self._key, self._fails = server, key, fails
        self._take = server.store.sessions.open

    async def __call__(self, opening: SessionOpening) -> SessionOpened:
        opened = await self._take(opening)
        if not self.requested:
            self.requested.append(await self._server.operations.request(ACTOR, self._key, "get", NAMES))
            if self._fails:
                raise StoreError("the disk is full")
        return opened


@pytest.mark.parametrize("broken", [False, True])
async def test_what_is_requested_while_an_inform_is_taken_is_done_in_its_session(
    server: Running, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    """Whether or not the device still has a session that it broke off."""
    cpe, dead = Cpe(server.port), Http(server.port)
    await cpe.session(("1 BOOT", ""))
    if broken:
        await dead.post(cpe.inform(("2 PERIODIC", "")))
    meanwhile = Meanwhile(server, cpe.key)
    monkeypatch.setattr(server.store.sessions, "open", meanwhile)
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(meanwhile.requested[0])).state is OperationState.SUCCEEDED
    assert len(cpe.asked) == 1
    await dead.close()


async def test_what_was_offered_to_a_session_is_done_once_in_the_one_that_replaces_it(server: Running) -> None:
    cpe, dead = Cpe(server.port), Http(server.port)
    await cpe.session(("1 BOOT", ""))
    await dead.post(cpe.inform(("2 PERIODIC", "")))
    wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(wanted)).state is OperationState.SUCCEEDED
    assert len(cpe.asked) == 1
    await dead.close()


async def test_what_is_requested_while_an_inform_is_lost_has_the_device_called(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door("200")
    async with device_with(server, door) as cpe:
        monkeypatch.setattr(server.store.sessions, "open", Meanwhile(server, cpe.key, fails=True))
        with pytest.raises(Dropped):
            await cpe.session(("2 PERIODIC", ""))
        await door.called()


async def is_called_for(server: Running, operation: OperationRecord) -> bool:
    """Whether the device is called for the operation before that ends."""
    async with asyncio.timeout(60):
        async for step in server.operations.watch(operation.id):
            if step.name is StepName.CONNECTION_REQUEST_SENT:
                return True
    return False


async def test_a_session_whose_connection_is_gone_has_the_device_called(server: Running) -> None:
    door, http = Door("200"), Http(server.port)
    async with device_with(server, door) as cpe:
        await http.post(cpe.inform(("2 PERIODIC", "")))
        before = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        await http.close()
        await door.called()
        visit = server.sessions.visit_of(cpe.key)
        assert visit is not None
        assert visit.adrift
        assert await is_called_for(server, before)


async def test_a_device_is_called_at_once_where_its_session_is_adrift(server: Running) -> None:
    door, http = Door("200"), Http(server.port)
    async with device_with(server, door) as cpe:
        await http.post(cpe.inform(("2 PERIODIC", "")))
        visit = server.sessions.visit_of(cpe.key)
        assert visit is not None
        await http.close()
        await until(lambda: visit.adrift)
        assert not door.seen, "nothing waits: nobody calls"
        wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        await door.called()
        assert await is_called_for(server, wanted)


async def test_a_device_that_comes_back_by_its_cookie_is_asked_for_what_came_meanwhile(server: Running) -> None:
    cpe, http = Cpe(server.port), Http(server.port)
    await http.post(cpe.inform(("2 PERIODIC", "")))
    visit = server.sessions.visit_of(cpe.key)
    assert visit is not None
    await http.close()
    await until(lambda: visit.adrift)
    await server.operations.request(ACTOR, cpe.key, "get", NAMES)
    assert isinstance((await http.post()).message, GetParameterValues)
    assert not visit.adrift
    assert server.sessions.offer(await server.operations.request(ACTOR, cpe.key, "get", NAMES))
    await http.close()


async def test_a_connection_that_no_longer_carries_a_session_takes_it_nowhere(server: Running) -> None:
    cpe, former, http = Cpe(server.port), Http(server.port), Http(server.port)
    await former.post(cpe.inform(("2 PERIODIC", "")))
    await server.operations.request(ACTOR, cpe.key, "get", NAMES)
    http.cookie = former.cookie
    assert isinstance((await http.post()).message, GetParameterValues)
    await former.close()
    await until(lambda: next(iter(server.metrics.connections.collect())).samples[0].value == 1)
    visit = server.sessions.visit_of(cpe.key)
    assert visit is not None and not visit.stored and visit.adrift_at == inf
    await http.close()


@pytest.mark.parametrize("served", ["commit", "open"], ids=["a POST", "its Inform"])
async def test_a_connection_that_goes_while_something_is_served_on_it_is_missed(
    server: Running, monkeypatch: pytest.MonkeyPatch, served: str
) -> None:
    door, http = Door("200"), Http(server.port)
    async with device_with(server, door) as cpe:
        body = cpe.inform(("2 PERIODIC", ""))
        if served == "commit":
            await http.post(body)
            await server.operations.request(ACTOR, cpe.key, "get", NAMES)
            body = b""
        held = Held(getattr(server.store.sessions, served))
        monkeypatch.setattr(server.store.sessions, served, held)
        await http.send(http.request(body))
        await held.begun.wait()
        http.reset()
        await until(lambda: not server.endpoint._shared.open)
        wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        held.go_on.set()
        await door.called()
        assert await is_called_for(server, wanted)


async def test_a_session_on_a_proxys_connection_that_is_silent_has_the_device_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "LEFT_S", 0.1)
    cwmp = {"proxy": {"trusted": ["127.0.0.1/32"], "mode": "headers"}}
    calls = {"retry_s": 600.0}
    async with running(config_for(tmp_path, cwmp=cwmp, connection_requests=calls)) as server:
        door, http = Door("200"), Http(server.port)
        async with device_with(server, door) as cpe:
            await http.post(cpe.inform(("2 PERIODIC", "")))
            wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
            await door.called()
            assert await is_called_for(server, wanted)
        await http.close()


async def test_the_worker_calls_for_a_session_that_is_adrift(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        door, http = Door("200"), Http(server.port)
        async with device_with(server, door) as cpe:
            wanted = await server.operations.request(ACTOR, cpe.key, "get", NAMES, call=False)
            await http.post(cpe.inform(("2 PERIODIC", "")))
            await http.close()
            await door.called()
            assert await is_called_for(server, wanted)


PING = "Device.IP.Diagnostics.IPPing."
DIAGNOSE = ("diagnose", {"test": "ping", "inputs": {"host": "192.0.2.1", "count": 1, "timeout_ms": 1}})
ANOTHER = ("diagnose", {"test": "ping", "inputs": {"host": "192.0.2.2", "count": 1, "timeout_ms": 1}})


async def asked_for(http: Http, cpe: Cpe, kind: type[Message]) -> Envelope:
    """A session of the CPE, up to a request of this kind, which is not answered yet."""
    cpe.values |= {f"{PING}{leaf}": ("0", "xsd:unsignedInt") for leaf in ("NumberOfRepetitions", "Timeout")}
    cpe.values |= {f"{PING}{leaf}": ("", "xsd:string") for leaf in ("Host", "DiagnosticsState")}
    await http.post(cpe.inform(("6 CONNECTION REQUEST", "")))
    asked = (await http.post()).envelope
    while asked is not None and not isinstance(asked.message, kind):
        asked = (await http.post(reply(cpe, asked))).envelope
    assert asked is not None
    return asked


def reply(cpe: Cpe, asked: Envelope) -> bytes:
    answer = cpe._answer(asked.message)
    assert answer is not None
    return encode(Envelope(answer, asked.id, asked.namespace))


async def test_a_session_that_ends_because_a_test_begins_has_the_device_called(server: Running) -> None:
    """For what it took meanwhile; not for another test, which waits until the device says that this one is over."""
    door, http = Door("200"), Http(server.port)
    async with device_with(server, door) as cpe:
        await server.operations.request(ACTOR, cpe.key, *DIAGNOSE)
        await door.called()
        asked = await asked_for(http, cpe, SetParameterValues)
        read = await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        test = await server.operations.request(ACTOR, cpe.key, *ANOTHER)
        assert (await http.post(reply(cpe, asked))).status == 204
        await door.called(2)
        assert await is_called_for(server, read)
        assert "connection_request_sent" not in await server.steps(test)
        await http.close()


async def test_a_device_that_reboots_is_not_called(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes by itself, and a call would be refused until it does."""
    left: list[str] = []
    monkeypatch.setattr(server.sessions.parts, "left", lambda _device, operations: left.extend(operations))
    cpe, http = Cpe(server.port, reboot_after_s=None), Http(server.port)
    await cpe.session(("1 BOOT", ""))
    for answered in (True, False):
        await server.operations.request(ACTOR, cpe.key, "reboot", {})
        asked = await asked_for(http, cpe, Reboot)
        await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        if answered:
            assert (await http.post(reply(cpe, asked))).status == 204
        else:
            assert (await http.post(b"no XML")).status == 400
        await http.close()
        await until(lambda: server.sessions.visit_of(cpe.key) is None)
        assert not left
        await cpe.session(("1 BOOT", ""), ("M Reboot", asked.message.command_key))


async def test_a_session_that_fails_has_the_device_called_for_what_it_took(server: Running) -> None:
    door, http = Door("200"), Http(server.port)
    async with device_with(server, door) as cpe:
        await http.post(cpe.inform(("2 PERIODIC", "")))
        await server.operations.request(ACTOR, cpe.key, "get", NAMES)
        assert (await http.post(b"no XML")).status == 400
        await door.called()
        await http.close()


@pytest.mark.parametrize(("kind", "arguments"), [("get", NAMES), ("refresh", {}), ("reboot", {})])
async def test_what_could_not_be_sent_because_the_store_failed_has_the_device_called(
    server: Running, monkeypatch: pytest.MonkeyPatch, kind: str, arguments: dict[str, Any]
) -> None:
    """It has not left: not even of a reboot need anybody ask whether it happened."""
    door, http = Door("200"), Http(server.port)

    async def failing(_commit: SessionCommit) -> SessionCommitted:
        raise StoreError("the disk is full")

    async with device_with(server, door) as cpe:
        await http.post(cpe.inform(("2 PERIODIC", "")))
        wanted = await server.operations.request(ACTOR, cpe.key, kind, arguments)
        with monkeypatch.context() as patched:
            patched.setattr(server.store.sessions, "commit", failing)
            assert (await http.post()).status == 503
        await http.close()
        await door.called()
        assert (await server.now(wanted)).state is OperationState.QUEUED
        await cpe.session(("6 CONNECTION REQUEST", ""))
        assert (await server.now(wanted)).state in (OperationState.SUCCEEDED, OperationState.SENT)
