"""ICMP echo: loss, round-trip times, jitter, from our own socket in the running loop, with the kernel's timestamps.

One socket serves many targets; one packet is built and only its sequence number and checksum are patched. Without the
privilege for a socket the caller gets ProbeRefused with the remedy: that is missing, never a lost packet.
"""

import asyncio
import ctypes
import errno
import itertools
import os
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

from probes.errors import NoSuchHost, ProbeRefused
from probes.facts import Fact, Quality

#: asm-generic/socket.h; the socket module of Python 3.11 does not name them
_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_TIMESPEC = struct.Struct("@ll")
_FILTER_STEP = struct.Struct("=HBBI")
#: answers of a burst of thousands wait here until the loop comes round
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
#: answers taken in one turn of the loop
_ANSWERS_PER_TURN = 256
#: echoes that leave in one turn of the loop, and the greatest rate over all targets [E]
_ECHOES_PER_TURN = 32
_RATE_PPS = 4000
#: sequence numbers are 16 bits: so many echoes can be told apart on one socket
_MAX_ECHOES = 60_000
_COOKIE_BYTES = 8
_HEADER = struct.Struct("!BBHHH")
#: of that header, what an echo patches: checksum, identifier, sequence number
_NUMBERS = struct.Struct("!HHH")
#: errors of sendto that mean that the packet never left for lack of a way out of this machine
_NO_WAY_OUT = frozenset({errno.ENETUNREACH, errno.EPERM, errno.EACCES, errno.EADDRNOTAVAIL, errno.EINVAL})
_REMEDY = (
    "ping needs an ICMP socket: widen net.ipv4.ping_group_range to this user's group, or give the process CAP_NET_RAW"
)


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """What differs between IPv4 and IPv6."""

    family: socket.AddressFamily
    protocol: int
    request: int
    reply: int


_FAMILIES = {
    4: _Family(socket.AF_INET, socket.IPPROTO_ICMP, request=8, reply=0),
    6: _Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, request=128, reply=129),
}


@dataclass(frozen=True, slots=True)
class PingResult:
    """What came back from one address. Times are ms by the kernel's clock; None when nothing came back.

    `sent` counts packets that left; when none could leave, `problem` says why and nothing is known of the address.
    """

    address: str
    sent: int
    received: int
    duplicates: int = 0
    rtt_min_ms: float | None = None
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    rtt_max_ms: float | None = None
    #: mean difference between neighbours
    jitter_ms: float | None = None
    problem: str = ""

    @property
    def loss_pct(self) -> float | None:
        """Share of the sent echoes that brought no answer, 0…100; None when none was sent."""
        return 100.0 * (self.sent - self.received) / self.sent if self.sent else None


async def ping(
    address: str, *, count: int = 5, interval_s: float = 0.2, timeout_s: float = 1.0, size: int = 56
) -> PingResult:
    """Ping one address; takes about `(count - 1) * interval_s` plus the wait for the last answer.

    Raises:
        ProbeRefused: this process may not open an ICMP socket, or has no route there; the message says what to do.
    """
    results = await ping_many([address], count=count, interval_s=interval_s, timeout_s=timeout_s, size=size)
    result = results[address]
    if not result.sent:
        raise ProbeRefused(f"no echo to {address} could leave: {result.problem}; check the routes of this machine")
    return result


