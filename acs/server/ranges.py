"""The Range header of a request for a file (RFC 9110 §14). Pure."""

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(rb"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range lies outside of the file (416)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file from `start`, `length` of them; `whole` when no range was asked for, or none that is served."""

    start: int
    length: int
    whole: bool


def span_of(header: bytes | None, size: int) -> Span:
    """What to send of a file of `size` bytes; several ranges at once are not served, so all of it is sent.

    Raises:
        Unsatisfiable: the range begins beyond the end.
    """
    found = _RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or (not found[1] and not found[2]):
        return Span(0, size, whole=True)
    if not found[1]:
        length = min(int(found[2]), size)
        if length == 0:
            raise Unsatisfiable
        return Span(size - length, length, whole=False)
    start = int(found[1])
    end = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < start:
        return Span(0, size, whole=True)  # no range at all, so it is ignored (§14.1.1)
    if start >= size:
        raise Unsatisfiable
    return Span(start, end - start + 1, whole=False)
