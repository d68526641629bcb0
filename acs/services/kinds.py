"""What can be wanted of a device: one row per kind of operation, with its arguments checked and its plan made.

The one rule: a kind is added here and nowhere else; sessions and operations know kinds only by their row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from acs.cwmp.structs import ParameterValueStruct
from acs.cwmp.writing import writable
from acs.errors import InvalidInput
from acs.services.plans import FirstContactPlan, Plan, ReadPlan, RebootPlan, SetPlan
from acs.store.records import Credentials, Json, OperationRecord

#: Longest parameter name of TR-069 (A.3.2.1).
NAME_LENGTH = 256
#: Names or values in one operation; a page of a user interface needs hundreds.
NAMES = 5_000
#: The value types that TR-106 allows on the wire.
XSD_TYPES: Final = frozenset(
    f"xsd:{name}"
    for name in (
        "string", "int", "unsignedInt", "long", "unsignedLong", "boolean", "dateTime", "base64Binary", "hexBinary",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a plan may need besides its operation. `root` is "Device." or alike; credentials only where asked for."""

    root: str
    names_per_request: int
    requests: int
    periodic_inform_s: int = 0
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation.

    `check` returns the arguments as they are stored; `plan` makes its RPCs. `reboots`: it takes effect after the
    session and at most once, so evidence decides about it and the session ends after it. `with_credentials`: its
    plan needs the connection-request credentials. `internal`: only the server itself may ask for it.
    """

    name: str
    check: Callable[[Mapping[str, Any]], dict[str, Json]]
    plan: Callable[[OperationRecord, PlanContext], Plan]
    reboots: bool = False
    with_credentials: bool = False
    internal: bool = False


def _only(arguments: Mapping[str, Any], *names: str) -> None:
    for name in arguments:
        if name not in names:
            known = ", ".join(names) or "none"
            raise InvalidInput(f"arguments.{name}: not an argument of this kind; it takes: {known}")


def _name(value: object, where: str, *, partial: bool) -> str:
    if not isinstance(value, str) or not value or len(value) > NAME_LENGTH or not value.isprintable() or " " in value:
        raise InvalidInput(f"{where}: must be a parameter name of at most {NAME_LENGTH} characters without blanks")
    if value.endswith(".") and not partial:
        raise InvalidInput(f"{where}: {value!r} is a partial path; only a parameter can be set")
    return value


def _check_nothing(arguments: Mapping[str, Any]) -> dict[str, Json]:
    _only(arguments)
    return {}


def _check_get(arguments: Mapping[str, Any]) -> dict[str, Json]:
    _only(arguments, "names")
    names = arguments.get("names")
    if not isinstance(names, list | tuple) or not 0 < len(names) <= NAMES:
        raise InvalidInput(f"arguments.names: must be a list of 1 to {NAMES} parameter names")
    return {"names": [_name(name, f"arguments.names.{n}", partial=True) for n, name in enumerate(names)]}


def _check_refresh(arguments: Mapping[str, Any]) -> dict[str, Json]:
    _only(arguments, "path")
    path = arguments.get("path")
    if path is None:
        return {}
    if not _name(path, "arguments.path", partial=True).endswith("."):
        raise InvalidInput(f"arguments.path: {path!r} must end with a dot; use the kind get for single parameters")
    return {"path": path}


def _check_set(arguments: Mapping[str, Any]) -> dict[str, Json]:
    _only(arguments, "values")
    values = arguments.get("values")
    if not isinstance(values, Mapping) or not 0 < len(values) <= NAMES:
        raise InvalidInput(f"arguments.values: must be an object of 1 to {NAMES} names with their values")
    return {"values": {_name(n, "arguments.values", partial=False): _value(n, v) for n, v in values.items()}}


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


def _plan_reboot(operation: OperationRecord, _context: PlanContext) -> Plan:
    return RebootPlan(operation.command_key)


def _plan_get(operation: OperationRecord, context: PlanContext) -> Plan:
    names = operation.arguments["names"]
    assert isinstance(names, list)
    return ReadPlan([str(name) for name in names], batch=context.names_per_request, budget=context.requests)


def _plan_refresh(operation: OperationRecord, context: PlanContext) -> Plan:
    path = str(operation.arguments.get("path") or context.root)
    careful = operation.attempts > 0
    return ReadPlan([path], batch=context.names_per_request, budget=context.requests, careful=careful)


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


#: Every kind by its name.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("reboot", _check_nothing, _plan_reboot, reboots=True),
            Kind("get", _check_get, _plan_get),
            Kind("set", _check_set, _plan_set),
            Kind("refresh", _check_refresh, _plan_refresh),
            Kind("first_contact", _check_nothing, _plan_first_contact, with_credentials=True, internal=True),
        )
    }
)
