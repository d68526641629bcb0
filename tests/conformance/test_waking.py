"""Items 60 and 97 to 108: connection requests by HTTP, UDP and XMPP, STUN, and lightweight notifications."""

import asyncio
import hashlib
import hmac
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from acs.services.clock import utc_now
from acs.services.waking.methods import Method, Result
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, OperationState, StepName
from cli.ports import free_port
from tests.conformance.acting import Device
from tests.conformance.callee import answer, authorized, challenge, listening
from tests.conformance.checklist import item
from tests.conformance.server import ACTOR, Acs, serving
from tests.conformance.wire import Cpe
from tests.prosody import running_prosody
from tests.server import test_xmpp
from tests.server.waking_world import KEY, make_cpe, powered, server_with, until

UPTIME = ("Device.DeviceInfo.UpTime", "5", "xsd:unsignedInt")
OK = answer("200 OK")
MARK = b"dslforum.org/TR-111 "


@pytest.fixture(scope="module")
async def calling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Acs]:
    """A server that calls devices on loopback, with a STUN server and lightweight notifications."""
    folder = tmp_path_factory.mktemp("calling")
    tables = {
        "stun": {"enabled": True, "host": "127.0.0.1", "port": free_port(), "address": "127.0.0.1", "set_on": "none"},
        "lightweight": {"enabled": True, "host": "127.0.0.1", "port": free_port()},
        "connection_requests": {"udp_wait_s": 1.0, "retry_s": 0.3, "session_s": 1.0, "timeout_s": 2.0},
    }
    async with serving(folder, **tables) as server:
        yield server


async def secret_for(acs: Acs, cpe: Cpe, kind: CredentialKind, secret: str = "secret") -> None:
    """Give the device a credential whose user name is `user`."""
    async with acs.app.store.transaction() as tx:
        await devices.set_credentials(tx, cpe.key, kind, Credentials(f"user-{cpe.serial}", secret), utc_now())


async def reachable(acs: Acs, url: str, **values: str) -> Cpe:
    """A device that told a ConnectionRequestURL, with credentials for calling it."""
    cpe = acs.cpe(connection_request_url=url)
    await cpe.session(parameters=[(f"Device.ManagementServer.{n}", v, "xsd:string") for n, v in values.items()])
    await secret_for(acs, cpe, CredentialKind.CONNECTION_REQUEST)
    return cpe


@item(60, "3.7.1.5", "6 CONNECTION REQUEST, or any session that comes, ends the waiting for a device that was called")
async def test_060_a_session_ends_the_waiting(tmp_path: Path) -> None:
    async with serving(tmp_path) as patient:
        for event in ("6 CONNECTION REQUEST", "2 PERIODIC"):
            async with listening(OK) as callee:
                cpe = await reachable(patient, callee.url())
                acting = Device(cpe, {UPTIME[0]: UPTIME[1:]})
                operation = await patient.request(cpe, "get", {"names": [UPTIME[0]]})
                await patient.until(lambda c=callee: c.requests)  # type: ignore[misc] # this round's
                await acting.session(event)
                assert (await patient.ended(operation)).state == OperationState.SUCCEEDED
                assert len(callee.requests) == 1


@pytest.mark.parametrize(
    "extra", ['qop="auth"', 'qop="auth,auth-int"', 'algorithm="MD5"', "algorithm=MD5-sess, qop=auth"]
)
@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
@item(97, "3.2.2", "an HTTP GET, never https, that answers the digest challenge; 200 and 204 are success")
async def test_097_a_get_with_digest(calling: Acs, extra: str, status: str) -> None:
    async with listening(challenge(extra), answer(status)) as callee:
        cpe = await reachable(calling, callee.url("/ConnectionRequest?command=cr&sn=1"))
        attempt = await calling.app.connection_requests.request(cpe.key)
        assert attempt.result is Result.ACCEPTED
        first, second = callee.requests
        assert first.startswith("GET /ConnectionRequest?command=cr&sn=1 HTTP/1.1\r\n")
        assert "authorization" not in first.lower()
        assert authorized(second, f"user-{cpe.serial}", "secret")
    secure = await reachable(calling, "https://127.0.0.1:1/x")
    assert (await calling.app.connection_requests.request(secure.key)).result is not Result.ACCEPTED


