"""Arguments that nobody may read again, such as the password of a file server: taken out of an operation when it is
asked for, kept sealed, and put back only into the plan that sends them.

The one rule: a secret is never in an operation's arguments as they are stored, shown or compared.
"""

from collections.abc import Mapping
from dataclasses import replace

from acs.services.kinds import Kind
from acs.store.records import Json, OperationRecord


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
    return shown, hidden


def joined(operation: OperationRecord, hidden: Json) -> OperationRecord:
    """The operation with its secrets put back, for its plan alone."""
    if not isinstance(hidden, dict):
        return operation
    arguments = dict(operation.arguments)
    for path, value in hidden.items():
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
