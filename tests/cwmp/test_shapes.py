"""Reading by a known shape gives what parsing gives, for whatever bytes come after the shape was learned."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp import shapes
from acs.cwmp.messages import Inform
from acs.cwmp.shapes import Shapes
from acs.cwmp.soap import NS_1_0, NS_1_2, Envelope, Limits, decode, encode
from acs.cwmp.structs import DeviceId, EventStruct, ParameterValueStruct
from acs.errors import ProtocolError
from tests.cwmp.strategies import instances
from tests.shared_data import shared

INFORM = Inform(
    DeviceId("ACME", "001122", "ONT", "S1"),
    (EventStruct("2 PERIODIC"), EventStruct("M Reboot", "k")),
    parameter_list=(
        ParameterValueStruct("Device.DeviceInfo.UpTime", "5", "xsd:unsignedInt"),
        ParameterValueStruct("Device.DeviceInfo.SoftwareVersion", "V 1.2 ", "xsd:string"),
    ),
)
STRANGE = [
    b"", b" ", b"x ", b" x", b"-5", b"007", b"1e3", b"]]", b"]]>", b"&amp;", b"&", b"<b/>", b"<!--x-->",
    b"<![CDATA[5]]>", b"\xd0\x96", b"\xff", b"\0", b"\x01", b"a\nb", b"9" * 30, b"0001-01-01T00:00:00Z",
    b"2026-11-22T01:02:03+03:00",
]  # fmt: skip
TEXT = re.compile(rb">([^<>&]+)<")


def told(decoder: object, body: bytes) -> object:
    """The envelope, or the error in words."""
    try:
        return decoder(body)  # type: ignore[operator]
    except ProtocolError as error:
        return type(error), str(error), error.status_hint, error.fault_code


def learned(body: bytes, limits: Limits | None = None) -> Shapes:
    known = Shapes(limits or Limits())
    for _ in range(2):
        told(known.decode, body)
    return known


def is_known(known: Shapes) -> bool:
    return any(shape is not None for shape in known._known.values())


def test_an_inform_is_learned_when_it_comes_again_and_the_next_one_is_not_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = learned(encode(Envelope(INFORM, "1", NS_1_2)))
    monkeypatch.setattr(shapes, "decode", lambda *_: pytest.fail("it was parsed"))
    other = replace(INFORM, device_id=DeviceId("Other", "AABBCC", "STB", "S-2"), retry_count=7)
    assert known.decode(encode(Envelope(other, "abc 2", NS_1_2))) == Envelope(other, "abc 2", NS_1_2)


@given(
    instances(Inform), instances(Inform), st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=20)
)
def test_any_inform_reads_the_same_whatever_was_learned_before(first: Inform, second: Inform, id_: str) -> None:
    known = learned(encode(Envelope(first, "1", NS_1_0)))
    mixed = replace(first, device_id=second.device_id, current_time=second.current_time)
    for inform in (first, second, mixed):
        body = encode(Envelope(inform, id_.strip() or "1", NS_1_0))
        for _ in range(2):
            assert told(known.decode, body) == told(decode, body)


@given(st.data())
def test_other_texts_in_a_known_shape_read_as_if_parsed(data: st.DataObject) -> None:
    body = encode(Envelope(INFORM, "1", NS_1_2))
    known = learned(body)
    assert is_known(known)
    strange = st.sampled_from(STRANGE)
    changed = TEXT.sub(lambda found: b">" + data.draw(strange | st.just(found[1])) + b"<", body)
    for _ in range(2):
        assert told(known.decode, changed) == told(decode, changed)


@given(st.data())
def test_broken_bytes_in_a_known_shape_are_refused_as_ever(data: st.DataObject) -> None:
    body = encode(Envelope(INFORM, "1", NS_1_2))
    known = learned(body)
    at = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, 8))
    noise = data.draw(st.binary(max_size=4) | st.sampled_from([b">", b"<", b"/", b'"', b"<x>", b"</x>", b">a<"]))
    broken = body[:at] + noise + body[at + length :]
    for _ in range(3):
        assert told(known.decode, broken) == told(decode, broken)


@pytest.mark.parametrize(
    "trick",
    [
        pytest.param(lambda b: b.replace(b"<Body", b'<Body a=">x"', 1), id="an attribute that holds the end of a tag"),
        pytest.param(lambda b: b.replace(b"ACME", b"<![CDATA[ACME]]>"), id="CDATA"),
        pytest.param(lambda b: b.replace(b"ACME", b"<!-- >ONT< -->ACME"), id="a comment that looks like a text"),
        pytest.param(lambda b: b.replace(b"ACME", b"AC<x>ME</x>"), id="an element in a text"),
        pytest.param(lambda b: b.replace(b"</OUI>", b"</OUI>loose"), id="a text between elements"),
        pytest.param(lambda b: b.replace(b"ACME", b"A&amp;B"), id="an entity"),
        pytest.param(lambda b: b.replace(b">1</RetryCount>", b">x</RetryCount>"), id="a number that is none"),
        pytest.param(lambda b: b"\0" + b, id="padding"),
    ],
)
def test_tricks_read_the_same_before_and_after_they_were_seen(trick: object) -> None:
    body = trick(encode(Envelope(replace(INFORM, retry_count=1), "1", NS_1_2)))  # type: ignore[operator]
    known = learned(body)
    for other in (body, body.replace(b"S1", b"S2"), body.replace(b"V 1.2", b"")):
        assert told(known.decode, other) == told(decode, other)


def test_limits_hold_in_a_known_shape() -> None:
    limits = Limits(max_text=900)
    known = learned(encode(Envelope(INFORM, "1", NS_1_2)), limits)
    long = replace(INFORM, device_id=DeviceId("A" * 901, "001122", "ONT", "S1"))
    body = encode(Envelope(long, "1", NS_1_2))
    assert told(known.decode, body) == told(lambda b: decode(b, limits), body)
    assert told(known.decode, body)[0] is ProtocolError  # type: ignore[index]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "SHAPES", 3)
    monkeypatch.setattr(shapes, "STRANGERS", 5)
    known = Shapes()
    for n in range(20):
        body = encode(Envelope(replace(INFORM, event=(EventStruct("2 PERIODIC"),) * n), "1", NS_1_2))
        known.decode(body)
        known.decode(body)
        assert len(known) <= 3
        assert len(known._seen) <= 5


def test_real_informs_read_the_same_when_they_come_again() -> None:
    bodies = [path.read_bytes() for path in sorted(shared("data/captures").rglob("*.xml"))]
    assert bodies
    known = Shapes()
    for _ in range(3):
        for body in bodies:
            assert told(known.decode, body) == told(decode, body)
