"""`[hooks]`: what a ticket system asks for in one call, and how often it may."""

from typing import Annotated

from pydantic import Field

from acs.config.base import Count, Seconds, Section


class HooksSection(Section):
    """`[hooks]`: one call each for reboot, line test, resync, "is it fixed?"."""

    #: Seconds that a call may wait for the end at most; ticket systems give up after 30 to 60.
    wait_max_s: Annotated[float, Field(ge=0, le=300)] = 30.0
    #: Seconds that a call waits where it does not say: a line test ends within three.
    wait_s: Annotated[float, Field(ge=0, le=300)] = 10.0
    #: Seconds that a reboot or a resync has where the call names no deadline: a CPE that comes later surprises.
    deadline_s: Seconds = 900.0
    #: Hours in which the calls below are counted.
    window_h: Annotated[float, Field(gt=0, le=24 * 31)] = 24.0
    #: Reboots of the devices of one line in the window, whoever asked for them; a third one mends nothing.
    reboots_per_line: Count = 3
    #: Reboots for one ticket in the window.
    reboots_per_ticket: Count = 2
    #: Resyncs of one line in the window.
    resyncs_per_line: Count = 6
    #: Resyncs for one ticket in the window.
    resyncs_per_ticket: Count = 3
    #: Line tests and "is it fixed?" of one line in the window, as far as they are asked for by hooks.
    tests_per_line: Count = 50
    #: Line tests and "is it fixed?" for one ticket in the window.
    tests_per_ticket: Count = 20
    #: Days for which a key is remembered: the same key then gives the same answer.
    keep_days: Count = 30
