"""Cloned identities: two boxes that speak under one name, told apart by what one box alone cannot say. No I/O.

    boot A ─→ boot B ─→ boot A again      no box goes back to an earlier boot
    hardware A ─→ B ─→ A                  no box changes its hardware to and fro
    address A ─→ B ─→ A ─→ B in an hour   where neither uptime nor hardware tells: two boxes take turns

The one rule: one odd Inform proves nothing (clocks are set, boxes are replaced); only a return does. A device of
which nothing disagrees is not remembered at all.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from acs.services.networks import parse_address
from acs.store.records import Sighting

#: Devices with disagreeing Informs that are remembered.
REMEMBERED: Final = 20_000
#: Sightings of one device that are compared.
KEPT: Final = 8
#: How long a sighting counts.
WINDOW: Final = timedelta(hours=24)
#: Two tellings of one boot differ by less: clocks drift, and uptimes are whole seconds.
SAME_BOOT: Final = timedelta(seconds=120)
#: Time in which addresses that take turns count.
TURNS: Final = timedelta(hours=1)


@dataclass(slots=True)
class _Seen:
    sightings: deque[Sighting] = field(default_factory=lambda: deque(maxlen=KEPT))


class Clones:
    """Remembers the sightings that disagreed, and says when they prove two boxes."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def look(self, key: str, earlier: Sighting, now: Sighting) -> str | None:
        """Take a sighting that disagrees with the one before it; the proof of two boxes in words, or None."""
        seen = self._seen.setdefault(key, _Seen())
        self._seen.move_to_end(key)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        row = seen.sightings
        if not row or row[-1].at != earlier.at:
            row.append(earlier)
        row.append(now)
        recent = [each for each in row if now.at - each.at <= WINDOW]
        why = _boots(recent) or _hardware(recent) or _addresses(recent)
        if why is not None:
            del self._seen[key]
        return why


def _booted(sighting: Sighting) -> datetime | None:
    if sighting.uptime_s is None or sighting.uptime_at is None:
        return None
    return sighting.uptime_at - timedelta(seconds=sighting.uptime_s)


def _boots(row: list[Sighting]) -> str | None:
    last = _booted(row[-1])
    if last is None:
        return None
    boots = [(each, booted) for each in row[:-1] if (booted := _booted(each)) is not None]
    for place, (first, booted) in enumerate(boots):
        if abs(booted - last) >= SAME_BOOT:
            continue
        for between, other in boots[place + 1 :]:
            if abs(other - last) >= 2 * SAME_BOOT:
                return (
                    f"booted at {last:%Y-%m-%d %H:%M:%S} by what it told at {first.at:%H:%M:%S} from {first.address} "
                    f"and now from {row[-1].address}, but at {other:%Y-%m-%d %H:%M:%S} by what it told at "
                    f"{between.at:%H:%M:%S} from {between.address}"
                )
    return None


def _hardware(row: list[Sighting]) -> str | None:
    last = row[-1].hardware_version
    for place, each in enumerate(row[:-1]):
        if each.hardware_version == last:
            for between in row[place + 1 : -1]:
                if between.hardware_version != last:
                    return (
                        f"hardware {last!r} at {each.address}, {between.hardware_version!r} at {between.address}, "
                        f"and {last!r} again at {row[-1].address}"
                    )
    return None


def _addresses(row: list[Sighting]) -> str | None:
    """Two addresses of one family that take turns, where nothing else tells whether it is one box."""
    if any(each.uptime_s is not None for each in row):
        return None
    recent = [each for each in row if row[-1].at - each.at <= TURNS]
    turns = [each.address for n, each in enumerate(recent) if n == 0 or each.address != recent[n - 1].address]
    if len(turns) < 4 or turns[-1] != turns[-3] or turns[-2] != turns[-4]:
        return None
    families = {parsed.version for text in turns[-2:] if (parsed := parse_address(text)) is not None}
    return f"Informs come in turns from {turns[-2]} and {turns[-1]}" if len(families) == 1 else None
