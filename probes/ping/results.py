"""What came of the echoes to one address: loss and its bursts, times and their percentiles, order, duplicates. Pure."""

import itertools
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class PingResult:
    """What came back from one address. Times are ms by the kernel's clock; None when nothing came back.

    `sent` counts packets that left; when none could leave, `problem` says why and nothing is known of the address.
    """

    address: str
    sent: int
    received: int
    duplicates: int = 0
    rtt_min_ms: float | None = None
    rtt_mean_ms: float | None = None
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    rtt_p99_ms: float | None = None
    rtt_max_ms: float | None = None
    #: standard deviation
    rtt_sd_ms: float | None = None
    #: mean difference between neighbours
    jitter_ms: float | None = None
    #: answers that came after the answer to a later echo (RFC 4737: reordered)
    out_of_order: int = 0
    #: answers that came after their time: they count as lost
    late: int = 0
    #: how long each run of lost echoes was, in the order of sending
    loss_bursts: tuple[int, ...] = ()
    #: round trip of each echo in the order of sending; None where it was lost or never left
    rtts_ms: tuple[float | None, ...] = ()
    problem: str = ""

    @property
    def loss_pct(self) -> float | None:
        """Share of the sent echoes that brought no answer, 0…100; None when none was sent."""
        return 100.0 * (self.sent - self.received) / self.sent if self.sent else None

    @property
    def longest_loss(self) -> int:
        """The length of the longest run of lost echoes."""
        return max(self.loss_bursts, default=0)


class Times(NamedTuple):
    """Figures of round trips in ms. A tuple, for ten thousand of them are made at the end of a sweep."""

    minimum: float
    mean: float
    p50: float
    p95: float
    p99: float
    maximum: float
    deviation: float
    #: mean difference between neighbours; None for a single one
    jitter: float | None


def times_of(times: Sequence[float]) -> Times | None:
    """The figures of round trips in the order of sending; None of none."""
    total = len(times)
    if not total:
        return None
    ordered = sorted(times)
    mean = sum(times) / total
    squares = sum(map(operator.mul, times, times)) / total - mean * mean
    return Times(
        ordered[0],
        mean,
        (ordered[(total - 1) // 2] + ordered[total // 2]) / 2,
        ordered[-1] if total < 20 else percentile(ordered, 95),
        ordered[-1] if total < 100 else percentile(ordered, 99),
        ordered[-1],
        math.sqrt(squares) if squares > 0 else 0.0,
        sum(map(abs, map(operator.sub, times[1:], times))) / (total - 1) if total > 1 else None,
    )


def percentile(ordered: Sequence[float], share: int) -> float:
    """The nearest-rank percentile of values in order."""
    return ordered[max(0, -(-share * len(ordered) // 100) - 1)]


def bursts(got: Sequence[bool]) -> tuple[int, ...]:
    """The lengths of the runs of what was not got."""
    return tuple(len(list(run)) for here, run in itertools.groupby(got) if not here)


def result_of(
    name: str,
    left: Sequence[int],
    rtts_ms: Mapping[int, float],
    *,
    total: int,
    duplicates: int = 0,
    out_of_order: int = 0,
    late: int = 0,
    problem: str = "",
) -> PingResult:
    """The result of an address of which the echoes `left` left, of `total` wanted; times by number of the echo."""
    whole = len(rtts_ms) == len(left) == total and not out_of_order
    ordered = list(rtts_ms.values()) if whole else [rtts_ms[number] for number in sorted(rtts_ms)]
    times = times_of(ordered)
    return PingResult(
        name,
        len(left),
        len(rtts_ms),
        duplicates,
        rtt_min_ms=times.minimum if times else None,
        rtt_mean_ms=times.mean if times else None,
        rtt_p50_ms=times.p50 if times else None,
        rtt_p95_ms=times.p95 if times else None,
        rtt_p99_ms=times.p99 if times else None,
        rtt_max_ms=times.maximum if times else None,
        rtt_sd_ms=times.deviation if times else None,
        jitter_ms=times.jitter if times else None,
        out_of_order=out_of_order,
        late=late,
        loss_bursts=() if whole else bursts([number in rtts_ms for number in left]),
        rtts_ms=tuple(ordered) if whole else tuple(rtts_ms.get(number) for number in range(total)),
        problem=problem,
    )
