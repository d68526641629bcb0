"""The arguments of each kind of operation, as the description of the API shows them."""

from collections.abc import Mapping
from typing import Any

from acs.services.kinds import KINDS


def kinds_schema(schema: dict[str, Any]) -> None:
    """Add to the schema of an operation request what each kind takes."""
    known = [kind for kind in KINDS.values() if not kind.internal]
    schema["properties"]["kind"]["enum"] = sorted(kind.name for kind in known)
    schema["oneOf"] = [
        {
            "title": kind.name,
            "properties": {
                "kind": {"const": kind.name},
                "arguments": _whole(kind.arguments.model_json_schema()),
            },
        }
        for kind in sorted(known, key=lambda kind: kind.name)
    ]


def _whole(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with its definitions in their places: the description of the API has one level of names."""
    definitions = schema.get("$defs", {})

    def placed(value: Any) -> Any:
        if isinstance(value, list):
            return [placed(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return placed(definitions[value["$ref"].rpartition("/")[2]])
        return {name: placed(inner) for name, inner in value.items() if name != "$defs"}

    whole: dict[str, Any] = placed(dict(schema))
    return whole
