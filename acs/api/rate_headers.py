"""How much a caller may still ask: RateLimit headers on every answer to a known token. Answers are counted here too.

    RateLimit-Limit: 1000       requests that may come at once
    RateLimit-Remaining: 998    of these, how many may come now
    RateLimit-Reset: 1          seconds until all may come again
    RateLimit-Policy: 1000;w=5  the same as a window

The rule of this file: the figures are those of the bucket that the request was counted in (`limits.Rates`).
"""

from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.api.limits import Allowance
from acs.services.northbound import Northbound


class RateHeaders:
    """ASGI middleware: adds what `auth.actor_of` left in the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        services: Northbound = scope["app"].state.services
        begun = monotonic()

        async def add(message: Message) -> None:
            allowance = state.get("allowance")
            if message["type"] == "http.response.start":
                services.metrics.api_requests.labels(str(message["status"])).inc()
                services.metrics.api_seconds.observe(monotonic() - begun)
            if message["type"] == "http.response.start" and isinstance(allowance, Allowance):
                message = {**message, "headers": [*message["headers"], *_headers(allowance)]}
            await send(message)

        await self._app(scope, receive, add)


def _headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    told = {
        "ratelimit-limit": str(allowance.limit),
        "ratelimit-remaining": str(allowance.remaining),
        "ratelimit-reset": str(allowance.reset_s),
        "ratelimit-policy": f"{allowance.limit};w={allowance.window_s}",
    }
    return [(name.encode(), value.encode()) for name, value in told.items()]
