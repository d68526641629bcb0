"""Whatever bytes come: an envelope, nothing, or ProtocolError, and at little cost."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acs.cwmp.messages import GetParameterValuesResponse, Inform, Reboot
from acs.cwmp.soap import NS_1_0, NS_1_2, Decoder, Envelope, Limits, RefusedEnvelope, decode, encode
from acs.cwmp.structs import DeviceId, EventStruct, ParameterValueStruct
from acs.errors import ProtocolError
from tests.cwmp.strategies import envelopes

HEAD = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:c="urn:dslforum-org:cwmp-1-0"><e:Body>'
)
TAIL = "</e:Body></e:Envelope>"
INFORM = encode(
    Envelope(
        Inform(
            DeviceId("ACME", "001122", "ONT", "S1"),
            (EventStruct("1 BOOT"), EventStruct("M Reboot", "k")),
            parameter_list=(ParameterValueStruct("Device.DeviceInfo.UpTime", "5", "xsd:unsignedInt"),),
        ),
        "1",
        NS_1_2,
    )
)


def either(body: bytes) -> object:
    """What both decoders give, which must be the same; the message of a ProtocolError when they refuse."""
    results: list[object] = []
    for whole in (True, False):
        try:
            if whole:
                results.append(decode(body))
            else:
                decoder = Decoder()
                for start in range(0, len(body), 300):
                    decoder.feed(body[start : start + 300])
                results.append(decoder.finish())
        except ProtocolError as error:
            results.append(ProtocolError)
            assert str(error)
    assert results[0] == results[1]
    return results[0]


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=600))
def test_any_bytes_give_an_envelope_or_protocol_error(body: bytes) -> None:
    assert either(body) in (None, ProtocolError)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32", "latin-1", "koi8-r"]))
def test_any_text_in_a_body_gives_an_envelope_or_protocol_error(text: str, codec: str) -> None:
    outcome = either(f"{HEAD}{text}{TAIL}".encode(codec, "ignore"))
    assert outcome is ProtocolError or isinstance(outcome, Envelope)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(envelopes(), st.data())
def test_a_damaged_message_gives_an_envelope_or_protocol_error(envelope: Envelope, data: st.DataObject) -> None:
    body = bytearray(encode(envelope))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"<", b">", b"&", b"</", b'"', b"<!--", b"]]>", b"\0"])
        )
        body[at : at + data.draw(st.integers(0, 8))] = piece
        if not body:
            return
    either(bytes(body))


@pytest.mark.parametrize("body", [b"", b"  \r\n", b"\0\0", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"])
def test_nothing_is_an_empty_post(body: bytes) -> None:
    assert decode(body) is None
    assert either(body) is None


@pytest.mark.parametrize("cut", range(20, len(INFORM), 37))
def test_a_body_that_was_cut_off_is_refused(cut: int) -> None:
    assert either(INFORM[:cut]) is ProtocolError


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b"<html><body/></html>",
        b'{"a": 1}',
        b"<a/><b/>",
        b"<Envelope/>",
        b"<Envelope><Body/></Envelope>",
        b"<Envelope><Body><c:Inform/></Body>",
        f"{HEAD}<c:Reboot/><c:Reboot/>{TAIL}".encode(),
        f"{HEAD}<c:Reboot><a></b></c:Reboot>{TAIL}".encode(),
        f"{HEAD}<c:Reboot><CommandKey>a<b</CommandKey></c:Reboot>{TAIL}".encode(),
        f"{HEAD}<c:UnheardOfResponse/>{TAIL}".encode(),
        f"{HEAD}<c:Download><FileSize>-</FileSize></c:Download>{TAIL}".encode(),
        f"{HEAD}<c:Download><FileSize>{'9' * 5000}</FileSize></c:Download>{TAIL}".encode(),
        f"{HEAD}<c:SetVouchers><VoucherList><base64>!</base64></VoucherList></c:SetVouchers>{TAIL}".encode(),
        f"{HEAD}<c:ChangeDUState><Operations><URL>x</URL></Operations></c:ChangeDUState>{TAIL}".encode(),
        b'<?xml version="1.0" encoding="utf-7"?>+ADw-a/+AD4-',
        b'<?xml version="1.0" encoding="IBM037"?><a/>',
        b"\x4c\x6f\xa7\x94\x93",  # "<?xml" in EBCDIC
        b"\xff\xfe<\0a",
        b"\xff\xfe\0\0<\0\0\0a",
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    assert either(body) is ProtocolError


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
DTDS = [
    "<!DOCTYPE e>",
    "<!doctype e>",
    f"<!DOCTYPE e [{BOMB}]>",
    '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE e SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE e PUBLIC "-//x" "file:///etc/passwd">',
    '<!DOCTYPE e [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
]


@pytest.mark.parametrize("dtd", DTDS)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_a_document_type_is_refused_in_every_encoding(dtd: str, codec: str) -> None:
    xml, end, envelope = HEAD.partition("?>")
    message = envelope if end else xml
    assert isinstance(decode(f"{message}<c:Reboot><CommandKey>x</CommandKey></c:Reboot>{TAIL}".encode(codec)), Envelope)
    document = f"{dtd}{message}<c:Reboot><CommandKey>&x;&l9;</CommandKey></c:Reboot>{TAIL}"
    for text in (document, f'<?xml version="1.0"?>{document}', f'<?xml version="1.0"?>\n<!-- x -->\n{document}'):
        with pytest.raises(ProtocolError, match="document type"):
            decode(text.encode(codec))
        assert either(text.encode(codec)) is ProtocolError


def test_a_document_type_that_appears_when_characters_are_removed_is_refused() -> None:
    body = f'<?xml version="1.0"?><!DOC\x01TYPE e [<!ENTITY x "y">]>{HEAD[21:]}<c:Reboot/>{TAIL}'.encode()
    with pytest.raises(ProtocolError, match="document type"):
        decode(body)


def test_a_document_type_between_two_pieces_is_refused() -> None:
    body = f"{HEAD}<c:Reboot/>{' ' * 300}<!DOCTYPE x>{TAIL}".encode()
    at = body.index(b"<!DOC") + 4
    decoder = Decoder()
    with pytest.raises(ProtocolError, match="document type"):
        decoder.feed(body[:at])
        decoder.feed(body[at:])


def test_five_megabytes_of_elements_are_refused() -> None:
    body = f"{HEAD}<c:Reboot>{'<b/>' * 1_250_000}</c:Reboot>{TAIL}".encode()
    with pytest.raises(ProtocolError, match="elements") as caught:
        decode(body)
    assert caught.value.status_hint == 413


def test_a_pile_of_attributes_is_refused() -> None:
    attributes = " ".join(f'a{n}=""' for n in range(450_000))
    with pytest.raises(ProtocolError, match="attributes"):
        decode(f"{HEAD}<c:Reboot {attributes}/>{TAIL}".encode())


@pytest.mark.parametrize(("depth", "padding"), [(40, 20_000), (300, 0), (100_000, 0)])
def test_deep_nesting_is_refused(depth: int, padding: int) -> None:
    body = f"{HEAD}<c:Reboot>{'<b>' * depth}{' ' * padding}{'</b>' * depth}</c:Reboot>{TAIL}".encode()
    assert either(body) is ProtocolError


def test_a_list_nested_like_a_flat_one_is_not_taken_for_one() -> None:
    item = '<ParameterValueStruct><Name>A</Name><Value xsi:type="xsd:int">1'
    nested = item * 3 + "</Value></ParameterValueStruct>" * 3
    declared = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    content = f"<c:GetParameterValuesResponse {declared}><ParameterList>{nested}</ParameterList>"
    envelope = decode(f"{HEAD}{content}</c:GetParameterValuesResponse>{TAIL}".encode())
    assert envelope is not None
    assert envelope.message == GetParameterValuesResponse((ParameterValueStruct("A", "1", "xsd:int"),))


def test_a_body_over_the_byte_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(b"x" * 101, Limits(max_bytes=100))
    assert caught.value.status_hint == 413
    decoder = Decoder(Limits(max_bytes=100))
    with pytest.raises(ProtocolError):
        for _ in range(11):
            decoder.feed(b"x" * 10)


def test_a_text_over_its_limit_is_refused() -> None:
    values = (ParameterValueStruct("A.B", "x" * 5000),)
    body = encode(Envelope(GetParameterValuesResponse(values)))
    with pytest.raises(ProtocolError, match="4000 characters"):
        decode(body, Limits(max_text=4000))
    assert decode(body) is not None


def test_an_unknown_rpc_is_answered_with_8000() -> None:
    body = f"{HEAD.replace('<e:Body>', '<e:Header><c:ID>9</c:ID></e:Header><e:Body>')}<c:X_001122_Do/>{TAIL}".encode()
    with pytest.raises(RefusedEnvelope) as caught:
        decode(body)
    assert (caught.value.fault_code, caught.value.status_hint) == (8000, 200)
    answer = caught.value.answer()
    assert (answer.id, answer.namespace) == ("9", NS_1_0)
    assert decode(encode(answer)) == answer


@pytest.mark.parametrize(("must", "refused"), [("1", True), ("true", True), ("0", False)])
def test_an_unknown_header_is_refused_only_when_it_must_be_understood(must: str, refused: bool) -> None:
    header = f'<e:Header><c:ID>9</c:ID><x:Odd xmlns:x="urn:x" e:mustUnderstand="{must}">1</x:Odd></e:Header>'
    body = (
        f"{HEAD.replace('<e:Body>', header + '<e:Body>')}<c:Reboot><CommandKey>k</CommandKey></c:Reboot>{TAIL}".encode()
    )
    if refused:
        with pytest.raises(RefusedEnvelope, match="Odd"):
            decode(body)
    else:
        assert decode(body) == Envelope(Reboot("k"), "9")


def test_an_envelope_id_of_a_megabyte_is_not_echoed() -> None:
    with pytest.raises(ProtocolError, match="1024"):
        decode(encode(Envelope(Reboot("k"), "x" * 2000)))


MEGABYTES = 7_000_000
SLOW = {
    "ampersands": b"<e:Envelope>" + b"&" * MEGABYTES + b"</e:Envelope>",
    "control characters": b"<e:Envelope>" + b"\x01" * MEGABYTES + b"</e:Envelope>",
    "attributes in one tag": b"<a " + b" ".join(b"a%d='1'" % n for n in range(390_000)) + b"/>",
    "prefixes in one tag": b"<a " + b" ".join(b"xmlns:a%d='u'" % n for n in range(300_000)) + b"/>",
    "a name": b"<" + b"a" * MEGABYTES,
    "an instruction": b"<?x " + b"x" * MEGABYTES,
}


@pytest.mark.parametrize("name", SLOW)
def test_no_bite_of_a_body_takes_long(name: str) -> None:
    """The loop serves others between bites; a broken body of the greatest size must leave it its turns."""
    body, longest = SLOW[name], 0.0
    decoder = Decoder()
    bites = iter([body[start : start + 16_384] for start in range(0, len(body), 16_384)])

    def bite() -> None:
        piece = next(bites, None)
        if piece is None:
            decoder.finish()
        else:
            decoder.feed(piece)

    with pytest.raises(ProtocolError):
        while True:
            began = time.thread_time()
            try:
                bite()
            finally:
                longest = max(longest, time.thread_time() - began)
    assert longest < 0.5  # on a busy machine; alone about a tenth
    with pytest.raises(ProtocolError):
        decode(body)


def test_a_few_careless_characters_are_still_mended() -> None:
    body = INFORM.replace(b">k<", b">" + b"a & b \x01" * 500 + b"<")
    assert isinstance(either(body), Envelope)
