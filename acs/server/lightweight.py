"""The UDP port of lightweight notifications (TR-069 Annex M): limits, parsing, and never an answer.

The one rule: a datagram that cannot be used is counted and forgotten.
"""

import time
from typing import Any, Final

import structlog
from twisted.internet.protocol import DatagramProtocol

from acs.config import LightweightSection
from acs.cwmp import lightweight
from acs.errors import AcsError, ProtocolError
from acs.metrics import Metrics
from acs.server import udp
from acs.server.bridge import result_of
from acs.server.datagram_limits import DatagramLimits
from acs.services.background import Background
from acs.services.waking.lightweight import Notifications

log = structlog.get_logger()

#: Notifications that are looked at, at once; more are dropped.
AT_ONCE: Final = 100


class LightweightServer(DatagramProtocol):
    """Hears notifications."""

    def __init__(self, config: LightweightSection, notifications: Notifications, metrics: Metrics) -> None:
        self._config = config
        self._notifications = notifications
        self._metrics = metrics
        self._limits = DatagramLimits(config.per_address_per_s, config.per_s)
        self._background = Background()
        self._running = 0
        self._listening: Any = None

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return udp.port_of(self._listening)

    def start(self, reactor: Any) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be used.
        """
        config = self._config
        self._listening = udp.listen(reactor, self, config.host, config.port, lightweight.MAX_DATAGRAM)
        log.info("lightweight.started", host=self._config.host, port=self.port)

    async def stop(self) -> None:
        """Stop listening."""
        await self._background.close()
        if self._listening is not None:
            listening, self._listening = self._listening, None
            stopped = listening.stopListening()
            if stopped is not None:
                await result_of(stopped)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """A datagram came."""
        if self._running >= AT_ONCE or not self._limits.admits(addr[0], time.monotonic()):
            self._count("limited")
            return
        try:
            notification = lightweight.parse(datagram)
        except ProtocolError:
            self._count("malformed")
            return
        self._running += 1
        self._background.start(self._take(notification))

    async def _take(self, notification: lightweight.Notification) -> None:
        try:
            self._count(await self._notifications.take(notification))
        except AcsError as error:
            self._count("refused")
            log.warning("notification.refused", why=str(error)[:200])
        finally:
            self._running -= 1

    def _count(self, result: str) -> None:
        self._metrics.lightweight_notifications.labels(result).inc()
