"""What is offered to a session is done in it, or handed back: then the device is called."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.errors import StoreError
from acs.store.records import OperationRecord, OperationState, SessionOpened, SessionOpening
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped, Http
from tests.fakes.door import Door, device_with

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
