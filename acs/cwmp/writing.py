"""Envelope → bytes: text built by plan, without a tree.

The one rule: every text goes through `_escaped`, so that nothing a caller passes in can break out of its element.
Prefixes are soap-env, soap-enc, cwmp, xsd and xsi, because simple CPEs compare prefixes, not namespaces. Arrays carry
the right count, elements come in schema order, and there is no white space between them.

Source: TR-069 Amendment 6, §3.5; validated against the schemas cwmp-1-0 … cwmp-1-4.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from acs.cwmp.envelope import NAMESPACES, SOAP_ENC, SOAP_ENV, XSD, XSI, Envelope
from acs.cwmp.messages import MESSAGES, InformResponse, Message, SoapFault
from acs.cwmp.quirks import NO_QUIRKS, Quirk
from acs.cwmp.schema import PLANS, FieldPlan, Kind
from acs.cwmp.structs import ParameterValueStruct
from acs.cwmp.types import format_datetime
from acs.errors import InvalidInput

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_REPLACED: Final = MappingProxyType({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})
_BEFORE_START_TAG = re.compile(r">(?=<[A-Za-z])")
_WORDS: Final = MappingProxyType({"0": "false", "1": "true"})
_DIGITS: Final = MappingProxyType({"false": "0", "true": "1"})
_TRANSFERS: Final = frozenset({"Download", "Upload"})


def encode(envelope: Envelope, quirks: frozenset[Quirk] = NO_QUIRKS) -> bytes:
    """The HTTP body for an envelope, UTF-8.

    Raises:
        InvalidInput: a text holds a character that XML cannot carry.
    """
    head = _HEADS.get(envelope.namespace) or _head(envelope.namespace)
    message = envelope.message
    body = _FIXED.get(type(message)) or _body(message, quirks)
    text = f"{head}{_header(envelope)}<soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    if not quirks:
        return text.encode()
    return _restyled(text, quirks).encode()


def _restyled(text: str, quirks: frozenset[Quirk]) -> str:
    if Quirk.NO_XML_DECLARATION in quirks:
        text = text.removeprefix(_DECLARATION)
    return _BEFORE_START_TAG.sub(">\n", text) if Quirk.LINE_BREAKS in quirks else text


def _head(namespace: str) -> str:
    return (
        f'{_DECLARATION}<soap-env:Envelope xmlns:soap-env="{SOAP_ENV}" xmlns:soap-enc="{SOAP_ENC}"'
        f' xmlns:xsd="{XSD}" xmlns:xsi="{XSI}" xmlns:cwmp="{_escaped(namespace)}">'
    )


def _header(envelope: Envelope) -> str:
    parts = []
    if envelope.id is not None:
        parts.append(f'<cwmp:ID soap-env:mustUnderstand="1">{_escaped(envelope.id)}</cwmp:ID>')
    if envelope.hold_requests:
        parts.append('<cwmp:HoldRequests soap-env:mustUnderstand="1">1</cwmp:HoldRequests>')
    if envelope.session_timeout_s is not None:
        text = envelope.session_timeout_s
        parts.append(f'<cwmp:SessionTimeout soap-env:mustUnderstand="0">{text}</cwmp:SessionTimeout>')
    if envelope.supported_versions:
        versions = _escaped(",".join(envelope.supported_versions))
        parts.append(f'<cwmp:SupportedCWMPVersions soap-env:mustUnderstand="0">{versions}</cwmp:SupportedCWMPVersions>')
    if envelope.use_version is not None:
        version = _escaped(envelope.use_version)
        parts.append(f'<cwmp:UseCWMPVersion soap-env:mustUnderstand="1">{version}</cwmp:UseCWMPVersion>')
    return f"<soap-env:Header>{''.join(parts)}</soap-env:Header>" if parts else ""


def _body(message: Message, quirks: frozenset[Quirk]) -> str:
    if isinstance(message, SoapFault):
        return _fault(message)
    name = type(message).__name__
    return f"<cwmp:{name}>{_fields(message, quirks)}</cwmp:{name}>"


def _fault(fault: SoapFault) -> str:
    refused = "".join(
        f"<SetParameterValuesFault>{_fields(each, NO_QUIRKS)}</SetParameterValuesFault>"
        for each in fault.set_parameter_values_faults
    )
    return (
        f"<soap-env:Fault><faultcode>{fault.fault_source}</faultcode><faultstring>CWMP fault</faultstring><detail>"
        f"<cwmp:Fault><FaultCode>{fault.fault_code}</FaultCode><FaultString>{_escaped(fault.fault_string)}</FaultString>"
        f"{refused}</cwmp:Fault></detail></soap-env:Fault>"
    )


def _fields(value: object, quirks: frozenset[Quirk]) -> str:
    """The elements of a message or struct, by its plan."""
    parts: list[str] = []
    for field in PLANS[type(value)].fields:
        content = getattr(value, field.attribute)
        if quirks and _left_out(value, field, content, quirks):
            continue
        match field.kind:
            case Kind.TEXT | Kind.INTEGER | Kind.BOOLEAN | Kind.DATE_TIME:
                _scalar(parts, field, content, quirks)
            case Kind.STRUCT:
                parts.append(f"<{field.element}>{_fields(content, quirks)}</{field.element}>")
            case Kind.REPEATED:
                parts += [_repeated(field, item, quirks) for item in content]
            case Kind.STRUCTS | Kind.STRINGS | Kind.BLOBS:
                parts.append(_array(field, content, quirks))
    return "".join(parts)


def _left_out(value: object, field: FieldPlan, content: Any, quirks: frozenset[Quirk]) -> bool:
    if field.attribute == "parameter_key":
        return Quirk.NO_PARAMETER_KEY in quirks
    return Quirk.OMIT_EMPTY_ARGUMENTS in quirks and type(value).__name__ in _TRANSFERS and content == ""


def _scalar(parts: list[str], field: FieldPlan, content: Any, quirks: frozenset[Quirk]) -> None:
    element = field.element
    if field.kind is Kind.DATE_TIME:
        parts.append(f"<{element}>{format_datetime(content)}</{element}>")
    elif content is None:
        return
    elif field.kind is Kind.TEXT:
        parts.append(f"<{element}>{_escaped(content)}</{element}>")
    elif field.kind is Kind.INTEGER:
        parts.append(f"<{element}>{content:d}</{element}>")
    else:
        words = ("false", "true") if Quirk.BOOLEAN_WORDS in quirks else ("0", "1")
        parts.append(f"<{element}>{words[bool(content)]}</{element}>")


def _repeated(field: FieldPlan, item: object, quirks: frozenset[Quirk]) -> str:
    kind = f' xsi:type="cwmp:{type(item).__name__}"' if len(field.classes) > 1 else ""
    return f"<{field.element}{kind}>{_fields(item, quirks)}</{field.element}>"


def _array(field: FieldPlan, items: Sequence[Any], quirks: frozenset[Quirk]) -> str:
    match field.kind:
        case Kind.STRINGS:
            item_type = "xsd:string"
            inner = "".join([f"<string>{_escaped(item)}</string>" for item in items])
        case Kind.BLOBS:
            item_type = "soap-enc:base64"
            inner = "".join([f"<base64>{b64encode(item).decode('ascii')}</base64>" for item in items])
        case _:
            name = field.classes[0].__name__
            item_type = f"cwmp:{name}"
            if name == "ParameterValueStruct":
                inner = _parameter_values(items, quirks)
            else:
                inner = "".join([f"<{name}>{_fields(item, quirks)}</{name}>" for item in items])
    return f'<{field.element} soap-enc:arrayType="{item_type}[{len(items)}]">{inner}</{field.element}>'


def _parameter_values(items: Sequence[ParameterValueStruct], quirks: frozenset[Quirk]) -> str:
    words = _WORDS if Quirk.BOOLEAN_WORDS in quirks else _DIGITS if Quirk.BOOLEAN_DIGITS in quirks else {}
    return "".join(
        [
            f"<ParameterValueStruct><Name>{_escaped(item.name)}</Name>"
            f'<Value xsi:type="{_escaped(item.type)}">{_escaped(_styled(item, words))}</Value></ParameterValueStruct>'
            for item in items
        ]
    )


def _styled(item: ParameterValueStruct, words: Mapping[str, str]) -> str:
    return words.get(item.value, item.value) if item.type == "xsd:boolean" else item.value


def writable(text: str) -> bool:
    """Whether XML has a way to write the text."""
    return all(found[0] in _REPLACED for found in _SPECIAL.finditer(text))


def _escaped(text: str) -> str:
    return text if _SPECIAL.search(text) is None else _SPECIAL.sub(_replacement, text)


def _replacement(found: re.Match[str]) -> str:
    replaced = _REPLACED.get(found[0])
    if replaced is None:
        raise InvalidInput(f"character U+{ord(found[0]):04X} cannot be sent to a CPE: XML has no way to write it")
    return replaced


_HEADS: Final[Mapping[str, str]] = {namespace: _head(namespace) for namespace in NAMESPACES}
#: Messages without content, whose text is always the same, and the InformResponse: MaxEnvelopes is always 1.
_FIXED: Final[Mapping[type[Message], str]] = MappingProxyType(
    {cls: _body(cls(), NO_QUIRKS) for cls in MESSAGES.values() if cls is InformResponse or not PLANS[cls].fields}
)
