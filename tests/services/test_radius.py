"""RADIUS accounting: bytes, proofs, sessions as facts of lines, and a listener on a real socket."""

import asyncio
import hashlib
import re
import shutil
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from acs.app import App
from acs.config import ContextSection, RadiusSection
from acs.config.context import RadiusClient
from acs.errors import ProtocolError
from acs.metrics import Metrics
from acs.server.radius import RadiusListener
from acs.services.actor import local_actor
from acs.services.context_sources import ContextSources
from acs.services.radius import Status, answer, decode
from acs.services.radius_sessions import Arrived, RadiusSessions
from acs.services.session_lines import SessionLines
from acs.store import access_sessions as session_store
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store.records import LineRecord
from tests.absent import absent
from tests.fakes.bras import accounting_request, circuit_attribute
from tests.held_rows import meanwhile

SECRET = b"a shared secret"
BOSS = local_actor()
#: a rule that an operator may write: it takes whatever stands between the spaces
LOOSE = re.compile(r"^(?P<node>\S+) (?P<port>\S*) (?P<ont>\S+)$")
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def number(value: int) -> bytes:
    return struct.pack("!I", value)


def packet(status: Status, session: str = "s1", n: int = 1, *, sign: bool = False, **more: Any) -> bytes:
    told = {"login": "user-1", "address": "100.64.0.7", "nas": "bras-1", **more}
    attributes = [(40, number(status)), (44, session.encode()), (32, told["nas"].encode())]
    if status not in (Status.ON, Status.OFF):
        attributes += [(1, told["login"].encode()), (8, ip_address(told["address"]).packed)]
    numbers = {41: "delay", 42: "octets", 52: "giga", 49: "cause"}
    attributes += [(kind, number(told[name])) for kind, name in numbers.items() if name in told]
    if "circuit" in told:
        attributes.append(circuit_attribute(told["circuit"]))
    if "port" in told:
        attributes.append((87, told["port"].encode()))
    return accounting_request(n, attributes, SECRET, sign=sign)


def test_a_request_is_read_and_proven() -> None:
    said = decode(packet(Status.STOP, octets=5, giga=2, cause=2, circuit="olt-1 xpon 0/1/2:3", delay=4), SECRET)
    assert (said.status, said.session, said.login, said.address) == (Status.STOP, "s1", "user-1", "100.64.0.7")
    assert (said.in_octets, said.cause, said.circuit) == ((2 << 32) + 5, "lost carrier", "olt-1 xpon 0/1/2:3")
    assert (said.delay_s, said.signed) == (4, False)
    assert decode(packet(Status.START, sign=True), SECRET).signed


@pytest.mark.parametrize("sign", [False, True])
def test_every_flipped_bit_and_every_cut_is_refused(sign: bool) -> None:
    whole = packet(Status.START, sign=sign)
    for place in range(len(whole)):
        broken = whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :]
        with pytest.raises(ProtocolError):
            decode(broken, SECRET)
        with pytest.raises(ProtocolError):
            decode(whole[:place], SECRET)
    with pytest.raises(ProtocolError, match="shared secret differs"):
        decode(whole, b"another")
    assert decode(whole + b"padding", SECRET).session == "s1"


def test_a_wrong_signature_under_a_right_authenticator_is_refused() -> None:
    forged = accounting_request(1, [(40, number(1)), (44, b"s"), (80, bytes(16))], SECRET, sign=False)
    with pytest.raises(ProtocolError, match="Message-Authenticator"):
        decode(forged, SECRET)


@pytest.mark.parametrize("sign", [False, True])
def test_the_answer_is_what_a_bras_proves(sign: bool) -> None:
    request = packet(Status.START, n=9, sign=sign)
    given = answer(decode(request, SECRET), SECRET)
    assert given[:2] == bytes((5, 9))
    assert len(given) == 20
    assert hashlib.md5(given[:4] + request[4:20] + SECRET).digest() == given[4:20]


