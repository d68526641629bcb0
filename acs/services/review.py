"""What a session does to operations, as guarded changes: pure but for `load`.

The one rule: an operation that reboots a CPE is put back to `due` only by `reboot_evidence`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.config import OperationsSection
from acs.cwmp.faults import FAULTS, FaultCode, FaultRetry
from acs.services import reboot_evidence, report_evidence, reset_evidence
from acs.services.kinds import Kind
from acs.services.kinds.base import Ending
from acs.services.plans import Outcome
from acs.services.plans.breaking_off import WANTED
from acs.services.reboot_evidence import Ruling, Sending, Sight
from acs.services.visits import Visit
from acs.store import devices, operations
from acs.store.limits import GREATEST_NUMBER
from acs.store.records import (
    DUE_STATES,
    DeviceRecord,
    Json,
    OperationRecord,
    OperationState,
    OperationTransition,
    StepName,
)
from acs.store.transaction import Transaction

#: Events with which a test is over, or its results are lost.
RESULTS_LIKELY = frozenset({"8 DIAGNOSTICS COMPLETE", "1 BOOT", "0 BOOTSTRAP"})
#: Seconds that must be left of an operation's time for a fault that may pass to be tried again.
WORTHWHILE_S = 60.0
#: The states of an operation whose RPC may have left.
LEFT = (OperationState.SENT, OperationState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Known:
    """A device with its unfinished operations, oldest first."""

    device: DeviceRecord
    operations: tuple[OperationRecord, ...]


async def load(tx: Transaction, key: str) -> Known | None:
    """The device and its unfinished operations; None when it is not known."""
    device = await devices.get(tx, key)
    if device is None:
        return None
    found = await operations.list_operations(tx, device=key, states=DUE_STATES, limit=1000)
    return Known(device, tuple(reversed(found)))


def reboots(operation: OperationRecord, kinds: Mapping[str, Kind]) -> bool:
    """Whether the operation reboots its device; a kind that is not known is taken for one."""
    kind = kinds.get(operation.kind)
    return kind is None or kind.reboots


def asked_anew(operation: OperationRecord, kinds: Mapping[str, Kind]) -> bool:
    """Whether a session that is taken up may ask for the operation although its RPC may have left before."""
    kind = kinds.get(operation.kind)
    if kind is None:
        return False
    return operation.state is OperationState.QUEUED or kind.ending is Ending.ANSWER


def judge_all(
    visit: Visit,
    due: Iterable[OperationRecord],
    kinds: Mapping[str, Kind],
    config: OperationsSection,
    now: datetime,
    previous_version: str | None = None,
) -> None:
    """Sort the unfinished operations of a device into what this session will do with each."""
    for operation in due:
        kind = kinds.get(operation.kind)
        if kind is None:
            continue
        if operation.state is OperationState.QUEUED:
            visit.due.append((operation, kind))
            visit.pending.append(_stays(operation, StepName.SESSION_OPENED, now))
        elif kind.reboots:
            judge_reboot(visit, operation, kind, config, now, can_ask=bool(visit.root))
        elif kind.ending is Ending.REPORT:
            _judge_report(visit, operation, kind, config, now, previous_version)
        elif began(operation, kind):
            if results_wanted(operation, kind, visit.events, now):
                visit.due.append((operation, kind))
        elif operation.attempts >= kind.attempts:
            outcome = Outcome(False, f"the CPE broke off {operation.attempts} sessions when it was asked")
            visit.pending.append(ended(operation, outcome, now))
        else:
            if operation.state is OperationState.SENT and operation.answered_at is None:
                visit.pending.append(became_unknown(operation, now, "a new session began before the answer"))
            visit.due.append((operation, kind))


def judge_reboot(
    visit: Visit,
    operation: OperationRecord,
    kind: Kind,
    config: OperationsSection,
    now: datetime,
    *,
    can_ask: bool,
) -> None:
    """Apply what this session proves about a reboot or factory reset that was sent."""
    assert operation.sent_at is not None
    sending = Sending(operation.command_key, operation.sent_at, operation.answered_at is not None)
    opened_at = visit.session.opened_at
    sight = Sight(
        opened_at,
        now,
        visit.events,
        visit.uptime_s,
        can_ask,
        repeated=visit.retry_count > 0,
        clock_set=visit.clock_set_at is not None and operation.sent_at <= visit.clock_set_at,
    )
    judge = reset_evidence.judge if kind.ending is Ending.RESET else reboot_evidence.judge
    ruling = judge(sending, sight, settle_s=config.settle_s, slack_s=config.uptime_slack_s)
    if ruling is Ruling.SUCCEEDED:
        visit.pending.append(_stays(operation, StepName.BOOT_SEEN, now, _seen(visit)))
        visit.pending.append(ended(operation, Outcome(True, _happened(visit, kind)), now))
        return
    if operation.state is OperationState.SENT and operation.answered_at is None:
        visit.pending.append(became_unknown(operation, now, "a new session began before the answer"))
    if ruling is Ruling.RESEND:
        visit.due.append((operation, kind))
    elif ruling is Ruling.ASK_UPTIME:
        visit.unresolved.append(operation)


def _judge_report(
    visit: Visit,
    operation: OperationRecord,
    kind: Kind,
    config: OperationsSection,
    now: datetime,
    previous_version: str | None,
) -> None:
    """Apply what this session shows of an operation whose end the device reports."""
    sight = report_evidence.sighting(
        visit, visit.device, operation, slack_s=config.uptime_slack_s, previous=previous_version
    )
    outcome = report_evidence.seen(kind, operation, sight)
    if outcome is not None:
        visit.pending.append(_stays(operation, StepName.REPORTED, now, _seen(visit)))
        visit.pending.append(ended(operation, outcome, now))
    elif operation.answered_at is None:
        if operation.state is OperationState.SENT:
            visit.pending.append(became_unknown(operation, now, "a new session began before the answer"))
        if kind.once:
            return
        if operation.attempts >= kind.attempts:
            broke = Outcome(False, f"the CPE broke off {operation.attempts} sessions when it was asked")
            visit.pending.append(ended(operation, broke, now))
        else:
            visit.due.append((operation, kind))


def stopping(operation: OperationRecord) -> bool:
    """Whether somebody wants the test broken off that the device runs, and it was not asked yet."""
    return isinstance(operation.result, dict) and WANTED in operation.result


def began(operation: OperationRecord, kind: Kind) -> bool:
    """Whether the operation is a test that the device may run now, so that it is not asked to run it again."""
    return kind.ending is Ending.RESULTS and (operation.answered_at is not None or stopping(operation))


def results_wanted(operation: OperationRecord, kind: Kind, events: Iterable[tuple[str, str]], now: datetime) -> bool:
    """Whether the device should be asked for the results of a test that it runs: it says so, or it is overdue."""
    if stopping(operation) or operation.answered_at is None:
        return True
    if any(code in RESULTS_LIKELY for code, _ in events):
        return True
    lasts_s = kind.lasts_s(operation.arguments) if kind.lasts_s is not None else 0.0
    return now >= operation.answered_at + timedelta(seconds=lasts_s)


def about_to_send(operation: OperationRecord, kind: Kind, now: datetime) -> OperationTransition:
    """The change that must be on disk before the operation's first RPC leaves."""
    if began(operation, kind):
        told = "it is broken off" if stopping(operation) else "the results are read"
        return _stays(operation, StepName.REPORTED, now, told)
    if operation.state is OperationState.QUEUED:
        return OperationTransition(
            operation.id, (OperationState.QUEUED,), OperationState.SENT, now, StepName.RPC_SENT, operation.kind
        )
    detail = "the CPE's uptime proves that it never rebooted" if kind.reboots else "no answer came the last time"
    return OperationTransition(
        operation.id,
        (OperationState.UNKNOWN,) if kind.reboots else LEFT,
        OperationState.SENT,
        now,
        StepName.RESENT,
        detail,
        detail="",
        only_unanswered=kind.ending is not Ending.ANSWER,
        attempts=operation.attempts if kind.reboots else None,
    )


