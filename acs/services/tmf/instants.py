"""How TM Forum payloads have instants and absent members."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def stamp(at: datetime) -> str:
    """An instant as RFC 3339 in UTC, with milliseconds and a Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value: what is not known is left out, never null."""
    return {name: value for name, value in members.items() if value is not None}
