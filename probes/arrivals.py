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
#: of one mmsghdr: how many octets came
_LENGTHS = struct.Struct("@56xI4x")
_SO_TIMESTAMPNS = 35


class _IoVector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Header(ctypes.Structure):
    """struct mmsghdr of socket.h."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_IoVector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("_padding", ctypes.c_int),
        ("received", ctypes.c_uint32),
    ]


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
        self._vectors = (_IoVector * _AT_ONCE)()
        self._headers = (_Header * _AT_ONCE)()
        for index in range(_AT_ONCE):
            vector, header = self._vectors[index], self._headers[index]
            vector.base = ctypes.addressof(self._data) + index * _KEPT_BYTES
            vector.length = _KEPT_BYTES
            header.name = ctypes.addressof(self._names) + index * _NAME_BYTES
            header.name_length = _NAME_BYTES
            header.vectors = ctypes.pointer(vector)
            header.vector_count = 1
            header.control = ctypes.addressof(self._controls) + index * _CONTROL_BYTES
            header.control_length = _CONTROL_BYTES
        self._fresh = bytes(self._headers)
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
