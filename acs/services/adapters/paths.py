"""Paths into other people's JSON, and templates of it. Pure.

    issue.custom_fields[name=Line].value      the member of the item whose `name` is `Line`
    journals[].notes, addresses[0]            every item; the first item

The rule of this file: what is not there is nothing, never an error; a template member without a value is left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from acs.errors import InvalidInput

_STEP = re.compile(r"\.?(?:(?P<name>[^.\[\]]+)|\[(?P<at>\d+)\]|\[(?P<key>[^=\]]+)=(?P<value>[^\]]*)\]|(?P<all>\[\]))")
_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")

#: templates that become numbers: JSON tells them from texts
_NUMBERS = ("{limit}", "{offset}", "{page}")
#: what was read of a path: kind of step → what it takes
Step = tuple[str, str, str]


def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        InvalidInput: it is none; the message shows where it breaks.
    """
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or found.end() == at:
            raise InvalidInput(f"path {path!r} breaks at {path[at:]!r}; write names, [0], [] or [name=value]")
        kind = str(found.lastgroup if found.lastgroup != "value" else "key")
        steps.append((kind, found[kind], found["value"] or ""))
        at = found.end()
    return tuple(steps)


def values(thing: Any, path: str) -> list[Any]:
    """What stands at a path: nothing, one thing, or several."""
    found = [thing]
    for kind, name, value in parse(path):
        found = [inner for one in found for inner in _step(one, kind, name, value)]
    return found


def text_at(thing: Any, paths: Iterable[str]) -> str:
    """The first text, number or truth that one of the paths finds, as text; "" for none."""
    for path in paths:
        for found in values(thing, path):
            if isinstance(found, bool):
                return "yes" if found else "no"
            if isinstance(found, str | int | float) and str(found).strip():
                return str(found).strip()
    return ""


def filled(template: Any, words: Mapping[str, str]) -> Any:
    """A template with its holes filled; None where nothing is left of it.

    A text that is one hole and empty is left out with its member; an item of a list goes with any member that is
    empty, for `{"id": "7"}` without its value would say something else.
    """
    if isinstance(template, str):
        text = fill(template, words)
        if template in _NUMBERS and text.isdecimal():
            return int(text)
        return None if not text and _HOLE.search(template) else text
    if isinstance(template, Mapping):
        members = {fill(key, words): filled(value, words) for key, value in template.items()}
        return {key: value for key, value in members.items() if key and value is not None} or None
    if isinstance(template, Sequence):
        items = [filled(item, words) for item in template if not _lacks(item, words)]
        return [item for item in items if item is not None] or None
    return template


def fill(text: str, words: Mapping[str, str]) -> str:
    """A text with its holes filled; a word that is not known is nothing."""
    return _HOLE.sub(lambda hole: words.get(hole[1], ""), text)


def holes(template: Any) -> set[str]:
    """The words that a template takes."""
    if isinstance(template, str):
        return set(_HOLE.findall(template))
    inner = [*template, *template.values()] if isinstance(template, Mapping) else template
    return {hole for item in inner for hole in holes(item)} if isinstance(inner, Sequence) else set()


def _lacks(item: Any, words: Mapping[str, str]) -> bool:
    return isinstance(item, Mapping) and any(filled(value, words) is None for value in item.values())


def _step(thing: Any, kind: str, name: str, value: str) -> list[Any]:
    if kind == "name":
        return [thing[name]] if isinstance(thing, Mapping) and name in thing else []
    if not isinstance(thing, list):
        return []
    if kind == "at":
        return thing[int(name) : int(name) + 1]
    if kind == "all":
        return thing
    return [one for one in thing if isinstance(one, Mapping) and str(one.get(name, "")) == value]
