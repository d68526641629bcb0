"""What another system's answer means: its items as entries of ours, by the mapping of a `[[pulls]]`. Pure.

The rule of this file: an item that cannot be used is counted and left out; it never becomes a value that nobody said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from acs.config import PullSection
from acs.errors import InvalidInput
from acs.services.clock import in_utc
from acs.services.context import Entry, IncidentEntry, WorkEntry
from acs.services.fact_values import typed_value
from probes.facts import Scalar

#: reasons for leaving something out that are told
_SHOWN = 5
#: days of contacts that are counted
_CONTACT_DAYS = 14


@dataclass(slots=True)
class LeftOut:
    """How many items could not be used, and why the first of them could not."""

    count: int = 0
    why: list[str] = field(default_factory=list)
    #: of them, those that name a line which is none of ours
    strangers: int = 0

    def add(self, number: int, why: str) -> None:
        """Count one item, numbered from 1."""
        self.count += 1
        if len(self.why) < _SHOWN:
            self.why.append(f"item {number}: {why}")


def items_of(answer: Any, section: PullSection) -> list[Any]:
    """Return the list of items in an answer.

    Raises:
        InvalidInput: there is no list where the mapping says, or it is too long.
    """
    found = answer if section.items is None else at_place(answer, section.items)
    if not isinstance(found, list):
        raise InvalidInput(f"pull {section.name}: there is no list at {section.items or 'the top'}; mend items")
    if len(found) > section.max_items:
        raise InvalidInput(f"pull {section.name}: {len(found)} items; max_items is {section.max_items}")
    return found


def at_place(item: Any, place: str) -> Any:
    """Return what stands at a place such as `a.b.0.c`; None where nothing does."""
    for part in place.split("."):
        if isinstance(item, Mapping):
            item = item.get(part)
        elif isinstance(item, list) and part.isdigit() and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


def line_keys(items: Sequence[Any], section: PullSection) -> list[str]:
    """Return how the items name their lines, each once, sorted."""
    found = (at_place(item, section.line) for item in items)
    return sorted({str(key) for key in found if isinstance(key, str | int) and str(key)})


def fact_entries(
    items: Sequence[Any], section: PullSection, lines: Mapping[str, str], now: datetime, left: LeftOut
) -> list[Entry]:
    """Return the facts of the items. `lines`: how an item names its line → the line's id."""
    entries = []
    for number, item in enumerate(items, 1):
        line = lines.get(str(at_place(item, section.line)))
        if line is None:
            left.add(number, f"no line of ours is {str(at_place(item, section.line))[:60]!r}")
            continue
        for name, mapping in section.facts.items():
            value = at_place(item, mapping.path)
            if mapping.values:
                value = mapping.values.get(str(value))
            if not isinstance(value, bool | int | float | str):
                continue  # the system says nothing of it
            try:
                at = _instant(item, mapping.at or section.at, now)
                entries.append(Entry(line, name, typed_value(name, value), at))
            except (InvalidInput, ValueError) as error:
                left.add(number, f"{name}: {error}")
    return entries


def contact_entries(
    items: Sequence[Any], section: PullSection, lines: Mapping[str, str], now: datetime, left: LeftOut
) -> list[Entry]:
    """Return `contacts_14d` of every line that is named: each item is one contact."""
    counts: Counter[str] = Counter()
    since = now - timedelta(days=_CONTACT_DAYS)
    for number, item in enumerate(items, 1):
        name = at_place(item, section.line)
        line = lines.get(str(name))
        if line is None:
            left.add(number, f"no line of ours is {str(name)[:60]!r}")
            left.strangers += isinstance(name, str | int) and bool(str(name))
            continue
        try:
            counts[line] += int(_instant(item, section.at, now) >= since)
        except ValueError as error:
            left.add(number, str(error))
    return [Entry(line, "contacts_14d", count, now) for line, count in sorted(counts.items())]


def incident_entries(items: Sequence[Any], section: PullSection, left: LeftOut) -> list[IncidentEntry]:
    """Return the open incidents."""
    entries = []
    for number, item in enumerate(items, 1):
        try:
            since = _moment(at_place(item, section.fields["since"]))
            entries.append(
                IncidentEntry(_text(item, section, "id"), _text(item, section, "scope"),
                              str(at_place(item, section.fields.get("kind", "")) or "")[:64], since)
            )  # fmt: skip
        except ValueError as error:
            left.add(number, str(error))
    return entries


def work_entries(items: Sequence[Any], section: PullSection, left: LeftOut) -> list[WorkEntry]:
    """Return the planned works."""
    entries = []
    for number, item in enumerate(items, 1):
        try:
            from_at = _moment(at_place(item, section.fields["from"]))
            to_at = _moment(at_place(item, section.fields["to"]))
            if to_at <= from_at:
                raise ValueError("it ends before it begins")
            entries.append(WorkEntry(_text(item, section, "id"), _text(item, section, "scope"), from_at, to_at))
        except ValueError as error:
            left.add(number, str(error))
    return entries


def line_rows(items: Sequence[Any], section: PullSection) -> list[dict[str, str]]:
    """Return the lines as rows of `line import`."""
    rows = []
    for item in items:
        row = {}
        for column, place in section.fields.items():
            value = at_place(item, place)
            if isinstance(value, list):
                value = " ".join(str(part) for part in value)
            row[column] = "" if value is None else str(value)
        rows.append(row)
    return rows


def _instant(item: Any, place: str | None, now: datetime) -> datetime:
    return now if place is None else _moment(at_place(item, place))


def _moment(value: Any) -> datetime:
    """An instant as RFC 3339 text, or as seconds or milliseconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds: Scalar = value / 1000 if abs(value) > 1e11 else value
        try:
            return datetime.fromtimestamp(float(seconds), UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(f"{value!r} is no instant") from error
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no instant; the mapping names another place, or it is left out")
    return in_utc(datetime.fromisoformat(value))


def _text(item: Any, section: PullSection, name: str) -> str:
    value = at_place(item, section.fields[name])
    if not isinstance(value, str | int) or not str(value):
        raise ValueError(f"{name} is not there")
    return str(value)[:300]
