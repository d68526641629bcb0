"""Many points of one series in few bytes. Pure.

A point is (second, mean, least, greatest, how many); as measured the three are one and the number is 1. Written are
columns of whole numbers, as planes of bytes and squeezed: steps of time change little, and so do values.

    body = flags, columns of [second, value] or [second, mean, mean − least, greatest − mean, number − 1]

The rule of this file: times are whole seconds, and values keep six decimals; what does not fit stays a double.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from operator import add, floordiv, mul, sub, truediv
from typing import NamedTuple

import zstandard

from acs.errors import StoreError
from acs.store.planes import PlaneReader, PlaneWriter, course_of

#: (second since 1970, mean, least, greatest, how many measurements)
Point = tuple[int, float, float, float, int]


class Columns(NamedTuple):
    """The points of a body, column by column; as measured, `lows` and `highs` are `means` and `counts` is None.

    `at` are whole seconds, in microseconds since 1970.
    """

    at: Sequence[int]
    means: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    counts: list[int] | None


#: Decimals that are tried, the fewest first.
_DECIMALS = (0, 1, 2, 3, 6)
#: Greater numbers stay doubles: a scaled one must be exact.
_GREATEST = 2**52
_LEVEL = 9
_SECOND = 1_000_000
#: flags of a body; `_PLANES` is in each
_SHARED, _DOUBLES, _SQUEEZED, _PLANES = 0x10, 0x20, 0x40, 0x80


def pack(points: Sequence[Point]) -> bytes:
    """The body of points in the order of time; one at least."""
    plain = all(mean == low == high and n == 1 for _, mean, low, high, n in points)
    columns = [_column(points, 1)] if plain else [_column(points, place) for place in (1, 2, 3)]
    place = next((place for place, places in enumerate(_DECIMALS) if _fits(columns, places)), None)
    flags = _PLANES | (0 if plain else _SHARED) | (_DOUBLES if place is None else place)
    writer = PlaneWriter()
    writer.course([point[0] for point in points])
    if place is None:
        for column in columns:
            writer.doubles(column)
    else:
        scale = 10 ** _DECIMALS[place]
        whole = [[round(value * scale) for value in column] for column in columns]
        writer.course(whole[0])
        for column, sign in zip(whole[1:], (1, -1), strict=False):
            writer.numbers([sign * (mean - value) for mean, value in zip(whole[0], column, strict=True)])
    if not plain:
        writer.numbers([point[4] - 1 for point in points])
    squeezed = zstandard.ZstdCompressor(level=_LEVEL).compress(bytes(writer.body))
    if len(squeezed) < len(writer.body):
        return bytes([flags | _SQUEEZED]) + squeezed
    return bytes([flags]) + bytes(writer.body)


def unpack(body: bytes, count: int) -> list[Point]:
    """The points of a body that `pack` made of `count` points."""
    at, means, lows, highs, counts = unpack_columns(body, count)
    seconds = map(floordiv, at, repeat(_SECOND))
    return list(zip(seconds, means, lows, highs, repeat(1, count) if counts is None else counts, strict=True))


def unpack_columns(body: bytes, count: int) -> Columns:
    """The columns of a body that `pack` made of `count` points: much less work than its points.

    Raises:
        StoreError: `pack` did not make it.
    """
    flags, rest = body[0], body[1:]
    if not flags & _PLANES:
        raise StoreError(f"a body of history has the form {flags:#04x}, which nothing here writes: restore the store")
    if flags & _SQUEEZED:
        rest = zstandard.ZstdDecompressor().decompress(rest)
    reader = PlaneReader(rest)
    at = _moments(reader.raw_course(count), count)
    shared = bool(flags & _SHARED)
    if flags & _DOUBLES:
        columns: list[Sequence[float]] = [reader.doubles(count) for _ in range(3 if shared else 1)]
    else:
        columns = _scaled(reader, count, _DECIMALS[flags & 0x0F], shared=shared)
    if not shared:
        return Columns(at, columns[0], columns[0], columns[0], None)
    means, lows, highs = columns
    return Columns(at, means, lows, highs, list(map(add, reader.numbers(count), repeat(1))))


def merged(former: Iterable[Point], later: Iterable[Point]) -> list[Point]:
    """Points of both in the order of time; of one second the later word stands."""
    points = {point[0]: point for point in former}
    points.update((point[0], point) for point in later)
    return [points[second] for second in sorted(points)]


def coarser(points: Iterable[Point], step_s: int) -> list[Point]:
    """One point per step, at the step's beginning, of points in the order of time."""
    found: dict[int, Point] = {}
    for second, mean, low, high, n in points:
        start = second - second % step_s
        known = found.get(start)
        if known is None:
            found[start] = (start, mean, low, high, n)
            continue
        _, before, least, greatest, count = known
        total = count + n
        mixed = round((before * count + mean * n) / total, 3)
        found[start] = (start, mixed, min(least, low), max(greatest, high), total)
    return [found[start] for start in sorted(found)]


@lru_cache(maxsize=8)
def _moments(raw: bytes, count: int) -> tuple[int, ...]:
    """Microseconds of stored seconds. A question reads blocks by their time, and the facts of a device share it."""
    return tuple(map(mul, course_of(raw, count), repeat(_SECOND)))


def _column(points: Sequence[Point], place: int) -> list[float]:
    return [float(point[place]) for point in points]


def _fits(columns: Sequence[Sequence[float]], places: int) -> bool:
    return all(
        abs(value) < _GREATEST / 10**places and abs(round(value, places) - value) < 5e-8
        for column in columns
        for value in column
    )


def _scaled(reader: PlaneReader, count: int, places: int, *, shared: bool) -> list[Sequence[float]]:
    whole = reader.course(count)
    columns = [whole]
    if shared:
        columns += [list(map(way, whole, reader.numbers(count))) for way in (sub, add)]
    return [list(map(truediv, column, repeat(10**places))) for column in columns]
