"""Kinds that set parameters and their attributes, and add and delete rows of tables."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from acs.cwmp import paths
from acs.cwmp.messages import Message, SetParameterAttributes
from acs.cwmp.structs import SetParameterAttributesStruct
from acs.cwmp.writing import writable
from acs.errors import InvalidInput
from acs.services.kinds.base import (
    NAME_LENGTH,
    NAMES,
    XSD_TYPES,
    Arguments,
    Kind,
    PlanContext,
    check_with,
    only,
    parameter_name,
)
from acs.services.plans import (
    AddPlan,
    DeletePlan,
    OneRequestPlan,
    Outcome,
    Plan,
    RefusedPlan,
    SetPlan,
)
from acs.store.records import Json, OperationRecord

#: Notifications that lightweight notifications (CWMP 1.4) brought.
LIGHTWEIGHT = 3
#: The version that knows them.
LIGHTWEIGHT_SINCE = "1.4"


class TypedValue(Arguments):
    """A value with its xsd type."""

    value: str | bool | int | float
    type: str


Value = str | bool | int | float | TypedValue


class Values(Arguments):
    """Parameter name → value, or object of value and type; all are set or none."""

    values: Annotated[dict[str, Value], Field(min_length=1, max_length=NAMES)]


class Attributes(Arguments):
    """New attributes; what is left out stays. `access_list`: [] only the ACS writes, ["Subscriber"] the user too."""

    notification: Annotated[int, Field(ge=0, le=6)] | None = None
    access_list: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=16)] | None = None


class AttributesByName(Arguments):
    """Parameter name or partial path → its new attributes."""

    attributes: Annotated[dict[str, Attributes], Field(min_length=1, max_length=NAMES)]


class Table(Arguments):
    """The path of a table, and the first values of its new row by their names below it."""

    path: Annotated[str, Field(max_length=NAME_LENGTH)]
    values: Annotated[dict[str, Value], Field(max_length=NAMES)] = Field(default_factory=dict)

    @field_validator("path")
    @classmethod
    def _is_table(cls, path: str) -> str:
        return _object(path)


class Row(Arguments):
    """The path of a row of a table, such as Device.NAT.PortMapping.3."""

    path: Annotated[str, Field(max_length=NAME_LENGTH)]

    @field_validator("path")
    @classmethod
    def _is_row(cls, path: str) -> str:
        if not paths.is_row(_object(path)):
            raise ValueError(f"{path!r} names no row; write the table's path with the row's number")
        return path


def _object(path: str) -> str:
    if not paths.is_object(path):
        raise ValueError(f"{path!r} is no path of an object; it ends in a point")
    return path


def _check_attributes(arguments: Mapping[str, Any]) -> dict[str, Json]:
    wanted = check_with(AttributesByName)(arguments)
    attributes = wanted["attributes"]
    assert isinstance(attributes, dict)
    for name, each in attributes.items():
        parameter_name(name, "arguments.attributes", partial=True)
        if not each:
            raise InvalidInput(f"arguments.attributes.{name}: give notification, access_list or both")
    return wanted


def _check_add(arguments: Mapping[str, Any]) -> dict[str, Json]:
    only(arguments, "path", "values")
    table = check_with(Table)({"path": arguments.get("path", "")})
    values = arguments.get("values") or {}
    if not isinstance(values, Mapping):
        raise InvalidInput("arguments.values: must be an object of names below the new row with their values")
    return table | ({"values": check_values(values)} if values else {})


def _check_set(arguments: Mapping[str, Any]) -> dict[str, Json]:
    only(arguments, "values")
    values = arguments.get("values")
    if not isinstance(values, Mapping) or not 0 < len(values) <= NAMES:
        raise InvalidInput(f"arguments.values: must be an object of 1 to {NAMES} names with their values")
    return {"values": check_values(values)}


def check_values(values: Mapping[Any, object]) -> Json:
    """Names with their values as they are stored.

    Raises:
        InvalidInput: one is no parameter name, or a value that XML cannot carry.
    """
    return {parameter_name(n, "arguments.values", partial=False): _value(n, v) for n, v in values.items()}


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


def _plan_set_attributes(operation: OperationRecord, context: PlanContext) -> Plan:
    attributes = operation.arguments["attributes"]
    assert isinstance(attributes, dict)
    structs = tuple(_attribute(name, each) for name, each in attributes.items() if isinstance(each, dict))
    light = [each.name for each in structs if each.notification >= LIGHTWEIGHT]
    if light and context.version < LIGHTWEIGHT_SINCE:
        why = f"notification {LIGHTWEIGHT} to 6 needs CWMP {LIGHTWEIGHT_SINCE}; the device speaks {context.version}"
        return RefusedPlan(f"nothing was set: {why} ({', '.join(light)})")
    return OneRequestPlan(SetParameterAttributes(structs), lambda answer: _attributes_set(answer, len(structs)))


def _attribute(name: str, wanted: Mapping[str, Any]) -> SetParameterAttributesStruct:
    notification, access_list = wanted.get("notification"), wanted.get("access_list")
    return SetParameterAttributesStruct(
        name, notification is not None, notification or 0, access_list is not None, tuple(access_list or ())
    )


def _attributes_set(_answer: Message, count: int) -> Outcome:
    return Outcome(True, f"attributes of {count} names set")


def _plan_add(operation: OperationRecord, context: PlanContext) -> Plan:
    values = operation.arguments.get("values", {})
    assert isinstance(values, dict)
    return AddPlan(
        str(operation.arguments["path"]),
        values,
        command_key=operation.command_key,
        root=context.root,
        batch=context.names_per_request,
        budget=context.requests,
        again=operation.attempts > 0,
    )


def _plan_delete(operation: OperationRecord, _context: PlanContext) -> Plan:
    return DeletePlan(str(operation.arguments["path"]), operation.command_key)


KINDS = (
    Kind("set", _check_set, _plan_set, rpc="SetParameterValues", arguments=Values, retries=True, secret_values=True),
    Kind(
        "set_attributes",
        _check_attributes,
        _plan_set_attributes,
        rpc="SetParameterAttributes",
        arguments=AttributesByName,
        retries=True,
    ),
    Kind("add_object", _check_add, _plan_add, rpc="AddObject", arguments=Table, secret_values=True),
    Kind("delete_object", check_with(Row), _plan_delete, rpc="DeleteObject", arguments=Row, retries=True),
)
