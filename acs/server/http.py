"""HTTP/1.1 for CPEs on one TCP connection: bytes in, requests out in order, responses back in the same order.

The one rule: a connection costs no more than the limits say, whatever it sends. The handler gets one request at a
time and calls `respond` exactly once for it.

    head ─→ body ─→ handled ─→ idle ─→ head …        (a refusal answers, then closes)
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import httptools

from acs.config import LimitsSection
from acs.server.http_messages import CONTINUE, KEPT, Refusal, Request, answer, refused
from acs.server.limits import Admission, retry_after
from acs.server.origin import Origin
from acs.server.overload import Budget
from acs.server.short_bodies import ENDS, WAIT_S, lengthened, may_be_short

#: Bytes on the wire per byte of body: chunks of one byte take six.
_OVERHEAD: Final = 8
#: Pieces of a body that are borne whatever their size; beyond it they must hold _PIECE bytes on average.
_PIECES: Final = 4_000
_PIECE: Final = 16
#: Bytes of a body that are not counted: an Inform has 2 to 8 KB.
_SMALL: Final = 32_768
#: Seconds that a closed connection gets to take its last answer.
_LINGER_S: Final = 5.0


#: What no target begins with.
_NOWHERE: Final = b" "
#: The budget of bodies where none is set.
_PLENTY: Final = 1 << 40

Handler = Callable[["Connection", Request], None]


class Shared:
    """What all connections of an endpoint share."""

    def __init__(self, limits: LimitsSection, admission: Admission, handler: Handler, gone: Handler) -> None:
        self.limits = limits
        self.admission = admission
        self.handler = handler
        #: called when a connection ended, with a request that is empty
        self.gone = gone
        self.open: set[Connection] = set()
        #: what the target of a request begins with that is no business of CWMP
        self.other_path = _NOWHERE
        #: the headers that are kept
        self.kept = KEPT
        #: what the large bodies of all connections may take together
        self.bodies = Budget(_PLENTY)
        #: whether an address is one of a proxy that puts the requests of many CPEs on one connection
        self.pools: Callable[[str], bool] = lambda _address: False
        self.refused: Callable[[int, str, str], None] = lambda _status, _why, _address: None
        self.closing = False


class Connection(asyncio.Protocol):
    """One TCP connection of a CPE. `visit` is for the handler: the session that this connection carries."""

    __slots__ = (
        "_admitted", "_busy", "_closed", "_head_bytes", "_in_head", "_limits", "_loop", "_parser", "_queue", "_refusal",
        "_request", "_served", "_shared", "_short", "_taken", "_transport", "_wire_bytes", "address", "deadline",
        "origin", "pooled", "visit",
    )  # fmt: skip

    def __init__(self, shared: Shared, loop: asyncio.AbstractEventLoop, origin: Origin | None = None) -> None:
        self._shared = shared
        #: where the CPE is, where that is not the other end of a plain connection
        self.origin = origin
        #: the requests on it may be of many CPEs, so that no session belongs to it
        self.pooled = False
        #: bytes of the budget of bodies that this connection holds
        self._taken = 0
        self._limits = shared.limits
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request | Refusal] | None = None
        self._request = Request()
        self._refusal: Refusal | None = None
        self._busy: Request | None = None
        self._in_head = True
        self._head_bytes = 0
        #: bytes since the request being read began, without those that came together with its first one
        self._wire_bytes = 0
        #: requests that came whole in one piece of data
        self._served = 0
        #: a request whose body goes on after its Content-Length
        self._short: Request | None = None
        self._closed = False
        self._admitted = False
        self._transport: Any = None
        self.address = ""
        self.deadline = 0.0
        self.visit: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A CPE connected: count it, or turn it away with 503."""
        self._transport = transport
        if self.origin is not None:
            self.address = self.origin.address
        else:
            peer = transport.get_extra_info("peername")
            self.address = peer[0] if peer else ""
            self.pooled = self._shared.pools(self.address)
        limits = self._limits
        self.deadline = self._loop.time() + limits.head_timeout_s
        reason = self._shared.admission.enter(self.address)
        if reason is not None:
            self._refuse(503, reason)
            return
        self._admitted = True
        self._shared.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._closed = True
        self._queue = None
        self._give_back()
        if self._admitted:
            self._admitted = False
            self._shared.admission.leave(self.address)
            self._shared.open.discard(self)
            self._shared.gone(self, self._request)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._closed or self._refusal is not None:
            return
        if self._short is not None:
            self._lengthen(data)
            return
        request = self._request
        before = request.size
        self._served = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "the request wants another protocol")
        except httptools.HttpParserError as error:
            self._stopped(error, data, request, before)
        else:
            self._count_wire(len(data), began=self._request is not request)

    def pause_writing(self) -> None:
        """The CPE does not take its answers: ask for nothing more."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The CPE took its answers."""
        if not self._closed:
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """The CPE closed its side: answers under way may still leave, the last one closes."""
        self._give_up_short(self._short)
        last = self._queue[-1] if self._queue else self._busy
        if isinstance(last, Request):
            last.keep_alive = False
        return self._busy is not None

    def overdue(self, now: float) -> None:
        """Called by the sweep: end a connection whose time is up."""
        if now < self.deadline:
            return
        if self._closed:
            self._transport.abort()
            return
        if self._busy is not None:
            return
        if self._short is not None:
            self._give_up_short(self._short)
        elif self._head_bytes or not self._in_head:
            part = "head" if self._in_head else "body"
            self._refuse(408, f"the {part} of a request did not come in time")
        else:
            self.close()

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is about to: no answer will leave on it any more."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Whether no request is being read or served."""
        return self._busy is None and self._in_head and not self._head_bytes

    def close(self) -> None:
        """Close after what was written has left."""
        if not self._closed:
            self._closed = True
            self.deadline = self._loop.time() + _LINGER_S
            self._transport.close()

    def respond(self, status: int, body: bytes = b"", headers: bytes = b"") -> None:
        """Answer the request being handled; `headers` are whole lines. An answer to a lost connection is dropped."""
        request, self._busy = self._busy, None
        if self._taken and not self._queue:
            self._give_back()
        if self._closed or request is None:
            return
        self._transport.write(answer(request, status, body, headers))
        if not request.keep_alive:
            self.close()
            return
        self.deadline = self._loop.time() + self._limits.idle_timeout_s
        if self._queue:
            self._next()

    # httptools calls these

    def on_message_begin(self) -> None:
        """A request begins."""
        self._request = Request()
        self._in_head = True
        self._head_bytes = 1
        if self._busy is None:
            self.deadline = self._loop.time() + self._limits.head_timeout_s

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        if self._request.target or url.startswith(self._shared.other_path):
            self._request.target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.head_bytes:
            self._count_head(0)
        name = name.lower()
        if name in self._shared.kept:
            kept = self._request.headers
            kept[name] = kept[name] + b", " + value if name in kept else value

    def on_headers_complete(self) -> None:
        """The head is whole: refuse what is too long before it is read."""
        self._in_head = False
        request, limits = self._request, self._limits
        request.method = self._parser.get_method()
        request.keep_alive = self._parser.should_keep_alive()
        version = self._parser.get_http_version()
        request.old = version == "1.0"
        if version != "1.1" or self._parser.should_upgrade():
            self._check_kind(version)
        headers = request.headers
        length = headers.get(b"content-length")
        if length is not None and int(length) > limits.body_bytes:
            self._stop(413, f"Content-Length is {int(length)}; the limit is {limits.body_bytes}")
        if length is None and b"transfer-encoding" not in headers and b"xml" in headers.get(b"content-type", b""):
            self._check_empty(headers)
        self.deadline = self._loop.time() + limits.body_timeout_s
        if b"expect" in headers and self._busy is None and headers[b"expect"].lower() == b"100-continue":
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        request = self._request
        request.size += len(body)
        request.number += 1
        if request.size > _SMALL:
            self._take(len(body))
        if request.size > self._limits.body_bytes:
            self._stop(413, f"the body is longer than {self._limits.body_bytes} bytes")
        if request.number > _PIECES + request.size // _PIECE:
            self._stop(413, f"the body comes in {request.number} tiny chunks")
        if request.pieces is not None:
            request.pieces += body
        elif request.body:
            request.pieces = bytearray(request.body + body)
        else:
            request.body = body

    def on_message_complete(self) -> None:
        """A request is whole."""
        request = self._request
        if request.pieces is not None:
            request.body, request.pieces = bytes(request.pieces), None
        self._in_head = True
        self._head_bytes = 0
        if self._closed:
            self._stop(400, "a request after the last one")
        if request.body[-1:] not in ENDS and self._busy is None and may_be_short(request.body, request.headers):
            self._short = request
            raise _Stopped("the body goes on")
        self._served += 1
        if self._served > self._limits.queued_requests + 1:
            self._stop(503, f"more than {self._limits.queued_requests} requests came behind another")
        if self._busy is None and not self._queue:
            self._busy = request
            self._shared.handler(self, request)
            return
        if self._queue is None:
            self._queue = deque()
        if len(self._queue) >= self._limits.queued_requests:
            self._stop(503, f"more than {self._limits.queued_requests} requests wait on one connection")
        self._queue.append(request)

    def _after_short(self, data: bytes, before: int | None) -> None:
        """Find what followed a short body in a piece of data; `before`: bytes of the body that came earlier."""
        short = self._short
        assert short is not None
        self._parser = httptools.HttpRequestParser(self)
        end = short.size - before if before is not None else data.find(short.body) + short.size
        self._loop.call_later(WAIT_S, self._give_up_short, short)
        self._lengthen(data[end:])

    def _lengthen(self, more: bytes) -> None:
        """Add to a short body what belongs to it; the rest is the next request."""
        short = self._short
        assert short is not None
        short.body, rest, over = lengthened(short.body, more, short.size)
        if over:
            self._give_up_short(short)
            if rest:
                self.data_received(rest)

    def _give_up_short(self, short: Request | None) -> None:
        """Wait no more for the rest of a short body."""
        if short is not None and self._short is short and not self._closed:
            self._short, self._busy = None, short
            self._shared.handler(self, short)

    def _take(self, size: int) -> None:
        """Count a part of a large body against what all may take together."""
        if not self._shared.bodies.take(size):
            self._stop(503, "the large bodies of all connections take too much memory")
        self._taken += size

    def _give_back(self) -> None:
        self._shared.bodies.give(self._taken)
        self._taken = 0

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.head_bytes:
            self._stop(431, f"the head is longer than {self._limits.head_bytes} bytes")

    def _count_wire(self, size: int, *, began: bool) -> None:
        """Bound what the parser holds back: names and values that do not end, and what chunks carry besides."""
        if began or not self._head_bytes:
            self._wire_bytes = 0
            return
        self._wire_bytes += size
        if self._wire_bytes > self._limits.head_bytes + _OVERHEAD * self._request.size:
            self._refuse(431, f"a part of the head is longer than {self._limits.head_bytes} bytes")

    def _check_kind(self, version: str) -> None:
        """Refuse what HTTP allows and nobody here speaks."""
        if version not in ("1.0", "1.1"):
            self._stop(505, f"HTTP/{version} is not spoken here")
        if self._request.method == b"POST" and self._parser.should_upgrade():
            self._stop(400, "the request wants another protocol")

    def _check_empty(self, headers: dict[bytes, bytes]) -> None:
        """Bear an empty POST that claims to be XML, but only in a session: elsewhere it is a body without length."""
        if self.visit is None and b"cookie" not in headers:
            self._stop(411, "a request with an XML type has neither Content-Length nor chunks")

    def _stop(self, status: int, why: str) -> None:
        """Stop the parser from inside a callback."""
        self._refusal = Refusal(status, why)
        raise _Stopped(why)

    def _stopped(self, error: Exception, data: bytes, request: Request, before: int) -> None:
        """The parser went no further: a body goes on after its length, a limit was passed, or it is no HTTP."""
        if self._short is not None:
            self._after_short(data, before if self._short is request else None)
            return
        refusal = self._refusal or Refusal(400, f"not HTTP: {error}")
        self._refuse(refusal.status, refusal.why)

    def _refuse(self, status: int, why: str) -> None:
        """Answer with an error in its turn, and close."""
        if self._closed:
            return
        self._refusal = Refusal(status, why)
        if self._busy is not None:
            self._queue = deque() if self._queue is None else self._queue
            self._queue.append(self._refusal)
            return
        self._write_refusal(self._refusal)

    def _write_refusal(self, refusal: Refusal) -> None:
        self._shared.refused(refusal.status, refusal.why, self.address)
        self._transport.write(refused(refusal, retry_after(self._limits.retry_after_s)))
        self.close()

    def _next(self) -> None:
        queue = self._queue
        assert queue
        waiting = queue.popleft()
        if isinstance(waiting, Refusal):
            self._write_refusal(waiting)
            return
        self._busy = waiting
        self._shared.handler(self, waiting)


class _Stopped(Exception):
    """Ends the parser's work; the refusal is on the connection."""
