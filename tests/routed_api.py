"""The API for tests: its routes and its description are worked out once for all of them."""

import functools
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acs.api import create_app
from acs.config import ApiSection
from acs.services.northbound import Northbound


def api_over(services: Northbound, config: ApiSection | None = None) -> FastAPI:
    """The API over these services, with the routes of all the others."""
    made = create_app(services, config)
    made.router, made.openapi = routed().router, described  # type: ignore[method-assign]
    made.add_middleware(Documented)
    return made


def documented(path: str, form: str, method: str) -> frozenset[str]:
    """The statuses that the document names for a call; `form` is the path's of its route, without those above it."""
    return frozenset(
        status
        for template, calls in described()["paths"].items()
        if template.endswith(form) and path.startswith(template[: -len(form)]) and method in calls
        for status in calls[method]["responses"]
    )


class Documented:
    """ASGI middleware of every test: what a route answers must stand in the OpenAPI document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def looked_at(message: Message) -> None:
            route = scope.get("route")
            if message["type"] == "http.response.start" and isinstance(route, APIRoute) and route.include_in_schema:
                told = documented(scope["path"], route.path_format, scope["method"].lower())
                status = message["status"]
                assert status in (405, 500) or str(status) in told, f"{scope['method']} {route.path_format}: {status}"
            await send(message)

        await self._app(scope, receive, looked_at)


def described() -> dict[str, Any]:
    """The OpenAPI document: it takes two seconds to make."""
    return routed().openapi()


@functools.cache
def routed() -> FastAPI:
    """The API whose routes all take: FastAPI works each out when a request first passes it, a second for all."""
    return create_app(None)  # type: ignore[arg-type] # it answers nothing itself
