"""`[actions]`, `[backups]`: what a second line may do on devices, and how their configurations are kept."""

from acs.config.base import Count, Seconds, Section


class ActionsSection(Section):
    """`[actions]`: what a second line does on devices."""

    #: Restarts of one device from here within `reboot_window_h`, after which another is refused: what three did not
    #: mend, a fourth does not.
    reboots: Count = 3
    #: Hours for which restarts are counted.
    reboot_window_h: Count = 24
    #: Seconds that an action may take when nobody says how long: the subscriber is on the telephone, and a restart
    #: with everything after it takes some minutes.
    deadline_s: Seconds = 900.0


class BackupsSection(Section):
    """`[backups]`: the configurations of devices."""

    #: Whether configurations are read on a schedule; those before a change are always kept.
    enabled: bool = True
    #: Hours between two readings of one device's configuration, at its next periodic session.
    every_h: Count = 168
    #: Configurations kept of one device, besides the newest of a line that was up; equal ones count once.
    keep: Count = 30
    #: Devices that one turn asks at most, so that the load spreads.
    devices_per_turn: Count = 50
    #: Seconds between two turns.
    tick_s: Seconds = 60.0
