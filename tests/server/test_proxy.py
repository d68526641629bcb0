"""Behind a proxy: both versions of the PROXY protocol, headers, and who is not believed."""

import asyncio
import struct
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.server.origin import Origin
from acs.server.proxy import NotProxied, common_name, parse_header
from acs.store import devices
from tests.fakes.acs_server import Running, config_for, running
from tests.fakes.cpe import Cpe, Http

PERIODIC = ("2 PERIODIC", "")
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def version_2(address: str, extras: bytes = b"", *, command: int = 1) -> bytes:
    parsed = ip_address(address)
    family = 0x11 if parsed.version == 4 else 0x21
    other = ip_address("192.0.2.9" if parsed.version == 4 else "2001:db8::9")
    body = parsed.packed + other.packed + struct.pack("!HH", 4000, 7547) + extras
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(body)) + body


def ssl_tlv(client: int, verify: int, name: str) -> bytes:
    return tlv(0x20, struct.pack("!BI", client, verify) + tlv(0x21, b"TLSv1.3") + tlv(0x22, name.encode()))


@pytest.mark.parametrize(
    ("header", "origin"),
    [
        (b"PROXY TCP4 198.51.100.7 192.0.2.9 4000 7547\r\n", Origin("198.51.100.7")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::9 4000 7547\r\n", Origin("2001:db8::7")),
        (b"PROXY UNKNOWN\r\n", None),
        (version_2("198.51.100.7"), Origin("198.51.100.7")),
        (version_2("2001:db8::7"), Origin("2001:db8::7")),
        (version_2("::ffff:198.51.100.7"), Origin("198.51.100.7")),
        (version_2("198.51.100.7", command=0), None),
        (version_2("198.51.100.7", ssl_tlv(7, 0, "001122-1")), Origin("198.51.100.7", True, "001122-1")),
        (version_2("198.51.100.7", ssl_tlv(5, 0, "001122-1")), Origin("198.51.100.7", True, "001122-1")),
        (version_2("198.51.100.7", ssl_tlv(7, 1, "001122-1")), Origin("198.51.100.7", True)),
        (version_2("198.51.100.7", ssl_tlv(1, 0, "001122-1")), Origin("198.51.100.7", True)),
        (version_2("198.51.100.7", ssl_tlv(0, 0, "001122-1")), Origin("198.51.100.7")),
    ],
)
def test_a_header_names_the_origin_however_it_is_cut(header: bytes, origin: Origin | None) -> None:
    assert parse_header(header + b"POST /") == (origin, len(header))
    for length in range(len(header)):
        assert parse_header(header[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\n",
        b"PROXY TCP4 198.51.100.7\r\n",
        b"PROXY TCP4 nobody 192.0.2.9 1 2\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        SIGNATURE + b"\x31\x11\x00\x0c" + b"\0" * 12,
        SIGNATURE + b"\x21\x11\x00\x02\0\0",
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(NotProxied):
        parse_header(data)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", SIGNATURE + b"\x21\x11"]))
def test_any_bytes_give_a_header_or_a_refusal(data: bytes, prefix: bytes) -> None:
    whole = prefix + data
    try:
        found = parse_header(whole)
    except NotProxied:
        return
    if found is not None:
        origin, length = found
        assert 0 < length <= len(whole)
        assert parse_header(whole[:length]) == found, "what follows a header is no part of it"
        assert origin is None or origin.address


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CN=001122-1,O=Maker", "001122-1"),
        ("/O=Maker/CN=001122-1", "001122-1"),
        ("O=Maker, cn = 001122-1", "001122-1"),
        ("/O=Maker/CN=001122-2/CN=001122-1", "001122-1"),
        ("O=Maker\\,CN=001122-2,CN=001122-1", "001122-1"),
        ("CN=001122-1+serialNumber=5,O=Maker", "001122-1"),
        ("001122-1", "001122-1"),
        ("O=Maker", None),
        ("-", None),
        ("", None),
    ],
)
def test_the_common_name_is_found_in_every_form(text: str, name: str | None) -> None:
    assert common_name(text) == name


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Running]:
    cwmp = {"proxy": {"trusted": ["127.0.0.1/32"]}}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        yield server


