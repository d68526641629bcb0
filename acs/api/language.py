"""The language of an answer: what Accept-Language asks for, of those that we speak.

The rule of this file: programs read codes and people read texts, so no code is ever translated; who asks for nothing
gets English, and a subscriber Russian.
"""

from collections.abc import Sequence
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from acs.api.asked import header

#: the languages of what people read
LANGUAGES = ("en", "ru")
#: where subscribers ask, who are spoken to in Russian unless they say otherwise
_OF_SUBSCRIBERS = "/api/v1/self-service/check"
#: characters of the header that are looked at
_HEADER_CHARS = 400

_asked: ContextVar[str] = ContextVar("language", default="en")


def current() -> str:
    """The language of the request that is being answered; English outside of one."""
    return _asked.get()


def preferred(wanted: str, default: str = "en") -> str:
    """The one of our languages that a header wants most, the first of equals; `default` where it names none.

    Source: RFC 9110 §12.5.4.
    """
    best, most = default, 0.0
    for part in wanted[:_HEADER_CHARS].split(","):
        name, *parameters = part.split(";")
        word, weight = name.strip().lower().partition("-")[0], _weight(parameters)
        if word in LANGUAGES and weight > most:
            best, most = word, weight
    return best


def _weight(parameters: Sequence[str]) -> float:
    for one in parameters:
        name, _, value = one.strip().partition("=")
        if name == "q":
            return float(value) if value.isascii() and value.replace(".", "", 1).isdigit() else 0.0
    return 1.0


class Language:
    """ASGI middleware: each request has its language, from its first word to its last error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the language stays until the next request of the task sets its own."""
        if scope["type"] == "http":
            wanted = header(scope, b"accept-language")
            default = "ru" if scope["path"] == _OF_SUBSCRIBERS else "en"
            _asked.set(default if wanted is None else preferred(wanted.decode("latin-1"), default))
        await self._app(scope, receive, send)
