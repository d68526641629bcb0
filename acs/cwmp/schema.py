"""The rule that ties dataclasses to elements: a plan per class, worked out once from its fields.

`parameter_list` is `ParameterList`; the acronyms below keep their capitals. What a field's type says decides how it is
read and written: text, number, boolean, dateTime, struct, array, or the same element repeated.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from acs.cwmp import messages, structs

#: Words of a field name that are not simply capitalised.
ACRONYMS: Final[Mapping[str, str]] = MappingProxyType({"url": "URL", "oui": "OUI", "uuid": "UUID", "sn": "SN"})
#: Fields whose white space may mean something; around every other text it is an accident of formatting.
VERBATIM: Final = frozenset({"value", "username", "password", "user_message", "arg", "fault_string"})


class Kind(Enum):
    """How a field travels."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE_TIME = "dateTime"
    STRUCT = "struct"
    #: SOAP array of structs.
    STRUCTS = "structs"
    #: SOAP array of strings.
    STRINGS = "strings"
    #: SOAP array of base64 texts.
    BLOBS = "blobs"
    #: The element itself is repeated, one per struct.
    REPEATED = "repeated"


@dataclasses.dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field: attribute, element, kind; `classes` are the structs it holds, `optional` means None leaves it out."""

    attribute: str
    element: str
    kind: Kind
    classes: tuple[type, ...]
    optional: bool
    decoration: bool
    verbatim: bool
    default: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """One class: its fields in schema order, and what each is when it is missing."""

    cls: type
    fields: tuple[FieldPlan, ...]
    defaults: tuple[Any, ...]


def camel_case(attribute: str) -> str:
    """The element name of a field: "success_url" → "SuccessURL"."""
    return "".join([ACRONYMS.get(word) or word.capitalize() for word in attribute.split("_")])


def plan_of(cls: type) -> Plan:
    """Work out the plan of a message or struct class."""
    hints = get_type_hints(cls)
    fields = tuple(_field_plan(field, hints[field.name]) for field in dataclasses.fields(cls))
    return Plan(cls, fields, tuple([field.default for field in fields]))


def _field_plan(field: "dataclasses.Field[Any]", hint: Any) -> FieldPlan:
    element = camel_case(field.name)
    decoration = bool(field.metadata.get("decoration"))
    kind, classes, optional = _kind(hint, repeated=bool(field.metadata.get("repeated")))
    return FieldPlan(field.name, element, kind, classes, optional, decoration, field.name in VERBATIM, field.default)


def _kind(hint: Any, *, repeated: bool) -> tuple[Kind, tuple[type, ...], bool]:
    alternatives = get_args(hint) if get_origin(hint) is UnionType or isinstance(hint, UnionType) else (hint,)
    optional = NoneType in alternatives
    inner = next(alternative for alternative in alternatives if alternative is not NoneType)
    if get_origin(inner) is tuple:
        item = get_args(inner)[0]
        classes = get_args(item) if isinstance(item, UnionType) else (item,)
        if repeated:
            return Kind.REPEATED, classes, False
        return {str: Kind.STRINGS, bytes: Kind.BLOBS}.get(item, Kind.STRUCTS), classes, False
    scalar = {str: Kind.TEXT, int: Kind.INTEGER, bool: Kind.BOOLEAN, datetime: Kind.DATE_TIME}.get(inner)
    if scalar is None:
        return Kind.STRUCT, (inner,), False
    return scalar, (), optional


_STRUCTS: Final = tuple(
    value for value in vars(structs).values() if isinstance(value, type) and dataclasses.is_dataclass(value)
)
#: Class → plan, for every message and struct.
PLANS: Final[Mapping[type, Plan]] = MappingProxyType(
    {cls: plan_of(cls) for cls in (*messages.MESSAGES.values(), *_STRUCTS)}
)
