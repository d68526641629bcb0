"""What a trace found: hop by hop, with the figures that mtr shows. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from probes.ping.results import bursts, times_of


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop. Times are ms, None without an answer; `addresses` are the routers that answered, the usual one first."""

    number: int
    addresses: tuple[str, ...]
    sent: int
    received: int
    last_ms: float | None = None
    mean_ms: float | None = None
    best_ms: float | None = None
    worst_ms: float | None = None
    sd_ms: float | None = None
    #: mean difference between neighbours
    jitter_ms: float | None = None
    loss_bursts: tuple[int, ...] = ()
    #: round trip of each round; None where nothing came back
    rtts_ms: tuple[float | None, ...] = ()
    #: how routers refused here, in traceroute's marks: !H, !N, !P, !X, !F
    refusals: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The router that answered most; empty when none did."""
        return self.addresses[0] if self.addresses else ""

    @property
    def loss_pct(self) -> float | None:
        """Share of the probes without an answer, 0…100; None when none was sent."""
        return 100.0 * (self.sent - self.received) / self.sent if self.sent else None


@dataclass(frozen=True, slots=True)
class TraceResult:
    """The way to an address as far as it was seen."""

    address: str
    target: str
    protocol: str
    hops: tuple[Hop, ...]
    #: the far end itself answered
    reached: bool
    problem: str = ""


@dataclass(slots=True)
class HopRecord:
    """What comes in of one hop, by number of the round."""

    number: int
    sent: set[int] = field(default_factory=set)
    rtts_ms: dict[int, float] = field(default_factory=dict)
    routers: Counter[str] = field(default_factory=Counter)
    refusals: set[str] = field(default_factory=set)

    def hop(self) -> Hop:
        """The figures so far."""
        rounds = sorted(self.sent)
        answered = [number for number in rounds if number in self.rtts_ms]
        times = times_of([self.rtts_ms[number] for number in answered])
        return Hop(
            self.number,
            tuple(address for address, _ in self.routers.most_common()),
            len(rounds),
            len(answered),
            last_ms=self.rtts_ms[answered[-1]] if answered else None,
            mean_ms=times.mean if times else None,
            best_ms=times.minimum if times else None,
            worst_ms=times.maximum if times else None,
            sd_ms=times.deviation if times else None,
            jitter_ms=times.jitter if times else None,
            loss_bursts=bursts([number in self.rtts_ms for number in rounds]),
            rtts_ms=tuple(self.rtts_ms.get(number) for number in rounds),
            refusals=tuple(sorted(self.refusals)),
        )