class Bras:
    """A service over a real store, and the clock that the BRAS has too."""

    def __init__(self, app: App, folder: Path) -> None:
        secret = folder / "radius.secret"
        secret.write_text(SECRET.decode())
        secret.chmod(0o600)
        client = RadiusClient(name="bras", networks=(ip_network("127.0.0.0/8"),), secret_file=secret)
        self.config = RadiusSection(
            clients=(client,), host="127.0.0.1", port=0, port_patterns=(r"^line=(?P<line>\S+)$",)
        )
        self.now = T0
        self.store = app.store
        self.alarms = app.northbound.alarms
        self.sources = ContextSources(app.store, ContextSection(), self.alarms, lambda: self.now)
        self.sessions = RadiusSessions(app.store, self.config, self.sources, lambda: self.now)

    async def says(self, status: Status, session: str = "s1", *, after_s: float = 0.0, **more: Any) -> None:
        self.now += timedelta(seconds=after_s)
        await self.sessions.take([Arrived("bras", decode(packet(status, session, **more), SECRET), self.now)])

    async def facts(self, line: str = "L-1") -> dict[str, Any]:
        async with self.store.reading() as tx:
            found = await fact_store.latest(tx, line)
        return {name: (fact.value, fact.at) for name, fact in found.items()}


@pytest.fixture
async def bras(app_on_both: App, tmp_path: Path) -> Bras:
    lines = [
        LineRecord("L-1", "pon", pppoe_login="user-1"),
        LineRecord("L-2", "pon", node="olt-1", frame=0, slot=1, port=2, ont=3),
        LineRecord("L-3", "pon", node="olt-1", frame=0, slot=1, port=2, ont=4),
    ]
    async with app_on_both.store.transaction() as tx:
        await line_store.upsert(tx, lines, T0)
    return Bras(app_on_both, tmp_path)


async def test_start_interim_and_stop_are_facts_of_the_line(bras: Bras) -> None:
    await bras.says(Status.START)
    assert (await bras.facts())["bras.session"] == ("up", T0)
    assert (await bras.facts())["bras.address"] == ("100.64.0.7", T0)
    await bras.says(Status.INTERIM, after_s=300, address="100.64.0.8")
    assert (await bras.facts())["bras.address"] == ("100.64.0.8", T0 + timedelta(seconds=300))
    await bras.says(Status.STOP, after_s=60, cause=2)
    assert (await bras.facts())["bras.session"] == ("none", T0 + timedelta(seconds=360))
    (session,) = await bras.sessions.on_line(BOSS, "L-1")
    assert (session.started_at, session.stopped_at, session.cause) == (T0, T0 + timedelta(seconds=360), "lost carrier")


async def test_a_session_that_overlaps_another_and_words_that_come_late(bras: Bras) -> None:
    await bras.says(Status.START, "old")
    await bras.says(Status.START, "new", after_s=10, address="100.64.0.9")
    await bras.says(Status.STOP, "old", after_s=1)
    assert (await bras.facts())["bras.session"][0] == "up", "the new one is open"
    await bras.says(Status.STOP, "new", after_s=20)
    await bras.says(Status.INTERIM, "new", after_s=5, delay=15)
    assert (await bras.facts())["bras.session"] == ("none", T0 + timedelta(seconds=31)), "the Interim was older"
    for _ in range(3):
        await bras.says(Status.STOP, "new")
    assert len(await bras.sessions.on_line(BOSS, "L-1")) == 2


async def test_an_id_that_a_bras_gives_anew_is_another_session_of_another_line(bras: Bras) -> None:
    """A BRAS that counts from 00000001 after each restart (RFC 2866 §5.5 asks for no more)."""
    async with bras.store.transaction() as tx:
        lines = [LineRecord("L-4", "pon", pppoe_login="alice"), LineRecord("L-5", "pon", pppoe_login="bob")]
        await line_store.upsert(tx, lines, T0)
    await bras.says(Status.START, "00000001", login="alice", address="10.0.0.1")
    await bras.says(Status.STOP, "00000001", login="alice", address="10.0.0.1", after_s=60)
    await bras.says(Status.ON, after_s=60)
    await bras.says(Status.START, "00000001", login="bob", address="10.0.0.2", after_s=60)
    assert await bras.sessions.on_line(BOSS, "L-4") == []
    assert (await bras.facts("L-4"))["bras.session"] == ("none", T0 + timedelta(seconds=60))
    (bobs,) = await bras.sessions.on_line(BOSS, "L-5")
    assert (bobs.login, bobs.address, bobs.stopped_at) == ("bob", "10.0.0.2", None)
    assert bobs.started_at == T0 + timedelta(seconds=180)
    assert (await bras.facts("L-5"))["bras.address"][0] == "10.0.0.2"


