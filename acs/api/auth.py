"""Who asks: the bearer token of a request becomes an actor, and its services are handed to the route."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from acs.api.errors import Unauthenticated
from acs.api.limits import REFUSED_BURST, REFUSED_PER_S, Rates
from acs.api.sse import Still
from acs.errors import Forbidden
from acs.services.actor import Actor, limit
from acs.services.northbound import Northbound
from acs.store.reach import current_view

bearer = HTTPBearer(auto_error=False, description="A token of `secondline token create`.")


def services_of(request: Request) -> Northbound:
    """The services that this application was built over."""
    services: Northbound = request.app.state.services
    return services


async def services_asked(request: Request) -> Northbound:
    """`services_of` for routes: what is not `async` here would be run in a thread, for every request."""
    return services_of(request)


async def actor_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Actor:
    """The actor of the request.

    Raises:
        Unauthenticated: no token, or an unknown, expired or revoked one.
        TooMany: this caller asks too often, or this address sent too many bad tokens.
    """
    rates: Rates = request.app.state.rates
    origin = request.client.host if request.client else ""
    if credentials is None:
        raise Unauthenticated("no token; send the header Authorization: Bearer TOKEN")
    actor = await services_of(request).access.authenticate(credentials.credentials, origin)
    if actor is None:
        rates.take(f"refused {origin}", REFUSED_PER_S, REFUSED_BURST)
        raise Unauthenticated("the token is unknown, expired or revoked; ask for a new one")
    request.state.actor = actor
    if (view := current_view()) is not None:
        limit(view, actor)
    caller = f"actor {actor.name}"
    try:
        rates.take(caller)
    finally:
        request.state.allowance = rates.allowance(caller)
    return actor


async def still_of(
    request: Request,
    actor: Annotated[Actor, Depends(actor_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Still:
    """What raises Forbidden once the token of a stream is good no more, or has other rights; it believes for 5 s."""

    async def still() -> None:
        access = services_of(request).access
        found = None if credentials is None else await access.authenticate(credentials.credentials, actor.origin)
        if found is None or (found.scopes, found.grants) != (actor.scopes, actor.grants):
            raise Forbidden("the token has ended, or has other rights now; open the stream anew with a good one")

    return still


ActorDep = Annotated[Actor, Depends(actor_of)]
StillDep = Annotated[Still, Depends(still_of)]
ServicesDep = Annotated[Northbound, Depends(services_asked)]
