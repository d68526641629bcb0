"""The door at which a CPE behind NAT hears connection requests: a STUN client that keeps a binding open, and listens.

    keep-alive ─▶ 401 ─▶ with USERNAME and integrity ─▶ mapped address ─▶ UDPConnectionRequestAddress, NATDetected

Source: TR-069 Amendment 6, Annex G. The rule: what a datagram asks is done only with the right signature, a newer time
and another id.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from acs.cwmp import stun, udp_request
from acs.cwmp.stun import Attribute, AttributeType, Endpoint, Message, MessageType
from acs.errors import ProtocolError
from cli.simulator.nat import Address, Nat

#: seconds for an answer of the STUN server before it is asked again
ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class StunClient:
    """The settings of the STUN client as the ACS set them."""

    server: Address
    username: str
    password: str
    keep_alive_s: float
    #: RFC 5389 with its cookie, or RFC 3489
    cookie: bool = True


class UdpBell:
    """Listens for UDP connection requests. `credentials` gives user and password as they are set now."""

    def __init__(
        self, credentials: Callable[[], tuple[str, str]], ring: Callable[[], None], *, host: str, nat: bool = True
    ) -> None:
        self._credentials = credentials
        self._ring = ring
        self.nat = Nat(self._heard, host=host, filtering=nat)
        self._client: StunClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._signed = False
        self._answers: asyncio.Queue[tuple[bytes, Message]] = asyncio.Queue(16)
        self._mapped: Address | None = None
        self._last: tuple[int, int] = (0, -1)
        #: called when the address seen from outside changed
        self.moved: Callable[[Address], None] = lambda _: None
        #: connection requests that were refused
        self.refused = 0
        #: binding requests that were answered well
        self.bound = 0

    def use(self, client: StunClient | None) -> None:
        """Start, stop, or go on with other settings."""
        if client == self._client:
            return
        self.close()
        self._client = client
        if client is not None:
            self._task = asyncio.create_task(self._keep_alive(client))

    def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._client, self._mapped, self._signed = None, None, False
        self.nat.close()

    async def _keep_alive(self, client: StunClient) -> None:
        await self.nat.open()
        while True:
            with suppress(TimeoutError, ProtocolError):
                await self._bind(client)
            await asyncio.sleep(client.keep_alive_s)

    async def _bind(self, client: StunClient) -> None:
        """One binding request, once more with a proof where it is asked for."""
        for _ in range(2):
            data, message = await self._asked(client)
            if message.type == MessageType.BINDING_RESPONSE:
                self._take_mapped(data, message, client)
                return
            if stun.parse_error(message.get(AttributeType.ERROR_CODE) or b"") != 401 or self._signed:
                return
            self._signed = True

    async def _asked(self, client: StunClient) -> tuple[bytes, Message]:
        cookie = stun.MAGIC_COOKIE if client.cookie else secrets.token_bytes(4)
        transaction = cookie + secrets.token_bytes(12)
        attributes = [Attribute(AttributeType.CONNECTION_REQUEST_BINDING, stun.BINDING_MARK)]
        if self._mapped is None:
            attributes.append(Attribute(AttributeType.BINDING_CHANGE))
        if client.username:
            attributes.append(Attribute(AttributeType.USERNAME, client.username.encode()))
        key = client.password.encode() if self._signed else None
        request = Message(MessageType.BINDING_REQUEST, transaction, tuple(attributes))
        self.nat.send(stun.encode(request, key, zero_padded=not client.cookie), client.server)
        async with asyncio.timeout(ANSWER_S):
            while True:
                data, message = await self._answers.get()
                if message.transaction == transaction:
                    return data, message

    def _take_mapped(self, data: bytes, message: Message, client: StunClient) -> None:
        if self._signed and stun.integrity_style(data, message, client.password.encode()) is None:
            return
        self.bound += 1
        value = message.get(AttributeType.XOR_MAPPED_ADDRESS)
        if value is not None:
            mapped = stun.parse_xor_address(value, message.transaction)
        else:
            mapped = stun.parse_address(message.get(AttributeType.MAPPED_ADDRESS) or b"")
        if mapped != self._mapped:
            self._mapped = mapped
            self.moved(mapped)

    def _heard(self, data: bytes, _source: Address) -> None:
        if data.startswith(b"GET "):
            self._called(data)
            return
        with suppress(ProtocolError, asyncio.QueueFull):
            self._answers.put_nowait((data, stun.decode(data)))

    def _called(self, data: bytes) -> None:
        username, password = self._credentials()
        try:
            request, signature = udp_request.parse(data)
        except ProtocolError:
            self.refused += 1
            return
        newer = (request.ts, request.id) > self._last and request.id != self._last[1]
        if (request.ts, request.id) == self._last:
            return  # a copy
        if request.un != username or not newer or not udp_request.verify(request, signature, password):
            self.refused += 1
            return
        self._last = request.ts, request.id
        self._ring()


def address_text(address: Address) -> str:
    """An address as UDPConnectionRequestAddress tells it."""
    return str(Endpoint(*address))
