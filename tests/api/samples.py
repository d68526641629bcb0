"""The smallest request that a route of the OpenAPI document takes, so that rights are what it is refused for."""

from collections.abc import Mapping
from typing import Any

#: name of a field or a query parameter → the value that fits it, where its schema alone does not say enough
NAMED: Mapping[str, object] = {"days": 1, "url": "http://192.0.2.1/", "callback": "http://192.0.2.1/"}


def body_of(document: Mapping[str, Any], operation: Mapping[str, Any], names: Mapping[str, object]) -> object | None:
    """The smallest JSON body; None where the route takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema is None else sample(document, schema, names)


def required_of(
    document: Mapping[str, Any], operation: Mapping[str, Any], where: str, names: Mapping[str, object]
) -> dict[str, str]:
    """The parameters in the `query`, or the `header`, that must be there."""
    return {
        each["name"]: str(_of(document, each["name"], each["schema"], names))
        for each in operation.get("parameters", [])
        if each["in"] == where and each.get("required")
    }


def sample(document: Mapping[str, Any], schema: Mapping[str, Any], names: Mapping[str, object]) -> Any:
    """The smallest value of a schema."""
    if "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return sample(document, found, names)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return sample(document, schema[key][0], names)
    return _plain(document, schema, names)


def _plain(document: Mapping[str, Any], schema: Mapping[str, Any], names: Mapping[str, object]) -> Any:
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            fields = schema.get("properties", {})
            return {name: _of(document, name, fields.get(name, {}), names) for name in wanted} | {
                name: names[name] for name in names if name in fields
            }
        case "array":
            return [sample(document, schema["items"], names)] * max(1, schema.get("minItems", 0))
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "string" if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        case _:
            return "x" * max(1, schema.get("minLength", 1))


def _of(document: Mapping[str, Any], name: str, schema: Mapping[str, Any], names: Mapping[str, object]) -> Any:
    if name in names:
        return names[name]
    return NAMED[name] if name in NAMED else sample(document, schema, names)
