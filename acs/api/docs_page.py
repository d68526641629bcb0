"""`/docs`: the API's description as one plain page, without scripts and without anything from elsewhere.

The rule of this file: the page says what the code says, and nothing of what the server holds; so it needs no token.
"""

from html import escape
from typing import Any

from fastapi import APIRouter, Request

from acs.api.pages import Page, head

router = APIRouter(include_in_schema=False)


_PATH = "/docs"


@router.get(_PATH)
async def docs(request: Request) -> Page:
    """The page."""
    return Page(page(request.app.openapi()))


def page(described: dict[str, Any]) -> str:
    """An OpenAPI description as HTML: per tag, each call with its summary, description and parameters."""
    calls: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, call in methods.items():
            calls.setdefault(call["tags"][0], []).append(_call(method.upper(), path, call))
    parts = [
        f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p><dl>{''.join(calls[tag['name']])}</dl>"
        for tag in described["tags"]
        if tag["name"] in calls
    ]
    about = escape(described["info"]["description"].strip())
    begin = head("secondline API", "en", _PATH)
    return f"{begin}<h1>secondline API</h1><p>{about}</p><p><code>GET /api/v1/openapi.json</code></p>{''.join(parts)}"


def _call(method: str, path: str, call: dict[str, Any]) -> str:
    parameters = ", ".join(
        f"<code>{escape(one['name'])}</code>" for one in call.get("parameters", ()) if one["in"] != "path"
    )
    taking = f"<br>Takes {parameters}" if parameters else ""
    told = f"{escape(call['summary'])}. {escape(call['description'])}{taking}"
    return f"<dt><code>{method} {escape(path)}</code></dt><dd>{told}</dd>"
