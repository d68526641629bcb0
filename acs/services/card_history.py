"""What a card takes from the past of a device: its starts with their causes, and the levels of its light.

The rule of this file: reading transactions only, each bounded in rows and days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.services.optics import Level
from acs.services.reboot_history import TELLING_CODES, Reboot, reboots
from acs.services.told_starts import told_starts, with_told
from acs.store import access as access_store
from acs.store import devices as device_store
from acs.store import history
from acs.store import operations as operation_store
from acs.store.history import Owner
from acs.store.records import DeviceRecord
from acs.store.transaction import Transaction

LIGHT, OLT_LIGHT = "ont.rx_dbm", "ont.olt_rx_dbm"
#: Days of light behind trend and first days.
_LIGHT_DAYS = 400
#: Events of starts, operations and losses of power that are looked at.
_EVENTS, _OPERATIONS, _LOSSES = 200, 200, 200
#: Days for which starts are told.
_START_DAYS = 90
#: What the access node calls a loss of power.
_POWER_ALARM = "ont_dying_gasp"


@dataclass(frozen=True, slots=True)
class Starts:
    """The starts of a device, the youngest first."""

    reboots: tuple[Reboot, ...]

    def since(self, at: datetime) -> int:
        """How many there were since an instant."""
        return sum(reboot.at > at for reboot in self.reboots)


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of light, oldest first: what the device says of itself, and what others say of its line, by name."""

    own: Sequence[Level]
    of_line: Mapping[str, Sequence[Level]]

    @property
    def light(self) -> Sequence[Level]:
        """The light at the device: of the two histories the longer one, for a trend is not made of two sensors."""
        return max(self.of_line.get(LIGHT, ()), self.own, key=_span)


async def starts_of(
    tx: Transaction, device: DeviceRecord, now: datetime, values: Mapping[str, str] | None = None
) -> Starts:
    """The starts of the last quarter of a year, with their causes; `values` of its tree may tell of more."""
    since = now - timedelta(days=_START_DAYS)
    told = await device_store.list_events(tx, device.key, limit=_EVENTS, codes=sorted(TELLING_CODES))
    asked = await operation_store.list_operations(tx, device=device.key, limit=_OPERATIONS)
    lost: list[datetime] = []
    if device.line is not None:
        alarms = await access_store.list_alarms(tx, line=device.line, kind=_POWER_ALARM, since=since, limit=_LOSSES)
        lost = [at for alarm in alarms for at in (alarm.at, alarm.last_at)]
    found = reboots([event for event in told if event.at >= since], asked, lost, device.first_seen_at)
    return Starts(tuple(with_told(found, told_starts(values or {}, since, now))))


async def levels_of(tx: Transaction, device: DeviceRecord, now: datetime) -> Levels:
    """The levels of light that are kept."""
    since, until = now - timedelta(days=_LIGHT_DAYS), now + timedelta(seconds=1)
    own = await history.points(tx, [device.key], LIGHT, since, until, of=Owner.DEVICE)
    of_line: dict[str, Sequence[Level]] = {}
    if device.line is not None:
        for name in (LIGHT, OLT_LIGHT):
            found = await history.points(tx, [device.line], name, since, until)
            of_line[name] = found.get(device.line, [])
    return Levels(own.get(device.key, []), of_line)


def _span(levels: Sequence[Level]) -> timedelta:
    return levels[-1][0] - levels[0][0] if levels else timedelta(-1)
