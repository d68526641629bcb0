"""ICMP echo: loss, round-trip times, jitter, from our own socket in the running loop, with the kernel's timestamps.

One socket serves many targets. Without the privilege for it the caller gets ProbeRefused with the remedy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.facts import Fact


@dataclass(frozen=True, slots=True)
class PingResult:
    """What came back from one address. Times are ms from the kernel's clock; None when nothing came back."""

    address: str
    sent: int
    received: int
    duplicates: int = 0
    rtt_min_ms: float | None = None
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    rtt_max_ms: float | None = None
    jitter_ms: float | None = None

    @property
    def loss_pct(self) -> float:
        """Share of the sent echoes that brought no answer, 0…100."""
        return 100.0 * (self.sent - self.received) / self.sent if self.sent else 100.0


async def ping(
    address: str, *, count: int = 5, interval_s: float = 0.2, timeout_s: float = 1.0, size: int = 56
) -> PingResult:
    """Ping one address; takes about `(count - 1) * interval_s` plus the wait for the last answer.

    Raises:
        ProbeRefused: this process may not open an ICMP socket; the message says how to allow it.
    """
    raise NotImplementedError


async def ping_many(
    addresses: Sequence[str], *, count: int = 5, interval_s: float = 0.2, timeout_s: float = 1.0, size: int = 56
) -> dict[str, PingResult]:
    """Ping many addresses over one socket: result by address, in the order given."""
    raise NotImplementedError


def facts(result: PingResult, now: datetime) -> list[Fact]:
    """`ping.loss_pct`, `ping.rtt_ms` (missing without an answer) and `ping.sent_n`."""
    raise NotImplementedError
