"""The door for RADIUS accounting: one UDP socket; what is proven is stored in batches, and then answered.

The rule: an unknown sender and a packet that is not proven get no answer at all; what cannot be stored is not answered
either, so that the BRAS keeps it and sends it again.
"""

import asyncio

import structlog

from acs.config import RadiusSection
from acs.errors import ConfigError, ProtocolError
from acs.metrics import Metrics
from acs.services.background import repeat
from acs.services.clock import Clock
from acs.services.radius import answer, decode
from acs.services.radius_sessions import Arrived, Client, RadiusSessions
from probes.tasks import end_tasks

log = structlog.get_logger()

#: requests that are stored in one transaction
_BATCH = 500
#: seconds until the store is tried again
_PAUSE_S = 1.0

_Address = tuple[str, int]


class RadiusListener(asyncio.DatagramProtocol):
    """The socket and what waits behind it. `port` is the real one, after `start`."""

    def __init__(self, config: RadiusSection, sessions: RadiusSessions, metrics: Metrics, clock: Clock) -> None:
        self._config = config
        self._sessions = sessions
        self._metrics = metrics
        self._clock = clock
        self._queue: asyncio.Queue[tuple[Arrived, Client, _Address]] = asyncio.Queue(config.waiting)
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self.port = config.port

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=(self._config.host, self._config.port)
            )
        except OSError as error:
            where = f"{self._config.host}:{self._config.port}"
            raise ConfigError(f"radius: cannot listen at {where}: {error.strerror}; name another port") from error
        self.port = int(self._transport.get_extra_info("sockname")[1])
        turns = repeat(self._turn, self._not_stored, pause_s=_PAUSE_S)
        self._task = asyncio.create_task(turns, name="radius accounting")
        log.info("radius.listening", port=self.port, clients=len(self._config.clients))

    async def stop(self) -> None:
        """End listening; what was not answered is sent again by its BRAS."""
        if self._transport is not None:
            self._transport.close()
        if self._task is not None:
            await end_tasks([self._task])

    def datagram_received(self, data: bytes, addr: _Address) -> None:
        """Prove a datagram and put it in the queue."""
        client = self._sessions.client_of(addr[0])
        if client is None:
            self._count("unknown")
            return
        try:
            request = decode(data, client.secret)
            if self._config.require_message_authenticator and not request.signed:
                raise ProtocolError("it has no Message-Authenticator, and radius.require_message_authenticator is on")
        except ProtocolError as error:
            self._count("refused")
            log.debug("radius.refused", client=client.name, why=str(error))
            return
        try:
            self._queue.put_nowait((Arrived(client.name, request, self._clock()), client, addr))
        except asyncio.QueueFull:
            self._count("dropped")

    def error_received(self, exc: Exception) -> None:
        """A sender went away; it asks again."""
        log.debug("radius.unreachable", error=str(exc))

    async def _turn(self) -> None:
        """Store what waits, and answer it; what could not be stored is asked again by its BRAS."""
        batch = [await self._queue.get()]
        while len(batch) < _BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        await self._sessions.take([arrived for arrived, _, _ in batch])
        for arrived, client, address in batch:
            self._count(arrived.request.status.name.lower() if arrived.request.status is not None else "other")
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(answer(arrived.request, client.secret), address)

    def _not_stored(self, error: Exception) -> None:
        log.error("radius.not_stored", waiting=self._queue.qsize(), problem=str(error), kind=type(error).__name__)

    def _count(self, result: str) -> None:
        self._metrics.radius_packets.labels(result).inc()
