"""`kill -9` at every step of a reboot: the CPE never reboots twice, and no acknowledged event is lost."""

import asyncio
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acs.store import devices, operations
from acs.store.records import OperationRecord, OperationState
from acs.store.store import Store
from acs.store.vault import Vault
from cli.ports import free_port
from tests.fakes.acs_server import config_for, running
from tests.fakes.cpe import Cpe, Dropped
from tests.fakes.crashing_server import ServerProcess

#: Points tried at the same time.
AT_ONCE = 6
#: Alembic keeps its state in module globals: one store opens at a time in this process.
LOOKING = asyncio.Lock()
#: More points than any walk has.
FAR = 90

CONFIG = """
[cwmp]
host = "127.0.0.1"
port = {cwmp}
auth = "open"
guard.late_s = 60.0
first_contact = {{ enabled = false }}
[connection_requests]
allowed_networks = ["127.0.0.0/8"]
timeout_s = 2.0
retry_s = 0.5
[store]
url = "sqlite:///test.db"
vault_key_file = "test.key"
[operations]
tick_s = 0.1
settle_s = {settle}
uptime_slack_s = 0.2
"""


@dataclass(frozen=True)
class Walk:
    """How the CPE behaves in a walk over all points."""

    answers: bool = True
    reboot_after_s: float = 0.1
    settle_s: float = 0.7
    kind: str = "reboot"
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass
class Ended:
    fatal: int
    died: bool
    operation: OperationRecord
    boots: int
    lost: list[tuple[str, str]]
    resets: int
    downloads: int


@pytest.fixture(scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that knows the device."""
    folder = tmp_path_factory.mktemp("template")
    async with running(config_for(folder)) as server:
        await Cpe(server.port).session(("1 BOOT", ""))
    return folder


class Listener:
    """The CPE's connection-request door: says 200 and lets the CPE open a session."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/cr"

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            self.called.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def live(cpe: Cpe, called: asyncio.Event) -> None:
    """The CPE's life: a session when called, and now and then by itself; none while it reboots."""
    while True:
        await cpe.rebooted()
        try:
            await cpe.session(("2 PERIODIC", ""))
        except (Dropped, OSError):
            await asyncio.sleep(0.05)
            continue
        try:
            await asyncio.wait_for(called.wait(), 0.25)
        except TimeoutError:
            continue
        called.clear()


async def told(control: int, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the server says to a wish, asked again until it lives and says it."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", control)
            writer.write(json.dumps(wanted).encode() + b"\n")
            line = await reader.readline()
            writer.close()
            if line:
                answer: dict[str, Any] = json.loads(line)
                return answer
        except OSError:
            pass
        await asyncio.sleep(0.05)


async def end_of(control: int, id: str) -> None:
    """Wait until the operation has ended, however often the server dies."""
    final = ("succeeded", "failed", "expired", "cancelled")
    while (await told(control, {"id": id}))["state"] not in final:  # noqa: ASYNC110 - the server is another process
        await asyncio.sleep(0.05)


async def one(folder: Path, template: Path, walk: Walk, fatal: int, *, deadline_s: float = 20) -> Ended:
    """One reboot with a kill at the point `fatal`."""
    shutil.copytree(template, folder)
    cwmp, control = free_port(), free_port()
    config = folder / "test.toml"
    config.write_text(CONFIG.format(cwmp=cwmp, settle=walk.settle_s))
    server = ServerProcess(config, control, fatal)
    cpe = Cpe(cwmp, answers_reboot=walk.answers, reboot_after_s=walk.reboot_after_s)
    listener = Listener()
    async with listener as url, asyncio.TaskGroup() as group:
        cpe.connection_request_url = url
        await server.start()
        over = asyncio.Event()
        group.create_task(_keep(server, over))
        life = group.create_task(live(cpe, listener.called))
        async with asyncio.timeout(deadline_s + 60):
            wanted = {"device": cpe.key, "deadline_s": deadline_s, "kind": walk.kind, "arguments": walk.arguments}
            id = (await told(control, wanted))["id"]
            await end_of(control, id)
        died = server.fatal is None
        await asyncio.sleep(0.3)
        over.set()
        life.cancel()
    server.kill()
    async with LOOKING:
        return await _look(folder, cpe, id, fatal, died)


async def _keep(server: ServerProcess, over: asyncio.Event) -> None:
    """Restart the server once it is dead."""
    while not over.is_set():
        if not server.alive:
            server.fatal = None
            await server.start()
        await asyncio.sleep(0.02)


async def _look(folder: Path, cpe: Cpe, id: str, fatal: int, died: bool) -> Ended:
    store = await Store.open(f"sqlite:///{folder / 'test.db'}", vault=Vault.from_file(folder / "test.key"))
    try:
        async with store.reading() as tx:
            operation = await operations.get(tx, id)
            stored = [(e.code, e.command_key) for e in await devices.list_events(tx, cpe.key, limit=10_000)]
    finally:
        await store.close()
    assert operation is not None
    lost = [event for event in set(cpe.delivered) if event not in stored]
    return Ended(fatal, died, operation, cpe.boots, lost, cpe.resets, cpe.downloads)


async def over_all_points(tmp_path: Path, template: Path, walk: Walk) -> list[Ended]:
    """Kill at point 1, 2, 3 … until the reboot is done before the point comes."""
    ended: list[Ended] = []
    for start in range(1, FAR, AT_ONCE):
        cases = [one(tmp_path / f"at-{n}", template, walk, n) for n in range(start, start + AT_ONCE)]
        batch: list[Ended] = await asyncio.gather(*cases)
        ended += batch
        if not any(case.died for case in batch):
            return ended
    raise AssertionError("the reboot has no end")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "walk",
    [
        Walk(),
        Walk(reboot_after_s=1.0),
        Walk(answers=False),
        Walk(answers=False, reboot_after_s=1.0, settle_s=1.6),
    ],
    ids=["answers", "answers-and-reboots-much-later", "drops-the-connection", "reboots-much-later"],
)
async def test_killed_at_any_point_the_cpe_reboots_exactly_once(tmp_path: Path, template: Path, walk: Walk) -> None:
    ended = await over_all_points(tmp_path, template, walk)
    assert len(ended) > 12
    for case in ended:
        about = (case.fatal, case.operation)
        assert case.boots == 1, about
        assert case.operation.state is OperationState.SUCCEEDED, about
        assert not case.lost, about


