"""Arguments that nobody may read again, such as the password of a file server or of a Wi-Fi: taken out of an operation
when it is asked for, kept sealed, and put back only into the plan that sends them.

The one rule: a secret is never in an operation's arguments as they are stored, shown or compared.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from acs.secret_names import is_secret
from acs.services.kinds import Kind
from acs.store.records import Json, OperationRecord

#: What stands in the place of a parameter's secret value.
HIDDEN = "(hidden)"
#: Under this name, which no argument has, the secret values of parameters are kept: [[place, value], …].
_PLACES = "*"


def split(kind: Kind, arguments: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    """Arguments without the kind's secrets, and the secrets: name → value, or list → {place: value}."""
    shown, hidden = dict(arguments), dict[str, Json]()
    for path in kind.secrets:
        name, _, inner = path.partition(".")
        value = shown.get(name)
        if not inner:
            if shown.pop(name, None):
                hidden[name] = value
        elif isinstance(value, list):
            rows = [dict(row) if isinstance(row, dict) else {} for row in value]
            found: dict[str, Json] = {str(n): row.pop(inner) for n, row in enumerate(rows) if row.get(inner)}
            if found:
                shown[name], hidden[path] = list(rows), found
    if kind.secret_values:
        shown = copy.deepcopy(shown)
        places: list[Json] = [[list[Json](place), _take(shown, place)] for place in list(_places(shown, ()))]
        if places:
            hidden[_PLACES] = places
    return shown, hidden


def joined(operation: OperationRecord, hidden: Json) -> OperationRecord:
    """The operation with its secrets put back, for its plan alone."""
    if not isinstance(hidden, dict):
        return operation
    arguments = copy.deepcopy(dict(operation.arguments))
    for path, value in hidden.items():
        if path == _PLACES:
            _put_all(arguments, value)
            continue
        name, _, inner = path.partition(".")
        if not inner:
            arguments[name] = value
            continue
        rows = arguments.get(name)
        if isinstance(rows, list) and isinstance(value, dict):
            arguments[name] = [
                {**row, inner: value[str(n)]} if isinstance(row, dict) and str(n) in value else row
                for n, row in enumerate(rows)
            ]
    return replace(operation, arguments=arguments)


def _places(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Where the secret values stand: below an object `values`, under a name that is a secret's."""
    if isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _places(inner, (*at, n))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if at and at[-1] == "values" and is_secret(name) and inner not in ("", None):
                typed = isinstance(inner, dict) and "value" in inner
                yield (*at, name, "value") if typed else (*at, name)
            else:
                yield from _places(inner, (*at, name))


def _take(arguments: Any, place: tuple[str | int, ...]) -> Json:
    for part in place[:-1]:
        arguments = arguments[part]
    value: Json = arguments[place[-1]]
    arguments[place[-1]] = HIDDEN
    return value


def _put_all(arguments: Any, places: Json) -> None:
    assert isinstance(places, list)
    for each in places:
        assert isinstance(each, list) and isinstance(each[0], list)
        inner = arguments
        for part in each[0][:-1]:
            inner = inner[part]
        inner[each[0][-1]] = each[1]
