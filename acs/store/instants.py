"""Instants as the store keeps them, whole microseconds since 1970."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return the whole microseconds since 1970 of an aware instant."""
    return (at - _EPOCH) // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    """Return `micros` of an instant, or None for none."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """Return the aware UTC instant of microseconds since 1970; the nearest that there is for one that cannot be."""
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:  # stored by an earlier release, from a zone beside the year 1 or 9999
        return datetime.min.replace(tzinfo=UTC) if value < 0 else datetime.max.replace(tzinfo=UTC)


def instant_or_none(value: int | None) -> datetime | None:
    """Return `instant` of a stored value, or None for none."""
    return None if value is None else instant(value)
