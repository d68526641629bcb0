"""A UDP port of ours: listened at, and its number."""

from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol


def listen(reactor: Any, protocol: DatagramProtocol, host: str, port: int, longest: int) -> Any:
    """Hand a port's datagrams to a protocol, each cut at one byte more than the `longest` that is read.

    Raises:
        OSError: the address cannot be used.
    """
    try:
        return reactor.listenUDP(port, protocol, interface=host, maxPacketSize=longest + 1)
    except CannotListenError as error:
        reason = error.socketError
        raise reason if isinstance(reason, OSError) else OSError(str(reason)) from error


def port_of(listening: Any) -> int:
    """The number of a port that is listened at."""
    return int(listening.getHost().port)
