"""`[security_alarms]`: what of the whole fleet is unusual enough to be told as an alarm."""

from typing import Annotated

from pydantic import Field

from acs.config.base import Count, Seconds, Section

Share = Annotated[float, Field(gt=0, le=1)]
Address = Annotated[str, Field(min_length=1, max_length=1024)]


class SecurityAlarmsSection(Section):
    """`[security_alarms]`: wrong passwords, unknown devices, addresses of management, firmware, silent lines."""

    #: Look for them at all.
    enabled: bool = True
    #: Seconds between two looks.
    tick_s: Seconds = 60.0
    #: Seconds over which wrong passwords and devices that come for the first time are counted.
    window_s: Annotated[float, Field(ge=60, le=86_400)] = 900.0
    #: Wrong passwords in the window from which on there is an alarm, of CPEs and of users of the API each; some misset
    #: CPEs stay far below it, for they are held up.
    auth_failures: Count = 200
    #: Devices that come for the first time in the window from which on there is an alarm; a fleet that moves here
    #: brings more.
    unknown_devices: Count = 100
    #: Times the usual count of a window, as the day before brought it, from which on a count is a spike: both this and
    #: the number above must be reached.
    factor: Annotated[float, Field(ge=1, le=1_000)] = 10.0
    #: Hours over which devices of a model that changed their firmware by themselves are counted.
    firmware_hours: Annotated[float, Field(ge=1, le=720)] = 24.0
    #: Share of the devices of a model that changed to one firmware which no download of ours brought.
    firmware_share: Share = 0.05
    #: Devices that must have done so at least.
    firmware_devices: Count = 20
    #: Hours after a download of firmware in which another version is its doing.
    firmware_ours_hours: Annotated[float, Field(ge=1, le=720)] = 72.0
    #: Days that changes of firmware are kept: so long a version that a download brought is known as planned.
    keep_days: Count = 90
    #: Addresses that ManagementServer.URL may change to without an alarm, `*` at will, such as https://acs.example.net/*.
    management_urls: tuple[Address, ...] = ()
    #: Share of the lines that should be heard and are silent from which on management of the fleet is lost.
    silent_share: Share = 0.1
    #: Lines that must be silent at least.
    silent_lines: Count = 50
