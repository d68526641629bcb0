"""Datagrams taken from a socket many at a time, each with its sender and the kernel's time of arrival.

One `recvmmsg` takes what Python would fetch with 64 calls; the buffers are made once. Linux only, as the sockets are.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator

_AT_ONCE = 64
#: of each datagram so much is kept: IP header with options, ICMP header, cookie
_KEPT_BYTES = 128
_NAME_BYTES = 28
_CONTROL_BYTES = 64
#: of one control buffer: length, level and kind of its message, and the two numbers of the stamp
_STAMPS = struct.Struct("@Niill32x")
#: one iovec of uio.h: where a datagram goes, and its room
_VECTOR = struct.Struct("@PN")
#: one mmsghdr of socket.h: name and its room, vectors and their count, control and its room, flags, octets that came
_HEADER = struct.Struct("@PI4xPNPNi4xI4x")
#: of one mmsghdr: how many octets came
_LENGTHS = struct.Struct("@56xI4x")
_SO_TIMESTAMPNS = 35


_libc = ctypes.CDLL(None, use_errno=True)
_recvmmsg = _libc.recvmmsg
_recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]


class Arrivals:
    """The buffers of one socket that has SO_TIMESTAMPNS set, and nothing else that adds control messages."""

    def __init__(self, taken_from: socket.socket) -> None:
        self._descriptor = taken_from.fileno()
        self._address = slice(4, 8) if taken_from.family == socket.AF_INET else slice(8, 24)
        self._data = ctypes.create_string_buffer(_AT_ONCE * _KEPT_BYTES)
        self._names = ctypes.create_string_buffer(_AT_ONCE * _NAME_BYTES)
        self._controls = ctypes.create_string_buffer(_AT_ONCE * _CONTROL_BYTES)
        data, names, controls = map(ctypes.addressof, (self._data, self._names, self._controls))
        each = range(_AT_ONCE)
        packed = b"".join([_VECTOR.pack(data + number * _KEPT_BYTES, _KEPT_BYTES) for number in each])
        self._vectors = ctypes.create_string_buffer(packed, len(packed))
        vectors = ctypes.addressof(self._vectors)
        self._fresh = b"".join(
            [
                _HEADER.pack(
                    names + number * _NAME_BYTES,
                    _NAME_BYTES,
                    vectors + number * _VECTOR.size,
                    1,
                    controls + number * _CONTROL_BYTES,
                    _CONTROL_BYTES,
                    0,
                    0,
                )
                for number in each
            ]
        )
        self._headers = ctypes.create_string_buffer(self._fresh, len(self._fresh))
        self._place = ctypes.addressof(self._headers)

    def take(self) -> Iterator[tuple[bytes, bytes, int]]:
        """What waits, at most 64: the beginning of a datagram, its sender's address as octets, arrival in ns (0: none).

        Raises:
            OSError: the socket's own error, or EAGAIN when nothing waits.
        """
        ctypes.memmove(self._place, self._fresh, len(self._fresh))
        count = _recvmmsg(self._descriptor, self._place, _AT_ONCE, socket.MSG_DONTWAIT, None)
        if count < 0:
            code = ctypes.get_errno()
            raise BlockingIOError(code, os.strerror(code)) if code == errno.EAGAIN else OSError(code, os.strerror(code))
        return self._datagrams(count)

    def _datagrams(self, count: int) -> Iterator[tuple[bytes, bytes, int]]:
        data = ctypes.string_at(self._data, count * _KEPT_BYTES)
        names = ctypes.string_at(self._names, count * _NAME_BYTES)
        stamps = _STAMPS.iter_unpack(ctypes.string_at(self._controls, count * _CONTROL_BYTES))
        lengths = _LENGTHS.iter_unpack(ctypes.string_at(self._place, count * _LENGTHS.size))
        begin, end = self._address.start, self._address.stop
        start = 0
        for (length,), (_, level, kind, seconds, nanoseconds) in zip(lengths, stamps, strict=True):
            stamped = level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS
            yield (
                data[start : start + min(length, _KEPT_BYTES)],
                names[begin:end],
                seconds * 1_000_000_000 + nanoseconds if stamped else 0,
            )
            start, begin, end = start + _KEPT_BYTES, begin + _NAME_BYTES, end + _NAME_BYTES
