"""`[outages]` and `[after_fix]`: faults of many lines, and looking again after a repair."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from acs.config.base import Count, Seconds, Section

#: hours after an action
Hours = Annotated[float, Field(gt=0, le=24 * 365)]


class OutagesSection(Section):
    """`[outages]`: mass outages, from traps, rounds, Informs, sessions and tickets."""

    #: Look for outages at all.
    enabled: bool = True
    #: Seconds between two looks at what came: a cut is told within a minute of its data.
    tick_s: Seconds = 5.0
    #: Chance that one group of lines falls so by itself in the shortest window, and more in proportion in a longer one;
    #: 1e-9 is under 0.1 false alarms per OLT and year.
    alpha: Annotated[float, Field(gt=0, le=0.01)] = 1e-9
    #: Seconds of the windows in which falls belong together: traps come within the first, rounds within the second,
    #: Informs that stop within one of their intervals.
    windows_s: Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=6)] = (120.0, 300.0, 900.0, 3_600.0)
    #: Seconds after which a fall is old, and no evidence of something new.
    horizon_s: Seconds = 3_600.0
    #: Lines that must fall at least.
    least_lines: Annotated[int, Field(ge=2, le=1_000)] = 3
    #: Days after which a line that is down is dead, and no member of any group.
    dead_after_days: Annotated[float, Field(gt=0, le=365)] = 7.0
    #: Share of dying gasps from which on it is a power failure.
    power_share: Annotated[float, Field(gt=0, le=1)] = 0.50
    #: Share of dying gasps up to which it is the fibre; between the two it is told as mixed.
    fibre_share: Annotated[float, Field(ge=0, lt=1)] = 0.10
    #: Share of the lines that must be back before an outage is over.
    back_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    #: Seconds that they must have been back.
    settle_s: Seconds = 120.0
    #: Lines that are tested after an outage, those with tickets and those still down first.
    tests_after: Annotated[int, Field(ge=0, le=100_000)] = 200
    #: Seconds after which an outage is closed although tests of its lines have not ended.
    tests_s: Seconds = 900.0
    #: Seconds without news of an outage after which some of its lines are tested to see whether it goes on.
    look_again_s: Seconds = 900.0
    #: Lines that are tested for that at a time, of as many ports; with 0 it is not done.
    look_again_lines: Annotated[int, Field(ge=0, le=100)] = 2
    #: Hours in which tickets of neighbours belong together.
    ticket_hours: Hours = 2.0
    #: Seconds around an operation of ours that restarts a CPE, in which its fall is ours.
    own_action_s: Seconds = 900.0
    #: Part of what was learned of an hour of the day that is kept when that hour comes again: 0.98 remembers 50 days.
    keep_learned: Annotated[float, Field(gt=0, le=1)] = 0.98
    #: Days that outages are kept.
    keep_days: Count = 400


class AfterFixSection(Section):
    """`[after_fix]`: tests before and after an action on a line."""

    #: Keep what is known of the line before every action, and test it after those with a ticket or after a line test.
    enabled: bool = True
    #: Hours after an action at which the line is tested again: 5 minutes, 1 hour, 1 day, 3 days.
    at_hours: Annotated[tuple[Hours, ...], Field(min_length=1, max_length=10)] = (5 / 60, 1.0, 24.0, 72.0)
    #: Kinds of operation before which it is kept; settings that rules put right always are.
    kinds: tuple[str, ...] = (
        "reboot",
        "factory_reset",
        "change",
        "restore",
        "set",
        "download",
        "add_object",
        "delete_object",
    )
    #: Seconds between two looks at what is due.
    tick_s: Seconds = 15.0
    #: The operator's closure codes → causes of the pack; a code that is a cause itself needs no entry.
    codes: Mapping[str, str] = Field(default_factory=dict)
    #: Days in which another ticket of the same line is a repetition.
    repeat_days: Annotated[float, Field(gt=0, le=365)] = 14.0
