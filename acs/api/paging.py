"""Pages: one scheme for every list of the API.

    GET /things?limit=100            →  Link: </api/v1/things?limit=100&after=CURSOR>; rel="next"
    GET /things?limit=100&after=…    →  … until no Link comes

The rule of this file: a cursor is opaque to its reader; it names the last row of a page, so that rows which come or go
meanwhile shift nothing.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Query, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.errors import InvalidInput

AfterQuery = Annotated[
    str, Query(max_length=512, description="Where the page before ended: `after` of the Link with rel=next.")
]
#: greatest number that a cursor may be, and that the store holds
GREATEST = 2**63 - 1


#: list → (parameter that takes the cursor, field of the last row that is the cursor, rows of a page by default)
LISTS: Mapping[str, tuple[str, str, int]] = {
    "/access-alarms": ("after", "id", 100),
    "/alarms": ("after", "id", 100),
    "/approvals": ("before", "id", 100),
    "/audit": ("before", "id", 100),
    "/campaigns/{campaign}/devices": ("after", "place", 100),
    "/checkups": ("after", "id", 100),
    "/deliveries": ("before", "id", 100),
    "/devices": ("after", "key", 100),
    "/devices/{key}/backups": ("before", "id", 50),
    "/groups": ("after", "name", 100),
    "/line-tests": ("before", "id", 100),
    "/lines": ("after", "id", 100),
    "/operations": ("after", "id", 100),
    "/outages": ("before", "id", 100),
    "/quarantine": ("after", "device", 100),
    "/tickets": ("after", "id", 100),
}
#: lists of the newest, which have no further page: what is older is asked for by its time or its name
NEWEST = (
    "/devices/{key}/history",
    "/devices/{key}/bulk-reports",
    "/hooks",
    "/packs",
    "/packs/activations",
    "/provisioning/stopped",
)
_ROOT = "/api/v1"
_PLAIN = {_ROOT + path: how for path, how in LISTS.items() if "{" not in path}
_FORMS = tuple(
    (re.compile(_ROOT + re.sub(r"\{\w+\}", "[^/]+", path)), how) for path, how in LISTS.items() if "{" in path
)


class Paging:
    """ASGI middleware: tells the next page of every list in LISTS, wherever a page is full."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        how = _list_of(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if how is None:
            await self._app(scope, receive, send)
            return
        name, field, limit = how
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        wanted = dict(query).get("limit", "")
        full = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else limit
        start: Message | None = None
        parts: list[bytes] = []

        async def hold(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False) or start is None:
                return
            body = b"".join(parts)
            cursor = _cursor(body, field, full) if start["status"] == 200 else None
            if cursor is not None:
                kept = [(key, value) for key, value in query if key != name]
                address = f"{scope['path']}?{urlencode([*kept, (name, cursor)])}"
                link = (b"link", f'<{address}>; rel="next"'.encode())
                start = {**start, "headers": [*(one for one in start["headers"] if one[0] != b"link"), link]}
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, hold)


def _list_of(scope: Scope) -> tuple[str, str, int] | None:
    path: str = scope["path"]
    return _PLAIN.get(path) or next((how for form, how in _FORMS if form.fullmatch(path)), None)


def _cursor(body: bytes, field: str, full: int) -> str | None:
    """The cursor behind the last row of a full page; None where the page is not full."""
    rows = json.loads(body)
    if not isinstance(rows, list) or len(rows) < full or not rows:
        return None
    return str(rows[-1][field])


def link_next(request: Request, response: Response, cursor: str) -> str:
    """Tell where the next page is, and return the cursor."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    address = f"{request.url.path}?{urlencode([*query, ('after', cursor)])}"
    response.headers.append("Link", f'<{address}>; rel="next"')
    return cursor


def number_of(cursor: str) -> int:
    """The number that a cursor is; 0 for none.

    Raises:
        InvalidInput: it is none of ours.
    """
    if not cursor:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 19 or int(cursor) > GREATEST:
        raise InvalidInput(f"after: {cursor[:40]!r} is no cursor; take it from the Link of the page before")
    return int(cursor)
