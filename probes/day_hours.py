"""Hours of the day, such as 08:00-20:00 or 22:00-06:00: whether they hold, since which day, and how long yet. Pure.

The rule of this file: wall-clock time of one place; a night belongs to the day on which it began.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_TEXT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class DayHours:
    """A span in seconds since midnight; it ends on the next day where the end is not behind the begin."""

    begin_s: int
    end_s: int

    @classmethod
    def parse(cls, text: str) -> "DayHours":
        """The span of a text such as `22:00-06:00`.

        Raises:
            ValueError: it is none.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} are no hours of the day; write them as 22:00-06:00")
        begin, begin_min, end, end_min = map(int, found.groups())
        return cls(begin * 3_600 + begin_min * 60, end * 3_600 + end_min * 60)

    @classmethod
    def between(cls, begin: time, end: time) -> "DayHours":
        """The span between two times of the day."""
        return cls(int(_seconds(begin)), int(_seconds(end)))

    def left_s(self, local: datetime) -> float | None:
        """Seconds until the span ends that holds at this time of the place; None when it does not hold."""
        now = _seconds(local.time())
        if self.begin_s < self.end_s:
            return self.end_s - now if self.begin_s <= now < self.end_s else None
        if now >= self.begin_s:
            return _DAY_S - now + self.end_s
        return self.end_s - now if now < self.end_s else None

    def began_on(self, local: datetime) -> date | None:
        """The day on which the span began that holds at this time of the place; None when it does not hold."""
        if self.left_s(local) is None:
            return None
        since_yesterday = self.begin_s >= self.end_s and _seconds(local.time()) < self.end_s
        return local.date() - timedelta(days=int(since_yesterday))


def _seconds(at: time) -> float:
    return at.hour * 3_600 + at.minute * 60 + at.second + at.microsecond / 1e6
