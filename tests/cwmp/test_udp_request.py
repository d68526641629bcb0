"""UDP connection requests: the vector of the fact sheet, and what a CPE reads of a datagram."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp import udp_request
from acs.cwmp.stun import Endpoint
from acs.cwmp.udp_request import UdpRequest
from acs.errors import ProtocolError

EXAMPLE = UdpRequest(1120673700, 1234, "CPE57689", "XTGRWIPC6D3IPXS3")


def test_the_vector_of_the_fact_sheet() -> None:
    assert EXAMPLE.signature("secret") == "FDA44088E52A347CE49D6312521D5621EEB40037"
    assert EXAMPLE.datagram(Endpoint("10.1.1.1", 8080), "secret") == (
        b"GET http://10.1.1.1:8080?ts=1120673700&id=1234&un=CPE57689&cn=XTGRWIPC6D3IPXS3"
        b"&sig=FDA44088E52A347CE49D6312521D5621EEB40037 HTTP/1.1\r\n\r\n"
    )


def test_a_cpe_reads_it_and_knows_a_wrong_password() -> None:
    request, signature = udp_request.parse(EXAMPLE.datagram(Endpoint("2001:db8::1", 8080), "secret"))
    assert request == EXAMPLE
    assert udp_request.verify(request, signature.lower(), "secret")
    assert not udp_request.verify(request, signature, "other")


@given(st.binary(max_size=300))
def test_any_bytes_give_a_request_or_a_protocol_error(data: bytes) -> None:
    try:
        request, _ = udp_request.parse(data)
    except ProtocolError:
        return
    assert isinstance(request, UdpRequest)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7:40001", ("203.0.113.7", 40001)),
        ("203.0.113.7", ("203.0.113.7", 80)),
        ("[2001:db8::1]:7000", ("2001:db8::1", 7000)),
        (" cpe.example.net:1 ", ("cpe.example.net", 1)),
        ("", None),
        ("0.0.0.0:0", None),
        ("0.0.0.0:7547", None),
        ("203.0.113.7:99999", None),
        ("http://203.0.113.7/", None),
        ("not set", None),
        ("a:b", None),
        ("junk", None),
    ],
)
def test_an_address_without_port_means_port_80_and_junk_means_none(text: str, address: tuple[str, int] | None) -> None:
    assert udp_request.parse_address(text) == address
