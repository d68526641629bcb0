"""Bytes ↔ Envelope: the codec that everybody imports, and the only place that parses XML.

The one rule: the parser never sees anything but UTF-8 that holds no document type. Whatever the bytes claim to be is
turned into UTF-8 first, a DTD is refused on those bytes, and the size, the number of elements, the depth and the length
of texts are bounded before or while parsing. `decode` raises ProtocolError and nothing else, whatever it is given.

A body that is not well-formed gets a second chance only for what CPEs are known to do: characters that XML forbids,
bare ampersands, prefixes that were never declared. Anything else, a cut-off body above all, is refused.
"""

import re
from collections.abc import Generator
from functools import lru_cache
from typing import Final

from lxml import etree

from acs.cwmp.envelope import (
    DEFAULT_LIMITS,
    NAMESPACES,
    NS_1_0,
    NS_1_1,
    NS_1_2,
    NS_1_3,
    NS_1_4,
    Envelope,
    Limits,
    RefusedEnvelope,
)
from acs.cwmp.quirks import NO_QUIRKS
from acs.cwmp.reading import envelope_steps, read_envelope
from acs.cwmp.writing import encode
from acs.errors import ProtocolError

__all__ = [
    "DEFAULT_LIMITS",
    "NAMESPACES",
    "NO_QUIRKS",
    "NS_1_0",
    "NS_1_1",
    "NS_1_2",
    "NS_1_3",
    "NS_1_4",
    "Decoder",
    "Envelope",
    "Limits",
    "RefusedEnvelope",
    "decode",
    "encode",
]

#: White space and padding around a document, in bytes.
_PADDING: Final = b" \t\r\n\0"
_UTF8_BOM: Final = b"\xef\xbb\xbf"
#: How most documents begin: nothing to find out.
_PLAIN: Final = (b'<?xml version="1.0" encoding="UTF-8"', b'<?xml version="1.0" encoding="utf-8"', b"<soap", b"<SOAP")
#: First bytes → codec of the encodings that are not a superset of ASCII; the longest come first.
_WIDE: Final = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']""")
_ASCII_SUPERSETS = re.compile(
    r"iso-?8859-\d{1,2}|latin-?[1-9]|windows-?125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|euc-(?:jp|kr)"
)
_UTF8_NAMES: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf16", "utf-32"})
_DOCUMENT_TYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|&#(?:[0-8]|1[1-24-9]|2\\d|3[01]);")
_BARE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")
_END = re.compile(r"</[^<>\s]{0,64}Envelope\s*>\s*$")
#: What the second chance forgives, by libxml2's names.
_FORGIVEN: Final = frozenset({"NS_ERR_UNDEFINED_NAMESPACE", "WAR_NS_URI", "WAR_NS_URI_RELATIVE"})
#: Attributes per allowed element; CWMP has at most one per two elements.
_ATTRIBUTES_PER_ELEMENT: Final = 2
#: Bytes up to which the parser's own bound on depth (256) is enough; an exact look would cost a sixth of the parsing.
_SHALLOW: Final = 16 * 1024
#: Bytes without a tag's end beyond the longest text: a tag of more is an attack, and parsed in one go.
_TAG: Final = 64 * 1024
#: Characters that the second chance mends; a value with a few is a careless CPE.
_MENDED: Final = 10_000
#: Bytes that the incremental decoder waits for before it decides how a document is encoded.
_SNIFF: Final = 256


