"""What a session shows of operations that the device took and reports later; pure.

The one rule: an operation that disturbs the subscriber is never sent again for want of its report: it waits for it
until its deadline, and then says what was missing.
"""

from acs.services.kinds.base import Kind, Sighting
from acs.services.plans import Outcome
from acs.services.reboot_evidence import Started, started_when
from acs.services.visits import Visit
from acs.store.records import DeviceRecord, OperationRecord


def sighting(
    visit: Visit, device: DeviceRecord, operation: OperationRecord, *, slack_s: float, previous: str | None = None
) -> Sighting:
    """What the session shows of the device since the operation was sent."""
    at = visit.session.opened_at
    return Sighting(at, visit.events, _booted(visit, operation, slack_s), device.software_version, previous)


def seen(kind: Kind, operation: OperationRecord, sight: Sighting) -> Outcome | None:
    """The outcome that an Inform shows; None: nothing yet."""
    return kind.on_inform(operation, sight) if kind.on_inform is not None else None


def why_never(operation: OperationRecord, kind: Kind) -> str:
    """The reason that an operation gives when its deadline passes without its report."""
    result = operation.result
    if isinstance(result, dict) and result.get("transferred"):
        version = operation.arguments.get("version")
        missing = f"version {version} was not seen" if version else "no boot was seen"
        return f"the file was transferred, but {missing} before the deadline"
    report = {"schedule_inform": "`M ScheduleInform`", "change_du_state": "DUStateChangeComplete"}
    awaited = report.get(kind.name, "TransferComplete")
    if operation.answered_at is not None:
        return f"the CPE took {kind.rpc}, but no {awaited} came before the deadline"
    again = "; it was not sent again because nothing proved that it never took effect" if kind.once else ""
    return f"{kind.rpc} was sent, but neither an answer nor {awaited} came before the deadline{again}"


def _booted(visit: Visit, operation: OperationRecord, slack_s: float) -> bool:
    sent_at, opened_at = operation.sent_at, visit.session.opened_at
    booted = any(code in ("1 BOOT", "M Reboot") for code, _ in visit.events)
    if sent_at is None or opened_at <= sent_at:
        return False
    clock_set = visit.clock_set_at is not None and sent_at <= visit.clock_set_at
    if visit.uptime_s is None or clock_set:
        return booted
    started = started_when(sent_at, opened_at, visit.uptime_s, slack_s)
    return started is Started.AFTER or (booted and started is Started.AROUND)
