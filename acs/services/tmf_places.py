"""Our places in the hubs of ticket systems: where `callback` is configured, we see that it is subscribed there.

    no place, or one for another callback ─► the old one is left, a new one taken, its id kept

The rule of this file: a place is looked after by the worker alone; a ticket system that is away is asked again at the
next look.
"""

from collections.abc import Awaitable, Callable

import httpx
import structlog

from acs.config import TmfSection
from acs.services.clock import Clock
from acs.services.deliveries import NotTaken
from acs.services.tmf_systems import TicketSystem
from acs.store import tmf as tmf_store
from acs.store.store import Store
from acs.store.tmf import RemoteThing

log = structlog.get_logger()

#: kind of our places in hubs, and the one key that there is of it
_HUB, _ONE = "hub", "listener"
#: seconds between two looks
_TICK_S = 60.0


class TmfPlaces:
    """Subscribes our listener at the hubs of ticket systems."""

    def __init__(
        self, store: Store, config: TmfSection, clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._systems = [
            (one, TicketSystem(one, config.plain_networks, transport=transport))
            for one in config.ticket_systems
            if one.callback is not None
        ]

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"places in hubs": (_TICK_S, self.look)} if self._systems else {}

    async def look(self) -> None:
        """See that every configured callback is subscribed."""
        for section, system in self._systems:
            try:
                await self._look(section.name, section.callback or "", system)
            except NotTaken as error:
                log.warning("tmf.hub_away", system=section.name, problem=str(error))

    async def _look(self, name: str, callback: str, system: TicketSystem) -> None:
        async with self._store.reading() as tx:
            place = await tmf_store.remote_thing(tx, name, _HUB, _ONE)
        if place is not None and place.detail == callback:
            return
        if place is not None:
            await system.unsubscribe(place.remote_id)
            async with self._store.transaction() as tx:
                await tmf_store.drop_remote_thing(tx, name, _HUB, _ONE)
        id_ = await system.subscribe(callback)
        async with self._store.transaction() as tx:
            await tmf_store.put_remote_thing(tx, RemoteThing(name, _HUB, _ONE, id_, self._clock(), callback))
        log.info("tmf.hub_joined", system=name, callback=callback)
