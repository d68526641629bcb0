"""What others are told of outages: ticket systems by webhooks, screens by the bus, people by the log.

The rule of this file: a webhook is stored with the change that it tells; screens and the log follow once that is kept.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from acs.services.bus import Bus
from acs.services.deliveries import Deliveries
from acs.store.outages import OutageRecord
from acs.store.records import Json
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: the topic of everything that becomes of outages
TOPIC = "outages"


class Telling:
    """The ways out, for whoever changes an outage."""

    def __init__(self, bus: Bus, deliveries: Deliveries) -> None:
        self._bus = bus
        self._deliveries = deliveries

    async def enqueue(self, tx: Transaction, event: str, outage: OutageRecord, now: datetime, **more: Json) -> None:
        """Store a webhook's event about an outage, in the caller's transaction."""
        await self._deliveries.enqueue(tx, event, {**more, **_shown(outage)}, now)

    def publish(self, changed: Sequence[OutageRecord], before: Mapping[str, OutageRecord]) -> None:
        """Tell what was kept; `before` holds how the outages were, those that are new apart."""
        for outage in changed:
            self._bus.publish(TOPIC, outage)
            event = event_of(before.get(outage.id), outage)
            if event:
                log.warning("outage.changed", change=event.removeprefix("outage."), **_logged(outage))
        if changed:
            self._deliveries.wake()


def event_of(old: OutageRecord | None, new: OutageRecord) -> str:
    """The event that tells a change; none of counts alone."""
    if old is None:
        return "outage.opened"
    if old.state != new.state:
        return f"outage.{new.state}"
    return "outage.changed" if (old.level, old.scope, old.kind) != (new.level, new.scope, new.kind) else ""


def _shown(outage: OutageRecord) -> dict[str, Json]:
    return {
        "outage": outage.id,
        "state": outage.state,
        "level": outage.level,
        "scope": outage.scope,
        "kind": outage.kind,
        "hit": outage.hit,
        "members": outage.members,
        "since": outage.since.isoformat(),
        "detail": outage.detail,
        "note": outage.note,
    }


def _logged(outage: OutageRecord) -> dict[str, object]:
    return {
        "outage": outage.id,
        "level": outage.level,
        "scope": outage.scope,
        "kind": outage.kind,
        "hit": outage.hit,
        "members": outage.members,
    }
