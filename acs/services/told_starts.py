"""Starts that a device tells of itself: its own table of reboots, beside what we saw of it. Pure.

    Device.DeviceInfo.Reboots.Reboot.{i}.   TimeStamp, Cause, Reason, FirmwareUpdated

The rule of this file: what we asked for or saw stands; the device's word fills in what nobody here can know: starts
between which it did not reach us, and the reason of one that nobody asked for.

Source: TR-181 Issue 2, 2.18 (Device.DeviceInfo.Reboots); TR-098 has no such table.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from acs.cwmp.types import parse_datetime
from acs.services.reboot_history import Cause, Reboot

#: The table, as it is asked for.
TABLE: Final = "Device.DeviceInfo.Reboots.Reboot."
#: Rows that are looked at; a device keeps a few.
_ROWS: Final = 300
_ROW = re.compile(re.escape(TABLE) + r"(\d{1,9})\.TimeStamp")
#: The device notes when it starts, we when its Inform comes: it connects minutes later, and its clock may be off.
_BEFORE_INFORM, _CLOCK = timedelta(minutes=15), timedelta(minutes=2)
#: Values of Cause; `FactoryReset` is an early draft's.
_CAUSES: Final[Mapping[str, Cause]] = {
    "LocalReboot": Cause.LOCAL,
    "RemoteReboot": Cause.OTHER_ACS,
    "LocalFactoryReset": Cause.RESET,
    "RemoteFactoryReset": Cause.RESET,
    "FactoryReset": Cause.RESET,
}
#: Causes of ours that say less than the device's own word.
_WEAK: Final = (Cause.NOT_ASKED, Cause.OTHER_ACS)
#: Characters of a reason.
_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class ToldStart:
    """One row: when the device started, and why, as it says; `cause` None where it says what nobody knows."""

    at: datetime
    cause: Cause | None
    reason: str


def told_starts(values: Mapping[str, str], since: datetime, now: datetime) -> list[ToldStart]:
    """The rows of a tree's table whose time is between `since` and now, the youngest first."""
    found: list[ToldStart] = []
    for name in sorted(values):
        match = _ROW.fullmatch(name)
        if match is None or len(found) >= _ROWS:
            continue
        at = parse_datetime(values[name])
        if at is None or not since <= at <= now + _CLOCK:
            continue
        row = f"{TABLE}{match[1]}."
        updated = values.get(f"{row}FirmwareUpdated", "").strip().lower() in ("1", "true")
        cause = Cause.FIRMWARE if updated else _CAUSES.get(values.get(f"{row}Cause", "").strip())
        reason = "".join(each for each in values.get(f"{row}Reason", "") if each.isprintable()).strip()[:_REASON]
        found.append(ToldStart(at, cause, reason))
    return sorted(found, key=lambda start: start.at, reverse=True)


def with_told(seen: Sequence[Reboot], told: Sequence[ToldStart]) -> list[Reboot]:
    """What we saw with the device's reasons, and the starts that only the device knows; the youngest first."""
    known = list(seen)
    taken: set[int] = set()
    for start in told:
        near = [
            (abs(reboot.at - start.at), n)
            for n, reboot in enumerate(seen)
            if n not in taken and -_CLOCK <= reboot.at - start.at <= _BEFORE_INFORM
        ]
        if near:
            _, n = min(near)
            taken.add(n)
            known[n] = _filled(known[n], start)
        else:
            known.append(Reboot(start.at, start.cause or Cause.NOT_ASKED, reason=start.reason, told=True))
    return sorted(known, key=lambda reboot: reboot.at, reverse=True)


def _filled(reboot: Reboot, start: ToldStart) -> Reboot:
    cause = start.cause if start.cause is not None and reboot.cause in _WEAK else reboot.cause
    return replace(reboot, cause=cause, reason=reboot.reason or start.reason, told=True)
