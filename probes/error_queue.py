"""What routers say of our packets, as the kernel keeps it for one socket (IP_RECVERR): no privilege is needed for it.

A socket with waiting errors makes some loops give it up, so it is watched through an epoll of its own.
"""

import asyncio
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from probes.icmp import SO_TIMESTAMPNS

#: linux/in.h, linux/in6.h
_IP_RECVERR, _IPV6_RECVERR = 11, 25
#: struct sock_extended_err of linux/errqueue.h: errno, origin, type, code, padding, info, data
_EXTENDED = struct.Struct("@IBBBBII")
_STAMP = struct.Struct("@ll")
#: sockaddr_in and sockaddr_in6 that follow it: where the address stands in them
_OFFENDER_4, _OFFENDER_6 = slice(20, 24), slice(24, 40)


class Origin(IntEnum):
    """Who made an error: SO_EE_ORIGIN_* of linux/errqueue.h."""

    LOCAL = 1
    ICMP = 2
    ICMP6 = 3


@dataclass(frozen=True, slots=True)
class Told:
    """One error of the queue."""

    origin: int
    kind: int
    code: int
    #: of "too big": the MTU of the next link, 0 when not told
    mtu: int
    #: the router that told it; empty for our own kernel
    router: str
    received_ns: int
    #: what the packet at fault carried behind its IP header (ICMP) or UDP header, as far as it came back
    payload: bytes
    #: address and port that the packet was sent to
    sent_to: tuple[str, int]
    errno: int = 0

    @property
    def expired(self) -> bool:
        """The packet ran out of hops at that router."""
        return (self.origin, self.kind) in ((Origin.ICMP, 11), (Origin.ICMP6, 3))

    @property
    def too_big(self) -> bool:
        """The packet is larger than a link, and may not be cut."""
        local = self.origin == Origin.LOCAL and self.mtu > 0
        return local or (self.origin, self.kind, self.code) == (Origin.ICMP, 3, 4) or self._too_big_6

    @property
    def _too_big_6(self) -> bool:
        return (self.origin, self.kind) == (Origin.ICMP6, 2)

    @property
    def port_closed(self) -> bool:
        """The far end has no such port (for UDP this is arrival)."""
        return (self.origin, self.kind, self.code) in ((Origin.ICMP, 3, 3), (Origin.ICMP6, 1, 4))

    @property
    def why(self) -> str:
        """The mark that mtr and traceroute use for a refusal: !H, !N, !P, !X, !F, or empty."""
        if self.expired or self.port_closed:
            return ""
        if self.too_big:
            return "!F"
        marks = {0: "!N", 1: "!H", 2: "!P", 9: "!X", 10: "!X", 13: "!X"}
        marks_6 = {0: "!N", 1: "!X", 3: "!H"}
        return (marks_6 if self.origin == Origin.ICMP6 else marks).get(self.code, f"!{self.code}")


def keep_errors(made: socket.socket) -> None:
    """Let the kernel keep errors for a socket, with their times of arrival."""
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def errors_of(made: socket.socket) -> list[Told]:
    """Every error that waits."""
    told: list[Told] = []
    while True:
        try:
            payload, ancillary, _, sent_to = made.recvmsg(2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError:
            return told
        one = _told(payload, ancillary, (str(sent_to[0]), int(sent_to[1])) if sent_to else ("", 0))
        if one is not None:
            told.append(one)


def stamp_of(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The kernel's time of arrival in ns; our own when the kernel gave none."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = _STAMP.unpack_from(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()


def _told(payload: bytes, ancillary: list[tuple[int, int, bytes]], sent_to: tuple[str, int]) -> Told | None:
    levels = ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR))
    found = next((data for level, kind, data in ancillary if (level, kind) in levels), None)
    if found is None or len(found) < _EXTENDED.size:
        return None
    errno, origin, kind, code, _, info, _ = _EXTENDED.unpack_from(found)
    router = ""
    if origin == Origin.ICMP and len(found) >= _OFFENDER_4.stop:
        router = socket.inet_ntop(socket.AF_INET, found[_OFFENDER_4])
    elif origin == Origin.ICMP6 and len(found) >= _OFFENDER_6.stop:
        router = socket.inet_ntop(socket.AF_INET6, found[_OFFENDER_6])
    return Told(origin, kind, code, info, router, stamp_of(ancillary), payload, sent_to, errno)


class Watched:
    """Sockets whose answers and errors are waited for together. Use it as a context."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[int], None]] = {}

    def __enter__(self) -> "Watched":
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._ready)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()

    def add(self, made: socket.socket, call: Callable[[int], None], events: int = select.EPOLLIN) -> None:
        """Call with the events whenever the socket has an answer or an error."""
        self._calls[made.fileno()] = call
        self._epoll.register(made.fileno(), events | select.EPOLLERR)

    def remove(self, made: socket.socket) -> None:
        """Watch a socket no more, and close it."""
        if self._calls.pop(made.fileno(), None) is not None:
            self._epoll.unregister(made.fileno())
        made.close()

    def _ready(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            call = self._calls.get(descriptor)
            if call is not None:
                call(events)
