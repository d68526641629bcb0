"""One HTTP request, taken to pieces: name, connection, TLS, first octet, whole answer.

The name is asked apart and the connection goes to the address that it gave, so every piece is measured once.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpcore
import httpx

from probes.errors import ProbeRefused
from probes.icmp import place_of

#: of an answer so much is read [E]
_MOST_BYTES = 64 * 1024 * 1024
_AGENT = "secondline-probe"
#: httpx's names of what happens → ours
_BEGUN, _CONNECTED, _TLS, _ASKED, _FIRST = (
    "connection.connect_tcp.started",
    "connection.connect_tcp.complete",
    "connection.start_tls.complete",
    "http11.send_request_body.complete",
    "http11.receive_response_headers.complete",
)


@dataclass(frozen=True, slots=True)
class HttpResult:
    """What came of one request. Times are ms since the piece before ended; None for what did not happen."""

    url: str
    address: str
    status: int | None
    name_ms: float
    connect_ms: float | None = None
    tls_ms: float | None = None
    #: from the request's end to the answer's head
    first_byte_ms: float | None = None
    body_ms: float | None = None
    total_ms: float | None = None
    size_bytes: int = 0
    rate_bps: float | None = None
    #: where a redirect points; it is not followed
    location: str = ""
    server: str = ""
    certificate_expires_at: datetime | None = None
    problem: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


async def fetch(
    url: str,
    *,
    method: str = "GET",
    timeout_s: float = 10.0,
    version: int | None = None,
    verify: bool = True,
    most_bytes: int = _MOST_BYTES,
) -> HttpResult:
    """Make one request and measure it; redirects are not followed, environment proxies are not used.

    Raises:
        ProbeRefused: the URL or the method is none.
        NoSuchHost: the name has no address.
    """
    where = _parsed(url)
    if method not in ("GET", "HEAD"):
        raise ProbeRefused(f"method {method!r}: the probe asks with GET or HEAD")
    await httpcore.AnyIOBackend().sleep(0)  # what it loads at its first use is no part of a connection
    client = _client(verify and where.scheme == "https", timeout_s)
    began = time.perf_counter()
    place = await place_of(where.host, version)
    named = time.perf_counter()
    marks: dict[str, float] = {}
    certificate: list[datetime | None] = [None]

    async def trace(name: str, info: Mapping[str, Any]) -> None:
        marks[name] = time.perf_counter()
        if name == _TLS:
            certificate[0] = _expires_at(info.get("return_value"))

    pieces = _Pieces(url, place.address, began, named, marks)
    try:
        async with asyncio.timeout(timeout_s), client:
            request = client.build_request(method, where.copy_with(host=place.address), headers=_headers(where))
            request.extensions |= {"sni_hostname": where.host, "trace": trace}
            answer = await client.send(request, stream=True)
            pieces.size = await _read(answer, most_bytes)
            pieces.answer = answer
            await answer.aclose()
    except TimeoutError:
        pieces.problem = f"not done in {timeout_s:g} s"
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        pieces.problem = str(error) or type(error).__name__
    return pieces.result(certificate[0])


@dataclass(slots=True)
class _Pieces:
    """The moments of one request."""

    url: str
    address: str
    began: float
    named: float
    marks: dict[str, float]
    size: int = 0
    answer: httpx.Response | None = None
    problem: str = ""

    def result(self, certificate: datetime | None) -> HttpResult:
        """The result; called when all is over."""
        ended = time.perf_counter()
        begun, connected, tls, asked, first = (
            self.marks.get(name) for name in (_BEGUN, _CONNECTED, _TLS, _ASKED, _FIRST)
        )
        body_s = ended - first if first is not None and self.answer is not None else None
        answer = self.answer
        return HttpResult(
            self.url,
            self.address,
            answer.status_code if answer is not None else None,
            (self.named - self.began) * 1000,
            connect_ms=_span(begun, connected),
            tls_ms=_span(connected, tls),
            first_byte_ms=_span(asked, first),
            body_ms=None if body_s is None else body_s * 1000,
            total_ms=(ended - self.began) * 1000 if answer is not None else None,
            size_bytes=self.size,
            rate_bps=self.size * 8 / body_s if body_s and self.size else None,
            location=answer.headers.get("location", "") if answer is not None else "",
            server=answer.headers.get("server", "") if answer is not None else "",
            certificate_expires_at=certificate,
            problem=self.problem,
            headers=dict(answer.headers) if answer is not None else {},
        )


def _span(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1000


def _parsed(url: str) -> httpx.URL:
    try:
        where = httpx.URL(url if "://" in url else f"http://{url}")
    except httpx.InvalidURL as error:
        raise ProbeRefused(f"{url[:200]!r}: {error}; write it as http://host/path") from error
    if where.scheme not in ("http", "https") or not where.host:
        raise ProbeRefused(f"{url[:200]!r} is no address of the web; write it as http://host/path")
    return where


def _headers(where: httpx.URL) -> dict[str, str]:
    return {"host": where.netloc.decode(), "user-agent": _AGENT, "accept": "*/*", "connection": "close"}


def _client(verify: bool, timeout_s: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=verify, timeout=timeout_s, trust_env=False, follow_redirects=False)


async def _read(answer: httpx.Response, most_bytes: int) -> int:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size >= most_bytes:
            break
    return size


def _expires_at(stream: object) -> datetime | None:
    """When the far end's certificate ends; None where it was not verified, for then the library does not read it."""
    getter = getattr(stream, "get_extra_info", None)
    connection = getter("ssl_object") if getter is not None else None
    certificate = connection.getpeercert() if connection is not None else None
    until = certificate.get("notAfter") if certificate else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None