@pytest.mark.timeout(120)
async def test_killed_at_any_point_the_cpe_is_reset_exactly_once(tmp_path: Path, template: Path) -> None:
    for case in await over_some_points(tmp_path, template, Walk(kind="factory_reset")):
        about = (case.fatal, case.operation)
        assert (case.boots, case.resets) == (1, 1), about
        assert case.operation.state is OperationState.SUCCEEDED, about
        assert not case.lost, about


@pytest.mark.timeout(240)
async def test_killed_at_any_point_a_file_is_never_fetched_twice(tmp_path: Path, template: Path) -> None:
    arguments = {"file_type": "config", "url": "http://files.example/settings"}
    ended = await over_some_points(tmp_path, template, Walk(kind="download", arguments=arguments), deadline_s=10)
    assert any(case.downloads for case in ended)
    for case in ended:
        about = (case.fatal, case.operation)
        assert case.downloads <= 1, about
        if case.downloads:
            assert case.operation.state is OperationState.SUCCEEDED, about
        elif case.operation.state is OperationState.EXPIRED:  # a busy machine took the whole deadline to come back
            assert "opened no session" in case.operation.detail, about
        else:
            assert case.operation.state is OperationState.FAILED, about
            assert "nothing proved" in case.operation.detail, about


async def over_some_points(tmp_path: Path, template: Path, walk: Walk, *, deadline_s: float = 20) -> list[Ended]:
    """Kill at every third point: those of the reboots are all walked."""
    ended: list[Ended] = []
    for start in range(2, 2 + 3 * 2 * AT_ONCE, 3 * AT_ONCE):
        points = range(start, start + 3 * AT_ONCE, 3)
        cases = [one(tmp_path / f"at-{n}", template, walk, n, deadline_s=deadline_s) for n in points]
        batch: list[Ended] = await asyncio.gather(*cases)
        ended += batch
        if not any(case.died for case in batch):
            break
    return ended


@pytest.mark.timeout(100)
async def test_a_cpe_that_never_comes_back_ends_it_failed_with_the_reason(tmp_path: Path, template: Path) -> None:
    walk = Walk(answers=False, reboot_after_s=3600.0)
    cases = [one(tmp_path / f"at-{n}", template, walk, n, deadline_s=3) for n in (12, 14, 16, 18)]
    for case in await asyncio.gather(*cases):
        assert case.boots == 0
        assert case.operation.state in (OperationState.FAILED, OperationState.EXPIRED)
        assert "deadline" in case.operation.detail
