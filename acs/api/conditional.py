"""ETags: what was read and has not changed is not sent again, and what has changed is not written over.

    GET  If-None-Match: "…"   →  304 where the answer is the same
    PUT, PATCH, DELETE  If-Match: "…"   →  412 where the thing is not what the caller had read

The rule of this file: an ETag is made of the answer's bytes; a write that names one is alone with its thing, among the
writes of this process that name one, from the comparison to its end.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from weakref import WeakValueDictionary

from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.api.errors import answer

_WRITES = ("PUT", "PATCH", "DELETE")
#: headers of a GET that go along with 304
_WITH_304 = (b"etag", b"link", b"cache-control", b"vary")


class Conditional:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its conditions."""
        method = scope.get("method")
        wanted = _tags(scope, b"if-match") if scope["type"] == "http" and method in _WRITES else None
        if wanted is not None and not _is_taken(scope):
            wanted = None
        if scope["type"] == "http" and method == "GET":
            await self._app(scope, receive, _Tagged(send, _tags(scope, b"if-none-match")))
        elif wanted is None:
            await self._app(scope, receive, send)
        else:
            await self._write(wanted, scope, receive, send)

    async def _write(self, wanted: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        lock = self._locks.setdefault(scope["path"], asyncio.Lock())
        async with lock:
            found, status = await self._now(scope)
            if status in (401, 403, 429):
                await self._app(scope, receive, send)
            elif found is None or ("*" not in wanted and found not in wanted):
                told = f"{scope['path']} is not what If-Match names; read it again, and write on what it is now"
                headers = {"ETag": found} if found is not None else {}
                await answer(412, "changed_meanwhile", told, headers)(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _now(self, scope: Scope) -> tuple[str | None, int]:
        """The ETag that a GET of the thing gives now, and its status; None where nothing is there to be read."""
        messages: list[Message] = []

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def collect(message: Message) -> None:
            messages.append(message)

        headers = [(n, v) for n, v in scope["headers"] if n not in (b"if-match", b"content-length", b"content-type")]
        asked = {**scope, "method": "GET", "headers": headers, "query_string": b""}
        await self._app(asked, nothing, _Tagged(collect, None))
        status = int(messages[0]["status"])
        tag = next((value.decode("latin-1") for name, value in messages[0]["headers"] if name == b"etag"), None)
        return (tag if status == 200 else None), status


class _Tagged:
    """What sends an answer on: JSON with its ETag, or 304; everything else as it comes."""

    def __init__(self, send: Send, unless: list[str] | None) -> None:
        self._send = send
        self._unless = unless
        self._start: Message | None = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_json(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(self._start, b"".join(self._body))

    async def _finish(self, start: Message, body: bytes) -> None:
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = [*start["headers"], (b"etag", tag.encode())]
        if self._unless is not None and ("*" in self._unless or tag in self._unless):
            kept = [(name, value) for name, value in headers if name in _WITH_304]
            await self._send({"type": "http.response.start", "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_json(start: Message) -> bool:
    kind = next((value for name, value in start["headers"] if name == b"content-type"), b"")
    return bool(start["status"] == 200 and kind.startswith(b"application/json"))


def _is_taken(scope: Scope) -> bool:
    """Whether a route takes this method at this address: elsewhere the answer is 405 or 404, whatever If-Match says."""
    return any(route.matches(scope)[0] is Match.FULL for route in scope["app"].routes)


def _tags(scope: Scope, name: bytes) -> list[str] | None:
    """The ETags that a header names, weak ones as strong ones; None where it does not come."""
    found: Iterable[bytes] = [value for header, value in scope["headers"] if header == name]
    texts = [text.strip().removeprefix("W/") for value in found for text in value.decode("latin-1").split(",")]
    return texts or None
