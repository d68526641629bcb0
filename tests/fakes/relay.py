"""A TCP relay that fails on request: it refuses a connection, or carries the question there and loses the answer."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

#: seconds that a connection whose answer is lost may go on
_LOST_S = 20.0


@dataclass
class Relay:
    """`failures`: what becomes of the next connections, in order: drop, lose, or "" for nothing.

    `away`: all are dropped.
    """

    to_port: int
    port: int = 0
    failures: deque[str] = field(default_factory=deque)
    away: bool = False
    dropped: int = 0
    lost: int = 0
    _missed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def fails(self, failures: Iterable[str]) -> None:
        """From now on the next connections fail so."""
        self.failures = deque(failures)

    async def was_away(self, calls: int = 3) -> None:
        """Return when so many connections came in vain while it was away."""
        for _ in range(calls):
            await self._missed.acquire()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Relay"]:
        carrying: set[asyncio.Task[None]] = set()

        def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._carry(reader, writer))
            carrying.add(task)
            task.add_done_callback(carrying.discard)

        server = await asyncio.start_server(came, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        failure = "drop" if self.away else self.failures.popleft() if self.failures else ""
        if failure == "drop":
            self.dropped += 1
            if self.away:
                self._missed.release()
            writer.transport.abort()
            return
        with suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
            question = asyncio.create_task(_pass(reader, there_writer))
            try:
                if failure == "lose":
                    async with asyncio.timeout(_LOST_S):
                        await there_reader.readuntil(b"\r\n\r\n")
                    self.lost += 1
                    writer.transport.abort()
                else:
                    await _pass(there_reader, writer)
            finally:
                question.cancel()
                there_writer.close()
                writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
