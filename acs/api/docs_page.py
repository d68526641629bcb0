"""`/docs`: the API's description as one plain page, without scripts and without anything from elsewhere.

The rule of this file: the page says what the code says, and nothing of what the server holds; so it needs no token.
"""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "code{font-family:ui-monospace,monospace}h2{margin-top:2em}dt{margin-top:.8em}dd{margin-left:1.5em}"
    "p,dd{white-space:pre-line}"
)
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(page(request.app.openapi()), headers=_HEADERS)


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
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>secondline API</title><style>{_STYLE}</style>"
    about = escape(described["info"]["description"].strip())
    return f"{head}<h1>secondline API</h1><p>{about}</p><p><code>GET /api/v1/openapi.json</code></p>{''.join(parts)}"


def _call(method: str, path: str, call: dict[str, Any]) -> str:
    parameters = ", ".join(
        f"<code>{escape(one['name'])}</code>" for one in call.get("parameters", ()) if one["in"] != "path"
    )
    taking = f"<br>Takes {parameters}" if parameters else ""
    told = f"{escape(call['summary'])}. {escape(call['description'])}{taking}"
    return f"<dt><code>{method} {escape(path)}</code></dt><dd>{told}</dd>"
