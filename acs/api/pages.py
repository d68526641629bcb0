"""What every page for people has in common: its looks, which come from one file of ours, and what it may not do.

The rule of this file: a page runs nothing, is shown in nobody's frame, sends nothing anywhere, and takes its looks from
`/style.css` alone, so that whatever slips into one stays text. What a page links to it names from its own place: it
is found behind a proxy that puts all of ours below a path of its own.
"""

import hashlib
import re
from base64 import b64encode

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

#: headers of every page
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#1a1a1a}"
    "table{border-collapse:collapse;margin:1em 0}th,td{padding:.3em .5em;text-align:right;border-bottom:1px solid #ddd}"
    "th{font-size:.85em;vertical-align:bottom}"
    "th:first-child,td:first-child{text-align:left}caption{text-align:left;font-weight:600;padding:.4em 0}"
    "svg{max-width:100%;height:auto}small{color:#555}"
    "code{font-family:ui-monospace,monospace}h2{margin-top:2em}dt{margin-top:.8em}dd{margin-left:1.5em}"
    "p,dd{white-space:pre-line}"
)


#: where a page takes its looks from: so many folders up
_LINK = '<link rel=stylesheet href="{up}style.css">'
_LINKED = re.compile(re.escape(_LINK).replace(re.escape("{up}"), r"(?:\.\./)*"))


class Page(HTMLResponse):
    """A page for people, with everything forbidden that it does not need."""

    def __init__(self, content: str, status_code: int = 200, *, file: str | None = None) -> None:
        """`file` is its name where it is to be kept."""
        kept = {} if file is None else {"Content-Disposition": f'attachment; filename="{file}"'}
        super().__init__(content, status_code, {**HEADERS, **kept})


@router.get("/style.css")
async def style() -> Response:
    """The looks of the pages; nothing of what the server holds, so it needs no token."""
    kept = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_STYLE, media_type="text/css", headers=kept)


def head(title: str, lang: str, path: str) -> str:
    """The beginning of the page at a path of ours, such as `/docs`; `title` is escaped already."""
    link = _LINK.format(up="../" * (path.count("/") - 1))
    return (
        f'<!doctype html><html lang={lang}><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{title}</title>{link}"
    )


def alone(content: str) -> str:
    """The page with its looks inside, for a file: it opens without a server, and may do as little as with one."""
    digest = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    inside = f'<meta http-equiv=Content-Security-Policy content="{rules}"><style>{_STYLE}</style>'
    return _LINKED.sub(lambda _: inside, content, count=1)
