"""Errors as answers: application/problem+json (RFC 9457) with a stable code and a remedy.

The rule of this file: every answer that is not 2xx or 3xx says what is wrong, with which thing, and what to do; no
inside of the server is told.
"""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from acs.api.language import current
from acs.errors import (
    AcsError,
    ApprovalNeeded,
    Conflict,
    Forbidden,
    Frozen,
    InvalidInput,
    NotFound,
    ProviderFailed,
    StoreError,
    TooMany,
)
from acs.services.actions.words import Refused
from acs.services.translation import kind_of, translated
from acs.services.wrong_input import wrong_input

log = structlog.get_logger()

#: error → (HTTP status, stable code)
STATUSES: Mapping[type[AcsError], tuple[int, str]] = {
    NotFound: (404, "not_found"),
    Frozen: (423, "frozen"),
    Conflict: (409, "conflict"),
    InvalidInput: (422, "invalid_input"),
    Forbidden: (403, "forbidden"),
    ApprovalNeeded: (409, "approval_needed"),
    ProviderFailed: (502, "provider_failed"),
    TooMany: (429, "too_many"),
    StoreError: (503, "store_unavailable"),
}

_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
#: what errors are sent as
PROBLEM = "application/problem+json"
#: code → title, and what to do where the message does not say it
_TITLES: Mapping[str, tuple[str, str]] = {
    "approval_needed": ("Another person must approve it", "Ask one who may: secondline approval list."),
    "bad_request": ("The request cannot be read", "Compare it with /api/v1/openapi.json."),
    "changed_meanwhile": ("The thing has changed", "Read it again, and write on what it is now."),
    "conflict": ("The thing's state does not allow this", "Read the thing, and decide anew."),
    "forbidden": ("The token may not do this", "Ask an administrator for a token that has the scope."),
    "frozen": ("Writes are frozen", "GET /api/v1/freeze says by whom and why; ask again when they go on."),
    "internal": ("The server failed", "Ask again later; the server's log says why."),
    "invalid_input": ("The input cannot be used", "Correct what the message names."),
    "method_not_allowed": ("The address does not take this method", "The Allow header lists those that it takes."),
    "not_found": ("There is no such thing", "List the things of this kind, and take the id from there."),
    "provider_failed": ("The identity provider failed", "Ask again later, or tell who keeps it."),
    "refused": ("The action must not be done now, or not here", "Tell the subscriber what `words` say."),
    "store_unavailable": ("The store does not answer", "Ask again in a minute; nothing was written."),
    "too_large": ("The body is too large", "Send less at a time."),
    "too_many": ("A limit was reached", "Ask again after the seconds of Retry-After."),
    "unauthenticated": ("No valid token", "Send Authorization: Bearer TOKEN."),
    "unsupported_media_type": ("The body's type is not taken", "Send the Content-Type that the call names."),
}
#: a word of a message that is longer, such as an id that was asked for, is cut
_LONG_WORD = re.compile(r"(\S{120})\S+")


class WrongInput(BaseModel):
    """One thing that is wrong with an input."""

    place: str = Field(description="Field, parameter or row.")
    message: str


class ErrorBody(BaseModel):
    """Every answer that is not 2xx or 3xx: a problem (RFC 9457)."""

    type: str = Field(description="urn:secondline:problem: and the code.")
    title: str = Field(description="What kind of problem it is.")
    status: int
    detail: str = Field(description="What is wrong, with which thing.")
    code: str = Field(description="Stable word for programs.")
    message: str = Field(description="The same as detail.")
    remedy: str = Field(description="What to do next.")
    errors: list[WrongInput] = Field(default=[], description="Where the input is wrong.")
    words: dict[str, str] = Field(default={}, description="What may be told to a subscriber, by language.")


class Unauthenticated(Exception):
    """No token, or one that is not good; the message says which."""


#: the same for every route
ERROR_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorBody, "description": "No token, or it is not valid."},
    403: {"model": ErrorBody, "description": "The token lacks the scope."},
    422: {"model": ErrorBody, "description": "The input cannot be used; every error is named."},
    429: {"model": ErrorBody, "description": "A limit was reached; see Retry-After."},
}


def install_error_handlers(app: FastAPI) -> None:
    """Turn every error into its answer."""
    app.add_exception_handler(AcsError, _acs_error)
    app.add_exception_handler(Unauthenticated, _unauthenticated)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, _crash)


def answer(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error as JSON in the language of the request; `words` are for people, by language."""
    language = current()
    body = problem(status, code, (words or {}).get(language, message), language) | (
        {"words": dict(words)} if words else {}
    )
    told = {**spoken(language), **(headers or {})}
    return JSONResponse(body, status, headers=told, media_type=PROBLEM)


def spoken(language: str) -> dict[str, str]:
    """The headers that say which language an error speaks."""
    return {"Content-Language": language, "Vary": "Accept-Language"}


def problem(status: int, code: str, message: str, language: str = "en") -> dict[str, Any]:
    """An error as RFC 9457 has it. Our messages end with what to do; where one does not, its kind does."""
    shown = translated(_LONG_WORD.sub(r"\1…", message), language)
    ours = _TITLES.get(code, ("The request failed", "Read the message."))
    title, remedy = kind_of(code, language) or ours
    _, told, advice = shown.rpartition("; ")
    if told and "\n" not in shown:
        remedy = advice[:1].upper() + advice[1:]
    return {
        "type": f"urn:secondline:problem:{code}",
        "title": title,
        "status": status,
        "detail": shown,
        "code": code,
        "message": shown,
        "remedy": remedy if remedy.endswith((".", "!", "?")) else f"{remedy}.",
        "errors": _places(shown) if code == "invalid_input" else [],
    }


def _places(message: str) -> list[dict[str, str]]:
    """What an `invalid_input` names line by line, as `place: what`."""
    found = [line.partition(": ") for line in message.splitlines()]
    return [{"place": place, "message": what} for place, colon, what in found if colon and len(place) <= 80]


def answer_of(error: AcsError) -> JSONResponse:
    """One of our errors as its answer."""
    if isinstance(error, Refused):
        return answer(409, "refused", str(error), words=error.both())
    for kind, (status, code) in STATUSES.items():
        if isinstance(error, kind):
            headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else None
            return answer(status, code, str(error), headers)
    return answer(500, "internal", "the server could not do this; its log says why")


async def _acs_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AcsError)
    answered = answer_of(error)
    if answered.status_code == 503:
        log.error("api.store_failed", path=request.url.path, problem=str(error))
    elif answered.status_code >= 500:
        log.error("api.failed", path=request.url.path, problem=str(error))
    return answered


async def _unauthenticated(_: Request, error: Exception) -> JSONResponse:
    return answer(401, "unauthenticated", str(error), {"WWW-Authenticate": "Bearer"})


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return answer(422, "invalid_input", wrong_input(error.errors()))


async def http_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that no route takes, or that cannot be read."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "http_error")
    return answer(error.status_code, code, http_message(request, error), error.headers)


def http_message(request: Request, error: HTTPException) -> str:
    """What was asked for, and why there is no answer to it."""
    asked = f"{request.method} {request.url.path}"
    if error.status_code == 404 and error.detail == "Not Found":
        return f"{asked}: there is no such address; GET /api/v1/openapi.json lists those that there are"
    return f"{asked}: {error.detail}"


async def _crash(request: Request, error: Exception) -> JSONResponse:
    log.error("api.crashed", path=request.url.path, problem=f"{type(error).__name__}: {error}")
    return answer(500, "internal", "the server could not do this; its log says why")
