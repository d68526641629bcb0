"""Alarms: what somebody should look at. One per kind and subject while it lasts; each is logged once and counted.

The one rule: raising an alarm never holds up what noticed it: it is written in the background, and the same one at
most once a minute.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
#: Far more wrong passwords than usual.
AUTH_FAILURES = "auth.failures"
#: Far more devices than usual came for the first time.
UNKNOWN_DEVICES = "devices.unknown"
#: Devices tell another address of management than before, and nothing of ours set it.
MANAGEMENT_URL = "management_url.changed"
#: Many devices of a model run another firmware, and no download of ours brought it.
FIRMWARE = "firmware.unplanned"
#: Many lines of the whole fleet fell silent.
MANAGEMENT_LOST = "management.lost"
#: Too many of the last closures say that a cause was another one.
PRECISION = "verdict.precision"
#: What is told of the whole fleet, and shown as a metric also where there is none.
FLEET = (AUTH_FAILURES, UNKNOWN_DEVICES, MANAGEMENT_URL, FIRMWARE, MANAGEMENT_LOST, PRECISION)
#: Who ends an alarm whose cause is gone; a person's own name is another.
BY_ITSELF = "system"
#: Alarms that were raised lately and are not written again at once.
_REMEMBERED = 10_000
#: Seconds in which the same alarm is not written again.
_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a condition stands that was looked at: `over`, or ended as the detail says."""

    kind: str
    subject: str
    over: bool
    detail: Mapping[str, Json]


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

    async def settle(self, standings: Sequence[Standing], looked_at: datetime) -> None:
        """Raise and bring up to date what is over, end what is not; one that a person ended since the look stays so."""
        told: list[tuple[str, Standing]] = []
        async with self._store.transaction() as tx:
            for each in standings:
                last = await alarm_store.newest(tx, each.kind, each.subject)
                if last is not None and last.cleared_at is not None and last.cleared_at >= looked_at:
                    continue
                if each.over:
                    id_ = new_id()
                    if await alarm_store.raise_alarm(tx, id_, each.kind, each.subject, each.detail, self._clock()):
                        told.append(("raised", each))
                        await self._tell(tx, id_)
                elif last is not None and await alarm_store.clear_alarm(tx, last.id, BY_ITSELF, self._clock()):
                    await alarm_store.put_detail(tx, last.id, each.detail)
                    told.append(("cleared", each))
                    await self._tell(tx, last.id)
        for what, each in told:
            if what == "raised":
                self._metrics.alarms.labels(each.kind).inc()
                log.warning("alarm.raised", kind=each.kind, subject=each.subject, detail=dict(each.detail))
            else:
                log.info("alarm.cleared", kind=each.kind, subject=each.subject, detail=dict(each.detail))

    async def measure(self) -> None:
        """Bring the metric of active alarms up to date: they may have been raised by other processes."""
        try:
            async with self._store.reading() as tx:
                kinds = await alarm_store.active_kinds(tx)
        except StoreError as error:  # all other metrics are told all the same
            log.warning("alarm.not_counted", error=str(error))
            return
        self._metrics.active_alarms.clear()
        for kind in {*FLEET, *kinds}:
            self._metrics.active_alarms.labels(kind).set(kinds.get(kind, 0))

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
            await self._tell(tx, id_)
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
                if new:
                    await self._tell(tx, id_)
        except StoreError as error:
            log.error("alarm.not_stored", kind=kind, subject=subject, error=str(error))
            return
        if new:
            log.warning("alarm.raised", kind=kind, subject=subject, detail=dict(detail))

    async def _tell(self, tx: Transaction, id_: str) -> None:
        if self.told is not None:
            await self.told(tx, id_)
