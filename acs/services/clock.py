"""The clock that services are given; the core below them never reads one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


class Steadiness:
    """Notices that the machine's clock was set, by a counter that no setting moves.

    `set_at`: instants up to this one cannot be compared with instants after it; None = the clock was never set.
    """

    def __init__(self, slack_s: float) -> None:
        self._slack_s = slack_s
        self._ahead_s: float | None = None
        self.set_at: datetime | None = None

    def look(self, now: datetime, counter_s: float) -> None:
        """Compare the clock with the counter, both read at the same moment."""
        ahead_s = now.timestamp() - counter_s
        if self._ahead_s is None:
            self._ahead_s = ahead_s
            return
        leap_s = ahead_s - self._ahead_s
        if abs(leap_s) > self._slack_s:
            self.set_at = max(now, now - timedelta(seconds=leap_s))
            self._ahead_s = ahead_s


def in_utc(at: datetime) -> datetime:
    """An aware instant in UTC.

    Raises:
        ValueError: it has no zone, or it lies outside of the years 1 to 9999 there.
    """
    if at.tzinfo is None:
        raise ValueError("write the zone too: 2026-11-21T18:02:11Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("write an instant of this century, as 2026-11-21T18:02:11Z") from None
