"""Element tree → Envelope: the SOAP envelope, its headers and namespace, and which message or fault it carries.

The rule of this file: one message, and no header passed over that must be understood; what stands in the message is
read by `elements`.

Source: TR-069 Amendment 6, §3.5 and Annex A.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from acs.cwmp.elements import local_name, read_as, read_steps
from acs.cwmp.envelope import NAMESPACES, NS_1_0, Envelope, RefusedEnvelope
from acs.cwmp.messages import MESSAGES, SoapFault
from acs.cwmp.structs import SetParameterValuesFault
from acs.cwmp.types import parse_boolean, parse_integer
from acs.errors import ProtocolError

if TYPE_CHECKING:  # only the module that parses imports lxml
    from lxml.etree import _Element

#: Longest envelope id that is echoed.
MAX_ID: Final = 1024
#: Structs that are read at a time when the caller reads in steps; about 3 ms of work.
BATCH: Final = 1000

_CWMP = re.compile(r"urn:dslforum-org:cwmp-1-[0-9]{1,2}")
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
#: Tag of a message → its cwmp namespace.
_NAMESPACE_OF: Final[Mapping[str, str]] = {
    f"{{{namespace}}}{name}": namespace for namespace in NAMESPACES for name in MESSAGES
}


def read_envelope(root: _Element) -> Envelope:
    """The envelope in a parsed document.

    Raises:
        ProtocolError: no SOAP envelope, no or more than one message in its Body, or a value that cannot be used.
        RefusedEnvelope: an RPC that we do not know, or a header that we would have to understand.
    """
    content, headers, namespace = _opened(root)
    if local_name(content.tag) == "Fault":
        return with_headers(_fault(content), headers, namespace)
    cls = _message_class(content, headers, namespace)
    return with_headers(read_as(cls, content), headers, namespace)


def message_and_header(root: _Element) -> tuple[_Element, _Element | None]:
    """The message in a parsed document, and the SOAP header.

    Raises:
        ProtocolError: no SOAP envelope, or no or more than one message in its Body.
    """
    if local_name(root.tag) != "Envelope":
        raise ProtocolError(f"the document is <{local_name(root.tag)[:64]}>, not a SOAP envelope")
    header: _Element | None = None
    contents: list[_Element] = []
    for child in root:
        name = local_name(child.tag)
        if name == "Body":
            contents += child
        elif name == "Header":
            header = child
    if len(contents) != 1:
        raise ProtocolError(f"the SOAP envelope carries {len(contents)} messages; exactly one is wanted")
    return contents[0], header


def known_headers(header: _Element | None) -> list[tuple[str, _Element]]:
    """The headers that are read, by their names in lower case."""
    found = [(_header_name(child), child) for child in header] if header is not None else []
    return [(name, child) for name, child in found if name is not None]


def envelope_steps(root: _Element, batch: int = BATCH) -> Generator[None, None, Envelope]:
    """Like `read_envelope`, pausing after every `batch` structs of a long list."""
    content, headers, namespace = _opened(root)
    if local_name(content.tag) == "Fault":
        return with_headers(_fault(content), headers, namespace)
    message = yield from read_steps(_message_class(content, headers, namespace), content, batch)
    return with_headers(message, headers, namespace)


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
            if local_name(attribute) == "mustUnderstand" and str(value).strip().lower() in _MUST:
                unknown = local_name(child.tag)
    return headers, unknown


def _header_name(child: _Element) -> str | None:
    name = local_name(child.tag)
    return _HEADERS.get(name) or _HEADERS.get(name.lower())


def _namespace(content: _Element, header: _Element | None, root: _Element) -> str:
    """The cwmp namespace: that of the message, else of a header, else any that is declared, else cwmp-1-0."""
    candidates = [content.tag]
    if local_name(content.tag) == "Fault":
        candidates += [child.tag for child in content.iterdescendants()]
    if header is not None:
        candidates += [child.tag for child in header]
    uris = [tag[1:].partition("}")[0] for tag in candidates if isinstance(tag, str) and tag[:1] == "{"]
    for uri in (*uris, *content.nsmap.values(), *root.nsmap.values()):
        if _CWMP.fullmatch(str(uri)):
            return str(uri)
    return NS_1_0


def _message_class(element: _Element, headers: dict[str, str], namespace: str) -> type:
    name = local_name(element.tag)
    cls = MESSAGES.get(name)
    if cls is not None:
        return cls
    if name.endswith("Response"):
        raise ProtocolError(f"{name[:64]} answers an RPC that nobody knows")
    unknown = f"RPC {name[:64]} is not supported"
    raise RefusedEnvelope(unknown, fault_code=8000, id=headers.get("id"), namespace=namespace)


def _fault(element: _Element) -> SoapFault:
    source: Literal["Client", "Server"] = "Client"
    text = ""
    detail: _Element | None = None
    for child in element.iterdescendants():
        match local_name(child.tag):
            case "faultcode":
                source = "Server" if local_name((child.text or "").strip()) == "Server" else "Client"
            case "faultstring":
                text = (child.text or "").strip()
            case "Fault":
                detail = child
    if detail is None:
        return SoapFault(0, text, source)
    code, words = 0, ""
    refused: list[SetParameterValuesFault] = []
    for child in detail:
        match local_name(child.tag):
            case "FaultCode":
                code = parse_integer(child.text or "") or 0
            case "FaultString":
                words = child.text or ""
            case "SetParameterValuesFault":
                refused.append(read_as(SetParameterValuesFault, child))
    return SoapFault(code, words, source, tuple(refused))
