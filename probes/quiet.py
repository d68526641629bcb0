"""Quiet hours: when nothing is done that a subscriber would feel, such as a cable test that drops the port. Pure."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from probes.day_hours import DayHours
from probes.errors import ProfileError


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Spans of the day, each from a time to a time that may lie behind midnight, in one time zone; none by default."""

    spans: tuple[DayHours, ...] = ()
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
        left = next((left for span in self.spans if (left := span.left_s(local)) is not None), None)
        return None if left is None else local + timedelta(seconds=left)


def _span(text: str) -> DayHours:
    try:
        begin, end = text.split("-")
        return DayHours.between(time.fromisoformat(begin.strip()), time.fromisoformat(end.strip()))
    except ValueError as error:
        raise ProfileError(f"{text!r} are no quiet hours; write them as 22:00-07:30") from error
