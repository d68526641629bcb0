"""The door for traps and informs: one UDP socket, our SNMPv3 engine, and a look at what the kernel dropped.

The rule: nothing is decided here; datagrams go to `services.access_alarms`, and its answers go back.
"""

import asyncio
import hashlib
import time

import structlog

from acs.config import TrapsSection
from acs.errors import ConfigError
from acs.metrics import Metrics
from acs.services.access_alarms import AccessAlarms
from probes.errors import ProbeRefused
from probes.snmp.notification import Engine
from probes.snmp.trap_socket import Counts, TrapSocket

log = structlog.get_logger()

#: seconds between two looks at the kernel's count of drops
_LOOK_S = 5.0
#: the start of our engine's id: a number of our own form (RFC 3411, SnmpEngineID: the first bit is set, form 5)
_ENGINE_FORM = b"\x80\x00\x00\x00\x05"
#: 2020-01-01: `boots` is the tens of seconds since then, so that it grows with every start without being stored
_EPOCH = 1_577_836_800


def engine_of(seed: bytes, *, now_s: float | None = None) -> Engine:
    """Our side of SNMPv3: the same engine for a seed at every start, with more boots each time."""
    began = time.monotonic()
    wall = time.time() if now_s is None else now_s
    identity = _ENGINE_FORM + hashlib.blake2b(seed, digest_size=12, person=b"snmp engine").digest()
    return Engine(identity, max(1, int(wall - _EPOCH) // 10), lambda: time.monotonic() - began)


class TrapListener:
    """The socket and what it has seen."""

    def __init__(self, config: TrapsSection, alarms: AccessAlarms, engine: Engine, metrics: Metrics) -> None:
        self._config = config
        self._alarms = alarms
        self._engine = engine
        self._metrics = metrics
        self._socket = TrapSocket(
            config.host, config.port, self._take, buffer_bytes=config.buffer_bytes, waiting=config.waiting
        )
        self._told = 0

    @property
    def port(self) -> int:
        """The real port, after `start`."""
        return self._socket.port

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: the address cannot be used.
        """
        try:
            await self._socket.start()
        except ProbeRefused as error:
            raise ConfigError(str(error)) from error
        counts = self._socket.counts()
        log.info("traps.listening", port=self.port, buffer_bytes=counts.buffer_bytes)

    async def watch(self) -> None:
        """Tell when the kernel dropped datagrams, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.look()

    def look(self) -> Counts:
        """What the socket has seen; new drops are told."""
        counts = self._socket.counts()
        dropped = counts.dropped_by_kernel + counts.dropped_by_us
        self._metrics.trap_drops.set(dropped)
        self._alarms.counts["received"] = counts.received
        self._alarms.counts["dropped_by_kernel"] = counts.dropped_by_kernel
        self._alarms.counts["dropped_by_us"] = counts.dropped_by_us
        if dropped > self._told:
            log.warning("traps.dropped", by_kernel=counts.dropped_by_kernel, by_us=counts.dropped_by_us)
            self._told = dropped
        return counts

    async def stop(self) -> None:
        """Close; what waits is handed over first."""
        self.look()
        await self._socket.stop()

    def _take(self, data: bytes, sender: tuple[str, int]) -> None:
        self._alarms.take(data, sender[0], self._engine, lambda reply: self._socket.send(reply, sender))


async def listen(config: TrapsSection, alarms: AccessAlarms, seed: bytes, metrics: Metrics) -> TrapListener | None:
    """The door, open, where it is switched on.

    Raises:
        ConfigError: the address cannot be used.
    """
    if not config.enabled:
        return None
    listener = TrapListener(config, alarms, engine_of(seed), metrics)
    await listener.start()
    return listener
