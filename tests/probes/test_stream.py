import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.stream import StreamMeter

#: 7 transport packets each ms: 10.5 Mbit/s
_STEP_NS = 1_000_000


def transport(counter: int, pid: int = 256) -> bytes:
    return struct.pack("!BHB", 0x47, pid, 0x10 | counter & 0x0F) + bytes(184)


def rtp(sequence: int, stamp: int, media: bytes | None = None) -> bytes:
    body = media if media is not None else b"".join(transport(sequence * 7 + place) for place in range(7))
    return struct.pack("!BBHII", 0x80, 33, sequence & 0xFFFF, stamp & 0xFFFFFFFF, 7) + body


def played(meter: StreamMeter, sequences: list[int], *, late: dict[int, float] | None = None) -> None:
    """Packets of one ms each, in the order given; `late` says by how many ms one comes later."""
    for place, sequence in enumerate(sequences):
        arrival = place * _STEP_NS + round((late or {}).get(place, 0.0) * 1e6)
        meter.take(rtp(sequence, sequence * 90), 5_000_000_000 + arrival)


def test_a_clean_stream_has_no_fault() -> None:
    meter = StreamMeter()
    played(meter, list(range(2500)))
    result = meter.result()
    assert (result.packets, result.rtp, result.lost, result.duplicates, result.out_of_order) == (2500, True, 0, 0, 0)
    assert result.continuity_errors == 0 and result.mdi_mlr == 0
    assert result.jitter_ms == pytest.approx(0, abs=1e-6)
    # a buffer drained at the rate of the stream swings by one packet
    assert result.mdi_df_ms == pytest.approx(1.0, abs=0.05)
    assert result.rate_bps == pytest.approx((12 + 1316) * 8 * 1000, rel=0.01)


def test_loss_is_counted_over_the_end_of_the_numbers() -> None:
    meter = StreamMeter()
    numbers = [65_530 + place for place in range(20) if place not in (5, 6, 7, 12)]
    played(meter, numbers)
    result = meter.result()
    assert (result.lost, result.longest_loss, result.loss_pct) == (4, 3, 20.0), result
    assert result.continuity_errors == 2


def test_order_and_doubles_are_told_apart() -> None:
    meter = StreamMeter()
    played(meter, [0, 1, 3, 2, 4, 4, 5])
    result = meter.result()
    assert (result.lost, result.out_of_order, result.duplicates) == (0, 1, 1)


def test_jitter_is_that_of_rfc_3550() -> None:
    meter = StreamMeter()
    played(meter, [0, 1, 2], late={1: 4.0})
    # D is +4 ms, then -4 ms: J = 4/16, then J + (4 - J)/16
    assert meter.result().jitter_ms == pytest.approx(0.25 + (4 - 0.25) / 16)


def test_mdi_shows_a_burst_and_loss_per_second() -> None:
    meter = StreamMeter(media_rate_bps=1316 * 8 * 1000)
    numbers = [number for number in range(3200) if not 1200 <= number < 1210]
    arrivals = {place: 0.0 for place in range(len(numbers))}
    for place in range(500, 530):  # 30 ms of silence, then all at once
        arrivals[place] = 530 - place
    played(meter, numbers, late=arrivals)
    result = meter.result()
    assert result.mdi_mlr == 10
    assert result.mdi_df_ms == pytest.approx(31, abs=1.5)
    assert result.longest_gap_ms == pytest.approx(31, abs=0.01)


def test_transport_without_rtp_is_followed_by_its_counters() -> None:
    meter = StreamMeter()
    for place, counter in enumerate((0, 1, 2, 2, 5, 6)):
        meter.take(transport(counter) + transport(0, pid=0x1FFF), place * _STEP_NS)
    result = meter.result()
    assert (result.rtp, result.lost, result.continuity_errors) == (False, None, 1)


def test_nothing_is_said_of_nothing() -> None:
    result = StreamMeter().result()
    assert (result.packets, result.rate_bps, result.mdi_df_ms, result.loss_pct) == (0, None, None, None)


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 3_000_000_000)), max_size=30))
def test_anything_can_come(parts: list[tuple[bytes, int]]) -> None:
    meter, now = StreamMeter(), 0
    for payload, step in parts:
        now += step
        meter.take(payload, now)
    result = meter.result()
    assert result.packets == len(parts)
    assert result.lost is None or result.lost >= 0
