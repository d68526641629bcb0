"""One ICMP socket of one family: echoes to many targets, and their answers given to their targets.

The packet is built once; only its sequence number and checksum are patched. An answer counts with the right source,
sequence number and cookie.
"""

import asyncio
import errno
import os
import socket
import struct
import time
from dataclasses import dataclass, field

from probes.arrivals import Arrivals
from probes.icmp import HEADER, NO_WAY_OUT, Family, Place, keep_whole, ones_sum, only_our_replies, open_icmp
from probes.ping.results import PingResult, result_of

#: times that the socket is emptied in one turn of the loop, 64 answers each
_TAKES_PER_TURN = 4
#: it stands right behind the eight octets of the ICMP header
COOKIE_BYTES = 8
#: of the ICMP header, what an echo patches: checksum, identifier, sequence number
_NUMBERS = struct.Struct("!HHH")


@dataclass(slots=True)
class Target:
    """One address of a sweep and what came of it so far."""

    place: Place
    packed: bytes = b""
    where: tuple[str, int] | tuple[str, int, int, int] = ("", 0)
    #: numbers of the echoes that left
    left: list[int] = field(default_factory=list)
    #: round trips in ms by number of the echo
    rtts_ms: dict[int, float] = field(default_factory=dict)
    duplicates: int = 0
    out_of_order: int = 0
    late: int = 0
    problem: str = ""
    #: the greatest number that was answered
    newest: int = -1

    def __post_init__(self) -> None:
        """Write the address once as the socket calls want it."""
        self.packed, self.where = self.place.packed, self.place.socket_address()

    def result(self, name: str, total: int | None = None) -> PingResult:
        """The result so far; `total` is how many echoes there were to be."""
        return result_of(
            name,
            self.left,
            self.rtts_ms,
            total=(self.left[-1] + 1 if self.left else 0) if total is None else total,
            duplicates=self.duplicates,
            out_of_order=self.out_of_order,
            late=self.late,
            problem=self.problem,
        )


class Echoes:
    """The socket. Use it as a context: answers are taken in the running loop."""

    def __init__(self, family: Family, size: int, timeout_s: float, *, whole: bool = False) -> None:
        self._family = family
        self._timeout_ms = timeout_s * 1000
        self.socket, self.raw = open_icmp(family)
        if whole:
            keep_whole(self.socket, family)
        self.cookie = os.urandom(COOKIE_BYTES)
        self._identifier = int.from_bytes(os.urandom(2), "big")
        if self.raw:
            only_our_replies(self.socket, family, self._identifier)
        self._arrivals = Arrivals(self.socket)
        #: answers come with their IP header before them
        self._bare, self._reply = self.raw and family.family is socket.AF_INET, family.reply
        payload = self.cookie + bytes(max(size, COOKIE_BYTES) - COOKIE_BYTES)
        self._packet = bytearray(HEADER.pack(family.request, 0, 0, self._identifier, 0) + payload)
        # checksum of the packet with sequence number zero: a real number is added to it, folded, and done
        self._sum = ones_sum(bytes(self._packet))
        self._sequence = 0
        #: echoes that may still be answered: sequence number → (target, number of the echo, sent at in ns)
        self.echoes: dict[int, tuple[Target, int, int]] = {}
        self.unanswered = 0
        self._all_in: asyncio.Future[None] | None = None

    def __enter__(self) -> "Echoes":
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._take)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()

    def send(self, target: Target, number: int) -> None:
        """Send one echo. A packet that cannot leave this machine is no sent packet."""
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        total = self._sum + sequence
        checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        _NUMBERS.pack_into(self._packet, 2, checksum, self._identifier, sequence)
        self.echoes[sequence] = (target, number, time.time_ns())
        try:
            self.socket.sendto(self._packet, target.where)
        except OSError as error:
            target.problem = error.strerror or str(error)
            del self.echoes[sequence]
            if error.errno not in NO_WAY_OUT and not isinstance(error, BlockingIOError):
                target.left.append(number)
            return
        target.left.append(number)
        self.unanswered += 1

    async def wait(self, timeout_s: float) -> None:
        """Wait until every echo is answered, at most `timeout_s`."""
        if not self.unanswered:
            return
        self._all_in = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._all_in], timeout=timeout_s)

    def _take(self) -> None:
        for _ in range(_TAKES_PER_TURN):
            try:
                for data, source, received_ns in self._arrivals.take():
                    self.answer(data, received_ns or time.time_ns(), source)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.EBADF:
                    return
                continue  # an ICMP error of one target, reported on the common socket: its echo stays unanswered

    def answer(self, data: bytes, received_ns: int, source: bytes) -> None:
        """Count one datagram that came in from an address (as octets)."""
        start = (data[0] & 0x0F) * 4 if self._bare and data else 0
        if data[start + 8 : start + 16] != self.cookie or data[start] != self._reply:
            return
        echo = self.echoes.get(data[start + 6] << 8 | data[start + 7])
        if echo is None:
            return
        target, number, sent_ns = echo
        if source != target.packed:
            return
        rtt_ms = (received_ns - sent_ns) / 1e6
        if number in target.rtts_ms:
            target.duplicates += 1
        elif rtt_ms > self._timeout_ms:
            target.late += 1
        else:
            self._count(target, number, max(0.0, rtt_ms))

    def _count(self, target: Target, number: int, rtt_ms: float) -> None:
        target.rtts_ms[number] = rtt_ms
        if number < target.newest:
            target.out_of_order += 1
        else:
            target.newest = number
        self.unanswered -= 1
        if not self.unanswered and self._all_in is not None and not self._all_in.done():
            self._all_in.set_result(None)
