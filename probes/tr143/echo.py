"""UDP echo and UDP Echo Plus, for UDPEchoDiagnostics of TR-143 and the echo that many CPEs have beside it.

An answer is never longer than its question, and only so many leave in a second: nobody is attacked through it.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from probes.tr143.allowed import Limits, Network, allowed

#: TR-143 Appendix A (UDPEchoPlus): TestGenSN, TestRespSN, TestRespRecvTimeStamp, TestRespReplyTimeStamp,
#: TestRespReplyFailureCount, each 32 bits
_PLUS = struct.Struct("!5I")
_WORD = 0xFFFFFFFF


@dataclass(slots=True)
class EchoCounts:
    """What came and what went since the start, as UDPEchoConfig counts it."""

    packets_received: int = 0
    packets_responded: int = 0
    bytes_received: int = 0
    bytes_responded: int = 0
    refused: int = 0


class UdpEcho(asyncio.DatagramProtocol):
    """The echo. `plus` fills in the fields of Echo Plus where a datagram has room for them.

    Use `start`.
    """

    def __init__(
        self,
        among: Sequence[Network],
        limits: Limits,
        *,
        plus: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._among, self._limits, self._plus, self._clock = among, limits, plus, clock
        self._transport: asyncio.DatagramTransport | None = None
        self._second, self._left = -1, 0
        self._failed = 0
        self.counts = EchoCounts()

    @classmethod
    async def start(
        cls, host: str, port: int, among: Sequence[Network], limits: Limits, *, plus: bool = True
    ) -> "UdpEcho":
        """An echo that listens."""
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(
            lambda: cls(among, limits, plus=plus), local_addr=(host, port)
        )
        return protocol

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is none by its class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram."""
        now = self._clock()
        if not allowed(addr[0], self._among):
            self.counts.refused += 1
            return
        self.counts.packets_received += 1
        self.counts.bytes_received += len(data)
        if not self._may_answer(now):
            self._failed += 1
            self.counts.refused += 1
            return
        self.counts.packets_responded += 1
        self.counts.bytes_responded += len(data)
        if self._transport is not None:
            self._transport.sendto(self.answer(data, now), addr)

    def answer(self, data: bytes, received: float) -> bytes:
        """The answer to a datagram that came at `received` (seconds of the clock)."""
        if not self._plus or len(data) < _PLUS.size:
            return data
        number = int.from_bytes(data[:4], "big")
        stamps = (int(moment * 1_000_000) & _WORD for moment in (received, self._clock()))
        head = _PLUS.pack(number, self.counts.packets_responded & _WORD, *stamps, self._failed & _WORD)
        return head + data[_PLUS.size :]

    def _may_answer(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._left = int(now), self._limits.echoes_pps
        self._left -= 1
        return self._left >= 0
