"""The codec gives back what it was given, for every message in every namespace, whole or in pieces."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acs.cwmp.messages import (
    ACS_REQUESTS,
    CPE_REQUESTS,
    MESSAGES,
    RESPONSE_OF,
    Download,
    GetParameterNames,
    GetParameterValuesResponse,
    InformResponse,
    Message,
    SetParameterValues,
    SoapFault,
    TransferCompleteResponse,
)
from acs.cwmp.quirks import Quirk
from acs.cwmp.soap import NAMESPACES, NS_1_0, NS_1_2, Decoder, Envelope, decode, encode
from acs.cwmp.structs import ParameterValueStruct
from acs.errors import InvalidInput
from tests.cwmp.strategies import envelopes, instances

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_rpc_of_amendment_6_is_there() -> None:
    assert len(ACS_REQUESTS) == 20
    assert len(CPE_REQUESTS) == 8
    assert len(MESSAGES) == 54
    assert all(answer.__name__ == f"{asked.__name__}Response" for asked, answer in RESPONSE_OF.items())


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("cls", MESSAGES.values(), ids=lambda cls: cls.__name__)
def test_an_empty_message_round_trips(cls: type[Message], namespace: str) -> None:
    envelope = Envelope(cls(), "7", namespace)
    assert decode(encode(envelope)) == envelope


@pytest.mark.parametrize("cls", MESSAGES.values(), ids=lambda cls: cls.__name__)
def test_any_message_round_trips(cls: type[Message]) -> None:
    @settings(SLOW, max_examples=15)
    @given(envelopes(instances(cls)))
    def check(envelope: Envelope) -> None:
        assert decode(encode(envelope)) == envelope

    check()


@SLOW
@given(envelopes(), st.integers(1, 400))
def test_pieces_give_the_same_as_the_whole(envelope: Envelope, size: int) -> None:
    body = encode(envelope)
    decoder = Decoder()
    for start in range(0, len(body), size):
        decoder.feed(body[start : start + size])
    assert decoder.finish() == envelope


@SLOW
@given(envelopes(), st.sets(st.sampled_from([Quirk.NO_XML_DECLARATION, Quirk.LINE_BREAKS])))
def test_a_quirk_of_form_changes_no_content(envelope: Envelope, quirks: set[Quirk]) -> None:
    assert decode(encode(envelope, frozenset(quirks))) == envelope


def test_a_long_list_is_read_in_steps() -> None:
    values = tuple(ParameterValueStruct(f"Device.A.{n}.B", f" {n} ", "xsd:string") for n in range(2500))
    envelope = Envelope(GetParameterValuesResponse(values), "1", NS_1_2)
    decoder = Decoder()
    decoder.feed(encode(envelope))
    steps = decoder.steps()
    pauses = 0
    while True:
        try:
            next(steps)
            pauses += 1
        except StopIteration as done:
            assert done.value == envelope
            break
    assert pauses >= 2


def test_a_fixed_answer_is_what_the_plan_would_write() -> None:
    body = encode(Envelope(InformResponse(), "<&>", NS_1_2))
    assert b"<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>" in body
    assert b'<cwmp:ID soap-env:mustUnderstand="1">&lt;&amp;&gt;</cwmp:ID>' in body
    assert b"<cwmp:TransferCompleteResponse></cwmp:TransferCompleteResponse>" in encode(
        Envelope(TransferCompleteResponse())
    )


def test_arrays_say_how_many_they_hold() -> None:
    values = (ParameterValueStruct("A.B", "1", "xsd:int"), ParameterValueStruct("A.C", "x"))
    body = encode(Envelope(SetParameterValues(values, "k"), "1"))
    assert b'<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[2]">' in body
    assert b'<Value xsi:type="xsd:int">1</Value>' in body


def test_quirks_of_content() -> None:
    flag = ParameterValueStruct("A.B", "true", "xsd:boolean")
    body = encode(Envelope(SetParameterValues((flag,), "k")), frozenset({Quirk.BOOLEAN_DIGITS, Quirk.NO_PARAMETER_KEY}))
    assert b'"xsd:boolean">1<' in body
    assert b"ParameterKey" not in body
    assert b"<NextLevel>true</NextLevel>" in encode(
        Envelope(GetParameterNames("A.", True)), frozenset({Quirk.BOOLEAN_WORDS})
    )
    download = encode(
        Envelope(Download("k", "1 Firmware Upgrade Image", "http://x/")), frozenset({Quirk.OMIT_EMPTY_ARGUMENTS})
    )
    assert b"Username" not in download
    assert b"<FileSize>0</FileSize>" in download


def test_a_character_that_xml_cannot_carry_is_refused_before_sending() -> None:
    with pytest.raises(InvalidInput, match=r"U\+0001"):
        encode(Envelope(SetParameterValues((ParameterValueStruct("A.B", "a\x01b"),))))


def test_a_type_cannot_break_out_of_its_attribute() -> None:
    body = encode(Envelope(SetParameterValues((ParameterValueStruct("A.B", "x", 'xsd:int"><evil/>'),))))
    assert b"<evil/>" not in body


def test_the_fault_is_read_with_its_list() -> None:
    fault = decode(encode(Envelope(SoapFault(9003, "no", "Client"), "3", NS_1_0)))
    assert fault is not None
    assert fault.message == SoapFault(9003, "no", "Client")
