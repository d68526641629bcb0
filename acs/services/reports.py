"""What a CPE reports by itself: kept in its history, and given to the operation that waits for it.

    TransferComplete, DUStateChangeComplete ──command key──▶ the operation's end
    AutonomousTransferComplete, AutonomousDUStateChangeComplete, Kicked ──▶ history
    RequestDownload ──▶ history, and a Download where the configuration offers a file of that type

The one rule: everything is on disk before the answer leaves, because the answer makes the CPE forget it; and every
report is answered, whether anybody asked for it or not.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from acs.config import OperationsSection
from acs.cwmp.messages import (
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    DUStateChangeComplete,
    Kicked,
    Message,
    RequestDownload,
    TransferComplete,
    rpc_name,
)
from acs.metrics import Metrics
from acs.services import report_evidence, review
from acs.services.bus import Bus
from acs.services.identifiers import new_id
from acs.services.kinds import Kind
from acs.services.kinds.base import Ending
from acs.services.kinds.others import unit_json
from acs.services.visits import Visit
from acs.store import devices, operations
from acs.store import reports as report_store
from acs.store.records import (
    FINAL_STATES,
    Json,
    OperationRecord,
    OperationState,
    OperationStep,
    OperationTransition,
    StepName,
)
from acs.store.reports import ReportRecord
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: The reports that are kept and looked at.
REPORTS: Final = (
    TransferComplete,
    AutonomousTransferComplete,
    DUStateChangeComplete,
    AutonomousDUStateChangeComplete,
    RequestDownload,
    Kicked,
)
#: Characters of one text of a report that are kept.
TEXT = 1024
#: Units or arguments of one report that are kept.
LISTED = 64
#: Who asks for a download that the device wished for.
ACTOR = "request-download"


class Reports:
    """Takes reports of CPEs."""

    def __init__(
        self, store: Store, bus: Bus, config: OperationsSection, metrics: Metrics, kinds: Mapping[str, Kind]
    ) -> None:
        self._store = store
        self._bus = bus
        self._config = config
        self._metrics = metrics
        self._kinds = kinds

    async def take(self, visit: Visit, message: Message, now: datetime) -> None:
        """Store a report and end the operation that it belongs to.

        Raises:
            StoreError: nothing was stored, and the CPE must not be answered.
        """
        report = _record(visit, message, now)
        async with self._store.transaction() as tx:
            new = await report_store.add(tx, report)
            found = await self._operation_of(tx, visit, message) if _ends_something(message) else None
            step, transition = await self._end(tx, visit, found, message, now) if found else (None, None)
            if step is not None and found is not None:
                await report_store.note_operation(tx, replace(report, operation=found.id))
            wish = await self._wish(tx, visit, message, now) if new else None
        self._tell(visit, report, found, new=new)
        if step is not None and transition is not None:
            self._bus.publish(f"operation:{step.operation_id}", step)
            if transition.to_state in FINAL_STATES:
                self._metrics.operations.labels(transition.to_state.value).inc()
        if wish is not None:
            visit.due.append((wish, self._kinds[wish.kind]))

    async def _operation_of(self, tx: Transaction, visit: Visit, message: Message) -> OperationRecord | None:
        """The operation whose end this is: by its command key; by being the only one where the key says nothing."""
        key = getattr(message, "command_key", "")
        found = await operations.by_command_key(tx, visit.key, key) if key else None
        if found is not None and self._reports(found):
            return found
        left = await operations.list_operations(tx, device=visit.key, states=review.LEFT, limit=1000)
        waiting = [each for each in left if self._reports(each) and self._fits(each, message)]
        return waiting[0] if len(waiting) == 1 and (not key or found is not None) else None

    def _reports(self, operation: OperationRecord) -> bool:
        kind = self._kinds.get(operation.kind)
        return kind is not None and kind.ending is Ending.REPORT and kind.on_report is not None

    def _fits(self, operation: OperationRecord, message: Message) -> bool:
        return (operation.kind == "change_du_state") == isinstance(message, DUStateChangeComplete)

    async def _end(
        self, tx: Transaction, visit: Visit, operation: OperationRecord, message: Message, now: datetime
    ) -> tuple[OperationStep | None, OperationTransition | None]:
        if operation.state not in review.LEFT:
            return None, None
        kind = self._kinds[operation.kind]
        device = await devices.get(tx, visit.key)
        assert kind.on_report is not None
        assert device is not None
        sight = report_evidence.sighting(visit, device, operation, slack_s=self._config.uptime_slack_s)
        outcome = kind.on_report(operation, message, sight)
        change = _told(operation, message, now, noted=outcome is None)
        step = await operations.transition(tx, change)
        if outcome is not None:
            change = review.ended(operation, outcome, now)
            step = await operations.transition(tx, change)
        return step, change

    async def _wish(self, tx: Transaction, visit: Visit, message: Message, now: datetime) -> OperationRecord | None:
        """The download that a RequestDownload gets, where the configuration offers a file of its type."""
        if not isinstance(message, RequestDownload):
            return None
        place = self._config.request_download.files.get(message.file_type)
        if place is None:
            return None
        arguments: dict[str, Json] = {"file_type": message.file_type, "url" if "://" in place else "file": place}
        id = new_id()
        wanted = OperationRecord(
            id=id,
            device=visit.key,
            kind="download",
            arguments=arguments,
            state=OperationState.QUEUED,
            command_key=id,
            created_at=now,
            deadline_at=now + timedelta(seconds=self._config.deadline_s),
            actor=ACTOR,
            reason="the device asked for it",
        )
        return await operations.add(tx, wanted)

    def _tell(self, visit: Visit, report: ReportRecord, found: OperationRecord | None, *, new: bool) -> None:
        log.info(
            "report.taken",
            device=visit.key,
            rpc=report.rpc,
            command_key=report.command_key,
            operation=found.id if found is not None else None,
            fault_code=report.fault_code,
            repeated=not new,
        )


def _ends_something(message: Message) -> bool:
    return isinstance(message, TransferComplete | DUStateChangeComplete)


def _told(operation: OperationRecord, message: Message, now: datetime, *, noted: bool) -> OperationTransition:
    """The step that tells of the report; an operation whose answer was lost is not unknown any more."""
    state = OperationState.SENT if operation.state is OperationState.UNKNOWN else None
    change = OperationTransition(operation.id, review.LEFT, state, now, StepName.REPORTED, rpc_name(message))
    if not noted:
        return change
    detail = "transferred; the device has not shown yet that it runs it"
    return replace(change, result={"transferred": True}, detail=detail)


def _record(visit: Visit, message: Message, now: datetime) -> ReportRecord:
    body = BODIES[type(message)](message)
    key = str(getattr(message, "command_key", ""))
    fault = body.get("fault_code")
    identity = json.dumps([rpc_name(message), key, body], sort_keys=True)
    timed = body.get("completed_at") or body.get("units") or key
    if not timed:
        identity += visit.session.id
    return ReportRecord(
        device=visit.key,
        at=now,
        session_id=visit.session.id,
        rpc=rpc_name(message),
        command_key=_text(key)[:32],
        body=body,
        identity=identity,
        fault_code=fault if isinstance(fault, int) else None,
    )


def _text(text: str) -> str:
    """A text as it can be stored."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:TEXT]


