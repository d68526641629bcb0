"""Many points of one series in few bytes. Pure.

A point is (second, mean, least, greatest, how many); as measured the three are one and the number is 1. Written are
columns of differences, each as a variable number of bytes: steps of time change little, and so do values.

    body = flags, columns of [second, value] or [second, mean, mean − least, greatest − mean, number − 1]

The rule of this file: times are whole seconds, and values keep six decimals; what does not fit stays a double.
"""

import struct
from collections.abc import Iterable, Sequence
from itertools import accumulate

import zstandard

#: (second since 1970, mean, least, greatest, how many measurements)
Point = tuple[int, float, float, float, int]

#: Decimals that are tried, the fewest first.
_DECIMALS = (0, 1, 2, 3, 6)
#: Greater numbers stay doubles: a scaled one must be exact.
_GREATEST = 2**52
_LEVEL = 9
_SHARED, _DOUBLES, _SQUEEZED = 0x10, 0x20, 0x40


def pack(points: Sequence[Point]) -> bytes:
    """The body of points in the order of time."""
    plain = all(mean == low == high and n == 1 for _, mean, low, high, n in points)
    columns = [_column(points, 1)] if plain else [_column(points, place) for place in (1, 2, 3)]
    place = next((place for place, places in enumerate(_DECIMALS) if _fits(columns, places)), None)
    flags = (0 if plain else _SHARED) | (_DOUBLES if place is None else place)
    out = bytearray()
    _write_differences(out, _steps([point[0] for point in points]))
    if place is None:
        for column in columns:
            out += struct.pack(f"<{len(column)}d", *column)
    else:
        scale = 10 ** _DECIMALS[place]
        whole = [[round(value * scale) for value in column] for column in columns]
        _write_differences(out, whole[0])
        for column, sign in zip(whole[1:], (1, -1), strict=False):
            _write(out, (_zigzag(sign * (mean - value)) for mean, value in zip(whole[0], column, strict=True)))
    if not plain:
        _write(out, (point[4] - 1 for point in points))
    squeezed = zstandard.ZstdCompressor(level=_LEVEL).compress(bytes(out))
    if len(squeezed) < len(out):
        return bytes([flags | _SQUEEZED]) + squeezed
    return bytes([flags]) + bytes(out)


def unpack(body: bytes, count: int) -> list[Point]:
    """The points of a body that `pack` made of `count` points."""
    flags, rest = body[0], body[1:]
    if flags & _SQUEEZED:
        rest = zstandard.ZstdDecompressor().decompress(rest)
    numbers = _Numbers(rest)
    seconds = _unstep(numbers.differences(count))
    shared = bool(flags & _SHARED)
    if flags & _DOUBLES:
        columns: list[Sequence[float]] = [numbers.doubles(count) for _ in range(3 if shared else 1)]
    else:
        columns = _scaled(numbers, count, _DECIMALS[flags & 0x0F], shared=shared)
    if not shared:
        return [(second, value, value, value, 1) for second, value in zip(seconds, columns[0], strict=True)]
    counts = [n + 1 for n in numbers.plain(count)]
    return list(zip(seconds, *columns, counts, strict=True))


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


def _column(points: Sequence[Point], place: int) -> list[float]:
    return [float(point[place]) for point in points]


def _fits(columns: Sequence[Sequence[float]], places: int) -> bool:
    return all(
        abs(value) < _GREATEST / 10**places and abs(round(value, places) - value) < 5e-8
        for column in columns
        for value in column
    )


def _scaled(numbers: "_Numbers", count: int, places: int, *, shared: bool) -> list[Sequence[float]]:
    whole = numbers.differences(count)
    columns = [whole]
    if shared:
        for sign in (1, -1):
            columns.append(
                [mean - sign * _unzigzag(gap) for mean, gap in zip(whole, numbers.plain(count), strict=True)]
            )
    scale = 10**places
    return [[value / scale for value in column] for column in columns]


def _steps(seconds: Sequence[int]) -> list[int]:
    """The first second, then the steps: their differences are small where the time between points is steady."""
    return [second - before for second, before in zip(seconds, (0, *seconds), strict=False)]


def _unstep(steps: Sequence[int]) -> list[int]:
    return list(accumulate(steps))


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _unzigzag(number: int) -> int:
    return number >> 1 if not number & 1 else -(number >> 1) - 1


def _write_differences(out: bytearray, numbers: Sequence[int]) -> None:
    _write(out, (_zigzag(number - before) for number, before in zip(numbers, (0, *numbers), strict=False)))


def _write(out: bytearray, numbers: Iterable[int]) -> None:
    for number in numbers:
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)


class _Numbers:
    """Reads columns one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._place = 0

    def plain(self, count: int) -> list[int]:
        """So many numbers."""
        body, place, numbers = self._body, self._place, []
        for _ in range(count):
            byte = body[place]
            place += 1
            number, shift = byte & 0x7F, 7
            while byte & 0x80:
                byte = body[place]
                place += 1
                number |= (byte & 0x7F) << shift
                shift += 7
            numbers.append(number)
        self._place = place
        return numbers

    def differences(self, count: int) -> list[int]:
        """So many numbers that were written as differences."""
        return list(accumulate(map(_unzigzag, self.plain(count))))

    def doubles(self, count: int) -> Sequence[float]:
        """So many doubles."""
        found: Sequence[float] = struct.unpack_from(f"<{count}d", self._body, self._place)
        self._place += 8 * count
        return found
