"""A whole server in a process of its own that kills itself, by SIGKILL, at the n-th point of its work.

Points lie before and after every write to the store and every send to a CPE, from the moment an operation is asked
for. A test walks n from 1 until the work is done before the point comes.
"""

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import uvloop

from acs import log as logs
from acs.app import install_reactor
from acs.config import Config
from acs.server.http import Connection
from acs.server.outbound import TwistedCaller
from acs.services.operations import Operations
from acs.store.sessions import Sessions as StoreSessions
from acs.store.store import Store
from tests.fakes.acs_server import ACTOR, Running
from tests.fakes.acs_server import start as start_server

#: Seconds that a written answer gets to leave before the process dies "after" it.
LEAVE_S = 0.02


class Points:
    """Counts the points passed, and kills the process at the chosen one."""

    def __init__(self, fatal: int | None) -> None:
        self.fatal = fatal
        self.passed = 0
        self.armed = False

    def passing(self) -> bool:
        """Whether this point is the fatal one."""
        if not self.armed or self.fatal is None:
            return False
        self.passed += 1
        return self.passed == self.fatal

    def die_here(self) -> None:
        if self.passing():
            os.kill(os.getpid(), signal.SIGKILL)

    def die_soon(self) -> None:
        if self.passing():
            asyncio.get_running_loop().call_later(LEAVE_S, os.kill, os.getpid(), signal.SIGKILL)


def install(points: Points) -> None:
    """Put the points into this process's classes."""
    _around(StoreSessions, "open", points)
    _around(StoreSessions, "commit", points)
    _around(TwistedCaller, "get", points)
    _transactions(points)
    respond = Connection.respond
    request = Operations.request

    def responding(self: Connection, *args: Any, **named: Any) -> None:
        points.die_here()
        respond(self, *args, **named)
        points.die_soon()

    async def requesting(self: Operations, *args: Any, **named: Any) -> Any:
        points.armed = True
        return await request(self, *args, **named)

    Connection.respond = responding  # type: ignore[method-assign]
    Operations.request = requesting  # type: ignore[method-assign]


def _around(owner: type, name: str, points: Points) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def wrapped(*args: Any, **named: Any) -> Any:
        points.die_here()
        result = await original(*args, **named)
        points.die_here()
        return result

    setattr(owner, name, wrapped)


def _transactions(points: Points) -> None:
    original = Store.transaction

    @asynccontextmanager
    async def transaction(self: Store, *, first: bool = False) -> AsyncIterator[Any]:
        async with original(self, first=first) as tx:
            yield tx
            points.die_here()
        points.die_here()

    Store.transaction = transaction  # type: ignore[method-assign]


def serve(config_path: str, control: int, fatal: int | None, pipe: Pipe) -> None:
    """Run the server; says so through the pipe once it serves. The control port takes one JSON object per line."""
    install(Points(fatal))
    logs.configure("error")
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    install_reactor(loop)

    async def work() -> None:
        server = await start_server(Config.load(Path(config_path)))

        async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wanted = json.loads(await reader.readline())
            writer.write(json.dumps(await _do(server, wanted)).encode() + b"\n")
            await writer.drain()
            writer.close()

        await asyncio.start_server(serve_one, "127.0.0.1", control)
        pipe.send("serving")
        await asyncio.Event().wait()

    loop.run_until_complete(work())


async def _do(server: Running, wanted: dict[str, Any]) -> dict[str, Any]:
    """Ask for an operation, by default a reboot, or tell the state of one."""
    if "id" in wanted:
        return {"state": (await server.operations.get(ACTOR, wanted["id"])).state.value}
    kind, arguments = wanted.get("kind", "reboot"), wanted.get("arguments", {})
    operation = await server.operations.request(
        ACTOR, wanted["device"], kind, arguments, deadline_s=wanted["deadline_s"], idempotency_key="once"
    )
    return {"id": operation.id}


class ServerProcess:
    """One such process; `start` again after its death restarts it on the same ports, without a fatal point."""

    def __init__(self, config_path: Path, control: int, fatal: int | None) -> None:
        self._config_path = config_path
        self._control = control
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.fakes.crashing_server"])
        self.fatal = fatal
        self._process: Any = None

    async def start(self) -> None:
        """Return once it serves."""
        ours, theirs = self._context.Pipe()
        arguments = (str(self._config_path), self._control, self.fatal, theirs)
        self._process = self._context.Process(target=serve, args=arguments, daemon=True)
        await asyncio.to_thread(self._process.start)
        theirs.close()
        await asyncio.to_thread(ours.recv)
        ours.close()

    @property
    def alive(self) -> bool:
        return bool(self._process.is_alive())

    def kill(self) -> None:
        """End it, by SIGKILL too."""
        self._process.kill()
        self._process.join()
