"""What a device told by itself, newest first: the events of its Informs, and its reports.

The one rule: nothing is judged here; operations tell what became of what was asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge

from acs.errors import no_device
from acs.services.actor import Actor, Scope
from acs.store import devices, reports
from acs.store.records import EventRecord, Json
from acs.store.reports import ReportRecord
from acs.store.store import Store


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a device told: an event code, or an RPC of its own with what it carried."""

    at: datetime
    name: str
    command_key: str
    session: str
    operation: str | None = None
    fault_code: int | None = None
    body: Json = field(default=None)


async def history_of(store: Store, actor: Actor, key: str, *, limit: int = 100) -> Sequence[Told]:
    """What the device told last.

    Raises:
        NotFound: no device has this key.
    """
    actor.require(Scope.READ)
    async with store.reading() as tx:
        if await devices.get(tx, key) is None:
            raise no_device(key)
        events = [_event(event) for event in await devices.list_events(tx, key, limit=limit)]
        told = [_report(report) for report in await reports.list_reports(tx, key, limit=limit)]
    return list(merge(events, told, key=lambda each: each.at, reverse=True))[:limit]


def _event(event: EventRecord) -> Told:
    return Told(event.at, event.code, event.command_key, event.session_id)


def _report(report: ReportRecord) -> Told:
    return Told(
        report.at, report.rpc, report.command_key, report.session_id, report.operation, report.fault_code, report.body
    )
