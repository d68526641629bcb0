"""Informs of a known shape are read without parsing: CPEs of one firmware send the same tags again and again.

    body ─split─→ tags | text | tags | text …      the tags, joined, are the shape; the texts are the news
    shape unknown → parsed by `soap.decode`; seen a second time → learned from its tree
    shape known   → each text goes where the learned Inform had it

The one rule: a text is only what stands between two tags, printable ASCII without markup. Everything else, white space,
entities, comments, other letters, is part of the shape, byte for byte. So a body of a known shape is the learned
document with other texts: as well-formed, as deep, and with the same elements. What the texts themselves may hold is
judged as ever; where one of them is odd, the body is parsed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acs.cwmp.elements import children_by_field, named_value, parameter_values
from acs.cwmp.envelope import DEFAULT_LIMITS, Envelope, Limits
from acs.cwmp.messages import Inform
from acs.cwmp.reading import MAX_ID, known_headers, message_and_header, with_headers
from acs.cwmp.schema import PLANS
from acs.cwmp.soap import decode, document_tree
from acs.cwmp.structs import DeviceId, EventStruct
from acs.cwmp.types import parse_datetime, parse_integer

if TYPE_CHECKING:  # only the module that parses imports lxml
    from lxml.etree import _Element

#: Bytes of a body that is worth a look; an Inform has 2 to 8 KB.
LONGEST: Final = 16 * 1024
#: Shapes kept: models × firmwares × sets of events. The oldest goes first.
SHAPES: Final = 1_024
#: Shapes of which only a hash is kept until they come again, so that single ones cost nothing.
STRANGERS: Final = 8_192

_TEXT = re.compile(r">([!-%'-;=?-~][ -%'-;=?-~]*+)(?=<)")
#: What may hide a text from the pattern, or hold one that is none.
_UNUSUAL: Final = (b"<!", b"&", b"\0")


class Shapes:
    """The shapes that an endpoint has learned. `decode` gives what `soap.decode` gives, errors included."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        #: no text of a shorter body can be too long
        self._longest = min(LONGEST, limits.max_text, limits.max_bytes)
        self._known: dict[str, _Shape | None] = {}
        self._seen: set[int] = set()

    def __len__(self) -> int:
        return len(self._known)

    def decode(self, body: bytes) -> Envelope | None:
        """The envelope in an HTTP body; None for an empty POST.

        Raises:
            ProtocolError: as `soap.decode`.
        """
        if len(body) > self._longest or not body.isascii():
            return decode(body, self.limits)
        parts = _TEXT.split(body.decode("ascii"))
        tags = "\0".join(parts[::2])
        shape = self._known.get(tags)
        if shape is not None:
            envelope = shape.read(parts[1::2])
            return decode(body, self.limits) if envelope is None else envelope
        if tags not in self._known and self._is_second(hash(tags)):
            return self._learned(body, tags, parts[1::2])
        return decode(body, self.limits)

    def _is_second(self, stranger: int) -> bool:
        if stranger in self._seen:
            return True
        if len(self._seen) >= STRANGERS:
            self._seen.clear()
        self._seen.add(stranger)
        return False

    def _learned(self, body: bytes, tags: str, texts: list[str]) -> Envelope | None:
        """The envelope, parsed; its shape is kept, or that it is none to be read so."""
        envelope = decode(body, self.limits)
        if len(self._known) >= SHAPES:
            del self._known[next(iter(self._known))]
        shape = None
        if envelope is not None and isinstance(envelope.message, Inform) and not any(u in body for u in _UNUSUAL):
            shape = _learn(document_tree(body, self.limits), texts, envelope)
        self._known[tags] = shape if shape is not None and shape.read(texts) == envelope else None
        return envelope


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where each field of an Inform is found: a place in the texts, which the constants follow."""

    texts: int
    constants: tuple[str, ...]
    namespace: str
    headers: tuple[tuple[str, int], ...]
    device: tuple[int, int, int, int]
    events: tuple[tuple[int, int], ...]
    max_envelopes: int
    current_time: int
    retry_count: int
    names: tuple[int, ...]
    values: tuple[int, ...]
    types: tuple[str, ...]

    def read(self, texts: list[str]) -> Envelope | None:
        """The envelope with these texts; None where only the parser's way says what to do."""
        if len(texts) != self.texts:
            return None
        texts += self.constants
        max_envelopes, retry_count = parse_integer(texts[self.max_envelopes]), parse_integer(texts[self.retry_count])
        if max_envelopes is None or retry_count is None:
            return None
        headers = {name: texts[place].strip() for name, place in self.headers}
        if len(headers.get("id", "")) > MAX_ID:
            return None
        manufacturer, oui, product_class, serial_number = self.device
        return with_headers(
            Inform(
                DeviceId(
                    texts[manufacturer].strip(),
                    texts[oui].strip(),
                    texts[product_class].strip(),
                    texts[serial_number].strip(),
                ),
                tuple([EventStruct(texts[code].strip(), texts[key].strip()) for code, key in self.events]),
                max_envelopes,
                parse_datetime(texts[self.current_time]),
                retry_count,
                parameter_values(
                    [texts[place] for place in self.names], [texts[place] for place in self.values], self.types
                ),
            ),
            headers,
            self.namespace,
        )