def became_unknown(operation: OperationRecord, now: datetime, why: str) -> OperationTransition:
    """Sent, and no answer: nobody knows whether it arrived."""
    return OperationTransition(
        operation.id,
        (OperationState.SENT,),
        OperationState.UNKNOWN,
        now,
        StepName.UNKNOWN,
        why,
        detail=why,
        only_unanswered=True,
    )


def answered(operation: OperationRecord, outcome: Outcome, now: datetime) -> OperationTransition:
    """The CPE answered; the state stays until `ended`."""
    return _stays(operation, StepName.RPC_ANSWERED, now, "" if outcome.succeeded else outcome.detail)


def impossible(operation: OperationRecord, why: str, now: datetime, result: Json = None) -> OperationTransition:
    """Never sent: the device cannot do it, or must not do it now."""
    return OperationTransition(
        operation.id,
        DUE_STATES,
        OperationState.FAILED,
        now,
        StepName.FAILED,
        why[:4000],
        result=result,
        detail=why[:4000],
    )


def taken(operation: OperationRecord, outcome: Outcome, now: datetime) -> OperationTransition:
    """The CPE took the request and reports the end later."""
    return OperationTransition(
        operation.id,
        DUE_STATES,
        None,
        now,
        StepName.RPC_ANSWERED,
        outcome.detail[:4000],
        result=outcome.result,
        detail=outcome.detail[:4000],
    )


