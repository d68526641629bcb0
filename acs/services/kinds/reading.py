"""Kinds that read parameters."""

from collections.abc import Mapping
from typing import Any

from acs.errors import InvalidInput
from acs.services.kinds.base import NAMES, Kind, PlanContext, only, parameter_name
from acs.services.plans import Plan, ReadPlan
from acs.store.records import Json, OperationRecord


def _check_get(arguments: Mapping[str, Any]) -> dict[str, Json]:
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
    if not parameter_name(path, "arguments.path", partial=True).endswith("."):
        raise InvalidInput(f"arguments.path: {path!r} must end with a dot; use the kind get for single parameters")
    return {"path": path}


def _plan_get(operation: OperationRecord, context: PlanContext) -> Plan:
    names = operation.arguments["names"]
    assert isinstance(names, list)
    return ReadPlan([str(name) for name in names], batch=context.names_per_request, budget=context.requests)


def _plan_refresh(operation: OperationRecord, context: PlanContext) -> Plan:
    path = str(operation.arguments.get("path") or context.root)
    careful = operation.attempts > 0
    return ReadPlan([path], batch=context.names_per_request, budget=context.requests, careful=careful)


KINDS = (Kind("get", _check_get, _plan_get), Kind("refresh", _check_refresh, _plan_refresh))
