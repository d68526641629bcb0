"""Writes docs/conformance.md from the tests; `make docs` runs it, and a test fails when the page is not fresh."""

import importlib
import sys
from pathlib import Path

from tests.conformance.checklist import CHAPTERS, ITEMS, Item

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "conformance.md"
HEAD = """# Conformance

<!-- Written by `make docs` from tests/conformance; change the tests, not this page. -->

Each item is a rule of TR-069 Amendment 6 or of a document it refers to ("impl": what implementations need), and has a
test of its number in `tests/conformance/`, which speaks to the real server through sockets. `make check` runs them all:
what is listed as tested passes.
"""


def items() -> dict[int, tuple[Item, str]]:
    """Number → item and the test file it stands in.

    Raises:
        ValueError: two tests claim the same number.
    """
    found: dict[int, tuple[Item, str]] = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"tests.conformance.{path.stem}")
        for value in vars(module).values():
            entry = value if isinstance(value, Item) else getattr(value, "item", None)
            if not isinstance(entry, Item):
                continue
            if entry.number in found:
                raise ValueError(f"item {entry.number} stands in {found[entry.number][1]} and in {path.name}")
            found[entry.number] = (entry, path.name)
    return found


def page() -> str:
    """The whole page."""
    found = items()
    absent = [number for number in found if found[number][0].why_not]
    lines = [HEAD, f"{len(found) - len(absent)} of {ITEMS} are tested; {len(absent)} do not apply.", ""]
    for number in range(1, ITEMS + 1):
        if number in CHAPTERS:
            lines += [f"## {CHAPTERS[number]}", "", "| item | section | what is tested | where |", "|---|---|---|---|"]
        if number in found:
            entry, file = found[number]
            where = f"does not apply: {entry.why_not}" if entry.why_not else f"`{file}`"
            lines.append(f"| {number} | {entry.section} | {entry.title} | {where} |")
        if number + 1 in CHAPTERS:
            lines.append("")
    return "\n".join([*lines, ""])


def write() -> bool:
    """Write the page; False when it was fresh."""
    text = page()
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return False
    PAGE.write_text(text, "utf-8")
    return True


if __name__ == "__main__":
    if write():
        sys.stdout.write("docs/conformance.md written\n")
