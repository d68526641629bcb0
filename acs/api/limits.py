"""How much one caller may send, and how often.

The rule of this file: a body is counted as it comes, whatever its Content-Length says.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.api.asked import header, is_known
from acs.api.errors import answer
from acs.errors import TooMany
from acs.services.signatures import HEADER

#: bytes of an ordinary body
BODY_BYTES = 1_048_576
#: bytes of a body that is read before its caller is known
ANYBODYS_BYTES = 65_536
#: bytes of a hand-over of many entries, or of a CSV
LARGE_BODY_BYTES = 33_554_432
#: bytes of a body that flows to the disk and is counted there, against files.file_bytes
STREAMED_BYTES = 2**40
#: where messages prove themselves by a signature of their body, and the headers that carry it
_SIGNED = "/api/v1/webhooks/"
_SIGNATURES = (HEADER.lower().encode(), b"x-hub-signature")
#: last words of the paths that take large bodies
_LARGE = ("/import", "/facts", "/readings", "/planned-works", "/incidents")

#: requests per second of one caller, and how many may come at once
RATE_PER_S = 200.0
BURST = 1000.0
#: refused tokens per second of one address, and how many may come at once
REFUSED_PER_S = 0.2
REFUSED_BURST = 20.0
#: callers remembered
_CALLERS = 10_000


class BodyLimit:
    """ASGI middleware: 413 for a body beyond its limit, 422 for an address that no store can hold,
    and 401 before a large body of a stranger is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            await answer(422, "invalid_input", "the address holds a NUL character; remove it")(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        if _declared(scope) > limit:
            await _refuse(limit)(scope, receive, send)
            return
        if _is_large(scope) and not await _may_be_read(scope):
            told = "no valid token; a body of this size is read from known callers only"
            refusal = answer(401, "unauthenticated", told, {"WWW-Authenticate": "Bearer", "Connection": "close"})
            await refusal(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self._app(scope, counted, send)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may still ask: `remaining` of `limit` now, all of them in `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: int
    window_s: int


class Rates:
    """Token buckets per caller; the figures of an ordinary caller may be set."""

    def __init__(self, per_s: float = RATE_PER_S, burst: float = BURST) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._per_s = per_s
        self._burst = burst

    def allowance(self, caller: str) -> Allowance:
        """What an ordinary caller may still ask."""
        left = self._left(caller, self._per_s, self._burst)
        reset_s = ceil((self._burst - left) / self._per_s)
        return Allowance(int(self._burst), int(left), reset_s, ceil(self._burst / self._per_s))

    def take(self, caller: str, per_s: float | None = None, burst: float | None = None) -> None:
        """Count one request of a caller.

        Raises:
            TooMany: the caller's bucket is empty.
        """
        per_s, burst = per_s or self._per_s, burst or self._burst
        left = self._left(caller, per_s, burst)
        if left < 1.0:
            wait_s = int((1.0 - left) / per_s) + 1
            raise TooMany("too many requests; slow down", retry_after_s=wait_s)
        self._buckets[caller] = (left - 1.0, monotonic())
        self._buckets.move_to_end(caller)
        while len(self._buckets) > _CALLERS:
            self._buckets.popitem(last=False)

    def _left(self, caller: str, per_s: float, burst: float) -> float:
        left, at = self._buckets.get(caller, (burst, monotonic()))
        return min(burst, left + (monotonic() - at) * per_s)


def limit_of(path: str) -> int:
    """The greatest body that a path takes, in bytes."""
    if path.endswith("/files"):
        return STREAMED_BYTES
    return (
        LARGE_BODY_BYTES if path.endswith(_LARGE) or "/incidents/" in path or "/planned-works/" in path else BODY_BYTES
    )


def _declared(scope: Scope) -> int:
    length = header(scope, b"content-length") or b""
    return int(length) if length.isdigit() else 0


def _is_large(scope: Scope) -> bool:
    """Whether the body may be larger than what anybody's is read for: a chunked one does not say."""
    return header(scope, b"transfer-encoding") is not None or _declared(scope) > ANYBODYS_BYTES


async def _may_be_read(scope: Scope) -> bool:
    """Whether a large body is read: its caller's token is good, which the route asks only after it has read the body.

    A signature can be looked at no earlier than its body: one that comes signed to the door of ticket systems is read.
    """
    signed = scope["path"].startswith(_SIGNED) and any(header(scope, one) is not None for one in _SIGNATURES)
    return signed or await is_known(scope)


def _refuse(limit: int) -> ASGIApp:
    return answer(413, "too_large", _too_large(limit), {"Connection": "close"})


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes; send less at a time"
