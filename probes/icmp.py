"""ICMP sockets of both families: opening, kernel filter, checksum, and who a name is. Nothing is sent from here.

Without the privilege for a socket the caller gets ProbeRefused with the remedy: that is missing, never a lost packet.
"""

import asyncio
import ctypes
import errno
import socket
import struct
from dataclasses import dataclass

from probes.errors import NoSuchHost, ProbeRefused

#: asm-generic/socket.h; the socket module of Python 3.11 does not name them
SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_FILTER_STEP = struct.Struct("=HBBI")
#: answers of a burst of thousands wait here until the loop comes round
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
#: linux/in.h: DF set and the kernel's own memory of the path ignored; in6.h has the same numbers for the value
IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE = 10, 23, 3
#: type, code, checksum, identifier, sequence number
HEADER = struct.Struct("!BBHHH")
#: errors of sendto that mean that the packet never left for lack of a way out of this machine
NO_WAY_OUT = frozenset(
    {errno.ENETUNREACH, errno.EPERM, errno.EACCES, errno.EADDRNOTAVAIL, errno.EINVAL, errno.EMSGSIZE}
)
_REMEDY = (
    "ping needs an ICMP socket: widen net.ipv4.ping_group_range to this user's group, or give the process CAP_NET_RAW"
)


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """What differs between IPv4 and IPv6."""

    family: socket.AddressFamily
    protocol: int
    request: int
    reply: int
    #: octets of IP and ICMP header before the payload
    overhead: int


FAMILIES = {
    4: Family(socket.AF_INET, socket.IPPROTO_ICMP, request=8, reply=0, overhead=28),
    6: Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, request=128, reply=129, overhead=48),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name points: its address in numbers, as the kernel writes it."""

    address: str
    family: Family
    scope: int = 0

    @property
    def packed(self) -> bytes:
        """The address as octets."""
        return socket.inet_pton(self.family.family, self.address)

    def socket_address(self, port: int = 0) -> tuple[str, int] | tuple[str, int, int, int]:
        """What the socket calls take."""
        if self.family.family is socket.AF_INET:
            return self.address, port
        return self.address, port, 0, self.scope


def numeric_place(address: str, version: int | None = None) -> Place | None:
    """Where an address in numbers is; None for a name, or for an address of the other version."""
    for number, family in FAMILIES.items():
        try:
            packed = socket.inet_pton(family.family, address)
        except (OSError, ValueError):
            continue
        if version is None or version == number:
            return Place(socket.inet_ntop(family.family, packed), family)
    return None


async def place_of(address: str, version: int | None = None) -> Place:
    """Where an address in numbers, or a name, is; a name is asked of the resolver. `version` 4 or 6 wants that one.

    Raises:
        NoSuchHost: a name that has no address (of that version).
    """
    numeric = numeric_place(address, version)
    if numeric is not None:
        return numeric
    wanted = FAMILIES[version].family if version is not None else socket.AF_UNSPEC
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, None, family=wanted, type=socket.SOCK_DGRAM)
    except (OSError, ValueError) as error:
        which = f" of IPv{version}" if version else ""
        text = f"the name {address[:120]} has no address{which}; check it or write the address itself"
        raise NoSuchHost(text) from error
    kind, _, _, _, place = found[0]
    family = FAMILIES[6 if kind == socket.AF_INET6 else 4]
    scope = int(place[3]) if len(place) > 3 else 0
    return Place(str(place[0]).partition("%")[0], family, scope)


def open_icmp(family: Family) -> tuple[socket.socket, bool]:
    """An ICMP socket and whether it is a raw one, which needs the privilege and shows IP headers.

    Raises:
        ProbeRefused: neither kind of socket is allowed to this process.
    """
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            made = socket.socket(family.family, kind, family.protocol)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EPROTONOSUPPORT):
                raise ProbeRefused(f"no ICMP socket: {error.strerror}; {_REMEDY}") from error
            continue
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        return made, kind == socket.SOCK_RAW
    raise ProbeRefused(_REMEDY)


def keep_whole(made: socket.socket, family: Family) -> None:
    """Let no packet of this socket be cut in fragments on its way (DF), whatever the kernel remembers of the path."""
    if family.family is socket.AF_INET:
        made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, _PMTUDISC_PROBE)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)


def only_our_replies(made: socket.socket, family: Family, identifier: int) -> None:
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


def ones_sum(packet: bytes) -> int:
    """The folded one's-complement sum of 16-bit words (RFC 1071)."""
    padded = packet + b"\0" * (len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def echo(family: Family, identifier: int, sequence: int, payload: bytes) -> bytes:
    """One whole echo request; the kernel itself puts in the checksum of ICMPv6."""
    head = HEADER.pack(family.request, 0, 0, identifier, sequence)
    checksum = ~ones_sum(head + payload) & 0xFFFF
    return HEADER.pack(family.request, 0, checksum, identifier, sequence) + payload
