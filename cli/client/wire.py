"""HTTP/1.1 to one server. The only importer of urllib3, which loads in a third of the time of httpx.

The rule of this file: it knows HTTP and nothing of our API; no proxy of the shell and no redirect is followed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

#: bytes that are read at once
BLOCK = 65_536
#: connections that are kept for the next call
_KEPT = 8


class WireFailed(Exception):
    """The server was not reached, or broke off, or spoke no HTTP; the text says which."""


class WireTimeout(WireFailed):
    """Nothing came in time."""


class Answer:
    """A response. Its body is read at once, or in parts by `blocks` and `lines`."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self.status = response.status
        self.reason = response.reason or ""
        self._response = response

    def header(self, name: str) -> str:
        """A header's value; empty where it is not there."""
        return self._response.headers.get(name) or ""

    @property
    def content(self) -> bytes:
        """The body."""
        return self._response.data

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def redirects(self) -> bool:
        """Whether it sends the caller elsewhere."""
        return 300 <= self.status < 400 and bool(self.header("location"))

    def json(self) -> Any:
        """The decoded body.

        Raises:
            ValueError: it is no JSON.
        """
        return self._response.json()

    def blocks(self) -> Iterator[bytes]:
        """The body as it comes."""
        while block := self._response.read1(BLOCK):
            yield block

    def lines(self) -> Iterator[str]:
        """The lines of the body as they come, without their ends."""
        rest = b""
        for block in self.blocks():
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace").rstrip("\r")
        if rest:
            yield rest.decode("utf-8", "replace")


class Wire:
    """Connections to one server, used again. Threads may share it."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        parts = urlsplit(url)
        self.origin, self._path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        self._headers = {"accept": "*/*", **headers}
        self._timeout_s = timeout_s
        self._pool = urllib3.PoolManager(maxsize=_KEPT, retries=False)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def request(self, method: str, path: str, **how: Any) -> Answer:
        """The whole response; `how` as for `stream`.

        Raises:
            WireFailed: there is none.
        """
        with self.stream(method, path, **how) as answer:
            _ = answer.content
            return answer

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[Answer]:
        """A response whose body is read inside the block.

        Raises:
            WireFailed: there is none, or it broke off.
        """
        response = None
        try:
            response = self._pool.urlopen(
                method,
                self._target(path, query),
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=urllib3.Timeout(connect=self._timeout_s, read=timeout_s or self._timeout_s),
                redirect=False,
                preload_content=False,
            )
            yield Answer(response)
        except NewConnectionError as error:  # a TimeoutError to urllib3, though nothing was waited for
            raise WireFailed(_why(error)) from error
        except TimeoutError as error:
            raise WireTimeout(str(error)) from error
        except (HTTPError, OSError, UnicodeError) as error:
            raise WireFailed(_why(error)) from error
        finally:
            if response is not None:
                response.close()  # ends the connection too, unless the body was read: then it is kept already

    def _target(self, path: str, query: Sequence[tuple[str, str]]) -> str:
        """An address with its query, each character that may not stand there quoted; what is quoted stays as it is."""
        target = self.origin + quote(f"{self._path}{path}", safe="/?%:@!$&'()*+,;=~-._")
        return f"{target}{'&' if '?' in path else '?'}{urlencode(query)}" if query else target


def _why(error: BaseException) -> str:
    """What went wrong in the system's own words, without the classes that it was wrapped in."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        told = next((one for one in reversed(inner.args) if isinstance(one, BaseException)), None)
        inner = told or inner.__cause__
    last = next((one for one in reversed(error.args) if isinstance(one, BaseException)), error)
    return str(last) or type(last).__name__
