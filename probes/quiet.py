"""Quiet hours: when nothing is done that a subscriber would feel, such as a cable test that drops the port. Pure."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from probes.errors import ProfileError


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Spans of the day, each from a time to a time that may lie behind midnight, in one time zone; none by default."""

    spans: tuple[tuple[time, time], ...] = ()
    zone: tzinfo = UTC

    @classmethod
    def parse(cls, spans: Sequence[str], zone: str = "UTC") -> "QuietHours":
        """Quiet hours from texts such as `22:00-07:30`.

        Raises:
            ProfileError: a text is no span, or there is no such time zone.
        """
        try:
            found = zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise ProfileError(f"there is no time zone {zone!r}; use a name such as Europe/Moscow") from error
        return cls(tuple(map(_span, spans)), found)

    def ends_at(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that hold at this instant; None when none hold."""
        local = now.astimezone(self.zone)
        for begin, end in self.spans:
            if _within(local.time(), begin, end):
                day = local.date() + timedelta(days=1 if end <= begin and local.time() >= begin else 0)
                return datetime.combine(day, end, self.zone)
        return None


def _span(text: str) -> tuple[time, time]:
    try:
        begin, end = text.split("-")
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ProfileError(f"{text!r} are no quiet hours; write them as 22:00-07:30") from error


def _within(moment: time, begin: time, end: time) -> bool:
    if begin == end:
        return True
    return begin <= moment < end if begin < end else moment >= begin or moment < end
