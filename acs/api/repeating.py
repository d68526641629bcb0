"""Idempotency-Key for every POST: a request that comes again gets the answer of the first, and does nothing.

The rule of this file: a key belongs to one token and one request; routes that keep keys of their own are left alone.
"""

import json
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.api.asked import header, is_known
from acs.api.errors import answer, answer_of
from acs.errors import AcsError
from acs.services.kept_answers import KeptAnswers, Repeatable, repeatable
from acs.store.kept_answers import KeptAnswer

#: characters of a key
KEY_CHARS = 200
#: bytes of an answer that is kept
_KEPT_BYTES = 1_048_576
#: headers that belong to an answer
_KEPT_HEADERS = (b"content-type", b"location")


class Repeating:
    """ASGI middleware; `owns_key` says of a path whether its route keeps keys itself."""

    def __init__(self, app: ASGIApp, owns_key: Callable[[str], bool]) -> None:
        self._app = app
        self._owns_key = owns_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it from what is kept."""
        found = header(scope, b"idempotency-key") if scope["type"] == "http" and scope["method"] == "POST" else None
        # an answer is given to nobody but its caller, whose token may have been taken back since
        if found is None or self._owns_key(scope["path"]) or not await is_known(scope):
            await self._app(scope, receive, send)
            return
        key = found.decode("latin-1")
        if not 0 < len(key) <= KEY_CHARS:
            told = f"Idempotency-Key: write 1 to {KEY_CHARS} characters"
            await answer(422, "invalid_input", told)(scope, receive, send)
            return
        try:
            body = await _body(receive)
        except HTTPException as error:
            await answer(error.status_code, "too_large", error.detail)(scope, receive, send)
            return
        caller = (header(scope, b"authorization") or b"").decode("latin-1")
        one = repeatable(caller, key, scope["method"].encode(), scope["path"].encode(), scope["query_string"], body)
        kept: KeptAnswers = scope["app"].state.services.kept_answers
        try:
            known = await kept.begin(one)
        except AcsError as error:
            await answer_of(error)(scope, receive, send)
            return
        if known is not None:
            await _replay(known, send)
            return
        await self._first(one, kept, body, scope, receive, send)

    async def _first(
        self, one: Repeatable, kept: KeptAnswers, body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The first request with the key: its answer is on disk before it leaves."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        ended = False
        try:
            await self._app(scope, _again(body, receive), collect)
            ended = True
        finally:
            if not ended:
                await kept.forget(one)
        status = int(messages[0]["status"])
        told = b"".join(message.get("body", b"") for message in messages[1:])
        if 200 <= status < 300 and len(told) <= _KEPT_BYTES:
            headers = {
                n.decode("latin-1"): v.decode("latin-1") for n, v in messages[0]["headers"] if n in _KEPT_HEADERS
            }
            await kept.end(one, status, json.dumps(headers), told)
        else:
            await kept.forget(one)
        for message in messages:
            await send(message)


async def _replay(known: KeptAnswer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(known.headers).items()]
    headers += [(b"content-length", str(len(known.body)).encode()), (b"idempotent-replayed", b"true")]
    await send({"type": "http.response.start", "status": known.status, "headers": headers})
    await send({"type": "http.response.body", "body": known.body})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read, once, and then waits for the caller to go."""
    given = False

    async def give() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give
