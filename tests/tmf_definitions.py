"""The official TM Forum definitions as a judge of payloads: closed (no member that they do not name), by JSON Schema.

A payload of v5 is held to the subtype that its `@type` names, as the definition's discriminator says.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator, FormatChecker

from tests.shared_data import shared

_FILES = {
    "tmf621-v4": "data/tmf/tmf621-v4.0.0.swagger.json",
    "tmf621-v5": "data/tmf/tmf621-v5.0.1.oas.yaml",
    "tmf653": "data/tmf/tmf653-v4.2.0.swagger.json",
    "tmf656": "data/tmf/tmf656-v4.0.0.swagger.json",
    "tmf642": "data/tmf/tmf642-v4.0.0.swagger.json",
}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

FORMATS = FormatChecker(())


@FORMATS.checks("date-time", ValueError)
def _is_instant(value: object) -> bool:
    if isinstance(value, str):
        datetime.fromisoformat(value)
        return _INSTANT.fullmatch(value) is not None
    return True


@FORMATS.checks("uri", ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


class Definition:
    """One official definition."""

    def __init__(self, name: str) -> None:
        text = shared(_FILES[name]).read_text("utf-8")
        self.document: dict[str, Any] = yaml.load(text, yaml.CSafeLoader) if name.endswith("v5") else json.loads(text)
        self._schemas: Mapping[str, Any] = self.document.get("definitions") or self.document["components"]["schemas"]
        self._made: dict[str, Any] = {}

    def faults(self, schema: str, payload: object) -> list[str]:
        """Everything in a payload that the definition does not allow."""
        self._define(schema)
        validator = Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": self._made}, format_checker=FORMATS)
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(payload)]

    def check(self, schema: str, payload: object) -> None:
        """Fail with everything that the definition does not allow."""
        faults = self.faults(schema, payload)
        assert not faults, f"{schema}: " + "; ".join(faults)

    def paths(self) -> set[tuple[str, str]]:
        """(method, path) of every operation."""
        return {(method.upper(), path) for path, methods in self.document["paths"].items() for method in methods}

    def _define(self, name: str) -> None:
        """Make the closed form of a schema and of what it refers to."""
        if name in self._made:
            return
        self._made[name] = True  # what refers to itself finds its place
        mapping = self._schemas[name].get("discriminator", {}).get("mapping", {})
        subtypes = {kind: target.rsplit("/", 1)[-1] for kind, target in mapping.items()}
        others = {kind: target for kind, target in subtypes.items() if target != name}
        for target in others.values():
            self._define(target)
        if not others:
            self._made[name] = self._closed(self._schemas[name])
            return
        own = f"{name} itself"
        if "oneOf" not in self._schemas[name]:
            self._made[own] = self._closed(self._schemas[name])
        arms = [
            {"if": {"properties": {"@type": {"const": kind}}}, "then": {"$ref": f"#/$defs/{others.get(kind, own)}"}}
            for kind in subtypes
        ]
        self._made[name] = {
            "type": "object",
            "required": ["@type"],
            "properties": {"@type": {"enum": sorted(subtypes)}},
            "allOf": arms,
        }

    def _closed(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        properties, required = self._members(schema)
        made = {key: value for key, value in schema.items() if key in ("type", "enum", "format")}
        if not properties:
            return made | ({"items": self._closed_or_ref(schema["items"])} if "items" in schema else {})
        return {
            "type": "object",
            "properties": {key: self._closed_or_ref(value) for key, value in properties.items()},
            "required": sorted(required),
            "additionalProperties": False,
        }

    def _closed_or_ref(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        if "$ref" not in schema:
            return self._closed(schema)
        name = schema["$ref"].rsplit("/", 1)[-1]
        self._define(name)
        return {"$ref": f"#/$defs/{name}"}

    def _members(self, schema: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """The members of a schema and of all that it is made of."""
        properties: dict[str, Any] = {}
        required: set[str] = set()
        for part in schema.get("allOf", ()):
            whole = self._schemas[part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part
            inner, wanted = self._members(whole)
            properties |= inner
            required |= wanted
        return properties | schema.get("properties", {}), required | set(schema.get("required", ()))


@cache
def definition(name: str) -> Definition:
    """The official definition: tmf621-v4, tmf621-v5, tmf653, tmf656 or tmf642."""
    return Definition(name)
