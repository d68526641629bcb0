"""From a request's body to an envelope: inflated and parsed in bites, so that no body blocks the loop.

The one rule: nothing is inflated beyond the limit, and nothing larger than `AT_ONCE` is handled in one go.
"""

import asyncio
import zlib
from collections.abc import Iterator

from acs.cwmp.shapes import Shapes
from acs.cwmp.soap import Decoder, Envelope, Limits
from acs.errors import ProtocolError

#: Bytes handled without a pause: an Inform has 2 to 8 KB and takes 0.1 to 0.3 ms.
AT_ONCE = 32_768
#: Bytes per bite of a larger body: below a millisecond each.
BITE = 16_384


async def envelope_of(body: bytes, coding: bytes, shapes: Shapes) -> Envelope | None:
    """The envelope in a body; None when it is empty.

    Raises:
        ProtocolError: as `soap.decode`; also 415 for an unknown coding, 400 for a broken one, 413 for a bomb.
    """
    limits = shapes.limits
    if not coding or not _is_compressed(coding.strip().lower()):
        if len(body) <= AT_ONCE:
            return shapes.decode(body)
        return await _slowly((body[at : at + BITE] for at in range(0, len(body), BITE)), limits)
    if not body:
        return None
    return await _slowly(_inflated(body, limits.max_bytes), limits)


async def plain_body(body: bytes, coding: bytes, limit: int) -> bytes:
    """A body as it was before its compression, inflated in bites.

    Raises:
        ProtocolError: 415 for an unknown coding, 400 for a broken one, 413 for a bomb.
    """
    if not _is_compressed(coding.strip().lower()) or not body:
        return body
    inflated = bytearray()
    for bite in _inflated(body, limit):
        inflated += bite
        await asyncio.sleep(0)
    return bytes(inflated)


def _is_compressed(coding: bytes) -> bool:
    if coding in (b"", b"identity"):
        return False
    if coding not in (b"gzip", b"x-gzip", b"deflate"):
        name = coding[:40].decode("latin-1")
        raise ProtocolError(f"Content-Encoding {name!r} is not read; gzip and deflate are", status_hint=415)
    return True


async def _slowly(bites: Iterator[bytes], limits: Limits) -> Envelope | None:
    decoder = Decoder(limits)
    for bite in bites:
        decoder.feed(bite)
        await asyncio.sleep(0)
    steps = decoder.steps()
    while True:
        try:
            next(steps)
        except StopIteration as done:
            envelope: Envelope | None = done.value
            return envelope
        await asyncio.sleep(0)


def _inflated(body: bytes, limit: int) -> Iterator[bytes]:
    """The body inflated, bite by bite; gzip, zlib and raw deflate are told apart by their first bytes."""
    wbits = 31 if body[:2] == b"\x1f\x8b" else 15 if _is_zlib(body) else -15
    inflater = zlib.decompressobj(wbits)
    total = 0
    data = body
    while not inflater.eof:
        try:
            bite = inflater.decompress(data, BITE)
        except zlib.error as error:
            raise ProtocolError(f"the body's compression is broken: {error}") from error
        total += len(bite)
        if total > limit:
            raise ProtocolError(f"the body inflates to more than {limit} bytes", status_hint=413)
        data = inflater.unconsumed_tail
        if not bite and not data and not inflater.eof:
            raise ProtocolError("the body's compression is cut off")
        if bite:
            yield bite


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
