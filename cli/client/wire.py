"""HTTP/1.1 to one server, with what Python brings: a command that shows one card must not spend a third of its time on
loading a library.

The rule of this file: it knows HTTP and nothing of our API; no proxy of the shell and no redirect is followed.
"""

import http.client
import json
import select
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

#: bytes that are read at once
BLOCK = 65_536


class WireFailed(Exception):
    """The server was not reached, or broke off, or spoke no HTTP; the text says which."""


class WireTimeout(WireFailed):
    """Nothing came in time."""


class Answer:
    """A response. Its body is read at once, or in parts by `blocks` and `lines`."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.reason = response.reason
        self._response = response
        self._content: bytes | None = None

    def header(self, name: str) -> str:
        """A header's value; empty where it is not there."""
        return self._response.getheader(name) or ""

    @property
    def content(self) -> bytes:
        """The body."""
        if self._content is None:
            self._content = self._response.read()
        return self._content

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
        return json.loads(self.content)

    def blocks(self) -> Iterator[bytes]:
        """The body as it comes."""
        while block := self._response.read1(BLOCK):
            yield block

    def lines(self) -> Iterator[str]:
        """The lines of the body as they come, without their ends."""
        while line := self._response.readline():
            yield line.decode("utf-8", "replace").rstrip("\r\n")


class Wire:
    """Connections to one server. Threads may share it: each request has a connection to itself."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._headers = {"accept": "*/*", "connection": "keep-alive", **headers}
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """The whole response.

        Raises:
            WireFailed: there is none.
        """
        with self.stream(method, path, query=query, body=body, headers=headers, timeout_s=timeout_s) as answer:
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
        connection = self._take(timeout_s or self._timeout_s)
        whole = False
        try:
            target = self._target(path, query)
            connection.request(method, target, body=body, headers={**self._headers, **(headers or {})})
            response = connection.getresponse()
            yield Answer(response)
            whole = response.isclosed() and not response.will_close
        except TimeoutError as error:
            raise WireTimeout(str(error) or "timed out") from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise WireFailed(str(error) or type(error).__name__) from error
        finally:
            if whole:
                self._idle.append(connection)
            else:
                connection.close()

    def _target(self, path: str, query: Sequence[tuple[str, str]]) -> str:
        """A path with its query, each character that may not stand there quoted; what is quoted stays as it is."""
        target = quote(f"{self._path}{path}", safe="/?%:@!$&'()*+,;=~-._")
        return f"{target}{'&' if '?' in path else '?'}{urlencode(query)}" if query else target

    def _take(self, timeout_s: float) -> http.client.HTTPConnection:
        """A connection that lives, or a new one: a server closes those on which nothing comes."""
        while self._idle:
            known = self._idle.pop()
            if known.sock is not None and not select.select([known.sock], [], [], 0)[0]:
                known.sock.settimeout(timeout_s)
                return known
            known.close()
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
