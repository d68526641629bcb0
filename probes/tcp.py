"""TCP connections that are made, measured and dropped: is the port open, closed, or silent, and how far is it."""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from probes.errors import ProbeRefused
from probes.icmp import Place, place_of
from probes.ping.results import PingResult, result_of

#: attempts of one probe [E]
_MOST = 1000


class PortState(StrEnum):
    """What a port is, as seen from here."""

    #: a connection was made
    OPEN = "open"
    #: the far end refused it: the host answers, the port does not
    CLOSED = "closed"
    #: a router or a firewall refused it
    UNREACHABLE = "unreachable"
    #: nothing came back
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class TcpResult:
    """What came of the connections to one port. `times` counts open and refused alike: both are round trips."""

    address: str
    port: int
    target: str
    state: PortState
    times: PingResult
    problem: str = ""


async def connect(
    address: str,
    port: int,
    *,
    count: int = 3,
    interval_s: float = 0.2,
    timeout_s: float = 3.0,
    version: int | None = None,
    watch: Callable[[TcpResult], None] | None = None,
) -> TcpResult:
    """Connect to a port `count` times; no byte is sent over the connections.

    Raises:
        ProbeRefused: the numbers make no sense, or this machine has no route there.
        NoSuchHost: a name that has no address.
    """
    if not 1 <= count <= _MOST or not 1 <= port <= 65535:
        raise ProbeRefused(f"count {count} must be 1 to {_MOST}, port {port} 1 to 65535")
    place = await place_of(address, version)
    rtts: dict[int, float] = {}
    states: list[PortState] = []
    problem = ""
    for number in range(count):
        began = time.monotonic()
        state, rtt_ms, said = await _once(place, port, timeout_s)
        states.append(state)
        problem = said or problem
        if rtt_ms is not None:
            rtts[number] = rtt_ms
        times = result_of(address, range(number + 1), rtts, total=count)
        result = TcpResult(address, port, place.address, _best(states), times, problem)
        if watch is not None:
            watch(result)
        if number < count - 1:
            await asyncio.sleep(max(0.0, interval_s - (time.monotonic() - began)))
    return result


def _best(states: list[PortState]) -> PortState:
    return min(states, key=list(PortState).index)


async def _once(place: Place, port: int, timeout_s: float) -> tuple[PortState, float | None, str]:
    loop = asyncio.get_running_loop()
    with socket.socket(place.family.family, socket.SOCK_STREAM) as made:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        began = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                await loop.sock_connect(made, place.socket_address(port))
        except TimeoutError:
            return PortState.SILENT, None, f"no answer in {timeout_s:g} s"
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                return PortState.CLOSED, (time.perf_counter() - began) * 1000, "connection refused"
            return PortState.UNREACHABLE, None, error.strerror or str(error)
        return PortState.OPEN, (time.perf_counter() - began) * 1000, ""
