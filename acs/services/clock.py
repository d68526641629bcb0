"""The clock that services are given; the core below them never reads one."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


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
