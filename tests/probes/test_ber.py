from hypothesis import given
from hypothesis import strategies as st

from probes.snmp.ber import (
    Cell,
    Kind,
    MalformedMessage,
    Pdu,
    Request,
    decode_request,
    encode_response,
    encode_varbind,
    parse_oid,
)

OIDS = st.tuples(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**32 - 1), max_size=20)).map(
    lambda parts: (parts[0], parts[1], *parts[2])
)


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_malformed_message(data: bytes) -> None:
    try:
        request = decode_request(data)
    except MalformedMessage as error:
        assert str(error)
    else:
        assert isinstance(request, Request)


@given(OIDS)
def test_an_oid_is_read_from_its_text(oid: tuple[int, ...]) -> None:
    text = ".".join(map(str, oid))
    assert parse_oid(text) == parse_oid("." + text) == oid


@given(st.lists(OIDS, max_size=12), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=32))
def test_an_answer_reads_back_as_the_request_that_it_answers(
    oids: list[tuple[int, ...]], request_id: int, community: bytes
) -> None:
    request = Request(1, community, Pdu.GET, request_id, 0, 0, tuple(oids))
    body = b"".join(encode_varbind(oid, Cell(Kind.NULL)) for oid in oids)
    answer = encode_response(request, body)
    # an answer differs from a GET only in its tag, which sits behind the message's head, version and community
    head = 2 + (answer[1] & 0x7F if answer[1] & 0x80 else 0)
    at = head + 3 + 2 + len(community)
    assert answer[at] == Pdu.RESPONSE
    assert decode_request(answer[:at] + bytes((Pdu.GET,)) + answer[at + 1 :]) == request


def test_numbers_take_their_shortest_form() -> None:
    def value(cell: Cell) -> str:
        return encode_varbind((1, 3), cell)[5:].hex()

    assert value(Cell(Kind.INTEGER, 0)) == "020100"
    assert value(Cell(Kind.INTEGER, 127)) == "02017f"
    assert value(Cell(Kind.INTEGER, 128)) == "02020080"
    assert value(Cell(Kind.INTEGER, -128)) == "020180"
    assert value(Cell(Kind.INTEGER, -1414)) == "0202fa7a"
    assert value(Cell(Kind.COUNTER64, 2**64 - 1)) == "460900ffffffffffffffff"
    assert value(Cell(Kind.IP_ADDRESS, "10.0.0.1")) == "40040a000001"
    assert value(Cell(Kind.OID, "1.3.6.1.4.1.2011")) == "06072b060104018f5b"
