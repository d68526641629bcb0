"""Columns of whole numbers with a variable number of bytes each: how bodies of history were written before. Pure.

The rule of this file: it only reads. What is folded anew is written as planes (planes.py), so these bodies go by
themselves as history is packed and thinned out.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate


class VariedReader:
    """Reads columns one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._place = 0

    def numbers(self, count: int) -> list[int]:
        """So many numbers, none of them negative."""
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

    def signed(self, count: int) -> list[int]:
        """So many numbers whose lowest bit is their sign."""
        return [number >> 1 ^ -(number & 1) for number in self.numbers(count)]

    def course(self, count: int) -> list[int]:
        """So many numbers that were written as differences."""
        return list(accumulate(self.signed(count)))

    def seconds(self, count: int) -> list[int]:
        """So many numbers that were written as differences of their differences."""
        return list(accumulate(self.course(count)))

    def doubles(self, count: int) -> Sequence[float]:
        """So many doubles."""
        found: Sequence[float] = struct.unpack_from(f"<{count}d", self._body, self._place)
        self._place += 8 * count
        return found