@item(98, "3.2.2", "503 is busy, and it is called again later; 401 to a right answer sets the credentials anew")
async def test_098_busy_and_refused(calling: Acs, tmp_path: Path) -> None:
    async with listening(answer("503 Service Unavailable"), OK) as callee:
        cpe = await reachable(calling, callee.url())
        await calling.request(cpe, "get", {"names": [UPTIME[0]]})
        await calling.until(lambda: len(callee.requests) == 2)
    contact = {"first_contact": {"enabled": True, "periodic_inform_s": 3600}}
    async with serving(tmp_path, cwmp=contact) as setting, listening(challenge()) as callee:
        cpe = setting.cpe(connection_request_url=callee.url())
        acting = Device(cpe, {f"Device.ManagementServer.{n}": ("", "xsd:string") for n in
                              ("ConnectionRequestUsername", "ConnectionRequestPassword")})  # fmt: skip
        await acting.session("0 BOOTSTRAP")
        before = len(acting.all("SetParameterValues"))
        assert (await setting.app.connection_requests.request(cpe.key)).result is Result.UNAUTHORIZED
        await acting.session()
        assert len(acting.all("SetParameterValues")) == before + 1
        assert any("ConnectionRequestPassword" in name for name in acting.asked[-1].texts(".//Name"))


@item(99, "3.2.2", "after a success no second request within 30 s; one whose device never comes is given up in time")
async def test_099_not_again_at_once(calling: Acs) -> None:
    assert type(calling.app.config.connection_requests)().session_s >= 30
    async with listening(OK) as callee:
        cpe = await reachable(calling, callee.url())
        for _ in range(5):
            await calling.app.connection_requests.request(cpe.key)
        assert len(callee.requests) == 1
    async with listening(answer("503 Service Unavailable")) as callee:
        cpe = await reachable(calling, callee.url())
        operation = await calling.app.operations.request(ACTOR, cpe.key, "get", {"names": [UPTIME[0]]}, deadline_s=2)
        assert (await calling.ended(operation)).state == OperationState.EXPIRED
        await asyncio.sleep(1.0)
        calls = len(callee.requests)
        await asyncio.sleep(1.5)
        assert len(callee.requests) == calls


@item(
    100, "impl", "loopback and foreign networks are not called, redirects not followed, and a silent CPE ends in 10 s"
)
async def test_100_targets_are_checked(acs: Acs, tmp_path: Path) -> None:
    assert type(acs.app.config.connection_requests)().timeout_s <= 15
    async with (
        serving(tmp_path, connection_requests={"allowed_networks": ["192.0.2.0/24"], "timeout_s": 0.5}) as strict,
        listening(OK) as callee,
    ):
        for url in (callee.url(), f"http://localhost:{callee.port}/", "http://198.51.100.7/", "ftp://127.0.0.1/"):
            cpe = await reachable(strict, url)
            assert (await strict.app.connection_requests.request(cpe.key)).result is not Result.ACCEPTED, url
        assert not callee.requests
    async with listening(OK) as target, listening(answer("302 Found", f"Location: {target.url()}")) as callee:
        cpe = await reachable(acs, callee.url())
        assert (await acs.app.connection_requests.request(cpe.key)).result is Result.REDIRECTED
        assert not target.requests