def may_pass(operation: OperationRecord, kind: Kind, outcome: Outcome, now: datetime) -> bool:
    """Whether a fault is worth another session: it may pass, the kind bears it, and there is time."""
    code = outcome.fault_code
    if outcome.succeeded or not kind.retries or code is None:
        return False
    info = FAULTS.get(code)
    if info is None or info.retry is not FaultRetry.LATER or code == FaultCode.REQUEST_DENIED:
        return False
    left_s = (operation.deadline_at - now).total_seconds()
    return operation.attempts + 1 < kind.attempts and left_s >= WORTHWHILE_S


def refused_for_now(operation: OperationRecord, outcome: Outcome, now: datetime) -> OperationTransition:
    """The CPE refused it with a fault that may pass: it waits for another session."""
    return OperationTransition(
        operation.id,
        LEFT,
        OperationState.QUEUED,
        now,
        StepName.REFUSED,
        outcome.detail[:4000],
        fault_code=_kept(outcome.fault_code),
        fault_string=(outcome.fault_string or "")[:4000],
        detail=outcome.detail[:4000],
    )


def stop_wanted(operation: OperationRecord, actor: str, now: datetime) -> OperationTransition:
    """Somebody wants the test broken off that the device runs."""
    told = "the device is asked to break the test off"
    return OperationTransition(
        operation.id, LEFT, None, now, StepName.CANCEL_WANTED, f"by {actor}", detail=told, result={WANTED: actor}
    )


def broken_off(operation: OperationRecord, outcome: Outcome, now: datetime) -> OperationTransition:
    """The device runs the test no more, because somebody wanted that."""
    why = outcome.detail[:4000]
    return OperationTransition(
        operation.id, LEFT, OperationState.CANCELLED, now, StepName.CANCELLED, why, detail=why, result={}
    )


def cancelled(operation_id: str, by: OperationRecord, now: datetime) -> OperationTransition:
    """The device cancelled the transfer of another operation: no report of it will come."""
    why = f"its transfer was cancelled by operation {by.id}"
    return OperationTransition(operation_id, LEFT, OperationState.CANCELLED, now, StepName.CANCELLED, why, detail=why)


def ended(operation: OperationRecord, outcome: Outcome, now: datetime) -> OperationTransition:
    """The operation is over, well or not."""
    return OperationTransition(
        operation.id,
        LEFT,
        OperationState.SUCCEEDED if outcome.succeeded else OperationState.FAILED,
        now,
        StepName.SUCCEEDED if outcome.succeeded else StepName.FAILED,
        outcome.detail[:4000],
        fault_code=_kept(outcome.fault_code),
        fault_string=(outcome.fault_string or "")[:4000] if outcome.fault_code is not None else None,
        result=outcome.result,
        detail=outcome.detail[:4000],
    )


def _kept(fault_code: int | None) -> int | None:
    """The code as it can be stored; a CPE that gives an absurd one is told by the text."""
    return fault_code if fault_code is None or abs(fault_code) <= GREATEST_NUMBER else 0


def _stays(operation: OperationRecord, step: StepName, now: datetime, detail: str = "") -> OperationTransition:
    return OperationTransition(operation.id, DUE_STATES, None, now, step, detail[:4000])


def _happened(visit: Visit, kind: Kind) -> str:
    if kind.ending is not Ending.RESET:
        return "the CPE rebooted"
    if any(code == "0 BOOTSTRAP" for code, _ in visit.events):
        return "the CPE was reset"
    return "the CPE restarted after it had agreed to be reset, but did not say 0 BOOTSTRAP"


def _seen(visit: Visit) -> str:
    shown = ("0 BOOTSTRAP", "1 BOOT", "M Reboot", "M ScheduleInform", "3 SCHEDULED")
    booted = [code for code, _ in visit.events if code in shown]
    return ", ".join(booted) if booted else f"uptime {visit.uptime_s:.0f} s" if visit.uptime_s is not None else ""
