"""Traps and informs of every version, against net-snmp; and whatever bytes may come."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import ProbeRefused
from probes.snmp.ber import MalformedMessage
from probes.snmp.notification import Engine, Notification, Report, Unknown, decode
from probes.snmp.target import V3User, Version
from probes.snmp.trap_socket import TrapSocket
from probes.snmp.usm import WrongKey
from tests.probes.notifications import IF_INDEX, INFORM, LINK_DOWN, net_snmp, notification, protections

USERS = {
    "md5des": V3User("md5des", "md5", "auth-password", "des", "privacy-password"),
    "sha": V3User("sha", "sha", "auth-password", "aes128", "privacy-password"),
    "sha256": V3User("sha256", "sha256", "auth-password", "aes128", "privacy-password"),
    "sha512": V3User("sha512", "sha512", "auth-password"),
    "aes256": V3User("aes256", "sha", "auth-password", "aes256", "privacy-password"),
    "open": V3User("open"),
}
#: user → what net-snmp calls its protocols
SENDERS = {
    "md5des": ("MD5", "DES"),
    "sha": ("SHA", "AES"),
    "sha256": ("SHA-256", "AES"),
    "sha512": ("SHA-512", ""),
    "aes256": ("SHA", "AES-256"),
    "open": ("", ""),
}
VARBINDS = [f"{IF_INDEX}.5", "i", "5", "1.3.6.1.4.1.99999.1", "s", "hello"]
SENDER_ENGINE = ["-e", "0x8000000001020304"]


def engine() -> Engine:
    return Engine(b"\x80\x00\x00\x00\x05of-the-test", 7, lambda: 1000.0)


@dataclass
class Ear:
    """A socket that keeps what it hears and acknowledges it."""

    heard: list[Notification] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    socket: TrapSocket = field(init=False)
    engine: Engine = field(default_factory=engine)

    def __post_init__(self) -> None:
        self.socket = TrapSocket("127.0.0.1", 0, self.take, buffer_bytes=1 << 20, waiting=1000)

    def take(self, data: bytes, sender: tuple[str, int]) -> None:
        try:
            told = decode(data, sender[0], self.engine, lambda _, name: USERS.get(name))
        except (MalformedMessage, Unknown, WrongKey) as error:
            self.errors.append(error)
            return
        if isinstance(told, Report):
            self.reports.append(told.why)
        else:
            self.heard.append(told)
        if told.answer is not None:
            self.socket.send(told.answer, sender)

    async def until(self, count: int) -> None:
        for _ in range(6000):
            if len(self.heard) + len(self.errors) >= count:
                return
            await asyncio.sleep(0.01)

    @property
    def to(self) -> str:
        return f"127.0.0.1:{self.socket.port}"


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    found = Ear()
    await found.socket.start()
    yield found
    await found.socket.stop()


async def test_traps_of_version_1_are_told_in_the_words_of_version_2(ear: Ear, tmp_path: Path) -> None:
    enterprise = "1.3.6.1.4.1.2011"
    specific = ["-v1", "-c", "public", ear.to, enterprise, "10.1.2.3", "6", "17", "12345", *VARBINDS]
    assert await net_snmp("snmptrap", *specific, folder=tmp_path) == 0
    generic = ["-v1", "-c", "public", ear.to, "", "10.1.2.3", "2", "0", "5", *VARBINDS]
    assert await net_snmp("snmptrap", *generic, folder=tmp_path) == 0
    await ear.until(2)
    assert [one.trap for one in ear.heard] == [f"{enterprise}.0.17", LINK_DOWN]
    first = ear.heard[0]
    assert (first.version, first.agent, first.uptime, first.community) == (Version.V1, "10.1.2.3", 12345, b"public")
    assert [(one.oid, one.value) for one in first.varbinds] == [(f"{IF_INDEX}.5", 5), ("1.3.6.1.4.1.99999.1", b"hello")]


async def test_an_inform_of_version_2_is_acknowledged(ear: Ear, tmp_path: Path) -> None:
    sent = ["-v2c", "-c", "public", "-t", "2", "-r", "0", ear.to, "555", LINK_DOWN, *VARBINDS]
    assert await net_snmp("snmpinform", *sent, folder=tmp_path) == 0
    assert await net_snmp("snmptrap", *sent, folder=tmp_path) == 0
    await ear.until(2)
    assert [one.uptime for one in ear.heard] == [555, 555]
    assert [one.answer is not None for one in ear.heard] == [True, False]


@pytest.mark.parametrize("name", list(SENDERS))
async def test_version_3_is_heard_with_every_protection(ear: Ear, tmp_path: Path, name: str) -> None:
    said = [ear.to, "555", LINK_DOWN, *VARBINDS]
    user = protections(name, *SENDERS[name])
    assert await net_snmp("snmptrap", *user, *SENDER_ENGINE, *said, folder=tmp_path) == 0
    assert await net_snmp("snmpinform", *user, "-t", "2", "-r", "1", *said, folder=tmp_path) == 0
    assert [(one.user, one.trap, one.varbinds[1].value) for one in ear.heard] == [(name, LINK_DOWN, b"hello")] * 2
    assert "it does not know our engine yet" in ear.reports


async def test_an_inform_whose_longer_key_is_made_the_other_way_is_answered_that_way(ear: Ear, tmp_path: Path) -> None:
    user = protections("aes256", "SHA", "AES-256-C")
    said = ["-t", "2", "-r", "0", ear.to, "555", LINK_DOWN, *VARBINDS]
    assert await net_snmp("snmpinform", *user, *said, folder=tmp_path) == 0


async def test_what_a_user_did_not_say_is_not_believed(ear: Ear, tmp_path: Path) -> None:
    said = [*SENDER_ENGINE, ear.to, "555", LINK_DOWN, *VARBINDS]
    wrong = [word.replace("auth-password", "other-password") for word in protections("sha", "SHA", "AES")]
    hidden = [word.replace("privacy-password", "other-password") for word in protections("sha", "SHA", "AES")]
    for user in (wrong, hidden, protections("sha", "SHA"), protections("nobody", "SHA"), protections("open", "SHA")):
        await net_snmp("snmptrap", *user, *said, folder=tmp_path)
    await ear.until(5)
    assert ear.heard == []
    words = " / ".join(map(str, ear.errors))
    for part in ("another password or protocol", "cannot be read", "must hide", "'nobody' is not known", "no password"):
        assert part in words, (part, words)


async def test_a_message_that_is_sent_again_later_is_not_believed(ear: Ear, tmp_path: Path) -> None:
    kept: list[bytes] = []
    take = ear.take
    ear.socket._take = lambda data, sender: (kept.append(data), take(data, sender))  # type: ignore[assignment,func-returns-value]
    user = protections("sha512", "SHA-512")
    later = ["-Z", "9,5000"]
    early = ["-Z", "9,100"]
    for when in (early, later):
        await net_snmp("snmptrap", *user, *when, *SENDER_ENGINE, ear.to, "5", LINK_DOWN, folder=tmp_path)
    await ear.until(2)
    assert len(ear.heard) == 2
    ear.take(kept[0], ("127.0.0.1", 1))
    assert len(ear.heard) == 2
    assert "earlier time" in str(ear.errors[-1])


def test_a_sender_that_has_an_old_picture_of_our_clock_is_told_the_time() -> None:
    ours = engine()
    heard = decode(notification(LINK_DOWN, tag=INFORM), "127.0.0.1", ours, lambda *_: None)
    assert isinstance(heard, Notification) and heard.answer is not None
    assert ours.in_time(ours.id, 7, 900) and not ours.in_time(ours.id, 7, 500) and not ours.in_time(ours.id, 6, 1000)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_notification_or_malformed(data: bytes) -> None:
    with pytest.raises((MalformedMessage, Unknown, WrongKey)):
        decode(data, "127.0.0.1", engine(), lambda *_: None)


def test_damaged_notifications_never_raise_anything_else() -> None:
    chance, good = random.Random(3), notification(LINK_DOWN, tag=INFORM)
    ends = set()
    for _ in range(3000):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 2, 4))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            ends.add(type(decode(bytes(damaged), "127.0.0.1", engine(), lambda *_: USERS["open"])))
        except (MalformedMessage, Unknown, WrongKey) as error:
            ends.add(type(error))
    assert {Notification, MalformedMessage} <= ends


async def test_a_burst_is_taken_whole_and_drops_are_counted() -> None:
    heard: list[bytes] = []
    socket = TrapSocket("127.0.0.1", 0, lambda data, _: heard.append(data), buffer_bytes=1 << 20, waiting=700)
    await socket.start()
    sender = TrapSocket("127.0.0.1", 0, lambda *_: None, buffer_bytes=1 << 16, waiting=1)
    await sender.start()
    message = notification(LINK_DOWN)
    for _ in range(600):
        sender.send(message, ("127.0.0.1", socket.port))
    for _ in range(6000):
        if len(heard) == 600:
            break
        await asyncio.sleep(0.01)
    counts = socket.counts()
    assert (len(heard), counts.received, counts.dropped_by_kernel, counts.dropped_by_us) == (600, 600, 0, 0)
    for _ in range(60_000):
        sender.send(message, ("127.0.0.1", socket.port))
    before = -1
    while socket.counts().received != before:  # until what the kernel held is read
        before = socket.counts().received
        await asyncio.sleep(0.2)
    counts = socket.counts()
    assert counts.dropped_by_kernel > 0
    await socket.stop()
    await sender.stop()
    # each of the 60 600 was handed out, or dropped by a buffer that says so
    assert len(heard) + counts.dropped_by_us + counts.dropped_by_kernel == 60_600


async def test_an_address_in_use_is_refused_with_a_remedy(ear: Ear) -> None:
    second = TrapSocket("127.0.0.1", ear.socket.port, lambda *_: None, buffer_bytes=1 << 16, waiting=1)
    with pytest.raises(ProbeRefused, match="take another port"):
        await second.start()
