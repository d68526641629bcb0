"""What a middleware reads of a request before its route does: its headers, and whether its caller is known.

The rule of this file: nothing is decided here; a route asks who calls it by itself (`acs/api/auth.py`).
"""

from starlette.types import Scope

from acs.services.northbound import Northbound


def header(scope: Scope, wanted: bytes) -> bytes | None:
    """The first header of this name, in small letters; None where it does not come."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None


async def is_known(scope: Scope) -> bool:
    """Whether the caller's bearer token is good now."""
    kind, _, token = (header(scope, b"authorization") or b"").decode("latin-1").partition(" ")
    if kind.lower() != "bearer":
        return False
    services: Northbound = scope["app"].state.services
    client = scope.get("client")
    return await services.access.authenticate(token.strip(), client[0] if client else "") is not None
