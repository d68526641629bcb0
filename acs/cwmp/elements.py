"""Elements → typed values: the children that a class's plan knows, however they are written; the rest is skipped.

The one rule: names are matched by their local part, whatever their prefix, namespace or letter case; what real CPEs do
wrong without harm (`docs/cwmp.md`) is read as it is meant. Arrays are read by their children: arrayType is decoration.

Source: TR-069 Amendment 6, §3.5 and Annex A.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from acs.cwmp.envelope import NAMESPACES, SOAP_ENV, XSI
from acs.cwmp.messages import MESSAGES
from acs.cwmp.schema import PLANS, FieldPlan, Kind, Plan
from acs.cwmp.structs import EventStruct, ParameterInfoStruct, ParameterValueStruct
from acs.cwmp.types import COMMON_TYPES, STRING, normal_type, parse_boolean, parse_bytes, parse_datetime, parse_integer
from acs.errors import ProtocolError

if TYPE_CHECKING:  # only the module that parses imports lxml
    from lxml.etree import _Element

_EVENT_FIELDS: Final = 2
_XSI_TYPE: Final = f"{{{XSI}}}type"
#: Tag → local name for the tags of well-behaved CPEs, so that most need not be taken apart.
_LOCAL: Final[Mapping[str, str]] = {
    f"{{{SOAP_ENV}}}{name}": name for name in ("Envelope", "Header", "Body", "Fault")
} | {f"{{{namespace}}}{name}": name for namespace in NAMESPACES for name in (*MESSAGES, "ID", "SessionTimeout")}

#: A generator that pauses between batches and returns what was read.
Steps = Generator[None, None, Any]
#: Reads (struct, first element, second element) triples into a list; False when one is odd.
_Flat = Callable[[Iterable[Any], list[Any]], bool]
_WRITABLE: Final[Mapping[str | None, bool]] = {"0": False, "1": True, "false": False, "true": True}
_Reader = Callable[[Any, FieldPlan], Any]


def children_by_field(cls: type, element: _Element) -> list[tuple[str, _Element]]:
    """The children that a class knows, each with the attribute that it becomes."""
    found = [(_BY_TAG[cls].find(child), child) for child in element]
    return [(known[1].attribute, child) for known, child in found if known is not None]


def named_value(item: _Element) -> tuple[_Element | None, _Element | None]:
    """The Name and the Value of a ParameterValueStruct, however they are written."""
    children = {local_name(child.tag).lower(): child for child in item}
    return children.get("name"), children.get("value")


def parameter_values(
    names: Iterable[str], values: Iterable[str], types: Iterable[str]
) -> tuple[ParameterValueStruct, ...]:
    """The structs with these names, values and normal types; white space round a text that is no string goes."""
    found: list[ParameterValueStruct] = []
    append = found.append
    for name, value, kind in zip(names, values, types, strict=True):
        struct = _new(ParameterValueStruct)
        _set_name(struct, name.strip())
        _set_value(struct, value if kind == STRING else value.strip())
        _set_type(struct, kind)
        append(struct)
    return tuple(found)


def read_steps(cls: type, element: _Element, batch: int) -> Steps:
    """Like `read_as`, pausing after every `batch` structs of a long list."""
    reader = _BY_TAG[cls]
    values = list(reader.plan.defaults)
    for child in element:
        found = reader.find(child)
        if found is None:
            continue
        position, field, read = found
        if field.kind is Kind.STRUCTS and len(child) > batch:
            values[position] = yield from _struct_steps(child, field, batch)
        elif field.kind is Kind.REPEATED:
            values[position] += (read(child, field),)
        else:
            values[position] = read(child, field)
    return reader.plan.cls(*values)


def read_as(cls: type, element: _Element) -> Any:
    """The value of a class that an element holds.

    Raises:
        ProtocolError: a value that cannot be used.
    """
    return _read_struct(_BY_TAG[cls], element)


class _ByTag:
    """What to do with the children of one class: tag → (position, field, reader)."""

    __slots__ = ("exact", "lower", "plan")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.exact = {
            field.element: (position, field, _READERS[field.kind]) for position, field in enumerate(plan.fields)
        }
        self.lower = {element.lower(): found for element, found in self.exact.items()}

    def find(self, child: _Element) -> tuple[int, FieldPlan, _Reader] | None:
        """Where a child belongs; None: skip it."""
        tag = child.tag
        return self.exact.get(tag) or self.lower.get(local_name(tag).lower())


def local_name(tag: Any) -> str:
    """The local part of a tag, also of one whose prefix was never declared; "" for what is no element."""
    known = _LOCAL.get(tag)
    if known is not None:
        return known
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _read_struct(reader: _ByTag, element: _Element) -> Any:
    values = list(reader.plan.defaults)
    exact = reader.exact
    for child in element:
        found = exact.get(child.tag) or reader.find(child)
        if found is not None:
            position, field, read = found
            if read is _operation:
                values[position] += (read(child, field),)
            else:
                values[position] = read(child, field)
    return reader.plan.cls(*values)


def _text(element: _Element, field: FieldPlan) -> str:
    text = element.text
    if text is None:
        return ""
    return text if field.verbatim else text.strip()


def _integer(element: _Element, field: FieldPlan) -> int:
    text = element.text or ""
    number = parse_integer(text)
    if number is not None:
        return number
    if field.decoration or not text.strip():
        return int(field.default)
    raise ProtocolError(f"{field.element} must be a whole number, not {text.strip()[:64]!r}", fault_code=8003)


def _boolean(element: _Element, field: FieldPlan) -> bool:
    return parse_boolean(element.text or "")


def _date_time(element: _Element, field: FieldPlan) -> Any:
    return parse_datetime(element.text)


def _struct(element: _Element, field: FieldPlan) -> Any:
    return _read_struct(_BY_TAG[field.classes[0]], element)


def _structs(element: _Element, field: FieldPlan) -> tuple[Any, ...]:
    flat = _FLAT.get(field.classes[0])
    if flat is not None:
        walk = element.iterdescendants()
        found: list[Any] = []
        try:
            if flat(zip(walk, walk, walk, strict=True), found) and len(found) == len(element):
                return tuple(found)
        except ValueError:  # not three elements to a struct
            found.clear()
    return tuple(_read_items(element, field))


def _struct_steps(element: _Element, field: FieldPlan, batch: int) -> Steps:
    """Read an array, pausing after every `batch` structs."""
    flat = _FLAT.get(field.classes[0])
    if flat is not None:
        found = yield from _flat_steps(element, flat, batch)
        if found is not None:
            return found
    items = list(element)
    structs: list[Any] = []
    for start in range(0, len(items), batch):
        structs += _read_items(items[start : start + batch], field)
        yield
    return tuple(structs)


def _flat_steps(element: _Element, flat: _Flat, batch: int) -> Generator[None, None, tuple[Any, ...] | None]:
    """Read an array in which every struct has just its two elements, in order; None when it is not like that.

    One walk over all descendants costs a third of a walk per struct.
    """
    walk = element.iterdescendants()
    triples = zip(walk, walk, walk, strict=True)
    found: list[Any] = []
    try:
        while True:
            before = len(found)
            if not flat(islice(triples, batch), found):
                return None
            if len(found) - before < batch:
                break
            yield
    except ValueError:
        return None
    return tuple(found) if len(found) == len(element) else None


def _read_items(items: Iterable[_Element], field: FieldPlan) -> list[Any]:
    cls = field.classes[0]
    if cls is ParameterValueStruct:
        return [_parameter_value(item) for item in items]
    if cls is EventStruct:
        return [event for item in items for event in _events(item)]
    reader = _BY_TAG[cls]
    return [_read_struct(reader, item) for item in items]


def _events(item: _Element) -> list[EventStruct]:
    """The events of one struct: one, but for CPEs that put all their codes into the first."""
    event: EventStruct = _read_struct(_BY_TAG[EventStruct], item)
    if len(item) <= _EVENT_FIELDS:
        return [event]
    codes = [(child.text or "").strip() for child in item if local_name(child.tag).lower() == "eventcode"]
    return [EventStruct(code, event.command_key) for code in codes] or [event]


def _strings(element: _Element, field: FieldPlan) -> tuple[str, ...]:
    return tuple([(item.text or "").strip() for item in element])


def _blobs(element: _Element, field: FieldPlan) -> tuple[bytes, ...]:
    found = []
    for item in element:
        blob = parse_bytes(item.text or "")
        if blob is None:
            raise ProtocolError(f"{field.element} holds a text that is not base64", fault_code=8003)
        found.append(blob)
    return tuple(found)


def _operation(element: _Element, field: FieldPlan) -> Any:
    if len(field.classes) == 1:
        return _read_struct(_BY_TAG[field.classes[0]], element)
    name = local_name(_sent_type(element) or "")
    for cls in field.classes:
        if cls.__name__ == name:
            return _read_struct(_BY_TAG[cls], element)
    wrong = f"{field.element} must say by xsi:type which operation it is, not {name[:64]!r}"
    raise ProtocolError(wrong, fault_code=8003)


_new = object.__new__
_slots = vars(ParameterValueStruct)
_set_name, _set_value, _set_type = (_slots[slot].__set__ for slot in ("name", "value", "type"))


def _flat_values(triples: Iterable[Any], found: list[Any]) -> bool:
    """The hot loop. Setting the slots costs a third of the frozen class's __init__.

    An element with a known xsd type as its only attribute is the Value, so that its tag need not be asked for.
    """
    append = found.append
    known = COMMON_TYPES.get
    for _, name, value in triples:
        attributes = value.values()
        if len(attributes) == 1:
            kind = known(attributes[0])
        else:
            kind = STRING if not attributes and value.tag == "Value" else None
        text, words = value.text or "", name.text
        if kind is None or words is None:
            return False
        struct = _new(ParameterValueStruct)
        _set_name(struct, words.strip())
        _set_value(struct, text if kind == STRING else text.strip())
        _set_type(struct, kind)
        append(struct)
    return True


def _flat_infos(triples: Iterable[Any], found: list[Any]) -> bool:
    append = found.append
    writable = _WRITABLE.get
    for _, name, value in triples:
        can = writable(value.text)
        if can is None or value.tag != "Writable":
            return False
        append(ParameterInfoStruct((name.text or "").strip(), can))
    return True


def _parameter_value(item: _Element) -> ParameterValueStruct:
    """One struct that may be odd: children missing, swapped, prefixed, without type."""
    name, value, kind = "", "", STRING
    for child in item:
        match local_name(child.tag).lower():
            case "name":
                name = (child.text or "").strip()
            case "value":
                value, kind = child.text or "", normal_type(_sent_type(child))
    return ParameterValueStruct(name, value if kind == STRING else value.strip(), kind)


def _sent_type(element: _Element) -> str | None:
    """The type attribute, also one in another namespace, in none, or with a prefix that was never declared."""
    sent = element.get(_XSI_TYPE)
    if sent is not None:
        return str(sent)
    for attribute, value in element.attrib.items():
        if local_name(attribute) == "type":
            return str(value)
    return None


_READERS: Final[Mapping[Kind, _Reader]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.DATE_TIME: _date_time,
    Kind.STRUCT: _struct,
    Kind.STRUCTS: _structs,
    Kind.STRINGS: _strings,
    Kind.BLOBS: _blobs,
    Kind.REPEATED: _operation,
}
_FLAT: Final[Mapping[type, _Flat]] = {ParameterValueStruct: _flat_values, ParameterInfoStruct: _flat_infos}
_BY_TAG: Final[Mapping[type, _ByTag]] = {cls: _ByTag(plan) for cls, plan in PLANS.items()}
