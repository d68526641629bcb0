"""Kinds that set parameters."""

from collections.abc import Mapping
from typing import Any

from acs.cwmp.structs import ParameterValueStruct
from acs.cwmp.writing import writable
from acs.errors import InvalidInput
from acs.services.kinds.base import NAMES, XSD_TYPES, Kind, PlanContext, check_nothing, only, parameter_name
from acs.services.plans import FirstContactPlan, Plan, SetPlan
from acs.store.records import Credentials, Json, OperationRecord


def _check_set(arguments: Mapping[str, Any]) -> dict[str, Json]:
    only(arguments, "values")
    values = arguments.get("values")
    if not isinstance(values, Mapping) or not 0 < len(values) <= NAMES:
        raise InvalidInput(f"arguments.values: must be an object of 1 to {NAMES} names with their values")
    return {"values": {parameter_name(n, "arguments.values", partial=False): _value(n, v) for n, v in values.items()}}


def _value(name: str, value: object) -> Json:
    where = f"arguments.values.{name}"
    if isinstance(value, Mapping):
        if set(value) != {"value", "type"} or value["type"] not in XSD_TYPES:
            raise InvalidInput(f"{where}: must be a value, or an object of value and type (xsd:string, xsd:int …)")
        return {"value": _value(name, value["value"]), "type": value["type"]}
    if not isinstance(value, str | int | float | bool):
        raise InvalidInput(f"{where}: must be a text, number or boolean")
    if isinstance(value, str) and not writable(value):
        raise InvalidInput(f"{where}: holds a control character or half of a surrogate pair; XML cannot carry it")
    return value


def _plan_set(operation: OperationRecord, context: PlanContext) -> Plan:
    values = operation.arguments["values"]
    assert isinstance(values, dict)
    key = operation.command_key
    return SetPlan(values, parameter_key=key, batch=context.names_per_request, budget=context.requests)


def _plan_first_contact(operation: OperationRecord, context: PlanContext) -> Plan:
    server = f"{context.root}ManagementServer."
    credentials = context.credentials or Credentials("", "")
    periodic = context.periodic_inform_s
    groups: list[tuple[ParameterValueStruct, ...]] = [
        (
            ParameterValueStruct(f"{server}ConnectionRequestUsername", credentials.username, "xsd:string"),
            ParameterValueStruct(f"{server}ConnectionRequestPassword", credentials.secret, "xsd:string"),
        )
    ]
    if periodic:
        groups.append(
            (
                ParameterValueStruct(f"{server}PeriodicInformEnable", "1", "xsd:boolean"),
                ParameterValueStruct(f"{server}PeriodicInformInterval", str(periodic), "xsd:unsignedInt"),
            )
        )
    return FirstContactPlan(tuple(groups), operation.command_key)


KINDS = (
    Kind("set", _check_set, _plan_set),
    Kind("first_contact", check_nothing, _plan_first_contact, with_credentials=True, internal=True),
)
