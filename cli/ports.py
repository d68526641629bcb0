"""Ports of the loopback for servers that must know their port before they listen: the demo's, the tests', the bench's.

The rule: they lie below the range from which the kernel takes the ports of outgoing connections (Linux:
`ip_local_port_range`, 32768 and above), so a connection of somebody else cannot take one before its server listens; and
one process is given none twice, for the first server may not listen yet.
"""

import random
import socket
from collections import deque

_LOWEST, _EPHEMERAL = 15_000, 32_768
#: how many of those that were given last are not given again
_REMEMBERED = 4_096
#: not the process's own generator: who seeds that would make processes choose alike
_RANDOM = random.SystemRandom()
_given: deque[int] = deque(maxlen=_REMEMBERED)


def free_port() -> int:
    """Return a port that nobody listened on a moment ago, by TCP or by UDP."""
    while True:
        port = _RANDOM.randrange(_LOWEST, _EPHEMERAL)
        if port not in _given and _is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM):
            _given.append(port)
            return port


def free_ports(count: int) -> list[int]:
    """Return as many such ports, all different."""
    return [free_port() for _ in range(count)]


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