@pytest.fixture
async def headers(tmp_path: Path) -> AsyncIterator[Running]:
    cwmp = {"proxy": {"trusted": ["127.0.0.1/32", "192.0.2.0/24"], "mode": "headers"}}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        yield server


async def address_of(server: Running, cpe: Cpe) -> str:
    async with server.store.reading() as tx:
        found = await devices.get(tx, cpe.key)
    return "" if found is None else found.address


@pytest.mark.parametrize("header", [b"PROXY TCP4 198.51.100.7 192.0.2.9 4000 7547\r\n", version_2("198.51.100.7")])
async def test_a_session_comes_from_whom_the_header_names(behind: Running, header: bytes) -> None:
    cpe, http = Cpe(0), Http(behind.port)
    await http.send(header[:5])
    await asyncio.sleep(0.02)
    await http.send(header[5:] + http.request(cpe.inform(PERIODIC)))
    assert (await http.receive()).status == 200
    assert (await http.post()).status == 204
    assert await address_of(behind, cpe) == "198.51.100.7"
    await http.close()


async def test_a_proxy_without_a_header_is_closed(behind: Running) -> None:
    http = Http(behind.port)
    await http.send(http.request(Cpe(0).inform(PERIODIC)))
    assert await http.closed()
    await http.close()


async def test_a_header_of_a_stranger_is_no_http(tmp_path: Path) -> None:
    cwmp = {"proxy": {"trusted": ["192.0.2.1/32"]}}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        http = Http(server.port)
        await http.send(version_2("198.51.100.7") + http.request(Cpe(0).inform(PERIODIC)))
        assert (await http.receive()).status == 400
        await http.close()
        cpe = Cpe(server.port)
        await cpe.session(PERIODIC)
        assert await address_of(server, cpe) == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.5, 198.51.100.7, 192.0.2.9", "198.51.100.7"),
        ("[2001:db8::7]:4000", "2001:db8::7"),
        ("198.51.100.7:4000", "198.51.100.7"),
        ("nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
async def test_the_last_address_that_is_no_proxys_counts(headers: Running, forwarded: str, address: str) -> None:
    cpe, http = Cpe(0), Http(headers.port)
    assert (await http.post(cpe.inform(PERIODIC), {"X-Forwarded-For": forwarded})).status == 200
    assert await address_of(headers, cpe) == address
    await http.close()


async def test_headers_of_a_stranger_are_not_believed(tmp_path: Path) -> None:
    cwmp = {"proxy": {"trusted": ["192.0.2.1/32"], "mode": "headers"}}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        cpe, http = Cpe(0), Http(server.port)
        claim = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Client-Certificate": "x-y"}
        assert (await http.post(cpe.inform(PERIODIC), claim)).status == 200
        assert await address_of(server, cpe) == "127.0.0.1"
        await http.close()


async def test_on_a_proxys_connection_sessions_are_told_apart_by_their_cookies(headers: Running) -> None:
    http = Http(headers.port)
    cookies: list[str | None] = []
    for serial in ("ONE", "TWO"):
        http.cookie = None
        assert (await http.post(Cpe(0, serial=serial).inform(PERIODIC))).status == 200
        cookies.append(http.cookie)
    assert cookies[0] != cookies[1]
    for cookie in cookies:
        http.cookie = cookie
        assert (await http.post()).status == 204
    http.cookie = None
    assert (await http.post()).status == 204  # of no session
    await http.close()


async def test_a_certificate_that_the_proxy_verified_names_the_device(tmp_path: Path) -> None:
    cwmp = {"auth": "certificate", "proxy": {"trusted": ["127.0.0.1/32"], "mode": "headers"}}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        http, cpe = Http(server.port), Cpe(0)
        good = {"X-Forwarded-Proto": "https", "X-Client-Certificate": f"CN={cpe.key},O=Maker"}
        assert (await http.post(cpe.inform(PERIODIC), good)).status == 200
        assert (await http.post(cpe.inform(PERIODIC), {**good, "X-Forwarded-Proto": "http"})).status == 403
        assert (await http.post(Cpe(0, serial="OTHER").inform(PERIODIC), good)).status == 401
        await http.close()
