"""Element tree → Envelope: walks the children that the plans know, and skips the rest.

The one rule: names are matched by their local part, whatever their prefix, namespace or letter case; what real CPEs do
wrong without harm (`docs/cwmp.md`) is read as it is meant. Arrays are read by their children: arrayType is decoration.

Source: TR-069 Amendment 6, §3.5 and Annex A.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from acs.cwmp.envelope import NAMESPACES, NS_1_0, SOAP_ENV, XSI, Envelope, RefusedEnvelope
from acs.cwmp.messages import MESSAGES, SoapFault
from acs.cwmp.schema import PLANS, FieldPlan, Kind, Plan
from acs.cwmp.structs import EventStruct, ParameterInfoStruct, ParameterValueStruct, SetParameterValuesFault
from acs.cwmp.types import COMMON_TYPES, STRING, normal_type, parse_boolean, parse_bytes, parse_datetime, parse_integer
from acs.errors import ProtocolError

if TYPE_CHECKING:  # only the module that parses imports lxml
    from lxml.etree import _Element

#: Longest envelope id that is echoed.
MAX_ID: Final = 1024
#: Structs that are read at a time when the caller reads in steps; about 3 ms of work.
BATCH: Final = 1000

_EVENT_FIELDS: Final = 2
_CWMP = re.compile(r"urn:dslforum-org:cwmp-1-[0-9]{1,2}")
_XSI_TYPE: Final = f"{{{XSI}}}type"
_MUST: Final = frozenset({"1", "true"})
_HEADERS: Final[Mapping[str, str]] = {"ID": "id"} | {
    name: name
    for name in (
        "id",
        "holdrequests",
        "sessiontimeout",
        "supportedcwmpversions",
        "usecwmpversion",
        "nomorerequests",
    )
}
#: Tag → local name for the tags of well-behaved CPEs, so that most need not be taken apart.
_LOCAL: Final[Mapping[str, str]] = {
    f"{{{SOAP_ENV}}}{name}": name for name in ("Envelope", "Header", "Body", "Fault")
} | {f"{{{namespace}}}{name}": name for namespace in NAMESPACES for name in (*MESSAGES, "ID", "SessionTimeout")}
#: Tag of a message → its cwmp namespace.
_NAMESPACE_OF: Final[Mapping[str, str]] = {
    f"{{{namespace}}}{name}": namespace for namespace in NAMESPACES for name in MESSAGES
}

#: A generator that pauses between batches and returns what was read.
Steps = Generator[None, None, Any]
#: Reads (struct, first element, second element) triples into a list; False when one is odd.
_Flat = Callable[[Iterable[Any], list[Any]], bool]
_WRITABLE: Final[Mapping[str | None, bool]] = {"0": False, "1": True, "false": False, "true": True}
_Reader = Callable[[Any, FieldPlan], Any]


def read_envelope(root: _Element) -> Envelope:
    """The envelope in a parsed document.

    Raises:
        ProtocolError: no SOAP envelope, no or more than one message in its Body, or a value that cannot be used.
        RefusedEnvelope: an RPC that we do not know, or a header that we would have to understand.
    """
    content, headers, namespace = _opened(root)
    if _local(content.tag) == "Fault":
        return with_headers(_fault(content), headers, namespace)
    cls = _message_class(content, headers, namespace)
    return with_headers(_read_struct(_BY_TAG[cls], content), headers, namespace)


def message_and_header(root: _Element) -> tuple[_Element, _Element | None]:
    """The message in a parsed document, and the SOAP header.

    Raises:
        ProtocolError: no SOAP envelope, or no or more than one message in its Body.
    """
    if _local(root.tag) != "Envelope":
        raise ProtocolError(f"the document is <{_local(root.tag)[:64]}>, not a SOAP envelope")
    header: _Element | None = None
    contents: list[_Element] = []
    for child in root:
        name = _local(child.tag)
        if name == "Body":
            contents += child
        elif name == "Header":
            header = child
    if len(contents) != 1:
        raise ProtocolError(f"the SOAP envelope carries {len(contents)} messages; exactly one is wanted")
    return contents[0], header


def children_by_field(cls: type, element: _Element) -> list[tuple[str, _Element]]:
    """The children that a class knows, each with the attribute that it becomes."""
    found = [(_BY_TAG[cls].find(child), child) for child in element]
    return [(known[1].attribute, child) for known, child in found if known is not None]


def known_headers(header: _Element | None) -> list[tuple[str, _Element]]:
    """The headers that are read, by their names in lower case."""
    found = [(_header_name(child), child) for child in header] if header is not None else []
    return [(name, child) for name, child in found if name is not None]


def named_value(item: _Element) -> tuple[_Element | None, _Element | None]:
    """The Name and the Value of a ParameterValueStruct, however they are written."""
    children = {_local(child.tag).lower(): child for child in item}
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


def envelope_steps(root: _Element, batch: int = BATCH) -> Generator[None, None, Envelope]:
    """Like `read_envelope`, pausing after every `batch` structs of a long list."""
    content, headers, namespace = _opened(root)
    if _local(content.tag) == "Fault":
        return with_headers(_fault(content), headers, namespace)
    reader = _BY_TAG[_message_class(content, headers, namespace)]
    values = list(reader.plan.defaults)
    for child in content:
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
    return with_headers(reader.plan.cls(*values), headers, namespace)


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
        return self.exact.get(tag) or self.lower.get(_local(tag).lower())


def _opened(root: _Element) -> tuple[_Element, dict[str, str], str]:
    """The message element, the headers by lower-case name, and the cwmp namespace."""
    content, header = message_and_header(root)
    namespace = _NAMESPACE_OF.get(content.tag) or _namespace(content, header, root)
    if header is None:
        return content, {}, namespace
    headers, unknown = _read_headers(header)
    envelope_id = headers.get("id", "")
    if len(envelope_id) > MAX_ID:
        raise ProtocolError(f"the envelope id has {len(envelope_id)} characters; at most {MAX_ID} are echoed")
    if unknown is not None:
        message = f"header {unknown[:64]} must be understood (mustUnderstand=1), but is not known here"
        raise RefusedEnvelope(message, fault_code=8003, id=headers.get("id"), namespace=namespace)
    return content, headers, namespace


def with_headers(message: Any, headers: dict[str, str], namespace: str) -> Envelope:
    """The envelope of a message with the texts of the headers by lower-case name."""
    envelope_id = headers.pop("id", None)
    if not headers:
        return Envelope(message, envelope_id, namespace)
    timeout_s = parse_integer(headers.get("sessiontimeout", ""))
    return Envelope(
        message,
        envelope_id,
        namespace,
        parse_boolean(headers.get("holdrequests", "0")),
        timeout_s if timeout_s is not None and timeout_s > 0 else None,
        tuple([each for each in map(str.strip, headers.get("supportedcwmpversions", "").split(",")) if each]),
        headers.get("usecwmpversion") or None,
    )


def _local(tag: Any) -> str:
    """The local part of a tag, also of one whose prefix was never declared; "" for what is no element."""
    known = _LOCAL.get(tag)
    if known is not None:
        return known
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _read_headers(header: _Element) -> tuple[dict[str, str], str | None]:
    """The texts of the headers by lower-case name, and the name of one that we would have to understand."""
    headers: dict[str, str] = {}
    unknown = None
    for child in header:
        known = _header_name(child)
        if known is not None:
            headers[known] = (child.text or "").strip()
            continue
        for attribute, value in child.attrib.items():
            if _local(attribute) == "mustUnderstand" and str(value).strip().lower() in _MUST:
                unknown = _local(child.tag)
    return headers, unknown


def _header_name(child: _Element) -> str | None:
    name = _local(child.tag)
    return _HEADERS.get(name) or _HEADERS.get(name.lower())


def _namespace(content: _Element, header: _Element | None, root: _Element) -> str:
    """The cwmp namespace: that of the message, else of a header, else any that is declared, else cwmp-1-0."""
    candidates = [content.tag]
    if _local(content.tag) == "Fault":
        candidates += [child.tag for child in content.iterdescendants()]
    if header is not None:
        candidates += [child.tag for child in header]
    uris = [tag[1:].partition("}")[0] for tag in candidates if isinstance(tag, str) and tag[:1] == "{"]
    for uri in (*uris, *content.nsmap.values(), *root.nsmap.values()):
        if _CWMP.fullmatch(str(uri)):
            return str(uri)
    return NS_1_0


def _message_class(element: _Element, headers: dict[str, str], namespace: str) -> type:
    name = _local(element.tag)
    cls = MESSAGES.get(name)
    if cls is not None:
        return cls
    if name.endswith("Response"):
        raise ProtocolError(f"{name[:64]} answers an RPC that nobody knows")
    unknown = f"RPC {name[:64]} is not supported"
    raise RefusedEnvelope(unknown, fault_code=8000, id=headers.get("id"), namespace=namespace)


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
    codes = [(child.text or "").strip() for child in item if _local(child.tag).lower() == "eventcode"]
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
    name = _local(_sent_type(element) or "")
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
        match _local(child.tag).lower():
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
        if _local(attribute) == "type":
            return str(value)
    return None


def _fault(element: _Element) -> SoapFault:
    source: Literal["Client", "Server"] = "Client"
    text = ""
    detail: _Element | None = None
    for child in element.iterdescendants():
        match _local(child.tag):
            case "faultcode":
                source = "Server" if _local((child.text or "").strip()) == "Server" else "Client"
            case "faultstring":
                text = (child.text or "").strip()
            case "Fault":
                detail = child
    if detail is None:
        return SoapFault(0, text, source)
    code, words = 0, ""
    refused: list[SetParameterValuesFault] = []
    for child in detail:
        match _local(child.tag):
            case "FaultCode":
                code = parse_integer(child.text or "") or 0
            case "FaultString":
                words = child.text or ""
            case "SetParameterValuesFault":
                refused.append(_read_struct(_BY_TAG[SetParameterValuesFault], child))
    return SoapFault(code, words, source, tuple(refused))


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