@pytest.mark.parametrize("status", [Status.START, Status.INTERIM])
async def test_an_id_whose_stop_was_lost_goes_to_the_line_that_has_it_now(bras: Bras, status: Status) -> None:
    async with bras.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-5", "pon", pppoe_login="bob")], T0)
    await bras.says(Status.START)
    await bras.says(status, login="bob", address="10.0.0.2", after_s=60)
    assert await bras.sessions.on_line(BOSS, "L-1") == []
    assert (await bras.facts("L-1"))["bras.session"] == ("none", T0 + timedelta(seconds=60))
    (bobs,) = await bras.sessions.on_line(BOSS, "L-5")
    assert (bobs.address, bobs.started_at) == ("10.0.0.2", T0 + timedelta(seconds=60))


async def test_the_same_login_again_under_an_old_id_begins_anew(bras: Bras) -> None:
    await bras.says(Status.START, octets=5)
    await bras.says(Status.STOP, octets=9, after_s=60)
    await bras.says(Status.START, n=2, after_s=600)
    (session,) = await bras.sessions.on_line(BOSS, "L-1")
    assert (session.started_at, session.stopped_at, session.in_octets) == (T0 + timedelta(seconds=660), None, 0)


@pytest.mark.parametrize("again", [{}, {"n": 9, "delay": 70}])
async def test_a_start_that_comes_again_after_its_stop_opens_nothing(bras: Bras, again: dict[str, Any]) -> None:
    """The same packet, or the same start in a new one (RFC 2866 §5.2: its delay makes it another packet)."""
    await bras.says(Status.START)
    await bras.says(Status.STOP, after_s=60)
    await bras.says(Status.START, after_s=5, **again)
    (session,) = await bras.sessions.on_line(BOSS, "L-1")
    assert (session.started_at, session.stopped_at) == (T0, T0 + timedelta(seconds=60))
    assert (await bras.facts())["bras.session"][0] == "none"


async def test_a_line_is_found_by_option_82_and_by_port(bras: Bras) -> None:
    await bras.says(Status.START, "a", login="stranger", circuit="olt-1 xpon 0/1/2:3")
    await bras.says(Status.START, "b", login="stranger", port="line=L-3")
    await bras.says(Status.START, "c", login="stranger", circuit="olt-1 xpon 0/1/2", port="x")
    assert [bool(await bras.facts(line)) for line in ("L-1", "L-2", "L-3")] == [False, True, True]


async def test_a_nas_that_restarts_ends_its_sessions_and_no_others(bras: Bras) -> None:
    await bras.says(Status.START, "a")
    await bras.says(Status.START, "b", login="stranger", port="line=L-3", nas="bras-2")
    await bras.says(Status.ON, after_s=30)
    assert (await bras.facts("L-1"))["bras.session"][0] == "none"
    assert (await bras.facts("L-3"))["bras.session"][0] == "up"
    await bras.says(Status.START, "c", after_s=1)
    assert (await bras.facts("L-1"))["bras.session"][0] == "up"


