"""Self-service: line tokens for a portal; the subscriber's own check, from his page or through the portal's server."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep, actor_of, bearer, services_of
from acs.api.bodies import Answer, Body, Name
from acs.api.errors import Unauthenticated
from acs.api.language import current
from acs.api.limits import REFUSED_BURST, REFUSED_PER_S, Rates
from acs.errors import InvalidInput
from acs.services.actor import Scope
from acs.services.line_tokens import PREFIX, LineToken
from acs.services.self_service import OwnCheck

router = APIRouter(tags=["self-service"])

#: questions per second of one line token, and how many may come at once: a page asks again every second
_PER_S, _BURST = 2.0, 20.0
_CODES: dict[int | str, dict[str, Any]] = {404: {"description": "No such line, or no check yet."}}


class TokenBody(Body):
    """For which line, and how long."""

    line: Name
    valid_s: float | None = Field(None, ge=1, le=86_400, description="Seconds; the configuration has a limit.")


class LineTokenAnswer(Answer):
    """A token that is good for one line."""

    token: str = Field(description="send it as Authorization: Bearer TOKEN from the subscriber's page")
    until: datetime


class OwnCheckAnswer(Answer):
    """What the subscriber is told, in his language."""

    state: Literal[
        "running",
        "failed",
        "good",
        "no_fault_seen",
        "watched",
        "we_repair",
        "outage",
        "you_can_repair",
        "visit",
        "call_us",
    ]
    heading: str
    text: str
    next_step: Literal["nothing", "wait", "do", "agree_visit", "call"]
    checked_at: datetime | None
    until: datetime | None = Field(description="When it is to be over; null: not known.")


class SelfCheckAnswer(Answer):
    """What the portal's server is told for the subscriber, in every language."""

    id: str
    state: str = Field(description="running, done, failed")
    line: str | None = Field(
        None,
        description="good, no_fault_seen, watched, we_repair, you_can_repair, visit, outage, call_us; null: not done",
    )
    text: dict[str, str] = Field(default_factory=dict, description="What to do, by language.")
    until: datetime | None = Field(None, description="When it is to be over.")


async def line_token(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> LineToken:
    """What the line token of the request says.

    Raises:
        Unauthenticated: no token, or one that is not good.
        InvalidInput: a token of the API, which names no line.
    """
    rates: Rates = request.app.state.rates
    if credentials is None:
        raise Unauthenticated("no token; send the header Authorization: Bearer TOKEN")
    if not credentials.credentials.startswith(PREFIX):
        (await actor_of(request, credentials)).require(Scope.SELF_CHECK)
        raise InvalidInput("this needs a line token; POST /self-service/tokens makes one")
    token = services_of(request).self_service.proven(credentials.credentials)
    if token is None:
        origin = request.client.host if request.client else ""
        rates.take(f"refused {origin}", REFUSED_PER_S, REFUSED_BURST)
        raise Unauthenticated("the token has ended or is not good; open the page anew")
    rates.take(f"line {token.line}", _PER_S, _BURST)
    return token


LineTokenDep = Annotated[LineToken, Depends(line_token)]
Language = Annotated[str, Header(alias="Accept-Language", max_length=200, description="ru or en; anything else is ru.")]


@router.post("/self-service/tokens", summary="Make a token for one line", status_code=201, responses=_CODES)
async def mint_token(body: TokenBody, actor: ActorDep, services: ServicesDep) -> LineTokenAnswer:
    """Scope `self_check`. For the operator's portal, which knows its visitor; the token goes to the visitor's page."""
    token, until = await services.self_service.mint(actor, body.line, body.valid_s)
    return LineTokenAnswer(token=token, until=until)


@router.post("/self-service/check", summary="Check my line", status_code=202)
async def start_own_check(
    token: LineTokenDep, services: ServicesDep, response: Response, _language: Language = "ru"
) -> OwnCheckAnswer:
    """A line token (made with scope `self_check`). Nothing interrupts the service; tested so often and no more."""
    return _answer(response, await services.self_service.check(token, current()))


@router.get("/self-service/check", summary="How my check stands", responses=_CODES)
async def get_own_check(
    token: LineTokenDep, services: ServicesDep, response: Response, _language: Language = "ru"
) -> OwnCheckAnswer:
    """A line token (made with scope `self_check`). The last check of the token's line."""
    return _answer(response, await services.self_service.last(token, current()))


@router.post("/lines/{line_id}/self-checks", summary="Test a line for its owner", status_code=202)
async def start_self_check(line_id: str, actor: ActorDep, services: ServicesDep) -> SelfCheckAnswer:
    """Scope `test` (part of `operate`). As `POST /self-service/check`, with the same limits, for a portal's server."""
    return _for_portal(await services.self_service.start(actor, line_id, current()))


@router.get("/self-checks/{test_id}", summary="What became of a self-check")
async def get_self_check(test_id: str, actor: ActorDep, services: ServicesDep) -> SelfCheckAnswer:
    """Scope `test` (part of `operate`). No names of the network, no addresses, nobody else's data."""
    return _for_portal(await services.self_service.get(actor, test_id))


def _answer(response: Response, check: OwnCheck) -> OwnCheckAnswer:
    language = current()
    response.headers["Content-Language"] = language
    response.headers["Cache-Control"] = "no-store"
    told = {
        "state": check.state,
        "heading": check.heading[language],
        "text": check.text.get(language, ""),
        "next_step": check.next_step,
        "checked_at": check.checked_at,
        "until": check.until,
    }
    return OwnCheckAnswer.model_validate(told)


def _for_portal(check: OwnCheck) -> SelfCheckAnswer:
    over = check.state not in ("running", "failed")
    return SelfCheckAnswer(
        id=check.id,
        state="done" if over else check.state,
        line=check.state if over else None,
        text=dict(check.text),
        until=check.until,
    )
