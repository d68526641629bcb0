"""Sessions of people: sign in with a password and a code, or through the identity provider; who am I; sign out.

The rule of this file: these calls alone are answered without a token; tries of one address are counted.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Body
from acs.api.errors import ErrorBody, Unauthenticated
from acs.api.limits import Rates
from acs.services.sign_in import Session, WrongCredentials

router = APIRouter(tags=["rights"])

#: of calls that ask the identity provider
_ASKING: dict[int | str, dict[str, Any]] = {
    502: {"model": ErrorBody, "description": "The identity provider did not answer as it should."}
}

#: tries per second of one address, and how many at once
_TRIES_PER_S = 0.2
_TRIES = 20.0


class Credentials(Body):
    """What a person types."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]
    code: Annotated[str, Field(max_length=16, description="of the second factor, where there is one")] = ""


class Beginning(Body):
    """A sign-in through the identity provider, as a CLI begins it."""

    port: Annotated[int, Field(ge=1_024, le=65_535, description="where the CLI listens on 127.0.0.1")]
    challenge: Annotated[str, Field(min_length=43, max_length=128, description="SHA-256 of its verifier, RFC 7636")]


class BeginningAnswer(Answer):
    """Where the person goes."""

    address: str


class Redemption(Body):
    """What the browser brought back, and what never left the CLI."""

    code: Annotated[str, Field(min_length=1, max_length=200)]
    verifier: Annotated[str, Field(min_length=43, max_length=128)]


class SessionAnswer(Answer):
    """A session; its token is in this answer and nowhere else."""

    person: str
    token: str
    expires_at: datetime


class Whoami(Answer):
    """Who asks, and what he may."""

    name: str
    kind: str
    scopes: list[str] = Field(description="for all lines")
    grants: list[str] = Field(description="verbs and the lines that they are for")


@router.post("/sessions", summary="Sign in with a password", status_code=201)
async def sign_in(body: Credentials, request: Request, services: ServicesDep) -> SessionAnswer:
    """No token. Wrong tries close the account for a while; whatever is wrong, the answer is the same."""
    origin = _counted(request)
    try:
        return _answer(await services.sign_ins.sign_in(body.name, body.password, body.code, origin))
    except WrongCredentials as error:
        raise Unauthenticated(str(error)) from None


@router.post("/sessions/oidc", summary="Begin a sign-in through the identity provider", responses=_ASKING)
async def begin_oidc(body: Beginning, request: Request, services: ServicesDep) -> BeginningAnswer:
    """No token. The person opens `address`; the browser comes back to the CLI's port with a code."""
    _counted(request)
    return BeginningAnswer(address=await services.oidc.begin(body.port, body.challenge))


@router.get(
    "/sessions/oidc/callback",
    summary="Where the identity provider sends the browser",
    status_code=303,
    response_class=RedirectResponse,
    responses=_ASKING,
)
async def finish_oidc(
    request: Request,
    services: ServicesDep,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=2_000)] = "",
) -> RedirectResponse:
    """No token. Sends the browser on to the CLI that began."""
    returned = await services.oidc.finish(state, code, _counted(request))
    return RedirectResponse(returned.location, status_code=303, headers={"Cache-Control": "no-store"})


@router.post("/sessions/oidc/redeem", summary="The session of a sign-in through the provider", status_code=201)
async def redeem_oidc(body: Redemption, request: Request, services: ServicesDep) -> SessionAnswer:
    """No token. The code is good once, for a minute, with the verifier of the CLI that began."""
    return _answer(await services.oidc.redeem(body.code, body.verifier, _counted(request)))


@router.get("/sessions/me", summary="Who asks")
async def whoami(actor: ActorDep) -> Whoami:
    """Any token."""
    grants = [f"{', '.join(sorted(each.verbs))}: {each.reach or 'all lines'}" for each in actor.grants]
    return Whoami(name=actor.name, kind=actor.kind, scopes=sorted(actor.scopes), grants=grants)


@router.delete("/sessions/me", summary="Sign out", status_code=204)
async def sign_out(actor: ActorDep, services: ServicesDep) -> None:
    """Any token of a person. Every session of the person ends."""
    await services.sign_ins.sign_out(actor)
    services.access.forget()


def _counted(request: Request) -> str:
    origin = request.client.host if request.client else ""
    rates: Rates = request.app.state.rates
    rates.take(f"sign-in {origin}", _TRIES_PER_S, _TRIES)
    return origin


def _answer(session: Session) -> SessionAnswer:
    return SessionAnswer(person=session.person.name, token=session.token, expires_at=session.expires_at)
