"""The STUN server at its socket: who is answered, challenged, not heard at all; and lightweight notifications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from acs.config import StunSection
from acs.cwmp import stun
from acs.cwmp.stun import Attribute, AttributeType, Endpoint, Message, MessageType
from acs.errors import StoreError
from acs.server.datagram_limits import REMEMBERED, DatagramLimits
from acs.server.stun import OrderedDatagrams
from acs.services.clock import utc_now
from acs.services.waking.bindings import Bindings
from acs.services.waking.methods import CallFailed
from acs.store import devices, trees
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from acs.store.store import Store
from acs.store.transaction import Transaction
from acs.store.vault import Vault
from tests.cwmp.test_lightweight import body, datagram
from tests.fakes.acs_server import Running
from tests.fakes.cpe import Cpe
from tests.server.waking_world import binding_of, server_with, until

MARK = Attribute(AttributeType.CONNECTION_REQUEST_BINDING, stun.BINDING_MARK)
USER = Attribute(AttributeType.USERNAME, b"stunuser")
IPV6 = Path("/proc/net/if_inet6").exists() and " lo" in Path("/proc/net/if_inet6").read_text()


class Socket(asyncio.DatagramProtocol):
    """A UDP socket that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)


@asynccontextmanager
async def socket(host: str = "127.0.0.1") -> AsyncIterator[tuple[asyncio.DatagramTransport, Socket]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Socket, local_addr=(host, 0))
    try:
        yield transport, protocol
    finally:
        transport.close()


async def asked(
    server: Running,
    *attributes: Attribute,
    key: bytes | None = None,
    host: str = "127.0.0.1",
    answered: bool = True,
) -> tuple[Message | None, Endpoint]:
    """The answer to a binding request from a new socket, and the address that it came from; None: silence.

    One that need not be `answered` is soon given up.
    """
    assert server.doors.stun is not None
    async with socket(host) as (transport, protocol):
        data = stun.encode(Message(MessageType.BINDING_REQUEST, bytes(range(16)), attributes), key)
        transport.sendto(data, (host, server.doors.stun.port))
        source = Endpoint(*transport.get_extra_info("sockname")[:2])
        try:
            async with asyncio.timeout(60 if answered else 1.5):
                return stun.decode(await protocol.heard.get()), source
        except TimeoutError:
            return None, source


async def device(server: Running) -> Cpe:
    """A device with a STUN password, and one to prove itself to us."""
    cpe = Cpe(server.port)
    cpe.serial = "S1"
    await cpe.session(("1 BOOT", ""))
    async with server.store.transaction() as tx:
        for kind, name, secret in (
            (CredentialKind.STUN, "stunuser", "stunpass"),
            (CredentialKind.CWMP, "cpe", "secret"),
        ):
            await devices.set_credentials(tx, cpe.key, kind, Credentials(name, secret), utc_now())
    return cpe


async def test_it_answers_challenges_and_keeps_only_what_was_proved(tmp_path: Path) -> None:
    async with server_with(tmp_path, cwmp={"first_contact": {"enabled": False}}) as server:
        cpe = await device(server)
        plain, source = await asked(server)
        assert plain is not None and plain.type == MessageType.BINDING_RESPONSE
        assert stun.parse_address(plain.get(AttributeType.MAPPED_ADDRESS) or b"") == source
        for attributes, key, code in (((MARK, USER), None, 401), ((MARK, USER), b"wrong", 431)):
            refused, _ = await asked(server, *attributes, key=key)
            assert refused is not None
            assert stun.parse_error(refused.get(AttributeType.ERROR_CODE) or b"") == code
        unknown = Attribute(AttributeType.USERNAME, b"nobody!!")
        refused, _ = await asked(server, MARK, unknown, key=b"stunpass")
        assert refused is not None and refused.type == MessageType.BINDING_ERROR
        assert await binding_of(server, cpe.key) is None
        good, source = await asked(server, MARK, USER, key=b"stunpass")
        assert good is not None and good.type == MessageType.BINDING_RESPONSE

        async def kept() -> bool:
            found = await binding_of(server, cpe.key)
            return found is not None and found.proved and (found.host, found.port) == source

        await until(kept)


@pytest.mark.skipif(not IPV6, reason="this kernel has no IPv6 on its loopback: both families cannot be heard")
async def test_one_socket_serves_both_families(tmp_path: Path) -> None:
    async with server_with(tmp_path, stun={"host": "::"}, cwmp={"first_contact": {"enabled": False}}) as server:
        cpe = await device(server)
        for host in ("127.0.0.1", "::1"):
            good, source = await asked(server, MARK, USER, key=b"stunpass", host=host)
            assert good is not None and good.type == MessageType.BINDING_RESPONSE
            assert stun.parse_address(good.get(AttributeType.MAPPED_ADDRESS) or b"") == source
            assert source.host == host

            async def kept(source: Endpoint = source) -> bool:
                found = await binding_of(server, cpe.key)
                return found is not None and found.proved and (found.host, found.port) == source

            await until(kept)
            assert server.doors.stun is not None
            async with socket(host) as (transport, protocol), asyncio.timeout(60):
                await server.doors.stun.send(b"GET wake", Endpoint(*transport.get_extra_info("sockname")[:2]))
                assert await protocol.heard.get() == b"GET wake"


