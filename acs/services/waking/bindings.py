"""Who asks the STUN server, and where devices were seen: the passwords looked up, the bindings kept.

The one rule: a keep-alive costs no write; a binding is written when it changed, and now and then to say that it stands.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta

import structlog

from acs.config import StunSection
from acs.cwmp.stun import Endpoint
from acs.errors import StoreError
from acs.services.background import repeat
from acs.services.clock import Clock
from acs.store import connection_requests as store
from acs.store.connection_requests import Binding
from acs.store.store import Store

log = structlog.get_logger()

#: Seconds that a looked-up user name is believed, known or not.
REMEMBER_S = 60.0
#: User names and devices remembered, each; about 300 bytes.
REMEMBERED = 50_000
#: Parts of a binding's age after which it is written again though it did not change.
_PARTS = 4

#: Bindings written at once.
_AT_ONCE = 1_000

#: (device, password) of each owner of a user name
Owners = tuple[tuple[str, str], ...]


class Bindings:
    """Looks up passwords of STUN clients and keeps where they were seen."""

    def __init__(self, store_: Store, config: StunSection, clock: Clock) -> None:
        self._store = store_
        self._clock = clock
        self._again = timedelta(seconds=config.binding_age_s / _PARTS)
        self._owners: OrderedDict[str, tuple[datetime, Owners]] = OrderedDict()
        #: device → what is stored, or will be with the next flush
        self._known: OrderedDict[str, Binding] = OrderedDict()
        self._dirty: dict[str, Binding] = {}

    def remembered(self, username: str) -> Owners | None:
        """The owners of a user name where they were looked up lately; None: call `owners`."""
        known = self._owners.get(username)
        return known[1] if known is not None and known[0] > self._clock() else None

    async def owners(self, username: str) -> Owners:
        """Look up the owners of a user name; none where nobody has it."""
        async with self._store.reading() as tx:
            found = await store.stun_owners(tx, username)
        owners = tuple((device, credentials.secret) for device, credentials in found)
        self._owners[username] = self._clock() + timedelta(seconds=REMEMBER_S), owners
        self._owners.move_to_end(username)
        while len(self._owners) > REMEMBERED:
            self._owners.popitem(last=False)
        return owners

    def saw(self, device: str, source: Endpoint, *, proved: bool) -> bool:
        """A device was seen there; whether that is news. An unproved sighting never replaces a proved one."""
        now = self._clock()
        known = self._known.get(device)
        if known is not None and known.proved and not proved and now - known.seen_at < self._again * _PARTS:
            return False
        moved = known is None or (known.host, known.port, known.proved) != (source.host, source.port, proved)
        if known is not None and not moved and now - known.seen_at < self._again:
            return False
        changed_at = now if moved or known is None else known.changed_at
        binding = Binding(device, source.host, source.port, proved, changed_at, now)
        self._known[device] = self._dirty[device] = binding
        self._known.move_to_end(device)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return moved

    async def flush(self) -> None:
        """Write what changed.

        Raises:
            StoreError: it could not be written; it is written the next time.
        """
        while self._dirty:
            some = {key: self._dirty.pop(key) for key in list(self._dirty)[:_AT_ONCE]}
            try:
                async with self._store.transaction() as tx:
                    await store.put_bindings(tx, list(some.values()))
            except StoreError:
                self._dirty = some | self._dirty
                raise

    async def keep(self, pause_s: float = 0.2) -> None:
        """Write what changed, again and again, until cancelled; a store that fails for a while ends nothing."""

        async def turn() -> None:
            await asyncio.sleep(pause_s)
            await self.flush()

        await repeat(turn, lambda error: log.error("store.failed", error=str(error)), pause_s=pause_s)
