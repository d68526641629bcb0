"""What a television stream is worth: loss, order and jitter of RTP, continuity of MPEG-TS, MDI. Pure.

    datagram + arrival ──► StreamMeter ──► StreamResult

Sources: RFC 3550 §6.4.1 and A.8 (jitter), RFC 4445 (MDI: delay factor and media loss rate), ISO 13818-1 (continuity).
"""

from collections import Counter, deque
from dataclasses import dataclass, field

#: RFC 3551: MPEG-2 transport over RTP, with its clock
_RTP_HEADER, _CLOCK_HZ = 12, 90_000
_TS_PACKET, _TS_SYNC, _NULL_PID = 188, 0x47, 0x1FFF
#: RFC 4445 §3.1: the interval over which DF and MLR are counted
_INTERVAL_NS = 1_000_000_000
#: sequence numbers by which a double is told from a reordered packet
_REMEMBERED = 1024
#: a jump beyond this is a new stream, not loss (RFC 3550 A.1: MAX_DROPOUT)
_MAX_DROPOUT = 3000


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What was seen of one stream. Without RTP its figures are None; MDI is None under one whole interval."""

    packets: int
    size_bytes: int
    duration_s: float
    rate_bps: float | None
    rtp: bool
    lost: int | None = None
    loss_pct: float | None = None
    longest_loss: int | None = None
    duplicates: int | None = None
    out_of_order: int | None = None
    jitter_ms: float | None = None
    #: MPEG-TS packets whose counter did not go on where it should
    continuity_errors: int | None = None
    #: MDI: the worst delay factor of an interval, and the most media packets lost in one second
    mdi_df_ms: float | None = None
    mdi_mlr: float | None = None
    #: longest silence between two packets
    longest_gap_ms: float | None = None


@dataclass(slots=True)
class _Rtp:
    """Sequence and jitter of one RTP stream."""

    newest: int = -1
    received: int = 0
    expected: int = 0
    longest: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    jitter: float = 0.0
    transit: float | None = None
    seen: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.received)

    def take(self, sequence: int, stamp: int, arrival_ns: int) -> None:
        """Count one packet."""
        step = 1 if self.newest < 0 else (sequence - self.newest + 0x8000) % 0x10000 - 0x8000
        if sequence in self.seen and step <= 0:
            self.duplicates += 1
            return
        self.seen.append(sequence)
        self.received += 1
        if step > _MAX_DROPOUT or step < -_MAX_DROPOUT:
            step = 1
        if step > 0:
            self.expected += step
            self.longest = max(self.longest, step - 1)
            self.newest = sequence
        else:
            self.out_of_order += 1
        self._jitter(stamp, arrival_ns)

    def _jitter(self, stamp: int, arrival_ns: int) -> None:
        transit = arrival_ns * _CLOCK_HZ / 1e9 - stamp
        if self.transit is not None:
            step = abs(transit - self.transit)
            if step < _CLOCK_HZ * 10:  # the 32-bit clock came round, or a new stream began
                self.jitter += (step - self.jitter) / 16
        self.transit = transit


class StreamMeter:
    """Takes datagrams in the order of their arrival. `media_rate_bps` is the nominal rate, else it is measured."""

    def __init__(self, media_rate_bps: float | None = None) -> None:
        self._media_rate_bps = media_rate_bps
        self._rtp = _Rtp()
        self._is_rtp = False
        self._packets = self._bytes = 0
        self._first = self._last = self._begun = 0
        self._gap = 0
        #: of the interval under way: arrival since its beginning and media octets
        self._arrivals: list[tuple[int, int]] = []
        self._lost_before = 0
        self._delay_factors: list[float] = []
        self._loss_rates: list[float] = []
        self._counters: dict[int, int] = {}
        self._continuity: Counter[str] = Counter()

    def take(self, payload: bytes, arrival_ns: int) -> None:
        """Count one UDP payload."""
        if not self._packets:
            self._first = self._last = self._begun = arrival_ns
        media = payload
        if _is_rtp(payload):
            self._is_rtp = True
            self._rtp.take(int.from_bytes(payload[2:4], "big"), int.from_bytes(payload[4:8], "big"), arrival_ns)
            media = payload[_RTP_HEADER + 4 * (payload[0] & 0x0F) :]
        self._packets += 1
        self._bytes += len(payload)
        self._gap = max(self._gap, arrival_ns - self._last)
        self._last = max(self._last, arrival_ns)
        while arrival_ns - self._begun >= _INTERVAL_NS:
            self._close_interval()
        self._arrivals.append((arrival_ns - self._begun, len(media)))
        self._transport(media)

    def result(self) -> StreamResult:
        """The figures so far."""
        seconds = (self._last - self._first) / 1e9
        rtp = self._rtp if self._is_rtp else None
        return StreamResult(
            self._packets,
            self._bytes,
            seconds,
            self._bytes * 8 / seconds if seconds else None,
            self._is_rtp,
            lost=rtp.lost if rtp else None,
            loss_pct=100.0 * rtp.lost / rtp.expected if rtp and rtp.expected else None,
            longest_loss=rtp.longest if rtp else None,
            duplicates=rtp.duplicates if rtp else None,
            out_of_order=rtp.out_of_order if rtp else None,
            jitter_ms=rtp.jitter * 1000 / _CLOCK_HZ if rtp else None,
            continuity_errors=self._continuity["errors"] if self._counters else None,
            mdi_df_ms=max(self._delay_factors, default=None),
            mdi_mlr=max(self._loss_rates, default=None),
            longest_gap_ms=self._gap / 1e6 if self._packets > 1 else None,
        )

    def _close_interval(self) -> None:
        """Count DF and MLR of the second that ended."""
        total = sum(size for _, size in self._arrivals)
        rate = self._media_rate_bps / 8 if self._media_rate_bps else total / (_INTERVAL_NS / 1e9)
        if rate:
            self._delay_factors.append(_delay_factor(self._arrivals, rate))
        lost = self._rtp.lost if self._is_rtp else self._continuity["errors"]
        self._loss_rates.append(float(max(0, lost - self._lost_before)))
        self._lost_before = lost
        self._arrivals = []
        self._begun += _INTERVAL_NS

    def _transport(self, media: bytes) -> None:
        """Follow the continuity counters of MPEG-TS packets."""
        if len(media) % _TS_PACKET or not media or media[0] != _TS_SYNC:
            return
        for start in range(0, len(media), _TS_PACKET):
            flags = media[start + 3]
            pid = (media[start + 1] & 0x1F) << 8 | media[start + 2]
            if pid == _NULL_PID or not flags & 0x10:
                continue
            counter, before = flags & 0x0F, self._counters.get(pid)
            if before is not None and counter not in (before, (before + 1) & 0x0F):
                self._continuity["errors"] += 1
            self._counters[pid] = counter


def _is_rtp(payload: bytes) -> bool:
    return len(payload) > _RTP_HEADER and payload[0] >> 6 == 2 and payload[0] != _TS_SYNC


def _delay_factor(arrivals: list[tuple[int, int]], bytes_per_s: float) -> float:
    """RFC 4445 §3.1: how deep a virtual buffer swings that is drained at the media rate, in ms."""
    received, highest, lowest = 0, 0.0, 0.0
    for at_ns, size in arrivals:
        drained = at_ns / 1e9 * bytes_per_s
        lowest = min(lowest, received - drained)
        received += size
        highest = max(highest, received - drained)
    return (highest - lowest) / bytes_per_s * 1000
