"""Connection requests as an engineer sees and asks for them: what was tried, what is known of the ways to a device.

The one rule: a wake that a person asked for obeys the same limits as every other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from acs.errors import no_device
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.connection_requests import Attempt, ConnectionRequests
from acs.services.waking.methods import Method
from acs.services.waking.reach import Reach, order
from acs.store import connection_requests as store
from acs.store.connection_requests import Try
from acs.store.store import Store


@dataclass(frozen=True, slots=True)
class Ways:
    """How a device can be woken: what it told, the methods in the order in which they are tried, the last tries."""

    reach: Reach
    order: tuple[Method, ...]
    tries: tuple[Try, ...]


class WakeDesk:
    """Use cases on connection requests."""

    def __init__(self, store_: Store, connection_requests: ConnectionRequests, clock: Clock) -> None:
        self._store = store_
        self._connection_requests = connection_requests
        self._clock = clock

    async def ways(self, actor: Actor, key: str, limit: int = 20) -> Ways:
        """What is known of the ways to a device, and its last tries, the newest first.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        reach = await self._known(key)
        tries = await self._tries(key, limit)
        return Ways(reach, tuple(order(reach, self._connection_requests.methods)), tuple(tries))

    async def wake(self, actor: Actor, key: str) -> Attempt:
        """Call the device now and say how it went; nothing else is asked of it.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.OPERATE)
        await self._known(key)
        async with self._store.transaction() as tx:
            await audit.note(tx, actor, "device.woken", f"device:{key}", self._clock())
        return await self._connection_requests.request(key)

    async def _known(self, key: str) -> Reach:
        reach = await self._connection_requests.reach(key)
        if reach is None:
            raise no_device(key)
        return reach

    async def _tries(self, key: str, limit: int) -> Sequence[Try]:
        async with self._store.reading() as tx:
            return await store.list_tries(tx, key, limit=limit)
