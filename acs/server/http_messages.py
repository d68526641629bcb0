"""What comes and goes on a connection of a CPE: a request, a refusal, and the bytes of an answer. Pure."""

from collections.abc import Mapping
from typing import Final

#: The headers that anything here reads; others are counted and dropped.
KEPT: Final = frozenset(
    (b"authorization", b"cookie", b"content-encoding", b"content-type", b"content-length", b"transfer-encoding",
     b"expect")
)  # fmt: skip
REASONS: Final[Mapping[int, bytes]] = {
    200: b"OK",
    204: b"No Content",
    302: b"Found",
    307: b"Temporary Redirect",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    411: b"Length Required",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
_STATUS_LINES: Final = {status: b"HTTP/1.1 %d %s\r\n" % (status, reason) for status, reason in REASONS.items()}
_XML: Final = b'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset="utf-8"\r\nContent-Length: '
_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
#: what a CPE waits for that asked before it sends its body
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Request:
    """One request, whole. `headers` holds only KEPT, lower case; `size` is the body's length as sent."""

    __slots__ = ("body", "headers", "keep_alive", "method", "number", "old", "pieces", "size", "target")

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        #: the body while it comes in more than one piece
        self.pieces: bytearray | None = None
        self.number = 0
        self.size = 0
        self.method = b""
        #: the target, where it begins with a path that is not CWMP's own
        self.target = b""
        self.keep_alive = True
        #: HTTP/1.0: keep-alive must be said
        self.old = False


class Refusal:
    """A request that is answered with an error, after which the connection closes."""

    __slots__ = ("status", "why")

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        self.why = why


def answer(request: Request, status: int, body: bytes, headers: bytes) -> bytes:
    """The bytes of an answer; a body goes with 200 only. `headers` are whole lines."""
    if request.old and request.keep_alive:
        headers += b"Connection: keep-alive\r\n"
    elif not request.keep_alive:
        headers += b"Connection: close\r\n"
    if status == 200:
        return b"%s%d\r\n%s\r\n%s" % (_XML, len(body), headers, body)
    if status == 204 and not headers:
        return _NO_CONTENT
    return _plain(status, headers)


def refused(refusal: Refusal, retry_after_s: int) -> bytes:
    """The bytes of a refusal, the last ones on their connection."""
    headers = b"Connection: close\r\n"
    if refusal.status == 503:
        headers += b"Retry-After: %d\r\n" % retry_after_s
    return _plain(refusal.status, headers)


def _plain(status: int, headers: bytes) -> bytes:
    length = b"" if status == 204 else b"Content-Length: 0\r\n"
    return b"%s%s%s\r\n" % (_STATUS_LINES[status], length, headers)
