"""Series: what was put in comes back, however old it is; old values take few bytes and become coarser."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.store import Store, devices, history, lines
from acs.store.history import BLOCK, Keeping, Owner
from acs.store.packing import Point, coarser, merged, pack, unpack
from acs.store.records import Reading
from acs.store.tracks import CurvePoint
from acs.store.transaction import Transaction
from tests.store.make import line, opening

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
KEY = opening(NOW).key


def plain(second: int, value: float) -> Point:
    return second, value, value, value, 1


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**40), 2**40),
            st.one_of(
                st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**6), 10**6).map(lambda n: n / 100)
            ),
        ),
        min_size=1,
        max_size=40,
        unique_by=lambda each: each[0],
    )
)
def test_values_as_measured_come_back(given_: list[tuple[int, float]]) -> None:
    points = [plain(second, value) for second, value in sorted(given_)]
    found = unpack(pack(points), len(points))
    assert [(second, n) for second, _, _, _, n in found] == [(second, n) for second, _, _, _, n in points]
    for (_, value, low, high, _), (_, wanted, _, _, _) in zip(found, points, strict=True):
        assert value == low == high == pytest.approx(wanted, abs=1e-7, rel=1e-15)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.integers(-500, 500), st.integers(0, 50), st.integers(0, 50), st.integers(1, 99)
        ),
        min_size=1,
        max_size=40,
        unique_by=lambda each: each[0],
    )
)
def test_means_with_their_least_and_greatest_come_back(given_: list[tuple[int, int, int, int, int]]) -> None:
    points = [
        (second * 3600, mean / 10, (mean - below) / 10, (mean + above) / 10, n)
        for second, mean, below, above, n in sorted(given_)
    ]
    for (second, *numbers, n), (wanted_second, *wanted, wanted_n) in zip(
        unpack(pack(points), len(points)), points, strict=True
    ):
        assert (second, n) == (wanted_second, wanted_n)
        assert numbers == pytest.approx(wanted)


def test_a_steady_level_takes_two_bytes_a_sample() -> None:
    chance = random.Random(7)
    second, points = 1_790_000_000, []
    for _ in range(BLOCK):
        second += 900 + chance.randint(-45, 45)
        points.append(plain(second, round(-21.3 + chance.randint(-15, 15) / 100, 2)))
    assert len(pack(points)) / BLOCK < 2.5
    flat = [plain(1_790_000_000 + 300 * n, 4.0) for n in range(BLOCK)]
    assert len(pack(flat)) / BLOCK < 0.1


def test_coarser_keeps_mean_least_greatest_and_number() -> None:
    points = [plain(3600, 1.0), plain(3700, 2.0), plain(7100, 6.0), plain(7200, 9.0)]
    hourly = coarser(points, 3600)
    assert hourly == [(3600, 3.0, 1.0, 6.0, 3), (7200, 9.0, 9.0, 9.0, 1)]
    assert coarser(hourly, 86400) == [(0, 4.5, 1.0, 9.0, 4)]
    assert merged([plain(1, 1.0), plain(2, 2.0)], [plain(2, 5.0)]) == [plain(1, 1.0), plain(2, 5.0)]


async def kept(store: Store, now: datetime, keeping: Keeping) -> None:
    """One pass over all series."""
    after: int | None = 0
    while after is not None:
        async with store.transaction() as tx:
            after = await history.keep(tx, now, keeping, after=after, limit=2)


async def known(tx: Transaction, now: datetime) -> None:
    await lines.upsert(tx, [line("L-1"), line("L-2")], now)


async def test_values_are_the_same_packed_and_unpacked(store: Store) -> None:
    await store.sessions.open(opening(NOW))
    many = [Reading(KEY, "ont.rx_dbm", round(-20 - n / 100, 2), NOW - n * HOUR, "cpe") for n in range(24 * 12)]
    async with store.transaction() as tx:
        await history.put(tx, many, of=Owner.DEVICE)
        before = await history.readings(tx, KEY, "ont.rx_dbm", NOW - 30 * DAY, NOW + HOUR, of=Owner.DEVICE)
    await kept(store, NOW, Keeping())
    await kept(store, NOW, Keeping())
    async with store.reading() as tx:
        after = await history.readings(tx, KEY, "ont.rx_dbm", NOW - 30 * DAY, NOW + HOUR, of=Owner.DEVICE)
        part = await history.readings(tx, KEY, "ont.rx_dbm", NOW - 3 * DAY, NOW - 2 * DAY, of=Owner.DEVICE)
        assert await history.names(tx, KEY, of=Owner.DEVICE) == ["ont.rx_dbm"]
        assert await history.names(tx, "L-1") == []
    assert after == before == many[::-1]
    assert len(part) == 24
    async with store.transaction() as tx:
        # a value that comes late, into a time that is packed already, and one that corrects a packed one
        late = [Reading(KEY, "ont.rx_dbm", -30.0, NOW - 3 * DAY + HOUR / 2, "cpe")]
        again = [Reading(KEY, "ont.rx_dbm", -31.0, NOW - 3 * DAY, "cpe")]
        await history.put(tx, [*late, *again], of=Owner.DEVICE)
    for _ in range(2):
        async with store.reading() as tx:
            found = await history.readings(tx, KEY, "ont.rx_dbm", NOW - 3 * DAY, NOW - 3 * DAY + HOUR, of=Owner.DEVICE)
        assert [each.value for each in found] == [-31.0, -30.0]
        await kept(store, NOW, Keeping())


async def test_old_values_become_hours_then_days_then_nothing(store: Store) -> None:
    many = [Reading("L-1", "n", float(n % 4), NOW - n * HOUR / 4, "poll") for n in range(4 * 24 * 30)]
    async with store.transaction() as tx:
        await known(tx, NOW)
        await history.put(tx, many)
        await history.put(tx, [Reading("L-2", "n", 1.0, NOW - 400 * DAY, "poll")])
    keeping = Keeping(raw_d=8, hourly_d=20, keep_d=100)
    await kept(store, NOW, keeping)
    async with store.reading() as tx:
        (curve,) = await history.curves(tx, "L-1", NOW - 200 * DAY, NOW + HOUR)
        assert await history.names(tx, "L-2") == [], "what is too old is forgotten, and its series with it"
    assert sum(point.n for point in curve.points) == len(many)
    whole_hours = [p for p in curve.points if p.n == 4]
    assert whole_hours and all((p.value, p.low, p.high) == (1.5, 0.0, 3.0) for p in whole_hours)
    assert len(curve.points) < len(many) / 2
    await kept(store, NOW + 60 * DAY, keeping)
    async with store.reading() as tx:
        (later,) = await history.curves(tx, "L-1", NOW - 200 * DAY, NOW + HOUR)
    assert sum(point.n for point in later.points) == len(many)
    assert len(later.points) <= 32
    assert all(point.at.hour == 0 for point in later.points)
    await kept(store, NOW + 300 * DAY, keeping)
    async with store.reading() as tx:
        assert await history.curves(tx, "L-1", NOW - 200 * DAY, NOW + HOUR) == []


async def test_sources_lines_and_devices_stay_apart(store: Store) -> None:
    await store.sessions.open(opening(NOW))
    async with store.transaction() as tx:
        await known(tx, NOW)
        await history.put(tx, [Reading("L-1", "n", 1.0, NOW, "a"), Reading("L-1", "n", 3.0, NOW, "b")])
        await history.put(tx, [Reading(KEY, "n", 9.0, NOW, "a")], of=Owner.DEVICE)
        assert await history.medians(tx, ["L-1", "L-2"], "n", NOW - HOUR, NOW + HOUR) == {"L-1": 2.0}
        found = await history.points(tx, [KEY, "other"], "n", of=Owner.DEVICE)
        assert found == {KEY: [(NOW, 9.0)]}
        curves = await history.curves(tx, "L-1", NOW - HOUR, NOW + HOUR)
        assert [(each.source, each.points) for each in curves] == [
            ("a", (CurvePoint(NOW, 1.0, 1.0, 1.0, 1),)),
            ("b", (CurvePoint(NOW, 3.0, 3.0, 3.0, 1),)),
        ]
        assert await devices.remove(tx, KEY)
        assert await history.points(tx, [KEY], "n", of=Owner.DEVICE) == {}, "it goes with its device"
