"""The doors by which CPEs are woken and by which they tell: UDP with STUN, XMPP, lightweight notifications.

The one rule: what the configuration does not switch on is not there; only the process that serves CPEs owns the UDP
sockets, the others send through it.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from acs.config import Config
from acs.errors import ConfigError
from acs.metrics import Metrics
from acs.server.lightweight import LightweightServer
from acs.server.stun import OrderedDatagrams, StunServer
from acs.server.worker import Job
from acs.server.xmpp import XmppMessenger
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.sessions import Sessions
from acs.services.waking.bindings import Bindings
from acs.services.waking.lightweight import Notifications
from acs.services.waking.methods import Datagrams
from acs.store import connection_requests
from acs.store.store import Store

#: Seconds between two looks for passwords that are too old.
ROTATE_S: Final = 60.0
#: Seconds between two bites of old tries.
FORGET_S: Final = 300.0


@dataclass(slots=True)
class Doors:
    """What of it this process has; None where the configuration switches it off, or another process owns it."""

    stun: StunServer | None
    datagrams: Datagrams | None
    messenger: XmppMessenger | None
    lightweight: LightweightServer | None

    def start(self) -> None:
        """Listen and connect.

        Raises:
            ConfigError: an address cannot be used; the message names the key.
        """
        from twisted.internet import reactor  # noqa: PLC0415 - importing it earlier would choose another reactor

        if self.stun is not None:
            _listen("stun", self.stun, reactor)
        if self.lightweight is not None:
            _listen("lightweight", self.lightweight, reactor)
        if self.messenger is not None:
            self.messenger.start(reactor)

    async def stop(self) -> None:
        """Close them all."""
        for door in (self.stun, self.lightweight, self.messenger):
            if door is not None:
                await door.stop()


def doors(config: Config, store: Store, bus: Bus, metrics: Metrics, clock: Clock, *, owner: bool) -> Doors:
    """Put the doors together; `owner`: this process serves CPEs.

    Raises:
        ConfigError: a secret file is wrong.
    """
    stun: StunServer | None = None
    datagrams: Datagrams | None = None
    if config.stun.enabled and owner:
        datagrams = stun = StunServer(config.stun, Bindings(store, config.stun, clock), store, metrics, clock)
    elif config.stun.enabled:
        datagrams = OrderedDatagrams(store, clock)
    messenger = XmppMessenger(config.xmpp) if config.xmpp.jid is not None else None
    lightweight = None
    if config.lightweight.enabled and owner:
        lightweight = LightweightServer(config.lightweight, Notifications(store, bus, config, clock), metrics)
    return Doors(stun, datagrams, messenger, lightweight)


def waking_jobs(sessions: Sessions, store: Store, config: Config, clock: Clock) -> dict[str, tuple[float, Job]]:
    """The worker's jobs: rotations begun and settled, old tries forgotten."""

    async def rotate() -> None:
        await sessions.first_contact.begin_rotations(clock())

    async def forget() -> None:
        before = clock() - timedelta(days=config.connection_requests.keep_days)
        async with store.transaction() as tx:
            await connection_requests.prune_tries(tx, before)

    return {"rotations": (ROTATE_S, rotate), "tries": (FORGET_S, forget)}


def _listen(section: str, door: Any, reactor: Any) -> None:
    try:
        door.start(reactor)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(
            f"{section}.port: the UDP port cannot be used ({reason}); stop what listens there, or choose another port"
        ) from error
