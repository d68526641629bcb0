"""Lightweight notifications: what a CPE writes, however it writes its head, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp import lightweight
from acs.errors import ProtocolError

NS = "urn:broadband-forum-org:cwmp:lwnotif-1-0"


def body(ts: int = 1_700_000_000, cn: str = "c1", values: dict[str, str] | None = None, un: str = "cpe") -> bytes:
    wanted = {"Device.A": "1"} if values is None else values
    params = "".join(f"<Param><Name>{n}</Name><Value>{v}</Value></Param>" for n, v in wanted.items())
    return (
        f'<?xml version="1.0"?><n:Notification xmlns:n="{NS}"><TS>{ts}</TS><UN>{un}</UN><CN>{cn}</CN><OUI>001122</OUI>'
        f"<ProductClass>ONT</ProductClass><SerialNumber>S1</SerialNumber>{params}</n:Notification>"
    ).encode()


def datagram(content: bytes, password: str = "secret", head: str = "POST /HTTPS/1.1\r\nContent-Lenght: 5") -> bytes:
    return f"{head}\r\nSignature: {lightweight.sign(content, password)}\r\n\r\n".encode() + content


def test_a_notification_is_read_and_its_signature_covers_the_body() -> None:
    found = lightweight.parse(datagram(body()))
    assert (found.ts, found.username, found.cnonce, found.serial_number) == (1_700_000_000, "cpe", "c1", "S1")
    assert found.values == (("Device.A", "1"),)
    assert found.signed_with("secret") and not found.signed_with("other")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST / HTTP/1.1\r\n\r\n" + body(),
        datagram(b"<x/>"),
        datagram(b"<Notification/>"),
        datagram(b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + body()),
        datagram(body().replace(b"<TS>1700000000</TS>", b"<TS>now</TS>")),
        datagram(body().replace(b"<TS>1700000000</TS>", b"<TS>-99999999999999999999</TS>")),
        datagram(body().replace(b"<TS>1700000000</TS>", b"<TS>" + b"9" * 5000 + b"</TS>")),
        datagram(body(values={f"Device.P{n}": "" for n in range(130)})),
        datagram(b"x" * 9_000),
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        lightweight.parse(data)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_notification_or_a_protocol_error(data: bytes) -> None:
    for whole in (data, datagram(data)):
        try:
            found = lightweight.parse(whole)
        except ProtocolError:
            continue
        assert found.signature
        assert found.body in whole
