"""The STUN server, and on the same socket the sender of UDP connection requests (TR-069 Annex G).

    datagram ─ limits ─▶ examine ─ user name unknown here ─▶ look it up, once, then answer
                                 └ known, or none ─────────▶ answer at once, and keep the binding

The one rule: a NAT lets in only what comes from where its CPE sent to, so everything leaves by this one socket; bad
datagrams are counted and never answered.
"""

import asyncio
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import structlog
from twisted.internet.error import InvalidAddressError
from twisted.internet.protocol import DatagramProtocol

from acs.config import StunSection
from acs.cwmp import stun, stun_server
from acs.cwmp.stun import Endpoint
from acs.cwmp.stun_server import Asked, Sighting
from acs.errors import AcsError, ProtocolError
from acs.metrics import Metrics
from acs.server import udp
from acs.server.bridge import result_of
from acs.server.datagram_limits import DatagramLimits
from acs.services.background import Background, repeat
from acs.services.clock import Clock
from acs.services.waking.bindings import Bindings, Owners
from acs.services.waking.methods import CallFailed, Result
from acs.store import connection_requests
from acs.store.store import Store

log = structlog.get_logger()

#: User names looked up at once; a request beyond that is dropped, and its CPE asks again.
LOOKUPS: Final = 64
#: Seconds between looks for datagrams that other processes want sent.
ORDERS_S: Final = 0.3
#: Seconds after which such a datagram is of no use any more.
ORDER_AGE_S: Final = 10.0


class StunServer(DatagramProtocol):
    """Answers STUN clients, and sends datagrams to CPEs."""

    def __init__(self, config: StunSection, bindings: Bindings, store: Store, metrics: Metrics, clock: Clock) -> None:
        self._config = config
        self._bindings = bindings
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._limits = DatagramLimits(config.per_address_per_s, config.per_s)
        self._lookups = 0
        self._background = Background()
        self._listening: Any = None

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return udp.port_of(self._listening)

    def start(self, reactor: Any) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be used.
        """
        config = self._config
        self._listening = udp.listen(reactor, self, config.host, config.port, stun.MAX_DATAGRAM)
        self._background.start(self._bindings.keep())
        self._background.start(repeat(self._carry_out_orders, _not_carried_out))
        log.info("stun.started", host=self._config.host, port=self.port)

    async def stop(self) -> None:
        """Stop listening; what was seen is on disk."""
        await self._background.close()
        await self._bindings.flush()
        if self._listening is not None:
            listening, self._listening = self._listening, None
            stopped = listening.stopListening()
            if stopped is not None:
                await result_of(stopped)

    async def send(self, datagram: bytes, to: Endpoint) -> None:
        """Send a datagram to a checked address.

        Raises:
            CallFailed: the network does not take it.
        """
        if self._listening is None:
            raise CallFailed(Result.FAILED, "the STUN server has stopped")
        try:
            self._write(datagram, to)
        except OSError as error:
            raise CallFailed(Result.NO_ROUTE, f"no datagram can be sent to {to}: {error.strerror}") from error
        except InvalidAddressError as error:
            text = f'no datagram can be sent to {to}: stun.host = "{self._config.host}" has IPv4 alone; "::" has both'
            raise CallFailed(Result.NO_ROUTE, text) from error

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """A datagram came."""
        source = Endpoint(_plain(addr[0]), addr[1])
        if not self._limits.admits(source.host, time.monotonic()):
            self._count("limited")
            return
        try:
            asked = stun_server.examine(datagram, source)
        except ProtocolError:
            self._count("malformed")
            return
        username = asked.username
        if not username or not (asked.proves or asked.message.is_connection_request_binding):
            self._answer(asked, ())
            return
        owners = self._bindings.remembered(username)
        if owners is not None:
            self._answer(asked, owners)
        elif self._lookups < LOOKUPS:
            self._lookups += 1
            self._background.start(self._look_up(asked, username))
        else:
            self._count("limited")

    async def _look_up(self, asked: Asked, username: str) -> None:
        try:
            self._answer(asked, await self._bindings.owners(username[:256]))
        except AcsError as error:
            log.warning("stun.not_answered", why=str(error))
        finally:
            self._lookups -= 1

    def _answer(self, asked: Asked, owners: Owners) -> None:
        device, secret = _right_one(asked, owners)
        verdict = stun_server.respond(asked, self._local(asked.source), secret, demand_proof=self._config.demand_proof)
        if verdict.sighting is not None and device is not None:
            self._keep(device, verdict.sighting)
        if verdict.answer is None or self._listening is None:
            self._count("silent")
            return
        self._count(str(verdict.answer.error) if verdict.answer.error else "answered")
        try:
            self._write(verdict.answer.data, verdict.answer.to)
        except (OSError, InvalidAddressError):
            self._count("unsendable")

    def _keep(self, device: str, sighting: Sighting) -> None:
        if self._bindings.saw(device, sighting.source, proved=sighting.proved):
            log.info("stun.binding_changed", device=device, at=str(sighting.source), proved=sighting.proved)

    def _local(self, source: Endpoint) -> Endpoint:
        """The address that a client reached us at: the configured one, else the one that leads to it."""
        if self._config.address:
            try:
                return Endpoint(str(ip_address(self._config.address)), self.port)
            except ValueError:
                pass
        host = self._config.host
        return Endpoint(_way_to(source) if host in ("0.0.0.0", "::", "") else host, self.port)

    def _write(self, data: bytes, to: Endpoint) -> None:
        host = f"::ffff:{to.host}" if ":" in self._config.host and ":" not in to.host else to.host
        transport: Any = self.transport
        transport.write(data, (host, to.port))

    async def _carry_out_orders(self) -> None:
        """Send what other processes want sent from this socket."""
        await asyncio.sleep(ORDERS_S)
        now = self._clock()
        for order in await self._orders():
            if (now - order.created_at).total_seconds() <= ORDER_AGE_S:
                try:
                    await self.send(order.datagram, Endpoint(order.host, order.port))
                except CallFailed as error:
                    log.warning("udp_request.not_sent", why=str(error))

    async def _orders(self) -> Sequence[connection_requests.Order]:
        """What other processes want sent; where they want nothing the store is read and not written."""
        async with self._store.reading() as tx:
            if not await connection_requests.has_orders(tx):
                return ()
        async with self._store.transaction() as tx:
            return await connection_requests.take_orders(tx)

    def _count(self, result: str) -> None:
        self._metrics.stun_requests.labels(result).inc()


class OrderedDatagrams:
    """Sends through the process that owns the socket: the orders stand in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def send(self, datagram: bytes, to: Endpoint) -> None:
        """Order a datagram to be sent."""
        order = connection_requests.Order(to.host, to.port, datagram, self._clock())
        async with self._store.transaction() as tx:
            await connection_requests.order(tx, [order])


def _not_carried_out(error: Exception) -> None:
    log.error("store.failed", error=str(error))


def _right_one(asked: Asked, owners: Owners) -> tuple[str | None, str | None]:
    """The owner whose password made the request's integrity; the first one where none did."""
    if not asked.proves:
        return owners[0] if owners else (None, None)
    for device, secret in owners:
        if stun_server.proved_by(asked, secret):
            return device, secret
    return (None, owners[0][1]) if owners else (None, None)


def _way_to(source: Endpoint) -> str:
    """Our address on the way to another; the kernel knows it without a packet."""
    family = socket.AF_INET6 if ":" in source.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((source.host, source.port or 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def _plain(host: str) -> str:
    """An IPv4 address behind its IPv6 spelling."""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    return str(address.ipv4_mapped or address)
