"""Alarms: what somebody should look at. One per kind and subject while it lasts; each is logged once and counted.

The one rule: raising an alarm never holds up what noticed it: it is written in the background, and the same one at
most once a minute.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

import structlog

from acs.errors import Conflict, NotFound, StoreError
from acs.metrics import Metrics
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.background import Background
from acs.services.clock import Clock
from acs.services.identifiers import new_id
from acs.store import alarms as alarm_store
from acs.store.alarms import AlarmRecord
from acs.store.records import Json
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: Two boxes speak under one identity.
CLONED = "device.cloned"
#: A device that has a credential of its own came with the shared one: it was reset, or somebody pretends to be it.
SHARED_USED = "credential.shared_used"
#: One identity was proved, and another one stood in the Inform.
MISMATCH = "identity.mismatch"
#: Alarms that were raised lately and are not written again at once.
_REMEMBERED = 10_000
#: Seconds in which the same alarm is not written again.
_PAUSE_S = 60.0


class Alarms:
    """Raise, list and clear alarms."""

    def __init__(self, store: Store, metrics: Metrics, clock: Clock) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._background = Background()
        self._lately: OrderedDict[tuple[str, str], float] = OrderedDict()
        #: hears of an alarm in the transactions that raise and clear it; see `Hubs.alarm`
        self.told: Callable[[Transaction, str], Awaitable[None]] | None = None

    def raise_soon(self, kind: str, subject: str, detail: Mapping[str, Json]) -> None:
        """Raise an alarm in the background; one that is raised already is only counted."""
        now_s = self._clock().timestamp()
        known = (kind, subject)
        if now_s - self._lately.get(known, float("-inf")) < _PAUSE_S:
            return
        self._lately[known] = now_s
        self._lately.move_to_end(known)
        if len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)
        self._background.start(self._raise(kind, subject, detail))

    async def list(
        self, actor: Actor, *, active: bool | None = None, kind: str | None = None, subject: str | None = None,
        limit: int = 100, after: str = "",
    ) -> list[AlarmRecord]:  # fmt: skip
        """Alarms, newest first; `active` None: all that are kept."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await alarm_store.list_alarms(
                tx, active=active, kind=kind, subject=subject, limit=limit, after=after
            )

    async def clear(self, actor: Actor, id_: str) -> AlarmRecord:
        """End an alarm; when its cause is still there it is raised again.

        Raises:
            NotFound: there is no such alarm.
            Conflict: it is cleared already.
        """
        actor.require(Scope.OPERATE)
        now = self._clock()
        async with self._store.transaction() as tx:
            cleared = await alarm_store.clear_alarm(tx, id_, actor.name, now)
            found = await alarm_store.get_alarm(tx, id_)
            if found is None:
                raise NotFound(f"alarm {id_} is not known; list them with: secondline alarm list")
            if not cleared:
                raise Conflict(f"alarm {id_} was cleared by {found.cleared_by} before")
            await audit.note(tx, actor, "alarm.cleared", f"alarm:{id_}", now)
            if self.told is not None:
                await self.told(tx, id_)
        self._lately.pop((found.kind, found.subject), None)
        return found

    async def close(self) -> None:
        """Write what is under way."""
        await self._background.close(grace_s=5.0)

    async def _raise(self, kind: str, subject: str, detail: Mapping[str, Json]) -> None:
        self._metrics.alarms.labels(kind).inc()
        id_ = new_id()
        try:
            async with self._store.transaction() as tx:
                new = await alarm_store.raise_alarm(tx, id_, kind, subject, detail, self._clock())
                if new and self.told is not None:
                    await self.told(tx, id_)
        except StoreError as error:
            log.error("alarm.not_stored", kind=kind, subject=subject, error=str(error))
            return
        if new:
            log.warning("alarm.raised", kind=kind, subject=subject, detail=dict(detail))
