"""Facts: named, typed, timed values with a source. Every measured quantity of the product is one line in FACTS.

The rule of this file: a name, its unit, its meaning and its greatest age have their only home here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Scalar = str | int | float | bool


class Quality(StrEnum):
    """What may be concluded from a fact record (design: stale neither convicts nor acquits)."""

    #: measured, within its greatest age
    OK = "ok"
    #: older than its greatest age
    STALE = "stale"
    #: was not measured
    MISSING = "missing"
    #: read, but a sentinel or a code that no table knows; `raw` keeps it
    UNREADABLE = "unreadable"
    #: this technology or model has no such quantity
    NOT_APPLICABLE = "not_applicable"
    #: the source failed
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured value. `value` is None unless quality is ok or stale; `at` is aware UTC, when it was measured."""

    name: str
    value: Scalar | None
    at: datetime
    source: str
    method: str = ""
    quality: Quality = Quality.OK
    raw: str | None = None


Facts = Mapping[str, Fact]
