"""What a CPE does after it has answered."""

from dataclasses import dataclass
from enum import StrEnum

from acs.cwmp import messages as m


class DeedKind(StrEnum):
    """What a CPE does after it has answered."""

    #: restart, keeping the settings
    REBOOT = "reboot"
    #: restart with the settings of the factory
    FACTORY_RESET = "factory_reset"
    #: fetch or send a file, and report it
    TRANSFER = "transfer"
    #: change deployment units, and report it
    UNITS = "units"
    #: run a test of its own, and report that it is over
    TEST = "test"
    #: open a session later
    INFORM = "inform"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to do after the answer. `delay_s` counts from the end of the session; `url` names a test."""

    kind: DeedKind
    command_key: str = ""
    delay_s: float = 0.0
    url: str = ""
    request: m.Message | None = None


Outcome = tuple[m.Message, Deed | None]