def _parser(*, recover: bool = False) -> etree.XMLParser:
    """A parser that reads UTF-8 whatever is declared, resolves nothing, and keeps libxml2's own bounds."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


#: Parsing leaves nothing behind in it; lxml locks it between threads.
_PARSER: Final = _parser()


def decode(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Envelope | None:
    """The envelope in an HTTP body; None for an empty POST (nothing but white space counts as empty).

    Namespaces cwmp-1-0 to cwmp-1-4 and beyond are accepted and kept; unknown elements are skipped.

    Raises:
        ProtocolError: not XML, not SOAP, a document type, or over a limit (`status_hint` 400 or 413).
        RefusedEnvelope: readable, but to be answered with a SOAP fault: an unknown RPC (8000), or an unknown header
            that must be understood (8003).

    Source: TR-069 Amendment 6, §3.4 and Annex A.
    """
    _check_size(len(body), limits)
    document = _as_utf8(body)
    if not document:
        return None
    _check_bytes(document, limits)
    return read_envelope(_tree(document, limits))


def document_tree(body: bytes, limits: Limits = DEFAULT_LIMITS) -> etree._Element:
    """The tree of a body that `decode` has read.

    Raises:
        ProtocolError: as `decode`.
    """
    return _tree(_as_utf8(body), limits)


class Decoder:
    """Decodes a body that comes in pieces, so that no piece of work blocks the loop for long.

    Feed the chunks as they arrive, then `finish`, or iterate `steps` and let the loop run in between. The result is
    that of `decode` on the whole body, and so are the errors; a limit is noticed while feeding.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._chunks: list[bytes] = []
        self._size = 0
        self._elements = 0
        self._attributes = 0
        self._tail = b""
        self._since_tag = 0
        self._pending = b""
        self._parser: etree.XMLParser | None = None
        self._whole = False

    def feed(self, chunk: bytes) -> None:
        """Take the next piece, and parse it at once if it can be.

        Raises:
            ProtocolError: a limit was passed, or there is a document type.
        """
        self._size += len(chunk)
        _check_size(self._size, self._limits)
        self._chunks.append(chunk)
        if self._whole:
            return
        if self._parser is None:
            self._pending += chunk
            if len(self._pending.lstrip(_PADDING)) < _SNIFF:
                return
            chunk, self._pending = self._pending, b""
            start = chunk.removeprefix(_UTF8_BOM).lstrip(_PADDING)
            if _codec(chunk, start) is not None:
                self._whole = True
                return
            self._parser, chunk = _parser(), start
        self._parse(chunk)

    def finish(self) -> Envelope | None:
        """The envelope of all that was fed; raises as `decode` does."""
        steps = self.steps()
        while True:
            try:
                next(steps)
            except StopIteration as done:
                envelope: Envelope | None = done.value
                return envelope

    def steps(self) -> Generator[None, None, Envelope | None]:
        """Like `finish`, pausing between batches of a few milliseconds; the generator returns the envelope."""
        root = self._close()
        if root is None:
            document = _as_utf8(b"".join(self._chunks))
            if not document:
                return None
            _check_bytes(document, self._limits)
            root = _tree(document, self._limits)
        else:
            _check_tree(root, b"".join(self._chunks), self._limits)
        return (yield from envelope_steps(root))

    def _parse(self, chunk: bytes) -> None:
        assert self._parser is not None
        joined = self._tail + chunk
        if b"!" in joined and _DOCUMENT_TYPE.search(joined) is not None:
            raise _document_type()
        self._tail = joined[-16:]
        self._elements += chunk.count(b"<") - chunk.count(b"</")
        self._attributes += chunk.count(b"=")
        _check_counts(self._elements, self._attributes, self._limits)
        self._since_tag = _check_tags(chunk, self._limits, self._since_tag)
        try:
            self._parser.feed(chunk)
        except etree.XMLSyntaxError:
            self._whole = True

    def _close(self) -> etree._Element | None:
        if self._parser is None or self._whole:
            return None
        try:
            return self._parser.close()
        except etree.XMLSyntaxError:
            return None


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise ProtocolError(f"the body has more than {limits.max_bytes} bytes", status_hint=413)


def _check_bytes(document: bytes, limits: Limits) -> None:
    """What can be refused before parsing: a document type, and far too many elements or attributes."""
    if b"!" in document and _DOCUMENT_TYPE.search(document) is not None:
        raise _document_type()
    if len(document) > limits.max_elements:
        elements = document.count(b"<")
        if elements > limits.max_elements:
            elements -= document.count(b"</")
        _check_counts(elements, document.count(b"="), limits)
    if len(document) > limits.max_text + _TAG:
        _check_tags(document, limits)


