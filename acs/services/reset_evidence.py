"""Did the factory reset that we asked for happen? Pure: what a new session shows → a ruling.

The one rule: as for a reboot, it is sent again only on proof that it never took effect. A device that was reset
says `0 BOOTSTRAP`; that event is never dropped, so what only booted may have lost its power instead.

    what the new session shows                              ruling
    `0 BOOTSTRAP`                                           SUCCEEDED (a repeated Inform: uptime decides)
    booted since the sending, without it, answered          SUCCEEDED: some devices never say 0 BOOTSTRAP
    booted since the sending, without it, unanswered        KEEP
    our clock was set since the sending, without it         KEEP: instants prove nothing
    uptime older, answered                                  KEEP
    uptime older, unanswered, settled                       RESEND
    uptime unknown, settled                                 ASK_UPTIME
    anything before the settle time                         KEEP

Source: TR-069 Amendment 6, §3.7.1.5 (retention of `0 BOOTSTRAP`), A.4.1.6.
"""

from datetime import timedelta

from acs.services.reboot_evidence import Ruling, Sending, Sight, Started, never_seen, started_when


def judge(sending: Sending, sight: Sight, *, settle_s: float, slack_s: float) -> Ruling:
    """Return what `sight` proves about a factory reset; see `reboot_evidence.judge`."""
    codes = {code for code, _ in sight.events}
    reset = "0 BOOTSTRAP" in codes
    if sight.clock_set:
        return Ruling.SUCCEEDED if reset else Ruling.KEEP
    if sight.opened_at <= sending.sent_at:
        return Ruling.KEEP
    if reset and not sight.repeated:
        return Ruling.SUCCEEDED
    settled = sight.opened_at >= sending.sent_at + timedelta(seconds=settle_s)
    if sight.uptime_s is None:
        if reset and not sight.can_ask:
            return Ruling.SUCCEEDED
        if sight.can_ask and (reset or settled):
            return Ruling.ASK_UPTIME
        return Ruling.SUCCEEDED if "1 BOOT" in codes and sending.answered else Ruling.KEEP
    started = started_when(sending.sent_at, sight.at, sight.uptime_s, slack_s)
    if started is Started.BEFORE:
        return (
            Ruling.RESEND if settled and not codes & {"0 BOOTSTRAP", "1 BOOT"} and not sending.answered else Ruling.KEEP
        )
    if reset:
        return Ruling.SUCCEEDED
    return Ruling.SUCCEEDED if sending.answered and ("1 BOOT" in codes or started is Started.AFTER) else Ruling.KEEP


def why_never(sending: Sending) -> str:
    """The reason that an operation gives when its deadline passes without proof of a reset."""
    if sending.answered:
        return "the CPE answered FactoryReset but did not come back reset before the deadline"
    return never_seen("FactoryReset", "a reset")
