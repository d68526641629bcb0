"""Did the reboot that we asked for happen? Pure: what a new session shows → a ruling.

The one rule: a reboot is sent again only on proof that it never took effect, because each one cuts a subscriber
off. What cannot be told stays as it is until the deadline.

    what the new session shows                       ruling
    `M Reboot` with our CommandKey                   SUCCEEDED
    our clock was set since the sending              SUCCEEDED on `1 BOOT`, else KEEP: instants prove nothing
    uptime younger than the sending                  SUCCEEDED
    `1 BOOT`, uptime unknown                         SUCCEEDED (asked first when the Inform was a repeat)
    `1 BOOT`, uptime older than the sending          KEEP: the event was meant for an earlier boot
    no boot event, uptime older, answered            KEEP: it said yes, it will reboot or run into its deadline
    no boot event, uptime older, unanswered, settled RESEND
    no boot event, uptime unknown, settled           ASK_UPTIME
    anything before the settle time                  KEEP

Source: TR-069 Amendment 6, Annex A.4.1.1 (CommandKey of Reboot returns in `M Reboot`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: By how much of the elapsed time a CPE's uptime counter may drift: quartz is 100 times better.
_DRIFT = 0.001


class Ruling(StrEnum):
    """What a new session says about a reboot that was sent."""

    #: The CPE booted after the sending.
    SUCCEEDED = "succeeded"
    #: The CPE has not booted and never took the request: it may be sent again.
    RESEND = "resend"
    #: Only the CPE's uptime can tell: read it, then judge again.
    ASK_UPTIME = "ask_uptime"
    #: Nothing is proved; wait for the next session or the deadline.
    KEEP = "keep"


class Started(StrEnum):
    """When a CPE last started, beside the sending."""

    BEFORE = "before"
    #: so near to it that the clocks cannot tell
    AROUND = "around"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Sending:
    """A reboot that was written as sent. `answered` = the CPE's RebootResponse arrived."""

    command_key: str
    sent_at: datetime
    answered: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """What a session opened after the sending shows.

    `events` are (code, command key) as the CPE sent them; `uptime_s` was read at `at`, None = not known;
    `can_ask` = the uptime can still be read in this session; `repeated` = the Inform's RetryCount was not 0,
    so its events may be older than its last boot; `clock_set` = our own clock was set since the sending.
    """

    opened_at: datetime
    at: datetime
    events: tuple[tuple[str, str], ...]
    uptime_s: float | None
    can_ask: bool
    repeated: bool = False
    clock_set: bool = False


def judge(sending: Sending, sight: Sight, *, settle_s: float, slack_s: float) -> Ruling:
    """Return what `sight` proves about `sending`.

    `settle_s` is how long after the sending a CPE may still reboot for it; `slack_s` is by how much an uptime
    and our clock may disagree.
    """
    if ("M Reboot", sending.command_key) in sight.events:
        return Ruling.SUCCEEDED
    booted = any(code == "1 BOOT" for code, _ in sight.events)
    if sight.clock_set:
        return Ruling.SUCCEEDED if booted else Ruling.KEEP
    if sight.opened_at <= sending.sent_at:
        return Ruling.KEEP
    settled = sight.opened_at >= sending.sent_at + timedelta(seconds=settle_s)
    if sight.uptime_s is None:
        return _without_uptime(sending, sight, booted=booted, settled=settled)
    started = started_when(sending.sent_at, sight.at, sight.uptime_s, slack_s)
    if started is Started.BEFORE:
        return Ruling.RESEND if settled and not booted and not sending.answered else Ruling.KEEP
    return Ruling.SUCCEEDED if booted or started is Started.AFTER else Ruling.KEEP


def started_when(sent_at: datetime, at: datetime, uptime_s: float, slack_s: float) -> Started:
    """When a CPE started by its uptime, which was read at an instant, as far as two clocks can tell."""
    slack = timedelta(seconds=slack_s + _DRIFT * (at - sent_at).total_seconds())
    boot_at = at - timedelta(seconds=uptime_s)
    if boot_at < sent_at - slack:
        return Started.BEFORE
    return Started.AFTER if boot_at > sent_at + slack else Started.AROUND


def _without_uptime(sending: Sending, sight: Sight, *, booted: bool, settled: bool) -> Ruling:
    if booted:
        return Ruling.ASK_UPTIME if sight.repeated and sight.can_ask else Ruling.SUCCEEDED
    if settled and sight.can_ask:
        return Ruling.ASK_UPTIME
    return Ruling.KEEP


def why_never(sending: Sending) -> str:
    """The reason that an operation gives when its deadline passes without proof of a boot."""
    if sending.answered:
        return "the CPE answered Reboot but never rebooted before the deadline"
    return never_seen("Reboot", "a boot")


def never_seen(rpc: str, evidence: str) -> str:
    """The reason of an operation that was sent once, and of which nothing was heard."""
    return (
        f"{rpc} was sent, but neither an answer nor {evidence} was seen before the deadline; "
        "it was not sent again because nothing proved that it never took effect"
    )
