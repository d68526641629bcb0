"""A curve drawn with braille dots, two across and four down in each character. Pure.

The rule of this file: it draws only what was measured: where nothing was, there is a gap.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: A point: x, value, least, greatest.
Dot = tuple[float, float, float, float]

#: bit of each dot of a character: column, then row from the top
_BITS: Mapping[tuple[int, int], int] = {
    (0, 0): 0x01, (0, 1): 0x02, (0, 2): 0x04, (0, 3): 0x40,
    (1, 0): 0x08, (1, 1): 0x10, (1, 2): 0x20, (1, 3): 0x80,
}  # fmt: skip
_EMPTY = 0x2800
#: Times the usual distance of two points beyond which there is a gap between them.
_GAP = 4.0


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines of a drawing from the top, and the values of its upper and lower edge."""

    lines: tuple[str, ...]
    top: float
    bottom: float


def draw(dots: Sequence[Dot], *, start: float, end: float, width: int, height: int) -> Chart:
    """Draw points between `start` and `end` into so many characters; where there are none it is empty."""
    if not dots:
        return Chart((" " * width,) * height, 0.0, 0.0)
    bottom, top = min(dot[2] for dot in dots), max(dot[3] for dot in dots)
    if top == bottom:
        bottom, top = bottom - 1.0, top + 1.0
    across, down = width * 2, height * 4
    cells = [[0] * width for _ in range(height)]

    def column(x: float) -> int:
        return min(across - 1, max(0, round((x - start) / max(end - start, 1e-9) * (across - 1))))

    def row(value: float) -> int:
        return round((top - value) / (top - bottom) * (down - 1))

    def mark(x: int, y: int) -> None:
        cells[y // 4][x // 2] |= _BITS[x % 2, y % 4]

    widest = _GAP * _usual_step(dots)
    for n, (x, value, low, high) in enumerate(dots):
        for y in range(row(high), row(low) + 1):
            mark(column(x), y)
        if n and x - dots[n - 1][0] <= widest:
            _join(column(dots[n - 1][0]), row(dots[n - 1][1]), column(x), row(value), mark)
    lines = tuple("".join(chr(_EMPTY | bits) if bits else " " for bits in each) for each in cells)
    return Chart(lines, top, bottom)


def _usual_step(dots: Sequence[Dot]) -> float:
    steps = sorted(later[0] - earlier[0] for earlier, later in pairwise(dots))
    return steps[len(steps) // 2] if steps else 0.0


def _join(x0: int, y0: int, x1: int, y1: int, mark: Callable[[int, int], None]) -> None:
    steps = max(abs(x1 - x0), abs(y1 - y0))
    for n in range(1, steps):
        mark(x0 + round((x1 - x0) * n / steps), y0 + round((y1 - y0) * n / steps))
