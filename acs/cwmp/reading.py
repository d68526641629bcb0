"""Element tree → Envelope: walks the children that the plans know, and skips the rest.

The one rule: names are matched by their local part, whatever their prefix, namespace or letter case; what real CPEs do
wrong without harm (`docs/cwmp.md`) is read as it is meant. Arrays are read by their children: arrayType is decoration.

Source: TR-069 Amendment 6, §3.5 and Annex A.
"""

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from lxml.etree import _Element

from acs.cwmp.envelope import NS_1_0, XSI, Envelope, RefusedEnvelope
from acs.cwmp.messages import MESSAGES, SoapFault
from acs.cwmp.schema import PLANS, FieldPlan, Kind, Plan
from acs.cwmp.structs import ParameterValueStruct, SetParameterValuesFault
from acs.cwmp.types import STRING, normal_type, parse_boolean, parse_bytes, parse_datetime, parse_integer
from acs.errors import ProtocolError

#: Longest envelope id that is echoed.
MAX_ID: Final = 1024
#: Structs that are read at a time when the caller reads in steps; about 3 ms of work.
BATCH: Final = 1000

_CWMP = re.compile(r"urn:dslforum-org:cwmp-1-[0-9]{1,2}")
_XSI_TYPE: Final = f"{{{XSI}}}type"
_KNOWN_HEADERS: Final = frozenset(
    {"id", "holdrequests", "sessiontimeout", "supportedcwmpversions", "usecwmpversion", "nomorerequests"}
)

#: A generator that pauses between batches and returns what was read.
Steps = Generator[None, None, Any]


def read_envelope(root: _Element) -> Envelope:
    """The envelope in a parsed document.

    Raises:
        ProtocolError: no SOAP envelope, no or more than one message in its Body, or a value that cannot be used.
        RefusedEnvelope: an RPC that we do not know, or a header that we would have to understand.
    """
    steps = envelope_steps(root, batch=1 << 30)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            envelope: Envelope = done.value
            return envelope


def envelope_steps(root: _Element, batch: int = BATCH) -> Generator[None, None, Envelope]:
    """Like `read_envelope`, pausing after every `batch` structs of a long list."""
    if _local(root.tag) != "Envelope":
        raise ProtocolError(f"the document is <{_local(root.tag)[:64]}>, not a SOAP envelope")
    header: _Element | None = None
    body: _Element | None = None
    for child in root:
        name = _local(child.tag)
        if name == "Body":
            body = child if body is None else body
        elif name == "Header":
            header = child
    if body is None or len(body) != 1:
        count = "no Body" if body is None else f"{len(body)} messages in its Body"
        raise ProtocolError(f"the SOAP envelope has {count}; exactly one message is wanted")
    content = body[0]
    headers = _headers(header)
    namespace = _namespace(content, header, root)
    envelope_id = headers.get("id")
    if envelope_id is not None and len(envelope_id) > MAX_ID:
        raise ProtocolError(f"the envelope id has {len(envelope_id)} characters; at most {MAX_ID} are echoed")
    _must_understand(header, envelope_id, namespace)
    message = yield from _message_steps(content, envelope_id, namespace, batch)
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
    if not isinstance(tag, str):
        return ""
    return tag.rpartition("}")[2].rpartition(":")[2]


def _headers(header: _Element | None) -> dict[str, str]:
    if header is None:
        return {}
    return {_local(child.tag).lower(): (child.text or "").strip() for child in header}


def _must_understand(header: _Element | None, envelope_id: str | None, namespace: str) -> None:
    if header is None:
        return
    for child in header:
        name = _local(child.tag)
        if name.lower() in _KNOWN_HEADERS:
            continue
        for attribute, value in child.attrib.items():
            if _local(attribute) == "mustUnderstand" and str(value).strip().lower() in ("1", "true"):
                message = f"header {name[:64]} must be understood (mustUnderstand=1), but is not known here"
                raise RefusedEnvelope(message, fault_code=8003, id=envelope_id, namespace=namespace)


def _namespace(content: _Element, header: _Element | None, root: _Element) -> str:
    """The cwmp namespace: that of the message, else of a header, else any that is declared, else cwmp-1-0."""
    found = _cwmp_namespace(content.tag)
    if found is not None:
        return found
    candidates = [child.tag for child in content.iterdescendants()] if _local(content.tag) == "Fault" else []
    candidates += [child.tag for child in header] if header is not None else []
    for tag in candidates:
        found = _cwmp_namespace(tag)
        if found is not None:
            return found
    for uri in (*content.nsmap.values(), *root.nsmap.values()):
        if _CWMP.fullmatch(str(uri)):
            return str(uri)
    return NS_1_0


def _cwmp_namespace(tag: Any) -> str | None:
    if not isinstance(tag, str) or tag[:1] != "{":
        return None
    uri = tag[1:].partition("}")[0]
    return uri if _CWMP.fullmatch(uri) else None


