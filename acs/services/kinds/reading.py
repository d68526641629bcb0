"""Kinds that read parameters, their names and attributes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from acs.cwmp import paths
from acs.errors import InvalidInput
from acs.services.kinds.base import NAME_LENGTH, NAMES, Arguments, Kind, PlanContext, only, parameter_name
from acs.services.plans import AttributesPlan, NamesPlan, Plan, ReadPlan, RefreshPlan
from acs.store.records import Json, OperationRecord

#: Below the root: a parameter that every device knows, because every Inform carries it (TR-098, TR-181: Forced).
PROBE = "DeviceInfo.SoftwareVersion"

Path = Annotated[str, Field(max_length=NAME_LENGTH)]


class NamesOf(Arguments):
    """Parameter names, and partial paths that end in a point."""

    names: Annotated[list[Path], Field(min_length=1, max_length=NAMES)]


class PathOf(Arguments):
    """A partial path that ends in a point; left out = the whole tree."""

    path: Path | None = None


class NamesBelow(Arguments):
    """A partial path, empty for the whole tree; `next_level` lists only what is directly below it."""

    path: Path = ""
    next_level: bool = False


def _check_names_of(arguments: Mapping[str, Any]) -> dict[str, Json]:
    only(arguments, "names")
    names = arguments.get("names")
    if not isinstance(names, list | tuple) or not 0 < len(names) <= NAMES:
        raise InvalidInput(f"arguments.names: must be a list of 1 to {NAMES} parameter names")
    return {"names": [parameter_name(name, f"arguments.names.{n}", partial=True) for n, name in enumerate(names)]}


def _check_refresh(arguments: Mapping[str, Any]) -> dict[str, Json]:
    only(arguments, "path")
    path = arguments.get("path")
    if path is None:
        return {}
    if not paths.is_partial(parameter_name(path, "arguments.path", partial=True)):
        raise InvalidInput(f"arguments.path: {path!r} must end with a dot; use the kind get for single parameters")
    return {"path": path}


def _check_names(arguments: Mapping[str, Any]) -> dict[str, Json]:
    only(arguments, "path", "next_level")
    path, next_level = arguments.get("path") or "", arguments.get("next_level", False)
    if path:
        parameter_name(path, "arguments.path", partial=True)
    if not isinstance(next_level, bool):
        raise InvalidInput("arguments.next_level: must be true or false")
    if next_level and not paths.is_partial(path):
        raise InvalidInput(f"arguments.path: {path!r} is no object, so it has no next level; write a dot at its end")
    return {"path": path, "next_level": next_level}


def _names(operation: OperationRecord) -> list[str]:
    names = operation.arguments["names"]
    assert isinstance(names, list)
    return [str(name) for name in names]


def _plan_get(operation: OperationRecord, context: PlanContext) -> Plan:
    probe = context.root + PROBE if context.root else ""
    return ReadPlan(_names(operation), batch=context.names_per_request, budget=context.requests, probe=probe)


def _plan_refresh(operation: OperationRecord, context: PlanContext) -> Plan:
    path = str(operation.arguments.get("path") or context.root)
    bears = context.bears if path == context.root else replace(context.bears, whole=None, listed=None)
    return RefreshPlan(
        path,
        batch=context.names_per_request,
        budget=context.requests,
        bears=bears,
        probe=context.root + PROBE if context.root else "",
        progress=context.progress,
    )


def _plan_names(operation: OperationRecord, context: PlanContext) -> Plan:
    path, next_level = str(operation.arguments["path"]), bool(operation.arguments["next_level"])
    return NamesPlan(path, next_level=next_level, root=context.root, budget=context.requests)


def _plan_attributes(operation: OperationRecord, context: PlanContext) -> Plan:
    return AttributesPlan(_names(operation), batch=context.names_per_request, budget=context.requests)


KINDS = (
    Kind("get", _check_names_of, _plan_get, rpc="GetParameterValues", arguments=NamesOf),
    Kind(
        "refresh",
        _check_refresh,
        _plan_refresh,
        rpc="GetParameterValues",
        arguments=PathOf,
        retries=True,
        attempts=6,
    ),
    Kind("names", _check_names, _plan_names, rpc="GetParameterNames", arguments=NamesBelow),
    Kind("attributes", _check_names_of, _plan_attributes, rpc="GetParameterAttributes", arguments=NamesOf),
)