class _Places:
    """Where each element's text is: its place among the texts of the body, or behind them among the constants."""

    def __init__(self, root: "_Element", texts: Sequence[str]) -> None:
        self.constants: list[str] = []
        self._first_constant = len(texts)
        self._of: dict[_Element, int] = {}
        met = 0
        for element in root.iter():
            text = element.text or ""
            if met < len(texts) and text == texts[met]:
                self._of[element] = met
                met += 1
            elif text:
                self._of[element] = self.constant(text)
        self.all_met = met == len(texts)

    def constant(self, text: str) -> int:
        """The place of a text that every body of the shape has."""
        self.constants.append(text)
        return self._first_constant + len(self.constants) - 1

    def of(self, element: "_Element | None", default: str = "") -> int:
        """The place of an element's text; that of the default where there is no element, or no text in it."""
        place = self._of.get(element) if element is not None else None
        return self.constant(default) if place is None else place

    def of_fields(self, cls: type, element: "_Element | None") -> tuple[int, ...]:
        """The places of a struct's fields, all of which are texts."""
        found = dict(children_by_field(cls, element)) if element is not None else {}
        return tuple([self.of(found.get(field.attribute)) for field in PLANS[cls].fields])


def _learn(root: "_Element", texts: Sequence[str], envelope: Envelope) -> _Shape | None:
    """The shape of an Inform's tree; None where some text of the body is not the text of an element."""
    inform = envelope.message
    assert isinstance(inform, Inform)
    places = _Places(root, texts)
    if not places.all_met:
        return None
    content, header = message_and_header(root)
    fields = dict(children_by_field(Inform, content))
    values = [named_value(item) for item in fields.get("parameter_list", ())]
    manufacturer, oui, product_class, serial_number = places.of_fields(DeviceId, fields.get("device_id"))
    events = [places.of_fields(EventStruct, item) for item in fields.get("event", ())]
    return _Shape(
        texts=len(texts),
        namespace=envelope.namespace,
        headers=tuple([(name, places.of(child)) for name, child in known_headers(header)]),
        device=(manufacturer, oui, product_class, serial_number),
        events=tuple([(code, key) for code, key in events]),
        max_envelopes=places.of(fields.get("max_envelopes"), "1"),
        current_time=places.of(fields.get("current_time")),
        retry_count=places.of(fields.get("retry_count"), "0"),
        names=tuple([places.of(name) for name, _ in values]),
        values=tuple([places.of(value) for _, value in values]),
        types=tuple([value.type for value in inform.parameter_list]),
        constants=tuple(places.constants),
    )
