"""Errors as answers. The rule: `{code, message}` with the status that HTTP has for it, and no inside of the server."""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from acs.errors import AcsError, Conflict, Forbidden, InvalidInput, NotFound, StoreError, TooMany

log = structlog.get_logger()

#: error → (HTTP status, stable code)
STATUSES: Mapping[type[AcsError], tuple[int, str]] = {
    NotFound: (404, "not_found"),
    Conflict: (409, "conflict"),
    InvalidInput: (422, "invalid_input"),
    Forbidden: (403, "forbidden"),
    TooMany: (429, "too_many"),
    StoreError: (503, "store_unavailable"),
}

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
#: errors of one body that are told
_SHOWN = 20
#: a word of a message that is longer, such as an id that was asked for, is cut
_LONG_WORD = re.compile(r"(\S{120})\S+")


class ErrorBody(BaseModel):
    """Every answer that is not 2xx."""

    code: str = Field(description="Stable word for programs.")
    message: str = Field(description="What is wrong, with which thing, and what to do.")


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
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _crash)


def answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as JSON."""
    shown = _LONG_WORD.sub(r"\1…", message)
    return JSONResponse({"code": code, "message": shown}, status, headers=dict(headers or {}))


async def _acs_error(request: Request, error: Exception) -> JSONResponse:
    for kind, (status, code) in STATUSES.items():
        if isinstance(error, kind):
            headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooMany) else None
            if status >= 500:
                log.error("api.store_failed", path=request.url.path, problem=str(error))
            return answer(status, code, str(error), headers)
    log.error("api.failed", path=request.url.path, problem=str(error))
    return answer(500, "internal", "the server could not do this; its log says why")


async def _unauthenticated(_: Request, error: Exception) -> JSONResponse:
    return answer(401, "unauthenticated", str(error), {"WWW-Authenticate": "Bearer"})


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    told = [f"{_place(one['loc'])}: {one['msg']}" for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        told.append(f"and {len(found) - _SHOWN} more errors")
    return answer(422, "invalid_input", "\n".join(told))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "http_error")
    message = f"{request.method} {request.url.path}: {error.detail}"
    return answer(error.status_code, code, message, error.headers)


async def _crash(request: Request, error: Exception) -> JSONResponse:
    log.error("api.crashed", path=request.url.path, problem=f"{type(error).__name__}: {error}")
    return answer(500, "internal", "the server could not do this; its log says why")


def _place(loc: tuple[Any, ...]) -> str:
    parts = [str(part) for part in loc if part != "body"]
    return ".".join(parts) or "body"
