"""One network interface, or one VLAN on it, frame by frame, with the kernel's times. It needs CAP_NET_RAW only.

The kernel takes the tag off a received frame and tells it apart; frames of other VLANs, and our own, are not shown.
"""

import errno
import fcntl
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from probes.error_queue import stamp_of
from probes.errors import ProbeRefused
from probes.icmp import SO_TIMESTAMPNS

_ETH_P_ALL, _ETH_P_8021Q = 0x0003, 0x8100
#: linux/if_packet.h
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_AUXDATA, _PACKET_MR_MULTICAST = 263, 1, 8, 0
_AUXILIARY = struct.Struct("@IIIHHHH")
_VLAN_VALID = 1 << 4
_VLAN_MASK = 0x0FFF
_SIOCGIFADDR = 0x8915
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
REMEDY_PRIVILEGE = "the capture process needs CAP_NET_RAW: start it as root or give its interpreter cap_net_raw+ep"


@dataclass(frozen=True, slots=True)
class Frame:
    """One received Ethernet frame without its tag, and when it came."""

    data: bytes
    received_ns: int


class Wire:
    """The interface. Use it as a context; it blocks, and belongs into a process of its own.

    Raises:
        ProbeRefused: the privilege or the interface is missing, or the interface is down.
    """

    def __init__(self, interface: str, ether_type: int, vlan: int | None = None) -> None:
        self.interface, self._vlan = interface, vlan
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ether_type))
        except PermissionError as error:
            raise ProbeRefused(REMEDY_PRIVILEGE) from error
        try:
            # a tagged frame shows its inner type only to who listens to all
            self._socket.bind((interface, ether_type if vlan is None else _ETH_P_ALL))
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        except OSError as error:
            self._socket.close()
            raise _refused(interface, error) from error
        self.hardware = self._socket.getsockname()[4].hex(":")
        self._type = ether_type.to_bytes(2, "big")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, frame: bytes) -> int:
        """Send a frame, tagged when there is a VLAN; return when, in ns."""
        if self._vlan is not None:
            frame = frame[:12] + struct.pack("!HH", _ETH_P_8021Q, self._vlan) + frame[12:]
        try:
            self._socket.send(frame)
        except OSError as error:
            raise _refused(self.interface, error) from error
        return time.time_ns()

    def frames(self, seconds: float) -> Iterator[Frame]:
        """Frames of our type and VLAN, until the time is over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, ancillary, _, source = self._socket.recvmsg(65535, 256)
            except TimeoutError:
                return
            except OSError as error:
                raise _refused(self.interface, error) from error
            if source[2] == socket.PACKET_OUTGOING or data[12:14] != self._type or not self._ours(ancillary):
                continue
            yield Frame(data, stamp_of(ancillary))

    def hear_group(self, hardware: str) -> None:
        """Let the network card hear a multicast address."""
        index = socket.if_nametoindex(self.interface)
        address = bytes.fromhex(hardware.replace(":", ""))
        request = struct.pack("@iHH8s", index, _PACKET_MR_MULTICAST, len(address), address)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)

    def own_address(self) -> str:
        """The IPv4 address of the interface; 0.0.0.0 when it has none, or when the VLAN is not its own."""
        if self._vlan is not None:
            return "0.0.0.0"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            request = struct.pack("256s", self.interface.encode()[:15])
            try:
                return socket.inet_ntoa(fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, request)[20:24])
            except OSError:
                return "0.0.0.0"

    def _ours(self, ancillary: list[tuple[int, int, bytes]]) -> bool:
        vlan = 0
        for level, kind, data in ancillary:
            if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
                status, _, _, _, _, tag, _ = _AUXILIARY.unpack_from(data)
                vlan = tag & _VLAN_MASK if status & _VLAN_VALID else 0
        return vlan == (self._vlan or 0)


def _refused(interface: str, error: OSError) -> ProbeRefused:
    if error.errno == errno.ENODEV:
        return ProbeRefused(f"there is no network interface {interface!r}; `ip link` lists them")
    return ProbeRefused(f"interface {interface}: {error.strerror}; is it up?")
