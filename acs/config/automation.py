"""`[tickets]`: what happens by itself when a ticket comes: the check, the queue that its verdict names, the fix."""

from typing import Annotated, Literal

from pydantic import Field

from acs.config.base import Count, Section

#: a pattern as of file names, such as `low_rx_*`
Pattern = Annotated[str, Field(min_length=1, max_length=100)]
#: hours of a day, "08:00-20:00"; "22:00-06:00" goes past midnight
Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]
RuleName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
#: the days of the week
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class When(Section):
    """When a rule holds; both empty is always."""

    #: Hours of the day in `tickets.time_zone`, such as "08:00-20:00"; none = all day.
    hours: Hours | None = None
    #: Days of the week; none = all.
    days: tuple[Day, ...] = ()


class CheckRule(When):
    """`[[tickets.checks]]`: which tickets are tested, how deep, what goes first; the first that fits decides."""

    #: What the rule is called in answers.
    name: RuleName
    #: Ticket types (categories) that it is about, as patterns; none = all.
    types: tuple[Pattern, ...] = ()
    #: Products: a service (internet, iptv, voip), or a pattern for the id or name of an affected service; none = all.
    products: tuple[Pattern, ...] = ()
    #: Words of which one must stand in the ticket's name or description, whatever the case; none = no matter.
    keywords: tuple[Annotated[str, Field(min_length=2, max_length=100)], ...] = ()
    #: Systems that hand tickets in (names of their tokens), as patterns; none = all.
    sources: tuple[Pattern, ...] = ()
    #: Whether such tickets are tested at all.
    test: bool = True
    #: What the test asks: quick only the access node, full waits longer for the CPE.
    depth: Literal["quick", "normal", "full"] = "normal"
    #: What goes first when many wait: operator before ticket before bulk.
    priority: Literal["operator", "ticket", "bulk"] = "ticket"


class QueueRule(Section):
    """`[[tickets.queues]]`: where a ticket goes with its verdict; the first rule that fits decides, else the pack."""

    #: The queue of the ticket system.
    queue: Annotated[str, Field(min_length=1, max_length=100)]
    #: Verdicts, as patterns, such as DISPATCH_*; none = all.
    verdicts: tuple[Pattern, ...] = ()
    #: Causes, as patterns; none = all.
    causes: tuple[Pattern, ...] = ()
    #: Locations, as patterns; none = all.
    locations: tuple[Pattern, ...] = ()
    #: Ticket types, as patterns; none = all.
    types: tuple[Pattern, ...] = ()
    #: Whether a person must confirm the verdict; none = no matter.
    needs_human: bool | None = None
    #: How sure the verdict must be at least.
    min_posterior: Annotated[float, Field(ge=0, le=1)] = 0.0


class FixRule(When):
    """`[[tickets.fixes]]`: an action that a verdict advises and that runs by itself, where `automatic_fixes` is on."""

    #: What the rule is called in the audit trail.
    name: RuleName
    #: The advised action of the pack, and what is done for it: reboot the CPE, put its settings right, or restart
    #: the subscriber's session.
    action: Literal["reboot_cpe", "push_settings", "clear_session"]
    #: Causes, as patterns; none = every cause that advises the action.
    causes: tuple[Pattern, ...] = ()
    #: How sure the verdict must be at least; what a person must confirm never runs by itself.
    min_posterior: Annotated[float, Field(ge=0.5, le=1)] = 0.8


class AutomationSection(Section):
    """The part of `[tickets]` that is about what happens by itself."""

    #: Which tickets are tested, how deep, with which priority; a ticket that no rule fits gets a usual test.
    checks: tuple[CheckRule, ...] = ()
    #: Which queue a verdict sends the ticket to; a verdict that no rule fits goes where the pack says.
    queues: tuple[QueueRule, ...] = ()
    #: The queue of tickets whose test failed, or that name no line; empty = they stay where they are.
    queue_without_verdict: Annotated[str, Field(max_length=100)] = ""
    #: Whether the fixes below run by themselves at all.
    automatic_fixes: bool = False
    #: What may run by itself.
    fixes: tuple[FixRule, ...] = ()
    #: Fixes that run by themselves within an hour in the whole network: more is no fault of single lines.
    fixes_per_hour: Count = 30
    #: Time zone of the hours in rules.
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+\-/]{1,64}$")] = "UTC"
