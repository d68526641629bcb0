"""How the probes of a trace leave, and how their answers are known again: ICMP, UDP and TCP.

ICMP has one socket and knows its answers by their sequence number; UDP and TCP have a socket for every probe. Errors
come by the kernel's queue, so UDP and TCP need no privilege.
"""

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from probes.error_queue import Told, Watched, errors_of, keep_errors, stamp_of
from probes.errors import ProbeRefused
from probes.icmp import HEADER, NO_WAY_OUT, Place, echo, only_our_replies, open_icmp

_COOKIE_BYTES = 8
_TTL = {socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL), socket.AF_INET6: (socket.IPPROTO_IPV6, 16)}
#: struct tcp_info of linux/tcp.h: smoothed round trip in µs, which is the handshake's on a fresh connection
_TCP_RTT = slice(68, 72)
#: one SYN: a second one would be answered in the first one's name
_TCP_SYNCNT = 7


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe: which hop it is to die at, and in which round it left."""

    hops: int
    number: int
    sent_ns: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a probe."""

    probe: Probe
    address: str
    rtt_ms: float
    #: the far end itself answered
    arrived: bool = False
    refusal: str = ""


Heard = Callable[[Answer], None]


class Sender(Protocol):
    """One way of sending probes."""

    def send(self, hops: int, number: int) -> bool:
        """Send a probe that lives so many hops; False when it could not leave."""

    def close(self) -> None:
        """Let the sockets go."""


class IcmpSender:
    """Echoes from one socket."""

    def __init__(self, place: Place, size: int, heard: Heard, watched: Watched) -> None:
        self._place, self._heard, self._watched = place, heard, watched
        self._socket, self._raw = open_icmp(place.family)
        keep_errors(self._socket)
        self._identifier = int.from_bytes(os.urandom(2), "big")
        if self._raw:
            only_our_replies(self._socket, place.family, self._identifier)
        self._payload = os.urandom(_COOKIE_BYTES) + bytes(max(0, size - _COOKIE_BYTES))
        self._sequence = 0
        self._probes: dict[int, Probe] = {}
        watched.add(self._socket, self._take)

    def send(self, hops: int, number: int) -> bool:
        """As `Sender.send`."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = echo(self._place.family, self._identifier, self._sequence, self._payload)
        self._socket.setsockopt(*_TTL[self._socket.family], hops)
        self._probes[self._sequence] = Probe(hops, number, time.time_ns())
        return _sent(self._socket, packet, self._place, self._errors)

    def close(self) -> None:
        """As `Sender.close`."""
        self._watched.remove(self._socket)

    def _take(self, _events: int) -> None:
        self._errors()
        while True:
            try:
                data, ancillary, _, source = self._socket.recvmsg(2048, 256)
            except BlockingIOError:
                return
            except OSError:
                continue
            start = (data[0] & 0x0F) * 4 if self._raw and self._socket.family == socket.AF_INET and data else 0
            body = start + HEADER.size
            if data[body : body + _COOKIE_BYTES] != self._payload[:_COOKIE_BYTES] or data[start] == 8:
                continue
            self._answer(data[start:body], str(source[0]).partition("%")[0], stamp_of(ancillary), None)

    def _errors(self) -> None:
        for told in errors_of(self._socket):
            if self._raw and told.payload[4:6] != self._identifier.to_bytes(2, "big"):
                continue
            self._answer(told.payload, told.router, told.received_ns, told)

    def _answer(self, header: bytes, address: str, received_ns: int, told: Told | None) -> None:
        probe = self._probes.pop(int.from_bytes(header[6:8], "big"), None)
        if probe is None or not address:
            return
        rtt_ms = max(0, received_ns - probe.sent_ns) / 1e6
        arrived = told is None and address == self._place.address
        self._heard(Answer(probe, address, rtt_ms, arrived, told.why if told is not None else ""))


class SocketSender:
    """A socket for every probe: datagrams to high ports, or connections that are dropped at once."""

    def __init__(
        self, place: Place, protocol: str, port: int | None, size: int, heard: Heard, watched: Watched
    ) -> None:
        self._place, self._heard, self._watched = place, heard, watched
        self._tcp = protocol == "tcp"
        self._port, self._payload = port, bytes(max(0, size))
        self._open: dict[socket.socket, Probe] = {}

    def send(self, hops: int, number: int) -> bool:
        """As `Sender.send`."""
        kind = socket.SOCK_STREAM if self._tcp else socket.SOCK_DGRAM
        made = socket.socket(self._place.family.family, kind)
        made.setblocking(False)
        made.setsockopt(*_TTL[made.family], hops)
        keep_errors(made)
        port = self._port if self._port is not None else (80 if self._tcp else 33434 + hops)
        if self._tcp:
            made.setsockopt(socket.IPPROTO_TCP, _TCP_SYNCNT, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._open[made] = Probe(hops, number, time.time_ns())
        code = made.connect_ex(self._place.socket_address(port))
        if code not in (0, errno.EINPROGRESS):
            return self._leave(made, code)
        events = select.EPOLLOUT if self._tcp else select.EPOLLIN
        self._watched.add(made, lambda what: self._take(made, what), events)
        return self._tcp or _sent(made, self._payload, None, lambda: None)

    def close(self) -> None:
        """As `Sender.close`."""
        for made in list(self._open):
            self._watched.remove(made)
        self._open.clear()

    def _leave(self, made: socket.socket, code: int) -> bool:
        """A connection that failed at once: refused by this very machine is an answer; no way out is none."""
        if code == errno.ECONNREFUSED:
            self._end(made, self._place.address, time.time_ns(), arrived=True)
            return True
        self._open.pop(made, None)
        made.close()
        return code not in NO_WAY_OUT

    def _take(self, made: socket.socket, events: int) -> None:
        told = errors_of(made)
        for one in told:
            if one.router:
                arrived = one.port_closed and one.router == self._place.address
                self._end(made, one.router, one.received_ns, arrived=arrived, refusal=one.why)
                return
        code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if self._tcp and code not in (0, errno.ECONNREFUSED):
            self._watched.remove(made)
            self._open.pop(made, None)
        elif self._tcp or (events & select.EPOLLIN) or code == errno.ECONNREFUSED:
            self._end(made, self._place.address, self._arrival(made, code), arrived=True)

    def _arrival(self, made: socket.socket, code: int) -> int:
        """When the far end answered: of a connection the kernel measured it itself."""
        if self._tcp and code == 0 and made in self._open:
            information = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            if len(information) >= _TCP_RTT.stop:
                return self._open[made].sent_ns + int.from_bytes(information[_TCP_RTT], "little") * 1000
        return time.time_ns()

    def _end(
        self, made: socket.socket, address: str, received_ns: int, *, arrived: bool = False, refusal: str = ""
    ) -> None:
        probe = self._open.pop(made, None)
        self._watched.remove(made)
        if probe is not None:
            self._heard(Answer(probe, address, max(0, received_ns - probe.sent_ns) / 1e6, arrived, refusal))


def _sent(made: socket.socket, packet: bytes, place: Place | None, errors: Callable[[], None]) -> bool:
    """Whether a packet left. An error of an earlier probe comes with the next call: it is taken, and sent again."""
    for _ in range(3):
        try:
            made.sendto(packet, place.socket_address()) if place is not None else made.send(packet)
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EPERM, errno.EACCES, errno.EADDRNOTAVAIL, errno.EMSGSIZE):
                where = place.address if place is not None else "the far end"
                text = f"no probe to {where} could leave: {error.strerror}; check the routes of this machine"
                raise ProbeRefused(text) from error
            errors()
    return False
