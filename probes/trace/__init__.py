"""The way to an address, hop by hop, with loss and times of every hop as mtr has them: by ICMP, UDP or TCP.

    trace (here) ── rounds ──► senders.py: a probe that lives N hops ──► answers ──► results.py: figures by hop

A round sends one probe to every hop up to the far end; it is paced over the interval, so a router's own limit on
answers is not mistaken for loss.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.error_queue import Watched
from probes.errors import ProbeRefused
from probes.icmp import Place, place_of
from probes.trace.results import Hop, HopRecord, TraceResult
from probes.trace.senders import Answer, IcmpSender, Sender, SocketSender

__all__ = ["PROTOCOLS", "Hop", "TraceResult", "trace"]

PROTOCOLS = ("icmp", "udp", "tcp")
#: after so many hops in a row that never answered, no further ones are asked, as mtr does
_MOST_SILENT = 12
#: the shortest pause between two probes of the first round, when the number of hops is not known [E]
_FIRST_PAUSE_S = 0.02


async def trace(
    address: str,
    *,
    protocol: str = "icmp",
    rounds: int = 10,
    interval_s: float = 1.0,
    timeout_s: float = 1.0,
    max_hops: int = 30,
    port: int | None = None,
    size: int = 36,
    version: int | None = None,
    watch: Callable[[TraceResult], None] | None = None,
) -> TraceResult:
    """Trace the way to an address in `rounds` rounds, `interval_s` apart; `watch` hears the result after each.

    Without `port` UDP goes to 33434 and up, TCP to 80. ICMP needs the privilege of ping, UDP and TCP need none.

    Raises:
        ProbeRefused: the socket is not allowed, there is no route, or a number makes no sense.
        NoSuchHost: a name that has no address.
    """
    if protocol not in PROTOCOLS or not 1 <= rounds <= 10_000 or not 1 <= max_hops <= 64:
        raise ProbeRefused(f"protocol {protocol} is one of {', '.join(PROTOCOLS)}; rounds 1 to 10000, hops 1 to 64")
    place = await place_of(address, version)
    run = _Run(address, place, protocol, max_hops, timeout_s)
    with Watched() as watched:
        sender = _sender(place, protocol, port, size, run.heard, watched)
        try:
            for number in range(rounds):
                await run.round(sender, number, interval_s, last=number == rounds - 1)
                if watch is not None:
                    watch(run.result())
            await run.settle(timeout_s)
        finally:
            sender.close()
    return run.result()


def _sender(
    place: Place, protocol: str, port: int | None, size: int, heard: Callable[[Answer], None], watched: Watched
) -> Sender:
    if protocol == "icmp":
        return IcmpSender(place, size, heard, watched)
    return SocketSender(place, protocol, port, size, heard, watched)


@dataclass(slots=True)
class _Run:
    """One trace under way."""

    address: str
    place: Place
    protocol: str
    max_hops: int
    timeout_s: float
    hops: dict[int, HopRecord] = field(default_factory=dict)
    #: the least number of hops at which the far end answered
    far: int | None = None
    #: the least number of hops at which a router refused to go on
    refused: int | None = None
    waiting: int = 0

    async def round(self, sender: Sender, number: int, interval_s: float, *, last: bool) -> None:
        """Send one probe to every hop, paced over the interval."""
        began = time.monotonic()
        pause = max(interval_s / self._limit(), 0.0) if number else min(_FIRST_PAUSE_S, interval_s)
        hops = 1
        while hops <= self._limit():
            record = self.hops.setdefault(hops, HopRecord(hops))
            if sender.send(hops, number):
                record.sent.add(number)
                self.waiting += 1
            await asyncio.sleep(pause)
            hops += 1
        if not number:  # how far it is must be known before the second round
            await self.settle(self.timeout_s)
        if not last:
            await asyncio.sleep(max(0.0, interval_s - (time.monotonic() - began)))

    def heard(self, answer: Answer) -> None:
        """Count an answer that came in time."""
        self.waiting -= 1
        if answer.rtt_ms > self.timeout_s * 1000:
            return
        hops = answer.probe.hops
        if answer.arrived:
            self.far = hops if self.far is None else min(self.far, hops)
        record = self.hops[hops]
        record.rtts_ms[answer.probe.number] = answer.rtt_ms
        record.routers[answer.address] += 1
        if answer.refusal:
            record.refusals.add(answer.refusal)
            self.refused = hops if self.refused is None else min(self.refused, hops)

    async def settle(self, timeout_s: float) -> None:
        """Wait for the answers that are under way, at most `timeout_s`."""
        until = time.monotonic() + timeout_s
        while self.waiting > 0 and time.monotonic() < until:
            if self.far is not None and self._answered_up_to(self.far):
                return
            await asyncio.sleep(0.01)

    def result(self) -> TraceResult:
        """What is known so far: the hops up to the far end, or up to the last that answered."""
        last = self._last()
        shown = tuple(self.hops[number].hop() for number in sorted(self.hops) if number <= last)
        problem = "" if self.far is not None else f"{self.address} itself did not answer {self.protocol}"
        return TraceResult(self.address, self.place.address, self.protocol, shown, self.far is not None, problem)

    def _limit(self) -> int:
        if self.far is not None:
            return self.far
        if self.refused is not None:
            return self.refused
        answered = max((number for number, hop in self.hops.items() if hop.rtts_ms), default=0)
        return min(self.max_hops, answered + _MOST_SILENT)

    def _last(self) -> int:
        if self.far is not None:
            return self.far
        answered = max((number for number, hop in self.hops.items() if hop.rtts_ms), default=0)
        return min(answered + 1, self.max_hops) if self.refused is None else self.refused

    def _answered_up_to(self, far: int) -> bool:
        return all(self.hops[number].sent <= set(self.hops[number].rtts_ms) for number in range(1, far + 1))