async def ping_many(
    addresses: Sequence[str], *, count: int = 5, interval_s: float = 0.2, timeout_s: float = 1.0, size: int = 56
) -> dict[str, PingResult]:
    """Ping many addresses over one socket per family: result by address, in the order given.

    `interval_s` lies between two echoes to one address; over all addresses at most 4,000 echoes leave per second.

    Raises:
        ProbeRefused: no ICMP socket for this process.
        NoSuchHost: a name that has no address.
    """
    if not 1 <= count <= _MAX_ECHOES or not 0 <= size <= 65_000:
        raise ProbeRefused(f"count {count} must be 1 to {_MAX_ECHOES}, size {size} bytes 0 to 65000")
    targets = {address: await _target(address) for address in addresses}
    results: dict[str, PingResult] = {}
    names, share = list(targets), max(1, _MAX_ECHOES // count)
    for start in range(0, len(names), share):
        part = {name: targets[name] for name in names[start : start + share]}
        await _sweep(list(part.values()), count, interval_s, timeout_s, max(size, _COOKIE_BYTES))
        results |= {name: target.result(name) for name, target in part.items()}
    return results


def facts(result: PingResult, now: datetime) -> list[Fact]:
    """`ping.loss_pct`, `ping.rtt_ms` (missing without an answer) and `ping.sent_n`; nothing when nothing was sent."""
    loss = result.loss_pct
    if loss is None:
        return []
    source, method = f"ping {result.address}", "icmp echo"
    rtt = result.rtt_p50_ms
    quality = Quality.OK if rtt is not None else Quality.MISSING
    return [
        Fact("ping.loss_pct", round(loss, 2), now, source, method),
        Fact("ping.rtt_ms", None if rtt is None else round(rtt, 3), now, source, method, quality),
        Fact("ping.sent_n", result.sent, now, source, method),
    ]


@dataclass(slots=True)
class _Target:
    """One address of a sweep and what came of it so far."""

    #: in numbers, as the kernel writes it
    address: str
    family: _Family
    sent: int = 0
    duplicates: int = 0
    problem: str = ""
    #: round trips in ms by number of the echo
    rtts_ms: dict[int, float] = field(default_factory=dict)

    def result(self, name: str) -> PingResult:
        times = [self.rtts_ms[number] for number in sorted(self.rtts_ms)]
        total = len(times)
        if not total:
            return PingResult(name, self.sent, 0, self.duplicates, problem=self.problem)
        ordered = sorted(times)
        steps = [abs(after - before) for before, after in itertools.pairwise(times)]
        return PingResult(
            name,
            self.sent,
            total,
            self.duplicates,
            rtt_min_ms=ordered[0],
            rtt_p50_ms=(ordered[(total - 1) // 2] + ordered[total // 2]) / 2,
            rtt_p95_ms=ordered[max(0, -(-95 * total // 100) - 1)],
            rtt_max_ms=ordered[-1],
            jitter_ms=sum(steps) / len(steps) if steps else None,
            problem=self.problem,
        )


class _Socket:
    """One ICMP socket of one family: sends echoes and gives their answers to their targets."""

    def __init__(self, family: _Family, size: int, timeout_s: float) -> None:
        self._family = family
        self._timeout_ms = timeout_s * 1000
        self._socket, self._raw = _open(family)
        self._cookie = os.urandom(_COOKIE_BYTES)
        self._identifier = int.from_bytes(os.urandom(2), "big")
        if self._raw:
            _filter(self._socket, family, self._identifier)
        payload = self._cookie + bytes(size - _COOKIE_BYTES)
        self._packet = bytearray(_HEADER.pack(family.request, 0, 0, self._identifier, 0) + payload)
        # checksum of the packet with sequence number zero: a real number is added to it, folded, and done
        self._sum = _ones_sum(bytes(self._packet))
        self._sequence = 0
        #: echoes that may still be answered: sequence number → (target, number of the echo, sent at in ns)
        self._echoes: dict[int, tuple[_Target, int, int]] = {}
        self.unanswered = 0
        self._all_in: asyncio.Future[None] | None = None

    def __enter__(self) -> "_Socket":
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._take)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def send(self, target: _Target, number: int) -> None:
        """Send one echo. A packet that cannot leave this machine is no sent packet."""
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        total = self._sum + sequence
        checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        _NUMBERS.pack_into(self._packet, 2, checksum, self._identifier, sequence)
        self._echoes[sequence] = (target, number, time.time_ns())
        try:
            self._socket.sendto(self._packet, (target.address, 0))
        except OSError as error:
            target.problem = error.strerror or str(error)
            del self._echoes[sequence]
            target.sent += error.errno not in _NO_WAY_OUT and not isinstance(error, BlockingIOError)
            return
        target.sent += 1
        self.unanswered += 1

    async def wait(self, timeout_s: float) -> None:
        """Wait until every echo is answered, at most `timeout_s`."""
        if not self.unanswered:
            return
        self._all_in = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._all_in], timeout=timeout_s)

    def _take(self) -> None:
        for _ in range(_ANSWERS_PER_TURN):
            try:
                data, ancillary, _, source = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of one target, reported on the common socket: its echo stays unanswered
            self._answer(data, _received_ns(ancillary), source[0])

    def _answer(self, data: bytes, received_ns: int, source: str) -> None:
        start = (data[0] & 0x0F) * 4 if self._raw and self._family.family is socket.AF_INET and data else 0
        if len(data) < start + _HEADER.size + _COOKIE_BYTES or data[start] != self._family.reply:
            return
        sequence = data[start + 6] << 8 | data[start + 7]
        echo = self._echoes.get(sequence)
        body = start + _HEADER.size
        if (
            echo is None
            or data[body : body + _COOKIE_BYTES] != self._cookie
            or source.partition("%")[0] != echo[0].address
        ):
            return
        target, number, sent_ns = echo
        rtt_ms = max(0, received_ns - sent_ns) / 1e6
        if number in target.rtts_ms:
            target.duplicates += 1
        elif rtt_ms <= self._timeout_ms:
            target.rtts_ms[number] = rtt_ms
            self.unanswered -= 1
            if not self.unanswered and self._all_in is not None and not self._all_in.done():
                self._all_in.set_result(None)


async def _sweep(targets: Sequence[_Target], count: int, interval_s: float, timeout_s: float, size: int) -> None:
    """Ping targets, `count` rounds over all of them; what comes of it is kept in the targets."""
    with ExitStack() as stack:
        families = {target.family for target in targets}
        sockets = {family: stack.enter_context(_Socket(family, size, timeout_s)) for family in families}
        for number in range(count):
            began = time.monotonic()
            for position, target in enumerate(targets, start=1):
                sockets[target.family].send(target, number)
                if position % _ECHOES_PER_TURN == 0:
                    await asyncio.sleep(_ECHOES_PER_TURN / _RATE_PPS)
            if number < count - 1:
                await asyncio.sleep(max(0.0, interval_s - (time.monotonic() - began)))
        await asyncio.gather(*(one.wait(timeout_s) for one in sockets.values()))


def _open(family: _Family) -> tuple[socket.socket, bool]:
    """An ICMP socket and whether it is a raw one, which needs the privilege and shows IP headers."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            made = socket.socket(family.family, kind, family.protocol)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT):
                raise ProbeRefused(f"no ICMP socket: {error.strerror}; {_REMEDY}") from error
            continue
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        return made, kind == socket.SOCK_RAW
    raise ProbeRefused(_REMEDY)


def _filter(made: socket.socket, family: _Family, identifier: int) -> None:
    """Let the kernel drop what is no reply to us: a raw socket hears every ICMP packet of the machine.

    Source: classic BPF, Documentation/networking/filter.rst.
    """
    begin = [(0xB1, 0, 0, 0)] if family.family is socket.AF_INET else [(0x01, 0, 0, 0)]  # X = length of the IP header
    steps = [
        *begin,
        (0x50, 0, 0, 0),  # A = type of the ICMP packet
        (0x15, 0, 3, family.reply),
        (0x48, 0, 0, 4),  # A = identifier
        (0x15, 0, 1, identifier),
        (0x06, 0, 0, 0xFFFF),  # keep
        (0x06, 0, 0, 0),  # drop
    ]
    program = ctypes.create_string_buffer(b"".join(_FILTER_STEP.pack(*step) for step in steps))
    made.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(steps), ctypes.addressof(program)))


def _received_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The kernel's time of arrival; our own when the kernel gave none."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            stamp: int = seconds * 1_000_000_000 + nanoseconds
            return stamp
    return time.time_ns()


def _ones_sum(packet: bytes) -> int:
    """The folded one's-complement sum of 16-bit words (RFC 1071)."""
    padded = packet + b"\0" * (len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


async def _target(address: str) -> _Target:
    """A target for an address in numbers, or for a name, which is asked of the resolver."""
    for family in _FAMILIES.values():
        try:
            packed = socket.inet_pton(family.family, address)
        except (OSError, ValueError):
            continue
        return _Target(socket.inet_ntop(family.family, packed), family)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(address, None, type=socket.SOCK_DGRAM)
    except (OSError, ValueError) as error:
        raise NoSuchHost(f"the name {address[:120]} has no address; check it or write the address itself") from error
    kind, _, _, _, place = found[0]
    return _Target(str(place[0]), _FAMILIES[6 if kind == socket.AF_INET6 else 4])
