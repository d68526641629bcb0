"""STUN: the vectors of the fact sheet, both dialects, and nothing but ProtocolError for any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp import stun, stun_server
from acs.cwmp.stun import Attribute, AttributeType, Endpoint, Message, MessageType
from acs.errors import ProtocolError

TRANSACTION = bytes(range(16))
COOKIE = stun.MAGIC_COOKIE + bytes(range(12))
CPE, HERE = Endpoint("203.0.113.7", 40001), Endpoint("198.51.100.5", 3478)
MARK = Attribute(AttributeType.CONNECTION_REQUEST_BINDING, stun.BINDING_MARK)
CHANGE = Attribute(AttributeType.BINDING_CHANGE)
USER = Attribute(AttributeType.USERNAME, b"stunuser")
#: bytes of the heads of IP and UDP
HEADS = 28


def request(
    *attributes: Attribute, transaction: bytes = TRANSACTION, key: bytes | None = None, padded: bool = True
) -> bytes:
    message = Message(MessageType.BINDING_REQUEST, transaction, attributes)
    return stun.encode(message, key, zero_padded=padded)


def answered(
    data: bytes, secret: str | None = None, *, proof: bool = True
) -> tuple[Message | None, stun_server.Verdict]:
    verdict = stun_server.respond(stun_server.examine(data, CPE), HERE, secret, demand_proof=proof)
    return (None if verdict.answer is None else stun.decode(verdict.answer.data)), verdict


def test_the_request_of_the_fact_sheet() -> None:
    wire = bytes.fromhex("00010018") + TRANSACTION + bytes.fromhex("c001001464736c666f72756d2e6f72672f54522d31313120")
    assert request(MARK) == wire
    assert stun.decode(wire).is_connection_request_binding


def test_the_response_of_the_fact_sheet() -> None:
    wire = (
        bytes.fromhex("01010024")
        + TRANSACTION
        + bytes.fromhex("0001000800019c41cb0071070004000800010d96c63364050005000800010d97c6336406")
    )
    addresses = zip((1, 4, 5), (CPE, HERE, Endpoint("198.51.100.6", 3479)), strict=True)
    attributes = tuple(Attribute(kind, stun.address_value(endpoint)) for kind, endpoint in addresses)
    assert stun.encode(Message(MessageType.BINDING_RESPONSE, TRANSACTION, attributes)) == wire


@pytest.mark.parametrize(
    ("padded", "digest"),
    [
        (True, "35e47dd4ee04fbb34679e9e15a6ca9d2dfd32e04"),
        (False, "e705fc3ceb66700dbbaa300d5375f850d7dad7f0"),
    ],
)
def test_the_integrity_of_the_fact_sheet_in_both_styles(padded: bool, digest: str) -> None:
    wire = request(MARK, CHANGE, USER, key=b"stunpass", padded=padded)
    assert wire[-20:].hex() == digest
    assert int.from_bytes(wire[2:4], "big") == 64
    message = stun.decode(wire)
    assert stun.integrity_style(wire, message, b"stunpass") is padded
    assert stun.integrity_style(wire, message, b"wrong") is None


def test_an_answer_names_three_addresses_and_a_fourth_for_clients_with_the_cookie() -> None:
    classic, _ = answered(request())
    assert classic is not None
    assert [each.type for each in classic.attributes] == [1, 4, 5]
    assert stun.parse_address(classic.get(AttributeType.MAPPED_ADDRESS) or b"") == CPE
    modern, _ = answered(request(transaction=COOKIE))
    assert modern is not None
    value = modern.get(AttributeType.XOR_MAPPED_ADDRESS)
    assert value is not None
    assert stun.parse_xor_address(value, COOKIE) == CPE


@pytest.mark.parametrize("padded", [True, False])
def test_integrity_goes_both_ways_in_the_style_of_the_client(padded: bool) -> None:
    wire = request(MARK, CHANGE, USER, key=b"stunpass", padded=padded)
    reply, verdict = answered(wire, "stunpass")
    assert reply is not None and verdict.answer is not None
    assert stun.integrity_style(verdict.answer.data, reply, b"stunpass") is padded
    assert verdict.sighting == stun_server.Sighting("stunuser", CPE, True, True)


def test_long_term_credentials_of_rfc_5389_are_taken() -> None:
    realm = Attribute(AttributeType.REALM, b"acs")
    wire = request(MARK, USER, realm, transaction=COOKIE, key=stun.long_term_key("stunuser", "acs", "pw"), padded=False)
    _, verdict = answered(wire, "pw")
    assert verdict.sighting is not None and verdict.sighting.proved


@pytest.mark.parametrize(
    ("data", "secret", "code"),
    [
        (request(MARK), None, 401),
        (request(MARK, USER), "stunpass", 401),
        (request(MARK, USER, key=b"other"), "stunpass", 431),
        (request(MARK, USER, key=b"stunpass"), None, 401),
        (request(MARK, key=b"stunpass"), "stunpass", 432),
        (request(Attribute(0x7FFF, b"x"), Attribute(0x7FFE)), None, 420),
    ],
)
def test_each_refusal_has_its_number_and_no_binding_comes_of_it(data: bytes, secret: str | None, code: int) -> None:
    reply, verdict = answered(data, secret)
    assert reply is not None
    assert reply.type == MessageType.BINDING_ERROR
    assert stun.parse_error(reply.get(AttributeType.ERROR_CODE) or b"") == code
    assert verdict.sighting is None


def test_without_a_demand_for_proof_a_user_name_is_a_hint() -> None:
    reply, verdict = answered(request(MARK, USER), None, proof=False)
    assert reply is not None and reply.type == MessageType.BINDING_RESPONSE
    assert verdict.sighting is not None and not verdict.sighting.proved


def test_who_wants_no_connection_requests_is_answered_and_not_kept() -> None:
    reply, verdict = answered(request(USER, key=b"stunpass"), "stunpass")
    assert reply is not None and reply.type == MessageType.BINDING_RESPONSE
    assert verdict.sighting is None


def test_an_answer_goes_to_another_port_of_the_sender_only() -> None:
    there = Endpoint(CPE.host, 5000)
    reply, verdict = answered(request(Attribute(AttributeType.RESPONSE_ADDRESS, stun.address_value(there))))
    assert reply is not None and verdict.answer is not None
    assert verdict.answer.to == there
    assert stun.parse_address(reply.get(AttributeType.REFLECTED_FROM) or b"") == CPE
    victim = Attribute(AttributeType.RESPONSE_ADDRESS, stun.address_value(Endpoint("192.0.2.9", 53)))
    assert answered(request(victim))[0] is None


def test_an_address_that_we_have_not_is_not_pretended() -> None:
    assert answered(request(Attribute(AttributeType.CHANGE_REQUEST, bytes((0, 0, 0, 4)))))[0] is None
    assert answered(request(Attribute(AttributeType.CHANGE_REQUEST, bytes(4))))[0] is not None


@pytest.mark.parametrize("kind", [0x0101, 0x0111, 0x0002, 0x0102])
def test_what_is_no_binding_request_is_not_answered(kind: int) -> None:
    with pytest.raises(ProtocolError):
        stun_server.examine(stun.encode(Message(kind, TRANSACTION)), CPE)


def test_user_names_without_padding_are_read() -> None:
    body = bytes.fromhex("00060003") + b"abc" + bytes.fromhex("c0020000")
    wire = bytes.fromhex("0001") + len(body).to_bytes(2, "big") + TRANSACTION + body
    message = stun.decode(wire)
    assert message.username == "abc" and message.binding_changed


attributes = st.lists(
    st.builds(Attribute, st.sampled_from([*map(int, AttributeType), 0x7FFF, 0x9000]), st.binary(max_size=40)),
    max_size=8,
)


@given(st.binary(max_size=200) | attributes.map(lambda found: request(*found)))
def test_any_bytes_give_a_message_or_a_protocol_error(data: bytes) -> None:
    try:
        message = stun.decode(data)
    except ProtocolError:
        return
    assert len(message.transaction) == 16


@given(
    st.sampled_from(list(MessageType)),
    st.binary(min_size=16, max_size=16),
    st.lists(st.builds(Attribute, st.sampled_from([1, 4, 6, 9, 0xC001]), st.binary(max_size=32)), max_size=5),
)
def test_a_message_survives_the_round_trip(kind: MessageType, transaction: bytes, found: list[Attribute]) -> None:
    message = Message(kind, transaction, tuple(found))
    assert stun.decode(stun.encode(message)) == message


@given(
    attributes,
    st.booleans(),
    st.sampled_from([None, "stunpass"]),
    st.booleans(),
    st.sampled_from([TRANSACTION, COOKIE]),
)
def test_an_answer_is_at_most_three_times_as_long_as_what_was_asked(
    found: list[Attribute], signed: bool, secret: str | None, proof: bool, transaction: bytes
) -> None:
    data = request(*found, transaction=transaction, key=b"stunpass" if signed else None)
    verdict = stun_server.respond(stun_server.examine(data, CPE), HERE, secret, demand_proof=proof)
    if verdict.answer is not None:
        assert len(verdict.answer.data) + HEADS <= 3 * (len(data) + HEADS)
        assert verdict.answer.to.host == CPE.host


@given(st.ip_addresses().map(str), st.integers(1, 65535), st.sampled_from([TRANSACTION, COOKIE]))
def test_addresses_survive_both_forms(host: str, port: int, transaction: bytes) -> None:
    endpoint = Endpoint(host, port)
    assert stun.parse_address(stun.address_value(endpoint)) == endpoint
    assert stun.parse_xor_address(stun.xor_address_value(endpoint, transaction), transaction) == endpoint