class Datagrams(asyncio.DatagramProtocol):
    """A UDP socket of a CPE."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # it is one
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.came.put_nowait((data, address))

    @property
    def address(self) -> tuple[str, int]:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def send(self, data: bytes, port: int) -> None:
        assert self.transport is not None
        self.transport.sendto(data, ("127.0.0.1", port))

    async def next(self, count: int = 1) -> list[tuple[bytes, tuple[str, int]]]:
        """The next datagrams."""
        async with asyncio.timeout(60):
            return [await self.came.get() for _ in range(count)]


@asynccontextmanager
async def udp() -> AsyncIterator[Datagrams]:
    """A UDP socket on loopback."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, local_addr=("127.0.0.1", 0)
    )
    try:
        yield protocol
    finally:
        transport.close()
        await asyncio.sleep(0)


@pytest.fixture
async def sock() -> AsyncIterator[Datagrams]:
    """A UDP socket of a CPE."""
    async with udp() as bound:
        yield bound


@item(101, "Annex G", "the UDP request is signed as the vector says, sent three times alike, from the STUN port")
async def test_101_udp_requests(calling: Acs, sock: Datagrams) -> None:
    text = "1120673700" + "1234" + "CPE57689" + "XTGRWIPC6D3IPXS3"
    assert hmac.new(b"secret", text.encode(), hashlib.sha1).hexdigest().upper() == (
        "FDA44088E52A347CE49D6312521D5621EEB40037"
    ), "the vector, so that what follows is computed rightly"
    port = sock.address[1]
    cpe = await reachable(calling, "", UDPConnectionRequestAddress=f"127.0.0.1:{port}", NATDetected="1")
    calling.app.connection_requests.wake(cpe.key)
    found = await sock.next(3)
    assert len({data for data, _ in found}) == 1
    assert {source for _, source in found} == {("127.0.0.1", calling.app.config.stun.port)}
    first, _, rest = found[0][0].decode().partition("\r\n")
    assert rest == "\r\n"
    matched = re.fullmatch(
        rf"GET http://127\.0\.0\.1:{port}/?\?ts=(\d+)&id=(\d+)&un=([^&]+)&cn=([^&]+)&sig=([0-9A-Fa-f]{{40}}) HTTP/1\.1",
        first,
    )
    assert matched is not None, first
    ts, id, un, cn, sig = matched.groups()
    assert un == f"user-{cpe.serial}"
    assert abs(int(ts) - time.time()) < 60
    assert hmac.new(b"secret", (ts + id + un + cn).encode(), hashlib.sha1).hexdigest() == sig.lower()


def attribute(kind: int, value: bytes) -> bytes:
    """A STUN attribute, padded to four bytes."""
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + b"\0" * (-len(value) % 4)


def binding_request(
    *attributes: bytes, transaction: bytes = bytes(range(16)), signed: str = "", padded: bool = True
) -> bytes:
    """A Binding request of RFC 3489; with a password, MESSAGE-INTEGRITY closes it."""
    body = b"".join(attributes)
    length = len(body) + (24 if signed else 0)
    head = b"\x00\x01" + length.to_bytes(2, "big") + transaction
    if not signed:
        return head + body
    text = head + body
    if padded:
        text += b"\0" * (-len(text) % 64)
    return head + body + attribute(0x0008, hmac.new(signed.encode(), text, hashlib.sha1).digest())


