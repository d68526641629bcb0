"""The socket that traps come to: bursts are taken out of the kernel at once, and what the kernel dropped is known.

The rule: receiving comes before understanding. Each wake-up empties the socket into memory; datagrams are handed out in
small portions, so that nothing else on the loop waits long. Drops are the kernel's own count (SO_RXQ_OVFL), which comes
with the next datagram, and that of /proc/net/udp, which is there also when no datagram comes any more.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probes.errors import ProbeRefused

#: include/uapi/asm-generic/socket.h; Python has no names for them
_SO_RXQ_OVFL = 40
_SO_RCVBUFFORCE = 33
#: the longest datagram
_DATAGRAM = 65_535
#: datagrams taken out of the kernel at one wake-up
_AT_A_TIME = 512
#: datagrams handed out before the loop has its turn
_PORTION = 64

#: what is done with a datagram: bytes, the sender's address and port
Taker = Callable[[bytes, tuple[str, int]], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a socket has seen."""

    #: datagrams taken
    received: int
    #: datagrams that the kernel dropped because its buffer was full
    dropped_by_kernel: int
    #: datagrams that were dropped because ours was full
    dropped_by_us: int
    #: datagrams that wait to be handed out
    waiting: int
    #: bytes of the kernel's buffer
    buffer_bytes: int


class TrapSocket:
    """A UDP socket of one loop. `port` 0 takes a free one; after `start` it is the real one."""

    def __init__(self, host: str, port: int, take: Taker, *, buffer_bytes: int, waiting: int) -> None:
        self.host = host
        self.port = port
        self._take = take
        self._buffer_bytes = buffer_bytes
        self._most_waiting = waiting
        self._socket: socket.socket | None = None
        self._queue: deque[tuple[bytes, tuple[str, int]]] = deque()
        self._handing = False
        self._received = 0
        self._told_drops = 0
        self._own_drops = 0

    async def start(self) -> None:
        """Bind and listen.

        Raises:
            ProbeRefused: the address cannot be used.
        """
        opened = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)
            with contextlib.suppress(OSError):  # only a privileged process may go beyond net.core.rmem_max
                opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, self._buffer_bytes)
            opened.bind((self.host, self.port))
        except OSError as error:
            opened.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ProbeRefused(
                f"traps: {self.host}:{self.port} cannot be used ({reason}); below 1024 it needs CAP_NET_BIND_SERVICE: "
                "take another port, or let the service manager grant it"
            ) from error
        self.port = opened.getsockname()[1]
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened, self._readable)

    async def stop(self) -> None:
        """Close; what waits is handed out first."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._drain(len(self._queue))
        self._socket.close()
        self._socket = None

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send an answer; one that cannot be sent is as good as lost on the way, and the sender asks again."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(data, to)

    def counts(self) -> Counts:
        """What it has seen until now; reads /proc/net/udp where there is one."""
        size = 0 if self._socket is None else self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        dropped = max(self._told_drops, self._drops_of_proc())
        return Counts(self._received, dropped, self._own_drops, len(self._queue), size)

    def _readable(self) -> None:
        """Empty the socket into memory."""
        assert self._socket is not None
        for _ in range(_AT_A_TIME):
            try:
                data, ancillary, _, sender = self._socket.recvmsg(_DATAGRAM, 64)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue
            for level, kind, told in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL:
                    self._told_drops = struct.unpack("I", told[:4])[0]
            self._received += 1
            if len(self._queue) >= self._most_waiting:
                self._own_drops += 1
            else:
                self._queue.append((data, (sender[0], sender[1])))
        if not self._handing and self._queue:
            self._handing = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        """A portion of what waits; then the loop has its turn."""
        self._drain(_PORTION)
        self._handing = bool(self._queue) and self._socket is not None
        if self._handing:
            asyncio.get_running_loop().call_soon(self._hand_out)

    def _drain(self, count: int) -> None:
        for _ in range(min(count, len(self._queue))):
            self._take(*self._queue.popleft())

    def _drops_of_proc(self) -> int:
        if self._socket is None:
            return 0
        inode = str(os.fstat(self._socket.fileno()).st_ino)
        for table in ("/proc/net/udp", "/proc/net/udp6"):
            try:
                lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
            except OSError:
                continue
            for line in lines:
                fields = line.split()
                if len(fields) >= 13 and fields[9] == inode:
                    return int(fields[12])
        return 0
