"""The API for tests: its routes and its description are worked out once for all of them."""

import functools
from typing import Any

from fastapi import FastAPI

from acs.api import create_app
from acs.config import ApiSection
from acs.services.northbound import Northbound


def api_over(services: Northbound, config: ApiSection | None = None) -> FastAPI:
    """The API over these services, with the routes of all the others."""
    made = create_app(services, config)
    made.router, made.openapi = _routed().router, described  # type: ignore[method-assign]
    return made


def described() -> dict[str, Any]:
    """The OpenAPI document: it takes two seconds to make."""
    return _routed().openapi()


@functools.cache
def _routed() -> FastAPI:
    """The API whose routes all take: FastAPI works each out when a request first passes it, a second for all."""
    return create_app(None)  # type: ignore[arg-type] # it answers nothing itself