def _check_tags(document: bytes, limits: Limits, before: int = 0) -> int:
    """Refuse a tag without end. `before` bytes came after the last end of a tag; so many do now."""
    greatest = limits.max_text + _TAG
    end = document.find(b">")
    longest = before + (len(document) if end < 0 else end)
    if len(document) > greatest and _lacks(document, b">", greatest // 2):
        longest = max(longest, *map(len, document.split(b">")))
    if longest > greatest:
        raise ProtocolError(f"a tag or text has more than {limits.max_text} characters", status_hint=413)
    return longest if end < 0 else len(document) - document.rfind(b">") - 1


def _check_counts(elements: int, equal_signs: int, limits: Limits) -> None:
    if elements > limits.max_elements:
        raise ProtocolError(f"the body has more than {limits.max_elements} elements", status_hint=413)
    if equal_signs > limits.max_elements * _ATTRIBUTES_PER_ELEMENT:
        raise ProtocolError("the body has far too many attributes", status_hint=413)


def _check_tree(root: etree._Element, document: bytes, limits: Limits) -> None:
    if len(document) > _SHALLOW and _too_deep(limits.max_depth)(root):
        raise ProtocolError(f"the document is nested more than {limits.max_depth} deep")
    if _may_hold(document, limits.max_text) and _too_long(limits.max_text)(root):
        raise ProtocolError(f"a value has more than {limits.max_text} characters", status_hint=413)


def _may_hold(document: bytes, length: int) -> bool:
    """Whether there may be a text of more than `length` characters: half of that without a tag, somewhere."""
    return len(document) > length and _lacks(document, b"<", max(1, length // 2))


def _lacks(document: bytes, mark: bytes, size: int) -> bool:
    """Whether some window of `size` bytes, one beside the other, holds no mark."""
    return any(document.find(mark, start, start + size) < 0 for start in range(0, len(document) - size + 1, size))


@lru_cache(maxsize=8)
def _too_deep(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


@lru_cache(maxsize=8)
def _too_long(length: int) -> etree.XPath:
    return etree.XPath(f"boolean(//text()[string-length() > {length}] | //@*[string-length() > {length}])")


def _document_type() -> ProtocolError:
    return ProtocolError("the body holds a document type or entity declaration, which CWMP never does")


def _codec(body: bytes, start: bytes) -> str | None:
    """The Python codec of a body; None for UTF-8, and for what only claims to be something else.

    Raises:
        ProtocolError: an encoding is declared that we do not read.
    """
    for mark, codec in _WIDE:
        if body.startswith(mark) or (mark[0] in b"<\0" and start.startswith(mark)):
            return codec
    declared = _DECLARED.match(start)
    if declared is None:
        return None
    name = declared[1].decode("ascii").lower()
    if name in _UTF8_NAMES:
        return None
    if _ASCII_SUPERSETS.fullmatch(name):
        return name
    raise ProtocolError(f"the encoding {name!r} is not read; UTF-8 is wanted")


def _as_utf8(body: bytes) -> bytes:
    """The document as UTF-8 without padding around it; empty when there is none."""
    codec = None if body.startswith(_PLAIN) else _codec(body, body.removeprefix(_UTF8_BOM).lstrip(b" \t\r\n"))
    if codec is None:
        return body.removeprefix(_UTF8_BOM).strip(_PADDING)
    try:
        text = body.decode(codec)
    except (UnicodeDecodeError, LookupError) as error:
        raise ProtocolError(f"the body is not {codec}, which it claims to be") from error
    return text.strip(" \t\r\n\0\ufeff").encode("utf-8", "replace")


def _tree(document: bytes, limits: Limits) -> etree._Element:
    try:
        root = etree.fromstring(document, _PARSER)
    except etree.XMLSyntaxError as error:
        root = _second_chance(document, limits, error)
    except ValueError as error:
        raise ProtocolError(f"the body is not XML: {error}") from error
    _check_tree(root, document, limits)
    return root


def _second_chance(document: bytes, limits: Limits, error: etree.XMLSyntaxError) -> etree._Element:
    """The tree of a document that is broken only in a way that is forgiven; `error` says what was wrong at first."""
    try:
        text = document.decode()
    except UnicodeDecodeError:
        text = document.decode("latin-1")
    cleaned, dropped = _FORBIDDEN.subn("", text, count=_MENDED)
    cleaned, escaped = _BARE_AMPERSAND.subn("&amp;", cleaned, count=_MENDED)
    if max(dropped, escaped) == _MENDED:
        raise ProtocolError(f"the body is not well-formed XML: {_reason(error)}") from error
    mended = cleaned.encode("utf-8", "replace")
    _check_bytes(mended, limits)
    if _END.search(cleaned[-200:]) is None:
        raise ProtocolError(f"the body is not well-formed XML: {_reason(error)}") from error
    parser = _parser(recover=True)
    root = etree.fromstring(mended, parser)
    wrong = [entry for entry in parser.error_log if entry.type_name not in _FORGIVEN]
    if root is None or wrong:
        reason = wrong[0].message if wrong else _reason(error)
        raise ProtocolError(f"the body is not well-formed XML: {reason}") from error
    return root


def _reason(error: etree.XMLSyntaxError) -> str:
    return str(error.msg or "no document")[:200]