def _transfer(message: Message) -> dict[str, Json]:
    assert isinstance(message, TransferComplete | AutonomousTransferComplete)
    fault = message.fault_struct
    return {
        "fault_code": fault.fault_code,
        "fault_string": _text(fault.fault_string),
        "started_at": message.start_time.isoformat() if message.start_time else None,
        "completed_at": message.complete_time.isoformat() if message.complete_time else None,
    }


def _autonomous_transfer(message: Message) -> dict[str, Json]:
    assert isinstance(message, AutonomousTransferComplete)
    return {
        **_transfer(message),
        "announce_url": _text(message.announce_url),
        "transfer_url": _text(message.transfer_url),
        "is_download": message.is_download,
        "file_type": _text(message.file_type),
        "file_size": message.file_size,
        "target_file_name": _text(message.target_file_name),
    }


def _units(message: Message) -> dict[str, Json]:
    assert isinstance(message, DUStateChangeComplete | AutonomousDUStateChangeComplete)
    units = [_text_only(unit_json(each)) for each in message.results[:LISTED]]
    faults = [each.fault.fault_code for each in message.results if each.fault.fault_code]
    return {"units": units, "fault_code": faults[0] if faults else 0}


def _text_only(unit: Json) -> Json:
    assert isinstance(unit, dict)
    return {name: _text(value) if isinstance(value, str) else value for name, value in unit.items()}


def _wish(message: Message) -> dict[str, Json]:
    assert isinstance(message, RequestDownload)
    arguments: dict[str, Json] = {_text(arg.name): _text(arg.value) for arg in message.file_type_arg[:LISTED]}
    return {"file_type": _text(message.file_type), "arguments": arguments}


def _kick(message: Message) -> dict[str, Json]:
    assert isinstance(message, Kicked)
    return {
        "command": _text(message.command),
        "referer": _text(message.referer),
        "arg": _text(message.arg),
        "next": _text(message.next),
    }


BODIES: Final[Mapping[type[Message], Callable[[Message], dict[str, Json]]]] = {
    TransferComplete: _transfer,
    AutonomousTransferComplete: _autonomous_transfer,
    DUStateChangeComplete: _units,
    AutonomousDUStateChangeComplete: _units,
    RequestDownload: _wish,
    Kicked: _kick,
}