async def test_a_session_that_is_heard_while_it_is_found_silent_is_up(
    bras: Bras, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bras.says(Status.START)
    bras.now += timedelta(seconds=901)
    others = meanwhile(monkeypatch, bras.store, session_store, "mark", lambda: bras.says(Status.INTERIM, after_s=1))
    await bras.sessions.turn()
    await others[0]
    (session,) = await bras.sessions.on_line(BOSS, "L-1")
    assert (session.heard_at, session.cause) == (bras.now, "")
    assert (await bras.facts())["bras.session"][0] == "up"


async def test_silence_of_a_session_is_stale_and_silence_of_the_bras_is_said(bras: Bras) -> None:
    await bras.says(Status.START)
    bras.now += timedelta(seconds=901)
    assert await bras.sessions.turn() == 1
    assert (await bras.facts())["bras.session"][0] == "stale"
    assert await bras.sessions.turn() == 0
    await bras.says(Status.INTERIM, after_s=1)
    assert (await bras.facts())["bras.session"][0] == "up"
    bras.now += timedelta(seconds=1_900)
    await bras.sources.turn()
    (source,) = await bras.sources.find(BOSS)
    assert (source.name, source.down_since) == ("radius bras", bras.now)
    await bras.alarms.close()
    assert [alarm.subject for alarm in await bras.alarms.list(BOSS, active=True)] == ["source:radius bras"]
    await bras.says(Status.INTERIM, after_s=1)
    assert await bras.sources.down() == 0
    assert await bras.alarms.list(BOSS, active=True) == []


class Wire(asyncio.DatagramProtocol):
    """The other end of the listener."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait(data)


async def test_the_listener_answers_what_is_on_disk_and_nothing_else(bras: Bras) -> None:
    metrics = Metrics()
    listener = RadiusListener(bras.config, bras.sessions, metrics, lambda: bras.now)
    await listener.start()
    loop = asyncio.get_running_loop()
    wire, protocol = await loop.create_datagram_endpoint(Wire, remote_addr=("127.0.0.1", listener.port))
    try:
        wire.sendto(b"nonsense")
        wire.sendto(accounting_request(7, [(40, number(1)), (44, b"x")], b"another secret", sign=False))
        for n in range(50):
            wire.sendto(packet(Status.START, f"s{n}", n))
        answered: set[int] = set()
        async with asyncio.timeout(60):
            while len(answered) < 50:
                answered.add((await protocol.came.get())[1])
        assert answered == set(range(50))
        assert len(await bras.sessions.on_line(BOSS, "L-1")) == 20
        assert b'acs_radius_packets_total{result="refused"} 2.0' in metrics.text()
    finally:
        wire.close()
        await listener.stop()


async def test_no_packet_stops_accounting(bras: Bras, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a counter that no column holds, nor a port that none holds, nor a defect of ours."""
    monkeypatch.setattr("acs.server.radius._PAUSE_S", 0.01)
    real, failed = bras.sessions.take, asyncio.Event()

    async def take(arrived: Sequence[Arrived]) -> None:
        if not failed.is_set():
            failed.set()
            raise ValueError("a defect")
        await real(arrived)

    monkeypatch.setattr(bras.sessions, "take", take)
    listener = RadiusListener(bras.config, bras.sessions, Metrics(), lambda: bras.now)
    await listener.start()
    loop = asyncio.get_running_loop()
    wire, protocol = await loop.create_datagram_endpoint(Wire, remote_addr=("127.0.0.1", listener.port))
    greatest, far = 0xFFFFFFFF, "olt-1 xpon 0/1/99999999999999999999:3"
    bad = [
        packet(Status.START, "lost", 1),
        packet(Status.STOP, "much", 2, octets=greatest, giga=greatest, sign=True),
        packet(Status.START, "far", 3, login="stranger", circuit=far),
        packet(Status.START, "port", 4, login="stranger", port="line=" + "9" * 200),
    ]
    try:
        wire.sendto(bad[0])
        async with asyncio.timeout(60):
            await failed.wait()
            for n, one in enumerate([*bad[1:], packet(Status.START, "good", 5)], 2):
                wire.sendto(one)
                assert (await protocol.came.get())[1] == n
    finally:
        wire.close()
        await listener.stop()
    sessions = {one.session: one for one in await bras.sessions.on_line(BOSS, "L-1")}
    assert sessions.keys() == {"much", "good"}
    assert sessions["much"].in_octets == 2**63 - 1


@pytest.mark.parametrize("port", ["²", "x", ""])
async def test_a_port_that_a_rule_reads_as_no_number_is_no_lines(bras: Bras, port: str) -> None:
    bras.sessions._lines = SessionLines(bras.config.model_copy(update={"port_patterns": (LOOSE,)}))
    await bras.says(Status.START, login="stranger", port=f"olt-1 {port} 4")
    assert await bras.sessions.on_line(BOSS, "L-3") == []


@pytest.mark.parametrize("signed", ["", "Message-Authenticator = 0x00\n"])
async def test_the_client_of_freeradius_is_understood_and_believes_the_answer(bras: Bras, signed: str) -> None:
    if shutil.which("radclient") is None:
        absent("radclient is not installed here: apt-get install freeradius-utils")
    listener = RadiusListener(bras.config, bras.sessions, Metrics(), lambda: bras.now)
    await listener.start()
    said = (
        'Acct-Status-Type = Start\nAcct-Session-Id = "0A1B"\nUser-Name = "stranger"\nNAS-Identifier = "bras-9"\n'
        'Framed-IP-Address = 100.64.3.3\nADSL-Agent-Circuit-Id = "olt-1 xpon 0/1/2:3"\n' + signed
    )
    try:
        async with asyncio.timeout(60):
            client = await asyncio.create_subprocess_exec(
                "radclient", "-r", "3", "-t", "10", f"127.0.0.1:{listener.port}", "acct", SECRET.decode(),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            told, _ = await client.communicate(said.encode())
        assert client.returncode == 0, told.decode()
        assert b"Accounting-Response" in told
        (session,) = await bras.sessions.on_line(BOSS, "L-2")
        assert (session.nas, session.session, session.address) == ("bras-9", "0A1B", "100.64.3.3")
    finally:
        await listener.stop()
