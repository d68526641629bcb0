"""The northbound HTTP API: routers decode, call one service, encode. `create_app(services)` builds it."""

from acs.api.application import create_app

__all__ = ["create_app"]
