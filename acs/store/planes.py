"""Columns of whole numbers as planes of bytes: first all lowest bytes, then all next ones. Pure.

    numbers = width (1, 2, 4, 8), planes of two's complement
    course  = how, first number (8 bytes), numbers of the rest: each less the one before, or each less the first,
              whichever are the smaller ones: a counter goes on, a level stays where it is

The rule of this file: reading takes no step of the interpreter per number, because a question of three months reads a
hundred thousand of them. A plane of equal bytes costs nothing once the whole is squeezed.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate, repeat
from operator import add, sub

#: Bytes of a number → its letter for `struct`.
_LETTERS = {1: "b", 2: "h", 4: "i", 8: "q"}
_STEPS, _OFFSETS = 0, 1
#: Bytes of a course before its numbers.
_COURSE_HEAD = 9


class PlaneWriter:
    """Writes columns one after the other into `body`. Numbers fit 64 bits with their sign."""

    def __init__(self) -> None:
        self.body = bytearray()

    def numbers(self, column: Sequence[int]) -> None:
        """Write numbers as they are."""
        greatest = max(max(column, default=0), -1 - min(column, default=0))
        width = next(width for width in _LETTERS if greatest < 1 << 8 * width - 1)
        raw = struct.pack(f"<{len(column)}{_LETTERS[width]}", *column)
        self.body.append(width)
        for place in range(width):
            self.body += raw[place::width]

    def course(self, column: Sequence[int]) -> None:
        """Write numbers that have to do with each other; one at least."""
        steps = list(map(sub, column[1:], column))
        offsets = list(map(sub, column[1:], repeat(column[0])))
        how, smaller = min((_STEPS, steps), (_OFFSETS, offsets), key=lambda each: _variety(each[1]))
        self.body += struct.pack("<Bq", how, column[0])
        self.numbers(smaller)

    def doubles(self, column: Sequence[float]) -> None:
        """Write numbers that have no few decimals."""
        self.body += struct.pack(f"<{len(column)}d", *column)


class PlaneReader:
    """Reads what a PlaneWriter wrote, in the same order."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._place = 0

    def numbers(self, count: int) -> Sequence[int]:
        """So many numbers."""
        width, start = self._body[self._place], self._place + 1
        self._place = start + count * width
        if width == 1:
            return struct.unpack_from(f"<{count}b", self._body, start)
        raw = bytearray(count * width)
        for place in range(width):
            raw[place::width] = self._body[start + place * count : start + (place + 1) * count]
        return struct.unpack(f"<{count}{_LETTERS[width]}", raw)

    def course(self, count: int) -> list[int]:
        """So many numbers that have to do with each other."""
        return course_of(self.raw_course(count), count)

    def raw_course(self, count: int) -> bytes:
        """The bytes of such numbers, for `course_of`."""
        start = self._place
        self._place += _COURSE_HEAD + 1 + (count - 1) * self._body[start + _COURSE_HEAD]
        return self._body[start : self._place]

    def doubles(self, count: int) -> Sequence[float]:
        """So many doubles."""
        found: Sequence[float] = struct.unpack_from(f"<{count}d", self._body, self._place)
        self._place += 8 * count
        return found


def course_of(raw: bytes, count: int) -> list[int]:
    """So many numbers that have to do with each other, of their bytes."""
    how, first = struct.unpack_from("<Bq", raw)
    rest = PlaneReader(raw[_COURSE_HEAD:]).numbers(count - 1)
    return list(accumulate(rest, initial=first)) if how == _STEPS else [first, *map(add, rest, repeat(first))]


def _variety(column: Sequence[int]) -> int:
    """How much numbers stray from the middle one."""
    middle = sorted(column)[len(column) // 2] if column else 0
    return sum(map(abs, map(sub, column, repeat(middle))))
