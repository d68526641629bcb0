"""Ports of the loopback for servers that must know their port before they listen: the demo's, the tests', the bench's.

The rule: they lie below the range from which the kernel takes the ports of outgoing connections (Linux:
`ip_local_port_range`, 32768 and above):
so a connection of somebody else cannot take one before its server listens.
"""

import random
import socket

_LOWEST, _EPHEMERAL = 15_000, 32_768


def free_port() -> int:
    """Return a port that nobody listened on a moment ago, by TCP or by UDP."""
    while True:
        port = random.randrange(_LOWEST, _EPHEMERAL)
        if _is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM):
            return port


def free_ports(count: int) -> list[int]:
    """Return as many such ports, all different."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
