"""A NAT for the datagrams of one device: real sockets outside, a filter that lets in only who was called before.

    CPE ─ send ─▶ Nat (an outer socket per mapping) ─▶ Internet          in: only from an address and port called before

The rule: address and port restricted, as most home routers are; `forget` loses the mapping as time or a reboot does.
"""

import asyncio
from collections.abc import Callable
from typing import Any

Address = tuple[str, int]
Receive = Callable[[bytes, Address], None]


class Nat:
    """One mapping. Without `filtering` it is a plain socket: a device with a public address."""

    def __init__(self, receive: Receive, *, host: str = "127.0.0.1", filtering: bool = True) -> None:
        self._receive = receive
        self._host = host
        self._filtering = filtering
        self._called: set[Address] = set()
        self._outside: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> Address:
        """Where the device is seen from outside."""
        assert self._outside is not None
        host, port = self._outside.get_extra_info("sockname")[:2]
        return host, port

    async def open(self) -> None:
        """Make a mapping."""
        loop = asyncio.get_running_loop()
        self._outside, _ = await loop.create_datagram_endpoint(
            lambda: _Outside(self._heard), local_addr=(self._host, 0)
        )

    def send(self, data: bytes, to: Address) -> None:
        """Send from inside; whoever is called may answer from now on."""
        if self._outside is not None:
            self._called.add(to)
            self._outside.sendto(data, to)

    async def forget(self) -> None:
        """Lose the mapping: the next datagram leaves from another port, and nobody is let in before."""
        self.close()
        await self.open()

    def close(self) -> None:
        """Close the outer socket."""
        if self._outside is not None:
            self._outside.close()
            self._outside = None
        self._called.clear()

    def _heard(self, data: bytes, source: Address) -> None:
        if not self._filtering or source in self._called:
            self._receive(data, source)


class _Outside(asyncio.DatagramProtocol):
    """The outer socket."""

    def __init__(self, heard: Receive) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._heard(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """A port that nobody listens at: a keep-alive is sent again anyway."""
