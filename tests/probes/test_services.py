"""TCP, DNS and HTTP probes, and the TR-143 server, against real servers on the loopback."""

import asyncio
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cli.ports import free_port
from probes import dns, http, tcp
from probes.errors import NoSuchHost, ProbeRefused
from probes.tcp import PortState
from probes.tr143.allowed import DEFAULT_NETWORKS, Limits, allowed, networks
from probes.tr143.echo import UdpEcho
from probes.tr143.transfers import TransferServer
from tests.absent import absent

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
HOME = networks(["127.0.0.0/8"])


@pytest.fixture
async def server() -> AsyncIterator[TransferServer]:
    made = TransferServer(HOME, Limits(size_bytes=5_000_000))
    await made.start("127.0.0.1", 0)
    yield made
    await made.close()


async def test_an_open_port_and_a_closed_one(server: TransferServer) -> None:
    heard: list[tcp.TcpResult] = []
    found = await tcp.connect("127.0.0.1", server.port, count=3, interval_s=0.01, watch=heard.append)
    assert (found.state, found.times.received, found.times.loss_pct) == (PortState.OPEN, 3, 0)
    assert [one.times.sent for one in heard] == [1, 2, 3]
    closed = await tcp.connect("127.0.0.1", free_port(), count=2, interval_s=0.01)
    assert (closed.state, closed.times.received, closed.problem) == (PortState.CLOSED, 2, "connection refused")


async def test_a_port_that_says_nothing_is_silent() -> None:
    # a full backlog: the kernel drops what comes
    with socket.socket() as listening, socket.socket() as one, socket.socket() as two:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for other in (one, two):
            other.setblocking(False)
            other.connect_ex(listening.getsockname())
        found = await tcp.connect("127.0.0.1", listening.getsockname()[1], count=1, timeout_s=0.1)
    assert (found.state, found.times.received) == (PortState.SILENT, 0)
    assert "no answer in 0.1 s" in found.problem


async def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ProbeRefused, match="port 0"):
        await tcp.connect("127.0.0.1", 0)
    with pytest.raises(NoSuchHost):
        await tcp.connect("cpe.invalid", 80)
    with pytest.raises(ProbeRefused, match="is no address of the web"):
        await http.fetch("ftp://example.net/x")
    with pytest.raises(ProbeRefused, match="GET or HEAD"):
        await http.fetch("http://127.0.0.1/", method="PUT")
    with pytest.raises(ProbeRefused, match="a name and a kind"):
        await dns.ask("example.net", "127.0.0.1", kind="NONESUCH")


async def test_a_request_is_taken_to_pieces(server: TransferServer) -> None:
    found = await http.fetch(f"http://localhost:{server.port}/download/300000", version=4)
    assert (found.status, found.size_bytes, found.address, found.problem) == (200, 300_000, "127.0.0.1", "")
    pieces = (found.name_ms, found.connect_ms, found.first_byte_ms, found.body_ms)
    assert all(piece is not None and piece >= 0 for piece in pieces)
    assert found.total_ms is not None and found.total_ms >= sum(piece for piece in pieces if piece is not None) * 0.5
    assert found.tls_ms is None and found.rate_bps is not None
    head = await http.fetch(f"http://127.0.0.1:{server.port}/download/300000", method="HEAD")
    assert (head.status, head.size_bytes) == (200, 0)
    missing = await http.fetch(f"127.0.0.1:{server.port}/nothing")
    assert missing.status == 404
    nobody = await http.fetch(f"http://127.0.0.1:{free_port()}/")
    assert nobody.status is None and nobody.problem