def _message_steps(element: _Element, envelope_id: str | None, namespace: str, batch: int) -> Steps:
    name = _local(element.tag)
    if name == "Fault":
        return _fault(element)
    cls = MESSAGES.get(name)
    if cls is None:
        if name.endswith("Response"):
            raise ProtocolError(f"{name[:64]} answers an RPC that nobody knows")
        unknown = f"RPC {name[:64]} is not supported"
        raise RefusedEnvelope(unknown, fault_code=8000, id=envelope_id, namespace=namespace)
    plan = PLANS[cls]
    values = list(plan.defaults)
    for child in element:
        position = _position(plan, child)
        if position is None:
            continue
        field = plan.fields[position]
        if field.kind is Kind.STRUCTS and len(child) > batch:
            values[position] = yield from _struct_steps(child, field, batch)
        elif field.kind is Kind.REPEATED:
            values[position] += (_operation(child, field),)
        else:
            values[position] = _READERS[field.kind](child, field)
    return cls(*values)


def _position(plan: Plan, child: _Element) -> int | None:
    """Where in its plan an element belongs; None: skip it."""
    tag = child.tag
    position = plan.by_element.get(tag)
    if position is None:
        position = plan.by_lower_element.get(_local(tag).lower())
    return position


def _read_struct(plan: Plan, element: _Element) -> Any:
    values = list(plan.defaults)
    for child in element:
        position = _position(plan, child)
        if position is not None:
            field = plan.fields[position]
            values[position] = _READERS[field.kind](child, field)
    return plan.cls(*values)


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
    return _read_struct(PLANS[field.classes[0]], element)


def _structs(element: _Element, field: FieldPlan) -> tuple[Any, ...]:
    return tuple(_read_items(element, field))


def _struct_steps(element: _Element, field: FieldPlan, batch: int) -> Steps:
    items = list(element)
    found: list[Any] = []
    for start in range(0, len(items), batch):
        found += _read_items(items[start : start + batch], field)
        yield
    return tuple(found)


def _read_items(items: Iterable[_Element], field: FieldPlan) -> list[Any]:
    cls = field.classes[0]
    if cls is ParameterValueStruct:
        return _parameter_values(items)
    plan = PLANS[cls]
    return [_read_struct(plan, item) for item in items]


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
        return _read_struct(PLANS[field.classes[0]], element)
    name = _local(_sent_type(element) or "")
    for cls in field.classes:
        if cls.__name__ == name:
            return _read_struct(PLANS[cls], element)
    raise ProtocolError(
        f"{field.element} must say by xsi:type which operation it is, not {name[:64]!r}", fault_code=8003
    )


_new = object.__new__
_slots = vars(ParameterValueStruct)
_set_name, _set_value, _set_type = (_slots[slot].__set__ for slot in ("name", "value", "type"))


def _parameter_values(items: Iterable[_Element]) -> list[ParameterValueStruct]:
    """The hot loop: thousands of structs. Slots are set directly, at a third of what a frozen __init__ costs."""
    found: list[ParameterValueStruct] = []
    append = found.append
    for item in items:
        name, value, kind = "", "", STRING
        for child in item:
            tag = child.tag
            if tag == "Name":
                name = child.text or ""
            elif tag == "Value":
                value = child.text or ""
                kind = normal_type(child.get(_XSI_TYPE) or _odd_type(child))
            else:
                name, value, kind = _odd_child(child, name, value, kind)
        struct = _new(ParameterValueStruct)
        _set_name(struct, name.strip())
        _set_value(struct, value if kind == STRING else value.strip())
        _set_type(struct, kind)
        append(struct)
    return found


def _odd_child(child: _Element, name: str, value: str, kind: str) -> tuple[str, str, str]:
    """A child of a ParameterValueStruct with a prefix, or in an odd letter case."""
    match _local(child.tag).lower():
        case "name":
            return child.text or "", value, kind
        case "value":
            return name, child.text or "", normal_type(_sent_type(child))
        case _:
            return name, value, kind


def _sent_type(element: _Element) -> str | None:
    return element.get(_XSI_TYPE) or _odd_type(element)


def _odd_type(element: _Element) -> str | None:
    """A type attribute in another namespace, in none, or with a prefix that was never declared."""
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
                refused.append(_read_struct(PLANS[SetParameterValuesFault], child))
    return SoapFault(code, words, source, tuple(refused))


_READERS: Final[Mapping[Kind, Callable[[_Element, FieldPlan], Any]]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.INTEGER: _integer,
        Kind.BOOLEAN: _boolean,
        Kind.DATE_TIME: _date_time,
        Kind.STRUCT: _struct,
        Kind.STRUCTS: _structs,
        Kind.STRINGS: _strings,
        Kind.BLOBS: _blobs,
    }
)