def attributes_of(message: bytes) -> dict[int, bytes]:
    """The attributes of a STUN message."""
    found, at = {}, 20
    while at < len(message):
        kind, length = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 2 : at + 4], "big")
        found[kind] = message[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


async def stun(acs: Acs, sock: Datagrams, message: bytes) -> bytes:
    """The answer of the STUN server."""
    sock.send(message, acs.app.config.stun.port)
    ((data, _),) = await sock.next()
    return data


@item(
    102, "Annex G", "a STUN answer has MAPPED-, SOURCE- and CHANGED-ADDRESS, and XOR-MAPPED for clients with the cookie"
)
async def test_102_stun_answers(calling: Acs, sock: Datagrams) -> None:
    reply = await stun(calling, sock, binding_request())
    assert reply[:2] == b"\x01\x01"
    assert reply[4:20] == bytes(range(16))
    found = attributes_of(reply)
    host, port = sock.address
    assert found[0x0001] == b"\0\x01" + port.to_bytes(2, "big") + socket.inet_aton(host)
    assert found[0x0004][2:4] == calling.app.config.stun.port.to_bytes(2, "big")
    assert 0x0005 in found
    assert 0x0020 not in found
    modern = bytes.fromhex("2112a442") + bytes(range(12))
    found = attributes_of(await stun(calling, sock, binding_request(transaction=modern)))
    assert found[0x0020][2:4] == (port ^ 0x2112).to_bytes(2, "big")


@item(103, "Annex G", "CRB and BINDING-CHANGE are known; who is not proved gets 401; integrity is taken padded or not")
async def test_103_bindings_are_proved(calling: Acs, sock: Datagrams) -> None:
    cpe = await reachable(calling, "")
    await secret_for(calling, cpe, CredentialKind.STUN, "stunpass")
    marks = (attribute(0xC001, MARK), attribute(0xC002, b""))
    refused = await stun(calling, sock, binding_request(*marks))
    assert refused[:2] == b"\x01\x11"
    assert attributes_of(refused)[0x0009][2:4] == bytes([4, 1])
    name = attribute(0x0006, f"user-{cpe.serial}".encode())
    assert len(f"user-{cpe.serial}") % 4 == 0 or len(name) % 4 == 0
    for padded in (True, False):
        reply = await stun(calling, sock, binding_request(*marks, name, signed="stunpass", padded=padded))
        assert reply[:2] == b"\x01\x01", attributes_of(reply)
    wrong = await stun(calling, sock, binding_request(*marks, name, signed="another"))
    assert wrong[:2] == b"\x01\x11"
    async with asyncio.timeout(60):
        while (reach := await calling.app.connection_requests.reach(cpe.key)) is None or reach.binding is None:  # noqa: ASYNC110 - from the store
            await asyncio.sleep(0.05)
    assert (reach.binding.host, reach.binding.port) == sock.address
    assert reach.binding.proved


@item(104, "Annex G", "a UDP address without port means port 80, NATDetected is kept, and both are followed by Informs")
async def test_104_udp_addresses(calling: Acs) -> None:
    cpe = await reachable(calling, "", UDPConnectionRequestAddress="192.0.2.44", NATDetected="true")
    reach = await calling.app.connection_requests.reach(cpe.key)
    assert reach is not None
    assert (reach.udp, reach.nat_detected) == (("192.0.2.44", 80), True)
    moved = [("Device.ManagementServer.UDPConnectionRequestAddress", "192.0.2.45:7001", "xsd:string")]
    await cpe.session("4 VALUE CHANGE", parameters=moved)
    reach = await calling.app.connection_requests.reach(cpe.key)
    assert reach is not None
    assert reach.udp == ("192.0.2.45", 7001)


@item(105, "Annex G", "RESPONSE-ADDRESS is served only towards the sender's own address, with REFLECTED-FROM")
async def test_105_response_address(calling: Acs, sock: Datagrams) -> None:
    def towards(host: str, port: int) -> bytes:
        value = b"\0\x01" + port.to_bytes(2, "big") + socket.inet_aton(host)
        return binding_request(attribute(0x0002, value))

    port = calling.app.config.stun.port
    async with udp() as other:
        sock.send(towards(*other.address), port)
        ((reply, _),) = await other.next()
        assert attributes_of(reply)[0x000B][2:4] == sock.address[1].to_bytes(2, "big")
        sock.send(towards("192.0.2.1", 9), port)
        await asyncio.sleep(0.3)
        assert sock.came.empty()
        assert other.came.empty()


@item(106, "Annex K", "an IQ with connectionRequest through an XMPP server: result, busy and refused are told apart")
async def test_106_xmpp(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with (
        running_prosody(tmp_path_factory.mktemp("prosody")) as prosody,
        server_with(tmp_path, **test_xmpp.tables(tmp_path, prosody)) as server,
    ):
        await test_xmpp.online(server)
        async with powered(test_xmpp.with_xmpp(make_cpe(server, behind_nat=True), prosody)) as cpe:
            await test_xmpp.connected(server, cpe)
            accepted = await server.connection_requests.request(KEY)
            assert (accepted.method, accepted.result) == (Method.XMPP, Result.ACCEPTED)
            cpe.doors.xmpp.busy = True

            async def busy() -> bool:
                return (await server.connection_requests.request(KEY)).result is Result.BUSY

            await until(busy)  # while the session of the first request is awaited, none is sent
            cpe.tree.put("Device.ManagementServer.ConnectionRequestPassword", "another")


@item(107, "Annex M", "a lightweight notification with a bad signature, an old TS or a used CN is dropped")
async def test_107_lightweight_notifications(calling: Acs, sock: Datagrams) -> None:
    cpe = await reachable(calling, "")
    await secret_for(calling, cpe, CredentialKind.CWMP, "own")
    now = int(time.time())

    def heard() -> float:
        (counted,) = calling.app.metrics.lightweight_notifications.collect()
        return sum(one.value for one in counted.samples if one.name.endswith("_total"))

    async def sent(value: str, *, ts: int, cn: str, password: str = "own") -> str:
        before = heard()
        body = (
            f'<Notification xmlns="urn:broadband-forum-org:cwmp:lwnotif-1-0"><TS>{ts}</TS><UN>user-{cpe.serial}</UN>'
            f"<CN>{cn}</CN><OUI>{cpe.oui}</OUI><ProductClass>{cpe.product_class}</ProductClass>"
            f"<SerialNumber>{cpe.serial}</SerialNumber><Param><Name>Device.X.L</Name><Value>{value}</Value></Param>"
            "</Notification>"
        ).encode()
        signature = hmac.new(password.encode(), body, hashlib.sha1).hexdigest()
        head = f"POST /HTTPS/1.1\r\nSignature: {signature}\r\nContent-Lenght: {len(body)}\r\n\r\n".encode()
        sock.send(head + body, calling.app.config.lightweight.port)
        await calling.until(lambda: heard() > before)
        return (await calling.values(cpe)).get("Device.X.L", ("", ""))[0]

    assert await sent("one", ts=now, cn="a", password="wrong") == ""
    assert await sent("one", ts=now, cn="a") == "one"
    assert await sent("two", ts=now, cn="a") == "one", "this CN was used"
    assert await sent("two", ts=now - 5, cn="b") == "one", "this TS is old"
    assert await sent("two", ts=now + 1, cn="c") == "two"


@item(
    108,
    "3.2",
    "behind NAT UDP goes before HTTP; without NAT HTTP is first; what fails falls back, then Informs are waited for",
)
async def test_108_the_method_that_reaches_it(calling: Acs, sock: Datagrams) -> None:
    place = f"127.0.0.1:{sock.address[1]}"
    async with listening(OK) as callee:
        near = await reachable(calling, callee.url(), UDPConnectionRequestAddress=place, NATDetected="0")
        assert (await calling.app.connection_requests.request(near.key)).method is Method.HTTP
        assert len(callee.requests) == 1
        behind = await reachable(calling, callee.url(), UDPConnectionRequestAddress=place, NATDetected="1")
        attempt = await calling.app.connection_requests.request(behind.key)
        assert len(await sock.next(3)) == 3
        assert (attempt.method, attempt.result) == (Method.HTTP, Result.ACCEPTED), "nobody came, so HTTP was tried"
    lost = await reachable(calling, "http://192.168.77.1/", NATDetected="1")
    operation = await calling.request(lost, "get", {"names": [UPTIME[0]]})
    async with asyncio.timeout(60):
        async for step in calling.app.operations.watch(operation.id):
            if step.name is StepName.CONNECTION_REQUEST_FAILED:
                break
    await Device(lost, {UPTIME[0]: UPTIME[1:]}).session()
    assert (await calling.ended(operation)).state == OperationState.SUCCEEDED