async def test_a_server_that_never_answers_costs_its_time() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(mute, "127.0.0.1", 0)
    found = await http.fetch(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/", timeout_s=0.3)
    listening.close()
    assert found.status is None and found.connect_ms is not None
    assert found.problem


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[int]:
    """A real resolver on a port of its own."""
    program = shutil.which("dnsmasq", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        absent("until dnsmasq is installed: apt-get install dnsmasq-base")
    port = free_port()
    command = [program, "--keep-in-foreground", "--no-resolv", "--no-hosts", f"--port={port}", "--conf-file=/dev/null"]
    command += ["--listen-address=127.0.0.1", "--bind-interfaces", f"--pid-file={tmp_path / 'pid'}", "--user="]
    names = ["--host-record=acs.example.net,192.0.2.7,120", "--local=/example.net/"]
    names += [f"--txt-record=big.example.net,{number}{'x' * 249}" for number in range(6)]
    process = subprocess.Popen([*command, *names], stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                break
        if process.poll() is not None:
            absent(f"until dnsmasq starts here: {process.stderr.read() if process.stderr else ''}")
        time.sleep(0.05)
    yield port
    process.terminate()
    process.communicate()


async def test_a_real_resolver_is_asked(resolver: int) -> None:
    found = await dns.ask("acs.example.net", "127.0.0.1", port=resolver, count=3, interval_s=0.01)
    assert (found.rcode, found.works, found.times.received) == ("NOERROR", True, 3)
    assert [(one.name, one.kind, one.value) for one in found.records] == [("acs.example.net.", "A", "192.0.2.7")]
    assert found.times.rtt_p50_ms is not None
    assert [(fact.name, fact.value) for fact in dns.facts(found, NOW)] == [("dns.operator_ok", True)]
    none = await dns.ask("nobody.example.net", "127.0.0.1", port=resolver)
    assert (none.rcode, none.works, none.records) == ("NXDOMAIN", True, ())
    big = await dns.ask("big.example.net", "127.0.0.1", kind="txt", port=resolver)
    assert big.truncated and len(big.records) == 6
    over_tcp = await dns.ask("acs.example.net", "127.0.0.1", port=resolver, tcp=True)
    assert over_tcp.rcode == "NOERROR"


async def test_a_resolver_that_is_not_there_says_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        found = await dns.ask(
            "a.example", "127.0.0.1", port=mute.getsockname()[1], timeout_s=0.1, count=2, interval_s=0
        )
    assert (found.rcode, found.works, found.times.loss_pct) == (None, False, 100.0)
    assert "no answer in 0.1 s" in found.problem


def test_the_machines_own_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "resolv.conf"
    monkeypatch.setattr(dns, "_RESOLV_CONF", conf)
    conf.write_text("# none\nsearch example.net\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n")
    assert dns.own_resolver() == "192.0.2.53"
    conf.write_text("search example.net\n")
    with pytest.raises(ProbeRefused, match="names no resolver"):
        dns.own_resolver()
    conf.unlink()
    with pytest.raises(ProbeRefused, match="name the resolver to ask"):
        dns.own_resolver()


class TestTransfers:
    """The HTTP side of the TR-143 server."""

    async def test_downloads_have_the_length_that_is_asked(self, server: TransferServer) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            for path in ("/download/2500000", "/download?size=2500000"):
                assert len((await client.get(path)).content) == 2_500_000
            assert (await client.get("/download/0")).content == b""
            for path, status in (
                ("/download/x", 400),
                ("/download/5000001", 413),
                ("/nothing", 404),
                ("/download/" + "9" * 30, 400),
            ):
                assert (await client.get(path)).status_code == status, path
            assert (await client.post("/download/1")).status_code == 405
        assert server.counts.downloads == 3 and server.counts.sent_bytes == 5_000_000

    async def test_uploads_are_counted_and_forgotten(self, server: TransferServer) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield bytes(30_000)

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            put = await client.put("/upload", content=bytes(1_000_000))
            assert (put.status_code, put.text) == (201, "1000000 octets\n")
            chunked = await client.post("/upload/any/name", content=pieces())
            assert (chunked.status_code, chunked.text) == (201, "300000 octets\n")
            expecting = await client.put("/upload", content=b"x", headers={"Expect": "100-continue"})
            assert expecting.status_code in (100, 201)
            assert (await client.put("/upload", content=bytes(5_000_001))).status_code == 413
            assert (await client.get("/upload")).status_code == 405
        assert server.counts.received_bytes == 1_300_001

    @pytest.mark.parametrize(
        "text", [b"GET\r\n\r\n", b"PUT /upload HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 9 + b"\r\n\r\n"]
    )
    async def test_rubbish_is_answered_or_dropped(self, server: TransferServer, text: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(text)
        answer = await reader.read()
        writer.close()
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 411"))

    async def test_strangers_and_too_many_are_turned_away(self) -> None:
        made = TransferServer(networks(["192.0.2.0/24"]), Limits())
        await made.start("127.0.0.1", 0)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{made.port}/download/1")).status_code == 403
        await made.close()
        made = TransferServer(HOME, Limits(connections=0))
        await made.start("127.0.0.1", 0)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{made.port}/download/1")).status_code == 503
        await made.close()

    async def test_a_transfer_that_stands_still_is_ended(self) -> None:
        made = TransferServer(HOME, Limits(transfer_s=0.1))
        await made.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"PUT /upload HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        await made.close()
        assert made.counts.refused == 1


class TestEcho:
    """The UDP side of the TR-143 server."""

    def echo(self, limits: Limits | None = None, *, plus: bool = True) -> UdpEcho:
        moments = iter(range(10, 1000))
        return UdpEcho(HOME, limits or Limits(), plus=plus, clock=lambda: next(moments) / 1000)

    async def test_a_datagram_comes_back(self) -> None:
        echo = await UdpEcho.start("127.0.0.1", 0, HOME, Limits())
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            asking.connect(("127.0.0.1", echo.port))
            await loop.sock_sendall(asking, b"plain")
            async with asyncio.timeout(60):
                assert await loop.sock_recv(asking, 100) == b"plain"
                await loop.sock_sendall(asking, struct.pack("!5I", 77, 0, 0, 0, 0) + b"filling")
                answer = await loop.sock_recv(asking, 100)
        echo.close()
        number, responded, received, replied, failed = struct.unpack_from("!5I", answer)
        assert (number, responded, failed, answer[20:]) == (77, 2, 0, b"filling")
        assert replied >= received
        assert echo.counts.packets_received == echo.counts.packets_responded == 2

    def test_echo_plus_stamps_microseconds_and_keeps_the_length(self) -> None:
        answer = self.echo().answer(struct.pack("!5I", 5, 9, 9, 9, 9), 1.5)
        assert struct.unpack("!5I", answer) == (5, 0, 1_500_000, 10_000, 0)
        assert self.echo(plus=False).answer(b"\0" * 20, 1.5) == b"\0" * 20

    def test_only_so_many_are_answered_and_strangers_never(self) -> None:
        echo = self.echo(Limits(echoes_pps=2))
        for _ in range(4):
            echo.datagram_received(b"x", ("127.0.0.1", 9))
        echo.datagram_received(b"x", ("192.0.2.1", 9))
        assert (echo.counts.packets_responded, echo.counts.packets_received, echo.counts.refused) == (2, 4, 3)
        assert struct.unpack_from("!5I", echo.answer(bytes(20), 1.0))[4] == 2


def test_who_may_test() -> None:
    private = networks(DEFAULT_NETWORKS)
    for address, expected in (
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("8.8.8.8", False),
    ):
        assert allowed(address, private) is expected
    assert not allowed("rubbish", private)
    with pytest.raises(ProbeRefused, match=r"write a network as 10\.0\.0\.0/8"):
        networks(["10.0.0.0/99"])