async def test_a_socket_of_one_family_says_that_it_cannot_reach_the_other(tmp_path: Path) -> None:
    async with server_with(tmp_path) as server:
        assert server.doors.stun is not None
        with pytest.raises(CallFailed, match=r"stun\.host"):
            await server.doors.stun.send(b"GET wake", Endpoint("::1", 9))
        assert (await asked(server))[0] is not None, "the socket lives"


async def test_one_address_is_not_heard_beyond_its_rate(tmp_path: Path) -> None:
    limits = {"stun": {"per_address_per_s": 1}}
    async with server_with(tmp_path, **limits) as server:
        answers = await asyncio.gather(*(asked(server, answered=False) for _ in range(3)))
        heard = [each for each, _ in answers if each is not None]
        assert 1 <= len(heard) < 3


async def test_a_process_without_the_socket_sends_through_the_one_that_has_it(tmp_path: Path) -> None:
    async with server_with(tmp_path) as server, socket() as (transport, protocol):
        to = Endpoint(*transport.get_extra_info("sockname")[:2])
        await OrderedDatagrams(server.store, utc_now).send(b"GET wake", to)
        async with asyncio.timeout(60):
            assert await protocol.heard.get() == b"GET wake"


async def test_a_store_that_fails_for_a_while_loses_no_binding(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = await Store.open(f"sqlite:///{path}", vault=Vault.create(tmp_path / "key"))
    bindings = Bindings(store, StunSection(), utc_now)
    failing = ErrorAtFirst(store)
    bindings._store = failing  # type: ignore[assignment] # as much of a store as is needed
    bindings.saw("001122-ONT-S1", Endpoint("192.0.2.1", 3478), proved=True)
    task = asyncio.create_task(bindings.keep(0.01))
    async with asyncio.timeout(60):
        await failing.worked.wait()
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
    assert failing.tries == 2


class ErrorAtFirst:
    """A store whose first transaction fails."""

    def __init__(self, store: Store) -> None:
        self.tries, self.worked, self._store = 0, asyncio.Event(), store

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self.tries += 1
        if self.tries == 1:
            raise StoreError("the disk is full")
        async with self._store.transaction() as tx:
            yield tx
        self.worked.set()


def test_forged_addresses_take_bounded_memory_and_the_total_is_bounded() -> None:
    limits = DatagramLimits(per_address_per_s=10, per_s=100)
    admitted = sum(limits.admits(f"10.0.{n // 256}.{n % 256}", 50.0) for n in range(1000))
    assert admitted == 200
    for n in range(REMEMBERED + 100):
        limits.admits(str(n), 60.0)
    assert len(limits._each) == REMEMBERED


@pytest.mark.parametrize("password", ["secret", "wrong"])
async def test_a_lightweight_notification_is_taken_once_and_only_with_its_signature(
    tmp_path: Path, password: str
) -> None:
    now = int(utc_now().timestamp())
    tables = {"lightweight": {"enabled": True, "host": "127.0.0.1", "port": 0}}
    async with server_with(tmp_path, cwmp={"first_contact": {"enabled": False}}, **tables) as server:
        cpe = await device(server)
        assert server.doors.lightweight is not None
        port = server.doors.lightweight.port

        async def counted(wanted: dict[str, int]) -> None:
            counter = server.metrics.lightweight_notifications
            await until(lambda: all(counter.labels(name)._value.get() == n for name, n in wanted.items()))

        async with socket() as (transport, _):

            def send(ts: int, cn: str, value: str) -> None:
                content = body(ts, cn, {"Device.DeviceInfo.Note": value})
                transport.sendto(datagram(content, password), ("127.0.0.1", port))

            send(now, "c1", "new")
            if password == "wrong":
                await counted({"forged": 1})
                return
            await counted({"taken": 1})
            send(now, "c1", "again")
            send(now - 5, "c2", "older")
            await counted({"repeated": 2})
            send(now, "c3", "another")
            send(now + 100_000, "c4", "ahead")
            transport.sendto(b"junk", ("127.0.0.1", port))
            await counted({"taken": 2, "ahead": 1, "malformed": 1})
        async with server.store.reading() as tx:
            tree = await trees.read(tx, cpe.key)
        assert tree is not None and tree.values["Device.DeviceInfo.Note"] == ("another", "xsd:string")
