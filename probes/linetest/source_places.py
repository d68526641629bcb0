"""Where the keys of a pack stand in its files, so that a message about a key names file and line.

The rule of this file: it looks only at the headers of tables; a key below one is told by the header's line.
"""

from collections.abc import Mapping
from re import MULTILINE
from re import compile as compile_pattern

_HEADER = compile_pattern(r"^\[\[?\s*([^\]\n]+?)\s*\]\]?", MULTILINE)


class SourcePlaces:
    """Key → file and line. `whole` names the pack where a key is in none of its files."""

    def __init__(self, whole: str, texts: Mapping[str, str]) -> None:
        self._whole = whole
        self._lines: dict[str, str] = {}
        for name, text in sorted(texts.items()):
            shown = whole if name == whole else f"{whole}/{name}"
            counts: dict[str, int] = {}
            for match in _HEADER.finditer(text):
                key = match.group(1).replace('"', "").replace("'", "")
                line = text.count("\n", 0, match.start()) + 1
                if match.group(0).startswith("[["):
                    counts[key] = counts.get(key, -1) + 1
                    self._lines.setdefault(f"{key}.{counts[key]}", f"{shown}:{line}")
                self._lines.setdefault(key, f"{shown}:{line}")

    def told(self, fault: str) -> str:
        """Return `file:line: key: fault; remedy` of `key: fault; remedy`."""
        key = fault.split(": ", 1)[0]
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            place = self._lines.get(".".join(parts[:length]))
            if place is not None:
                return f"{place}: {fault}"
        return f"{self._whole}: {fault}"
