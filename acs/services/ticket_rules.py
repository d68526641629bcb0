"""The rules of tickets: is it tested and how deep, which queue does a verdict send it to, what may run by itself. Pure.

The rule of this file: the first rule that fits decides; what a person must confirm is never done by a rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from acs.config import CheckRule, FixRule, QueueRule
from acs.config.automation import When
from acs.profiles.globs import none_or_like
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
            none_or_like((ticket.type,), rule.types)
            and none_or_like(ticket.products, rule.products)
            and none_or_like((ticket.source,), rule.sources)
            and (not rule.keywords or any(word.lower() in text for word in rule.keywords))
            and holds(rule, now, zone)
        ):
            return rule
    return None


def queue_of(rules: Sequence[QueueRule], verdict: Mapping[str, Any], ticket_type: str) -> tuple[str, str]:
    """Return the queue for a verdict and which rule says so: its number from 1, or `pack`."""
    for number, rule in enumerate(rules, 1):
        if (
            none_or_like((str(verdict.get("verdict", "")),), rule.verdicts)
            and none_or_like((str(verdict.get("cause", "")),), rule.causes)
            and none_or_like((str(verdict.get("location", "")),), rule.locations)
            and none_or_like((ticket_type,), rule.types)
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
            and none_or_like((str(verdict.get("cause", "")),), rule.causes)
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
