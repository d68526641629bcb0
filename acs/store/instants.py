"""Instants as the store keeps them, whole microseconds since 1970, and ids that sort by the time they were made."""

import secrets
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Crockford's base 32: in the order of its characters, without letters that look like digits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_BITS = 55
_RANDOM_BITS = 75


def micros(at: datetime) -> int:
    """Return the whole microseconds since 1970 of an aware instant."""
    return (at - _EPOCH) // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    """Return `micros` of an instant, or None for none."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """Return the aware UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def instant_or_none(value: int | None) -> datetime | None:
    """Return `instant` of a stored value, or None for none."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def new_id(now: datetime) -> str:
    """Return a new id of 26 letters and digits; ids of later microseconds sort after earlier ones."""
    number = (micros(now) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    length = (_TIME_BITS + _RANDOM_BITS) // 5
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(length)))
