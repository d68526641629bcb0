"""Every page for people: it runs nothing, is in nobody's frame, and takes its looks from one file of ours."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute

from acs.api.docs_page import router as docs_router
from acs.app import App
from tests.api.conftest import client_of
from tests.routed_api import described

#: pages that are not in the description, because they are about it
_BESIDE = [route.path for route in docs_router.routes if isinstance(route, APIRoute)]
_GETS = sorted((path, call["get"]) for path, call in described()["paths"].items() if "get" in call and "{" not in path)
_PAGES = [path for path, call in _GETS if "text/html" in str(call["responses"])] + _BESIDE
_OTHERS = [path for path, call in _GETS if path not in _PAGES and "text/event-stream" not in str(call["responses"])]


class _Reader(HTMLParser):
    """What of a page a browser would run, or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "iframe", "object", "embed", "form", "base", "img"):
            self.wrong.append(tag)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.wrong.append(f"{tag} {name}")
            if name in ("href", "src"):
                self.fetched.append(value or "")


def test_no_page_is_forgotten() -> None:
    assert _PAGES == ["/api/v1/reports/operating.html", "/docs"]
    every = [path for path, call in described()["paths"].items() if "text/html" in str(call)]
    assert every == ["/api/v1/reports/operating.html"]


@pytest.mark.parametrize("path", _PAGES)
async def test_a_page_may_nothing(app: App, path: str) -> None:
    async with await client_of(app, "read") as client:
        answer = await client.get(f"http://server{path}")
        style = await client.get("http://server/style.css", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert rules == {
        "default-src": "'none'", "style-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    reader = _Reader()
    reader.feed(answer.text)
    assert (reader.wrong, _fetched(reader, path)) == ([], ["/style.css"])
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert style.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"url\(|@import|expression", style.text)


def _fetched(reader: _Reader, path: str) -> list[str]:
    return [urlsplit(urljoin(f"http://server{path}", each)).path for each in reader.fetched]


@pytest.mark.parametrize("path", _PAGES)
async def test_a_page_has_its_looks_below_the_path_of_a_proxy(app: App, path: str) -> None:
    """The proxy strips what it puts before our paths, and nobody tells us of it."""
    async with await client_of(app, "read") as client:
        reader = _Reader()
        reader.feed((await client.get(f"http://server{path}")).text)
    assert [urljoin(f"http://noc/desk{path}", each) for each in reader.fetched] == ["http://noc/desk/style.css"]


async def test_nothing_else_is_a_page(app: App) -> None:
    async with await client_of(app, "admin") as client:
        kinds = {path: await _kind(client, path) for path in [*_OTHERS, "/", "/nothing", "/api/v1/nothing"]}
    assert [path for path, kind in kinds.items() if "html" in kind] == []


async def _kind(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(f"http://server{path}", headers={"Accept": "text/html"})
    return str(answer.headers.get("Content-Type", ""))
