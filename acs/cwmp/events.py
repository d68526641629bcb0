"""The event codes of an Inform: what each means, what answer ends its being repeated, and what it tells the ACS.

The one rule: an event is kept verbatim whatever it says; this table only explains it. An event is delivered by the
answer named in `completed_by`, not by the end of the session; until then the CPE sends it again, so that whoever stores
events must take the same one twice.

Source: TR-069 Amendment 6, §3.7.1.5 and Annexes L and O; the event code type of the schemas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class EventKind(StrEnum):
    """The leading token of a code."""

    #: `<number> NAME`: at most one in an Inform.
    STANDARD = "standard"
    #: `M Method`: one per method and command key.
    METHOD = "method"


class Retention(StrEnum):
    """What the CPE does with an event that was not delivered."""

    #: Kept until delivered, across reboots.
    ALWAYS = "always"
    #: Kept until delivered or until the next reboot.
    UNTIL_REBOOT = "until_reboot"
    #: Never sent again.
    NEVER = "never"
    #: As the vendor likes.
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class EventInfo:
    """One code of the standard. `implies` names what the ACS does; `with_events` what usually comes beside it."""

    code: str
    kind: EventKind
    meaning: str
    retention: Retention
    completed_by: str
    implies: tuple[str, ...] = ()
    with_events: tuple[str, ...] = ()


def _row(
    code: str,
    meaning: str,
    retention: Retention = Retention.ALWAYS,
    completed_by: str = "InformResponse",
    implies: tuple[str, ...] = (),
    with_events: tuple[str, ...] = (),
) -> tuple[str, EventInfo]:
    kind = EventKind.METHOD if code.startswith("M ") else EventKind.STANDARD
    return code, EventInfo(code, kind, meaning, retention, completed_by, implies, with_events)


#: Code → what it means, for every code of the standard.
EVENTS: Final[Mapping[str, EventInfo]] = MappingProxyType(
    dict(
        (
            _row(
                "0 BOOTSTRAP",
                "First contact ever, after a factory reset, or after a change of the ACS URL",
                implies=("forget_values", "forget_attributes", "forget_credentials", "close_transfers", "provision"),
                with_events=("1 BOOT",),
            ),
            _row(
                "1 BOOT",
                "Power-up, reset or reboot",
                Retention.UNTIL_REBOOT,
                implies=("booted", "read_volatile"),
                with_events=("M Reboot",),
            ),
            _row("2 PERIODIC", "The periodic inform interval elapsed", implies=("alive",)),
            _row("3 SCHEDULED", "A scheduled inform is due", with_events=("M ScheduleInform",)),
            _row("4 VALUE CHANGE", "Parameters with notification changed", implies=("store_values",)),
            _row("5 KICKED", "A user pressed something on the CPE's pages", completed_by="KickedResponse"),
            _row(
                "6 CONNECTION REQUEST",
                "A connection request was accepted",
                Retention.NEVER,
                implies=("woken",),
            ),
            _row(
                "7 TRANSFER COMPLETE",
                "A transfer ended; TransferComplete follows",
                completed_by="TransferCompleteResponse",
                implies=("expect_transfer_complete",),
                with_events=("M Download", "M Upload", "M ScheduleDownload"),
            ),
            _row(
                "8 DIAGNOSTICS COMPLETE",
                "A diagnostic that the ACS asked for ended, it does not say which",
                Retention.UNTIL_REBOOT,
                implies=("read_diagnostics",),
            ),
            _row(
                "9 REQUEST DOWNLOAD",
                "The CPE wants a file; RequestDownload follows",
                completed_by="RequestDownloadResponse",
            ),
            _row(
                "10 AUTONOMOUS TRANSFER COMPLETE",
                "A transfer ended that the ACS did not ask for",
                completed_by="AutonomousTransferCompleteResponse",
            ),
            _row(
                "11 DU STATE CHANGE COMPLETE",
                "A change of deployment units ended; DUStateChangeComplete follows",
                completed_by="DUStateChangeCompleteResponse",
                with_events=("M ChangeDUState",),
            ),
            _row(
                "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
                "Deployment units changed without the ACS",
                completed_by="AutonomousDUStateChangeCompleteResponse",
                implies=("read_software_modules",),
            ),
            _row("13 WAKEUP", "The CPE woke from standby", implies=("alive",)),
            _row("14 HEARTBEAT", "The heartbeat interval elapsed", implies=("alive",)),
            _row(
                "M Reboot",
                "The reboot that a Reboot RPC asked for happened",
                implies=("booted", "finish_operation"),
                with_events=("1 BOOT",),
            ),
            _row(
                "M ScheduleInform",
                "The inform that a ScheduleInform RPC asked for",
                implies=("finish_operation",),
                with_events=("3 SCHEDULED",),
            ),
            _row(
                "M Download",
                "The transfer of a Download RPC ended",
                completed_by="TransferCompleteResponse",
                implies=("expect_transfer_complete",),
                with_events=("7 TRANSFER COMPLETE",),
            ),
            _row(
                "M ScheduleDownload",
                "The transfer of a ScheduleDownload RPC ended",
                completed_by="TransferCompleteResponse",
                implies=("expect_transfer_complete",),
                with_events=("7 TRANSFER COMPLETE",),
            ),
            _row(
                "M Upload",
                "The transfer of an Upload RPC ended",
                completed_by="TransferCompleteResponse",
                implies=("expect_transfer_complete",),
                with_events=("7 TRANSFER COMPLETE",),
            ),
            _row(
                "M ChangeDUState",
                "The operations of a ChangeDUState RPC ended",
                completed_by="DUStateChangeCompleteResponse",
                with_events=("11 DU STATE CHANGE COMPLETE",),
            ),
        )
    )
)
