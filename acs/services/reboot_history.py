"""Why a device restarted, as far as it can be known: what we asked for, what it told, what the access node saw. Pure.

The rule of this file: a cause is named only on evidence; where there is none it is said that nobody asked for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from acs.store.records import EventRecord, OperationRecord

#: Codes of Informs that tell of a start, and those that say why.
BOOT_CODES = frozenset({"0 BOOTSTRAP", "1 BOOT", "M Reboot"})
TELLING_CODES = BOOT_CODES | {"7 TRANSFER COMPLETE", "M Download", "M ScheduleDownload"}
#: Kinds of operations after which a device restarts, and what that is called.
_ASKED = {"reboot": "reboot", "factory_reset": "reset", "download": "firmware", "schedule_download": "firmware"}
#: A loss of power may be that much older than the Inform of the start: a box starts in a few minutes.
_BEFORE_BOOT = timedelta(minutes=15)
#: A download may be that much older than the start with the new version.
_BEFORE_UPGRADE = timedelta(minutes=30)


class Cause(StrEnum):
    """Why a device started anew."""

    #: an operation of ours asked for a reboot
    ASKED = "asked"
    #: `M Reboot` with a command key that is none of ours
    OTHER_ACS = "other_acs"
    #: back to factory settings
    RESET = "reset"
    #: new firmware
    FIRMWARE = "firmware"
    #: the access node saw the device lose its power
    POWER = "power"
    #: at the device, as it says itself: power, button or crash; the reason is its own
    LOCAL = "local"
    #: its first contact with us
    FIRST_CONTACT = "first_contact"
    #: nobody asked for it: power, reset button or crash
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Reboot:
    """One start of a device. `by`, `reason` and `operation` are those of the operation behind it, or its own reason."""

    at: datetime
    cause: Cause
    by: str = ""
    reason: str = ""
    operation: str | None = None
    events: tuple[str, ...] = ()
    #: the device's own table of starts has it
    told: bool = False


def reboots(
    events: Iterable[EventRecord],
    operations: Sequence[OperationRecord],
    power_lost_at: Sequence[datetime],
    first_seen_at: datetime,
) -> list[Reboot]:
    """The starts among a device's events, the youngest first.

    `events` are those with TELLING_CODES, `power_lost_at` when the access node saw it lose power.
    """
    sessions: dict[str, list[EventRecord]] = {}
    for event in events:
        sessions.setdefault(event.session_id, []).append(event)
    by_key = {operation.command_key: operation for operation in operations if operation.kind in _ASKED}
    named = {event.command_key for told in sessions.values() for event in told}
    unnamed = [operation for operation in operations if operation.command_key not in named]
    found = [
        _reboot(told, by_key, unnamed, power_lost_at, first_seen_at)
        for told in sessions.values()
        if any(event.code in BOOT_CODES for event in told)
    ]
    return sorted(found, key=lambda reboot: reboot.at, reverse=True)


def _reboot(
    told: Sequence[EventRecord],
    by_key: Mapping[str, OperationRecord],
    unnamed: Sequence[OperationRecord],
    power_lost_at: Sequence[datetime],
    first_seen_at: datetime,
) -> Reboot:
    at = min(event.at for event in told)
    codes = tuple(sorted({event.code for event in told}))
    operation = next((by_key[event.command_key] for event in told if event.command_key in by_key), None)
    operation = operation or _just_before(unnamed, at)
    if operation is not None:
        cause = {"reboot": Cause.ASKED, "reset": Cause.RESET, "firmware": Cause.FIRMWARE}[_ASKED[operation.kind]]
        return Reboot(at, cause, operation.actor, operation.reason, operation.id, codes)
    if at <= first_seen_at:
        return Reboot(at, Cause.FIRST_CONTACT, events=codes)
    if "M Reboot" in codes:
        key = next((event.command_key for event in told if event.code == "M Reboot"), "")
        return Reboot(at, Cause.OTHER_ACS, by=key, events=codes)
    if "0 BOOTSTRAP" in codes:
        return Reboot(at, Cause.RESET, events=codes)
    if {"7 TRANSFER COMPLETE", "M Download", "M ScheduleDownload"} & set(codes):
        return Reboot(at, Cause.FIRMWARE, events=codes)
    if any(timedelta(0) <= at - lost_at <= _BEFORE_BOOT for lost_at in power_lost_at):
        return Reboot(at, Cause.POWER, events=codes)
    return Reboot(at, Cause.NOT_ASKED, events=codes)


def _just_before(operations: Sequence[OperationRecord], at: datetime) -> OperationRecord | None:
    """The operation that restarted the device a moment before, where the Inform does not name it."""
    for operation in operations:
        sent_at = operation.sent_at
        within = _BEFORE_UPGRADE if _ASKED.get(operation.kind) == "firmware" else _BEFORE_BOOT
        if _restarts(operation) and sent_at is not None and timedelta(0) <= at - sent_at <= within:
            return operation
    return None


def _restarts(operation: OperationRecord) -> bool:
    """Whether the operation restarts a device; of the downloads only one of firmware does so by itself."""
    asked = _ASKED.get(operation.kind)
    return asked is not None and (asked != "firmware" or str(operation.arguments.get("file_type", "")).startswith("1"))
