"""Exit codes of every command. The rule: a number has one meaning, and its only home is this enum.

0 to 7 say how the command went; from 20 on, a line test came to its end and the number says which verdict it gave.
"""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a shell learns from `secondline`; listed in docs/reference/."""

    #: done
    OK = 0
    #: something failed that no other number describes; the message says what
    FAILURE = 1
    #: the command line, or a file that it names, is wrong
    USAGE = 2
    #: the server, or the far end of a probe, does not answer
    UNREACHABLE = 3
    #: the thing that was named does not exist
    NOT_FOUND = 4
    #: not allowed: no token, a wrong one, or one without the right
    REFUSED = 5
    #: the state of the thing forbids it
    CONFLICT = 6
    #: it did not end in the time that was given
    TIMEOUT = 7
    #: verdict NFF: every measurement that a healthy line needs was made, and all of them are good
    VERDICT_NFF = 20
    #: verdict REMOTE_FIX
    VERDICT_REMOTE_FIX = 21
    #: verdict GUIDE_CUSTOMER
    VERDICT_GUIDE_CUSTOMER = 22
    #: verdict DISPATCH_HOME
    VERDICT_DISPATCH_HOME = 23
    #: verdict DISPATCH_LINE
    VERDICT_DISPATCH_LINE = 24
    #: verdict ATTACH_OUTAGE
    VERDICT_ATTACH_OUTAGE = 25
    #: verdict OPEN_OUTAGE
    VERDICT_OPEN_OUTAGE = 26
    #: verdict ESCALATE_CORE
    VERDICT_ESCALATE_CORE = 27
    #: verdict INCONCLUSIVE
    VERDICT_INCONCLUSIVE = 28
    #: verdict MONITOR_24H
    VERDICT_MONITOR_24H = 29


def for_verdict(verdict: str) -> ExitStatus:
    """Return the exit code of a verdict name such as "NFF"; FAILURE for a name that is none of the ten."""
    return ExitStatus.__members__.get(f"VERDICT_{verdict}", ExitStatus.FAILURE)
