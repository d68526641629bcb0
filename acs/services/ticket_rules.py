"""The rules of tickets: is it tested and how deep, which queue does a verdict send it to, what may run by itself. Pure.

The rule of this file: the first rule that fits decides; what a person must confirm is never done by a rule.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final
from zoneinfo import ZoneInfo

from acs.config import CheckRule, FixRule, QueueRule
from acs.config.automation import When
from probes.day_hours import DayHours

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class TicketWords:
    """What the rules look at in a ticket. `products` are the service and the ids and names of affected services."""

    type: str = ""
    products: tuple[str, ...] = ()
    text: str = ""
    source: str = ""


def check_rule(rules: Sequence[CheckRule], ticket: TicketWords, now: datetime, zone: ZoneInfo) -> CheckRule | None:
    """Return the first rule that fits a ticket; None where none does."""
    text = ticket.text.lower()
    for rule in rules:
        if (
            _fits(rule.types, (ticket.type,))
            and _fits(rule.products, ticket.products)
            and _fits(rule.sources, (ticket.source,))
            and (not rule.keywords or any(word.lower() in text for word in rule.keywords))
            and holds(rule, now, zone)
        ):
            return rule
    return None


def queue_of(rules: Sequence[QueueRule], verdict: Mapping[str, Any], ticket_type: str) -> tuple[str, str]:
    """Return the queue for a verdict and which rule says so: its number from 1, or `pack`."""
    for number, rule in enumerate(rules, 1):
        if (
            _fits(rule.verdicts, (str(verdict.get("verdict", "")),))
            and _fits(rule.causes, (str(verdict.get("cause", "")),))
            and _fits(rule.locations, (str(verdict.get("location", "")),))
            and _fits(rule.types, (ticket_type,))
            and rule.needs_human in (None, bool(verdict.get("needs_human")))
            and float(verdict.get("posterior") or 0.0) >= rule.min_posterior
        ):
            return rule.queue, str(number)
    return str(verdict.get("queue") or ""), "pack"


def fix_rule(rules: Sequence[FixRule], verdict: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> FixRule | None:
    """Return the rule by which a verdict's advised action runs by itself; None where a person decides."""
    if verdict.get("needs_human") or verdict.get("partial"):
        return None
    for rule in rules:
        if (
            rule.action == verdict.get("action")
            and _fits(rule.causes, (str(verdict.get("cause", "")),))
            and float(verdict.get("posterior") or 0.0) >= rule.min_posterior
            and holds(rule, now, zone)
        ):
            return rule
    return None


def holds(rule: When, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a rule's hours and days hold at an instant; a night belongs to the day on which it began."""
    local = now.astimezone(zone)
    day = local.date() if rule.hours is None else DayHours.parse(rule.hours).began_on(local)
    return day is not None and (not rule.days or _DAYS[day.weekday()] in rule.days)


def _fits(patterns: Sequence[str], texts: Iterable[str]) -> bool:
    wanted = [pattern.lower() for pattern in patterns]
    return not wanted or any(fnmatchcase(text.lower(), pattern) for text in texts for pattern in wanted)
