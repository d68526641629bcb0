"""What has to be done at a device so that it is as its rules want it: only what differs. Pure.

The rule of this file: applied changes leave no difference; what cannot be compared (a password reads as empty) counts
as held when it is what the device was last given.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from acs.services.provisioning_rules import Desired, Wish

_TRUE = ("1", "true")
_FALSE = ("0", "false")


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter to be set. `present` None: its value is not known; `type` None: nor is its type."""

    rule: str
    name: str
    value: str = field(repr=False)
    type: str | None
    present: str | None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification to be set. `present` None: it is not known."""

    rule: str
    name: str
    notification: int
    present: int | None


def changes(desired: Desired, known: Mapping[str, tuple[str, str]], held: Collection[str] = ()) -> tuple[Change, ...]:
    """The parameters that differ, in the order of the rules.

    Args:
        desired: what the rules want.
        known: name → (value, xsd type) as read.
        held: secret parameters that already have what is wanted, as was noted when they were given it.
    """
    found: list[Change] = []
    for wish in desired.rules:
        for name, each in wish.values.items():
            present = known.get(name)
            kind = each.type or (present[1] if present else None)
            if present is not None and same_value(present[0], kind or "xsd:string", each):
                continue
            if each.secret and name in held and (present is None or not present[0]):
                continue
            text = lexical(each, kind or "xsd:string", present[0] if present else "")
            found.append(Change(wish.rule, name, text, kind, present[0] if present else None, each.secret))
    return tuple(found)


def notices(desired: Desired, known: Mapping[str, int]) -> tuple[Notice, ...]:
    """The notifications that differ; one that is not known counts as different."""
    return tuple(
        Notice(wish.rule, name, wanted, known.get(name))
        for wish in desired.rules
        for name, wanted in wish.notifications.items()
        if known.get(name) != wanted
    )


def same_value(present: str, xsd_type: str, wish: Wish) -> bool:
    """Whether a value that was read is the wanted one, in whatever lexical form of its type."""
    if present == lexical(wish, xsd_type, present):
        return True
    wanted = lexical(wish, xsd_type, "")
    if xsd_type.endswith("boolean"):
        return _truth(present) is not None and _truth(present) == _truth(wanted)
    if xsd_type.endswith(("nt", "ong")):  # int, unsignedInt, long, unsignedLong
        return _number(present) is not None and _number(present) == _number(wanted)
    if xsd_type.endswith("dateTime"):
        return _instant(present) is not None and _instant(present) == _instant(wanted)
    return False


def lexical(wish: Wish, xsd_type: str, present: str) -> str:
    """The wanted value as text of its type; booleans in the form that the CPE itself uses."""
    value = wish.value
    if xsd_type.endswith("boolean"):
        yes = value is True or str(value).strip().lower() in _TRUE
        return ("true" if yes else "false") if present.lower() in ("true", "false") else ("1" if yes else "0")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _truth(text: str) -> bool | None:
    text = text.strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _number(text: str) -> int | None:
    text = text.strip()
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 25 else None


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None
