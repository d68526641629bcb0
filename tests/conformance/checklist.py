"""The checklist that numbers the conformance tests: each test names its item, and docs/conformance.md lists them.

The items are those of TR-069 Amendment 6 and its companions that an ACS can be tested for; the section says where an
item comes from ("impl": from what implementations need, not from a standard).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])

#: How many items the checklist has.
ITEMS = 121
#: First number of a chapter → its name.
CHAPTERS = {
    1: "Transport",
    27: "Envelope",
    37: "Version",
    42: "Session",
    56: "Inform and events",
    69: "Methods",
    97: "Connection request",
    109: "Data model and diagnostics",
    119: "Bulk data",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One item: `title` says in our words what is tested, `why_not` why it does not apply where it does not."""

    number: int
    section: str
    title: str
    why_not: str = ""


def item(number: int, section: str, title: str) -> Callable[[Test], Test]:
    """Name the item that a test is about; its function must be called `test_NNN_…` with the same number."""

    def mark(test: Test) -> Test:
        name = test.__name__
        if not name.startswith(f"test_{number:03d}_"):
            raise ValueError(f"{name}: item {number} is tested by a function that begins with test_{number:03d}_")
        test.item = Item(number, section, title)  # type: ignore[attr-defined] # read by page.py
        return test

    return mark


def does_not_apply(number: int, section: str, title: str, why: str) -> Item:
    """An item about a feature that is not offered; assign it to a name of the module."""
    return Item(number, section, title, why)
