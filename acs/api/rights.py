"""One request, one view: what it may see is decided before the route runs, and what is refused is audited.

The rule of this file: the view is there before anybody is known and is taken away when the answer is sent; a refusal is
on disk before its answer leaves.
"""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from acs.api.asked import header
from acs.services.actor import Actor
from acs.services.refusals import Refusal, Refusals
from acs.store.reach import View, viewing

#: header that names the ticket for which a call is made
TICKET_HEADER = b"for-ticket"
#: answers that are refusals whatever was asked
_REFUSED = frozenset({401, 403})
_TICKET_CHARS = 200


class Rights:
    """ASGI middleware: a view around each request, and an audit line for each refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass the request on inside a view of its own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        with viewing(View(ticket=_ticket(scope))) as view:

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start" and _is_refusal(message["status"], view):
                    refusals: Refusals = scope["app"].state.services.refusals
                    await refusals.note(_refusal(scope, state.get("actor"), view, message["status"]))
                await send(message)

            await self._app(scope, receive, watched)


def _is_refusal(status: int, view: View) -> bool:
    """Whether to audit: also what a limited actor did not find, which may be there and out of reach."""
    return status in _REFUSED or bool(view.refused) or (status == 404 and bool(view.reaches))


def _refusal(scope: AsgiScope, actor: Actor | None, view: View, status: int) -> Refusal:
    client = scope.get("client")
    return Refusal(
        actor=actor,
        origin=client[0] if client else "",
        method=scope["method"],
        path=scope["path"],
        status=status,
        things=tuple(view.refused),
        ticket=view.ticket,
    )


def _ticket(scope: AsgiScope) -> str:
    text = (header(scope, TICKET_HEADER) or b"").decode("latin-1").strip()
    return text if len(text) <= _TICKET_CHARS and text.isprintable() else ""
