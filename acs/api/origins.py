"""Where a subscriber's page may call from: a browser asks before it lets a page of another address call us.

    OPTIONS, Origin: https://my.example   →  204 with what such a page may send, where the operator named that address
    GET, POST                             →  the answer with Access-Control-Allow-Origin; a refusal too: it is read

The rule of this file: only a subscriber's own check is called by pages, with its line token and without cookies;
nothing else of the API answers to another address.

Source: Fetch standard, CORS protocol.
"""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.api.asked import header
from acs.services.northbound import Northbound

#: what pages may call
_PATH = "/api/v1/self-service/check"
#: seconds for which a browser may remember that it may
_REMEMBERED_S = 600
_MAY = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Accept-Language, Content-Type, Idempotency-Key"),
    (b"access-control-max-age", str(_REMEMBERED_S).encode()),
]
_READABLE = (b"access-control-expose-headers", b"Retry-After, Content-Language")


class Origins:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what a browser asks first."""
        origin = header(scope, b"origin") if scope["type"] == "http" and scope["path"] == _PATH else None
        if origin is None or origin.decode("latin-1") not in _named(scope):
            await self._app(scope, receive, send)
            return
        ours = [(b"access-control-allow-origin", origin), (b"vary", b"Origin"), _READABLE]
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": [*ours, *_MAY]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *ours]}
            await send(message)

        await self._app(scope, receive, told)


def _named(scope: Scope) -> Sequence[str]:
    services: Northbound = scope["app"].state.services
    return services.self_service.origins
