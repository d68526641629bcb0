"""The table of routes: it finds what trying one route after the other finds, and leaves the rest to them."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Match

from acs.api.table import Table
from tests.routed_api import routed

#: what stands for a placeholder; a device's key has slashes
_PARTS = ("7", "a%b ", "export", "diff")
_KEYS = ("ACME-1", "ACME/Box 7/1", "readings", "a/card")


def asked(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


def table_of(routes: list[BaseRoute]) -> Table:
    (found,) = [route for route in routes if isinstance(route, Table)]
    return found


def routes_behind() -> list[RouteContext]:
    return list(iter_route_contexts([route for route in routed().routes if not isinstance(route, Table)]))


def one_after_the_other(tried: list[Any], scope: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    for form, methods, app in tried:
        if scope["method"] in methods and (found := form.match(scope["path"])) is not None:
            return app, found.groupdict()
    return None


def test_every_address_is_taken_by_the_route_that_comes_first() -> None:
    table, routes = table_of(routed().routes), routes_behind()
    tried = [(route.path_regex, route.methods or (), route.app) for route in routes]
    taken = 0
    for route in routes:
        for key, part in zip(_KEYS, _PARTS, strict=True):
            path = _filled(route.path or "", key, part)
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                scope = asked(method, path)
                match, told = table.matches(scope)
                wanted = one_after_the_other(tried, scope)
                assert (match is Match.FULL) == (wanted is not None), scope
                if wanted is not None:
                    assert (told["acs.taken_by"], told["path_params"]) == wanted, scope
                    taken += 1
    assert taken > 4 * len(routes)


@pytest.mark.parametrize(
    "scope",
    [
        asked("GET", "/api/v1/nowhere"),
        asked("GET", "/api/v1"),
        asked("GET", "/"),
        asked("GET", ""),
        asked("GET", "/api/v1/lines/"),
        asked("DELETE", "/api/v1/health"),
        asked("GET", "/api/v1/health\n"),
        asked("get", "/api/v1/health"),
        {**asked("GET", "/api/v1/health"), "root_path": "/api"},
        {**asked("GET", "/api/v1/health"), "type": "websocket"},
    ],
)
def test_what_no_route_takes_is_left_to_the_routes(scope: dict[str, Any]) -> None:
    assert table_of(routed().routes).matches(scope) == (Match.NONE, {})


def test_a_placeholder_stands_behind_the_words_that_are_looked_up() -> None:
    router = APIRouter()

    @router.get("/api/{version}/things")
    async def things(version: str) -> str:
        return version

    with pytest.raises(ValueError, match="put it behind them"):
        Table([(route.path, route) for route in router.routes if isinstance(route, APIRoute)])


def test_no_request_waits_for_a_thread() -> None:
    """What a route needs, and the route itself, are coroutines: anything else is run in a thread, each time."""
    asked_of = [route.dependant for route in routes_behind()]
    plain = {f"{one.call}" for asked in asked_of for one in _needed(asked) if not _is_coroutine(one.call)}
    assert len(asked_of) > 150
    assert not plain


def _needed(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _needed(one)


def _is_coroutine(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)


def _filled(path: str, key: str, part: str) -> str:
    words = [key if ":path}" in word else part if "{" in word else word for word in path.split("/")]
    return "/".join(words)
