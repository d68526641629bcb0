"""ICMP echo: loss, round-trip times, jitter, from our own socket in the running loop, with the kernel's timestamps.

    ping, ping_many (here) ──► echoes.py: one socket per family ──► results.py: figures of one address
                                └ probes/arrivals.py: answers 64 at a time; probes/icmp.py: sockets

One socket serves ten thousand targets. Without the privilege for a socket the caller gets ProbeRefused with the
remedy: that is missing, never a lost packet.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime

from probes.errors import ProbeRefused
from probes.facts import Fact, Quality
from probes.icmp import numeric_place, place_of
from probes.ping.echoes import COOKIE_BYTES, Echoes, Target
from probes.ping.results import PingResult

__all__ = ["PingResult", "Watcher", "facts", "ping", "ping_many"]

#: echoes that leave in one turn of the loop, and the greatest rate over all targets [E]
_ECHOES_PER_TURN = 64
_RATE_PPS = 4000
#: sequence numbers are 16 bits: so many echoes can be told apart on one socket
_MAX_ECHOES = 60_000
#: told the results so far after every round over the targets, for a live view
Watcher = Callable[[Mapping[str, PingResult]], None]


async def ping(
    address: str,
    *,
    count: int = 5,
    interval_s: float = 0.2,
    timeout_s: float = 1.0,
    size: int = 56,
    whole: bool = False,
) -> PingResult:
    """Ping one address; takes about `(count - 1) * interval_s` plus the wait for the last answer.

    Raises:
        ProbeRefused: this process may not open an ICMP socket, or has no route there; the message says what to do.
    """
    results = await ping_many(
        [address], count=count, interval_s=interval_s, timeout_s=timeout_s, size=size, whole=whole
    )
    result = results[address]
    if not result.sent:
        raise ProbeRefused(f"no echo to {address} could leave: {result.problem}; check the routes of this machine")
    return result


async def ping_many(
    addresses: Sequence[str],
    *,
    count: int = 5,
    interval_s: float = 0.2,
    timeout_s: float = 1.0,
    size: int = 56,
    whole: bool = False,
    version: int | None = None,
    watch: Watcher | None = None,
) -> dict[str, PingResult]:
    """Ping many addresses over one socket per family: result by address, in the order given.

    `interval_s` lies between two echoes to one address; over all addresses at most 4,000 echoes leave per second.
    `whole` forbids fragments on the way (DF). `version` 4 or 6 wants that address of a name. `watch` hears the results
    so far after every round.

    Raises:
        ProbeRefused: no ICMP socket for this process.
        NoSuchHost: a name that has no address.
    """
    if not 1 <= count <= _MAX_ECHOES or not 0 <= size <= 65_000:
        raise ProbeRefused(f"count {count} must be 1 to {_MAX_ECHOES}, size {size} bytes 0 to 65000")
    targets = {
        address: Target(numeric_place(address, version) or await place_of(address, version)) for address in addresses
    }
    names, share = list(targets), max(1, _MAX_ECHOES // count)
    done: dict[str, PingResult] = {}

    def told(part: Mapping[str, Target]) -> None:
        if watch is not None:
            watch(done | {name: target.result(name) for name, target in part.items()})

    for start in range(0, len(names), share):
        part = {name: targets[name] for name in names[start : start + share]}
        await _sweep(part, count, (interval_s, timeout_s), max(size, COOKIE_BYTES), whole, told)
        done |= {name: target.result(name, count) for name, target in part.items()}
    return done


def facts(result: PingResult, now: datetime) -> list[Fact]:
    """`ping.loss_pct`, `ping.rtt_ms` (missing without an answer) and `ping.sent_n`; nothing when nothing was sent."""
    loss = result.loss_pct
    if loss is None:
        return []
    source, method = f"ping {result.address}", "icmp echo"
    rtt = result.rtt_p50_ms
    quality = Quality.OK if rtt is not None else Quality.MISSING
    return [
        Fact("ping.loss_pct", round(loss, 2), now, source, method),
        Fact("ping.rtt_ms", None if rtt is None else round(rtt, 3), now, source, method, quality),
        Fact("ping.sent_n", result.sent, now, source, method),
    ]


async def _sweep(
    part: Mapping[str, Target],
    count: int,
    patience: tuple[float, float],
    size: int,
    whole: bool,
    told: Callable[[Mapping[str, Target]], None],
) -> None:
    """Ping targets, `count` rounds over all of them; what comes of it is kept in the targets."""
    interval_s, timeout_s = patience
    with ExitStack() as stack:
        families = {target.place.family for target in part.values()}
        sockets = {one: stack.enter_context(Echoes(one, size, timeout_s, whole=whole)) for one in families}
        for number in range(count):
            began = time.monotonic()
            for position, target in enumerate(part.values(), start=1):
                sockets[target.place.family].send(target, number)
                if position % _ECHOES_PER_TURN == 0:
                    await asyncio.sleep(_ECHOES_PER_TURN / _RATE_PPS)
            if number < count - 1:
                await asyncio.sleep(max(0.0, interval_s - (time.monotonic() - began)))
                told(part)
        await asyncio.gather(*(one.wait(timeout_s) for one in sockets.values()))
        told(part)
