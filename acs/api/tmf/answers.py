"""What every route of the TM Forum interfaces has in common: errors in their form, pages, chosen members.

The rule of this file: an error has our stable word as `code`, the status as text, and the message that says what to do.

Source: TMF630 REST API design guidelines 4; the Error structure of the definitions.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any

import structlog
from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from acs.api.errors import STATUSES, Unauthenticated, http_error, http_message, spoken
from acs.api.language import current
from acs.errors import AcsError, InvalidInput, TooMany
from acs.services.tmf.selection import selected
from acs.services.tmf_pages import Page
from acs.services.translation import reason_of, translated
from acs.services.wrong_input import wrong_input

log = structlog.get_logger()

_REASONS: Mapping[int, str] = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
}
#: what every address of these interfaces begins with
_PREFIX = "/tmf-api/"
_HTTP_CODES: Mapping[int, str] = {404: "not_found", 405: "method_not_allowed"}


class TmfError(BaseModel):
    """The Error of the TM Forum definitions; `@type` is what v5 wants."""

    code: str = Field(description="Stable word for programs.")
    reason: str = Field(description="What kind of error it is.")
    message: str = Field(description="What is wrong, with which thing, and what to do.")
    status: str = Field(description="The HTTP status.")
    type_: str = Field("Error", alias="@type")


TMF_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": TmfError, "description": "The input cannot be used; every error is named."},
    401: {"model": TmfError, "description": "No token, or it is not valid."},
    403: {"model": TmfError, "description": "The token lacks the scope."},
    404: {"model": TmfError, "description": "There is no such thing."},
    409: {"model": TmfError, "description": "The thing is in a state that does not allow it."},
    429: {"model": TmfError, "description": "A limit was reached; see Retry-After."},
    503: {"model": TmfError, "description": "The store is away; try again."},
}

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TmfRoute(APIRoute):
    """A route whose errors have the form of the TM Forum definitions."""

    def get_route_handler(self) -> _Handler:
        """The handler of the route, with its errors turned into answers."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as error:
                return _invalid(error)
            except Unauthenticated as error:
                return _answer(401, "unauthenticated", str(error), {"WWW-Authenticate": "Bearer"})
            except HTTPException as error:
                return _answer(error.status_code, "http_error", str(error.detail), error.headers)
            except AcsError as error:
                return _of_ours(request, error)

        return handler


async def tmf_http_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that no route takes: in the form of the definitions where it was for these interfaces."""
    assert isinstance(error, HTTPException)
    if not request.url.path.startswith(_PREFIX):
        return await http_error(request, error)
    code = _HTTP_CODES.get(error.status_code, "http_error")
    return _answer(error.status_code, code, http_message(request, error), error.headers)


def tmf_json(thing: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A payload as an answer."""
    return JSONResponse(thing, status, headers=dict(headers or {}))


class Wanted:
    """What a caller wants of a list: which members, which page, which things."""

    def __init__(self, request: Request, fields: str, offset: int, limit: int) -> None:
        self._url = request.url
        self.fields = fields
        self.offset = offset
        self.limit = limit
        paging = ("fields", "offset", "limit")
        self.filters = [(name, value) for name, value in request.query_params.multi_items() if name not in paging]

    def answer(self, page: Page) -> JSONResponse:
        """The list with its counts, and where the next page is."""
        shown = [selected(one, self.fields) for one in page.things]
        headers = {"X-Total-Count": str(page.total), "X-Result-Count": str(len(shown))}
        end = self.offset + len(shown)
        if shown and end < page.total:
            following = self._url.include_query_params(offset=end, limit=self.limit)
            headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        return tmf_json(shown, 200, headers)

    def page_of(self, things: Sequence[dict[str, Any]]) -> Page:
        """One page of things that are all there."""
        return Page(list(things[self.offset : self.offset + self.limit]), len(things))


async def _wanted(
    request: Request,
    fields: Annotated[str, Query(max_length=1_000, description="Members to show, by commas.")] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="Things to leave out.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Greatest number of things.")] = 100,
) -> Wanted:
    return Wanted(request, fields, offset, limit)


WantedDep = Annotated[Wanted, Depends(_wanted)]
FieldsQuery = Annotated[str, Query(max_length=1_000, description="Members to show, by commas.")]


def base_of(request: Request) -> str:
    """Scheme and host that the caller used."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _of_ours(request: Request, error: AcsError) -> JSONResponse:
    if isinstance(error, InvalidInput):
        return _answer(400, "invalid_input", str(error))
    for kind, (status, code) in STATUSES.items():
        if isinstance(error, kind):
            headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else None
            if status >= 500:
                log.error("api.store_failed", path=request.url.path, problem=str(error))
            return _answer(status, code, str(error), headers)
    raise error


def _invalid(error: RequestValidationError) -> JSONResponse:
    return _answer(400, "invalid_input", wrong_input(error.errors()))


def _answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    language = current()
    body = {
        "code": code,
        "reason": reason_of(_REASONS.get(status, "Error"), language),
        "message": translated(message[:4_000], language),
        "status": str(status),
        "@type": "Error",
    }
    return JSONResponse(body, status, headers={**spoken(language), **(headers or {})})
