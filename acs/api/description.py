"""The API's description of itself: what FastAPI finds in the routes, and what holds for every call.

The rule of this file: what a middleware or an error handler may answer is described here once, for each call that it
concerns; schemathesis holds the answers against it (`tests/api/test_contract.py`).
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from acs.api.errors import PROBLEM
from acs.api.repeating import KEY_CHARS

_ERRORS: Mapping[str, str] = {
    "400": "The body cannot be read: no UTF-8, or no JSON.",
    "401": "No token, or it is not valid.",
    "403": "The token lacks the scope, or does not reach this line.",
    "404": "There is no such thing.",
    "409": "The thing's state does not allow this.",
    "412": "The thing is not what If-Match names.",
    "413": "The body is too large.",
    "415": "The body's type is not taken.",
    "422": "The input cannot be used; every error is named.",
    "423": "Writes to devices and network are frozen.",
    "429": "A limit was reached; see Retry-After.",
    "503": "The store does not answer.",
}
_EVERYWHERE = ("401", "403", "422", "429", "503")
_RATE_HEADERS: Mapping[str, str] = {
    "RateLimit-Limit": "Requests that may come at once.",
    "RateLimit-Remaining": "Of these, how many may come now.",
    "RateLimit-Reset": "Seconds until all may come again.",
}
_WRITES = ("post", "put", "patch", "delete")
_METHODS = ("get", *_WRITES)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; made once and kept in the application."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        for path, methods in found["paths"].items():
            for method, call in methods.items():
                if method in _METHODS and path.startswith("/api/"):
                    _complete(path, method, call, methods)
                elif method in _METHODS:
                    _around(call["responses"])
        app.openapi_schema = found
    return app.openapi_schema


def owns_key(call: Mapping[str, Any]) -> bool:
    """Whether a call keeps Idempotency-Keys by itself."""
    return any(one["in"] == "header" and one["name"].lower() == "idempotency-key" for one in _parameters(call))


def _complete(path: str, method: str, call: dict[str, Any], methods: Mapping[str, Any]) -> None:
    answers: dict[str, Any] = call["responses"]
    names = {one["name"] for one in _parameters(call)}
    parameters = call.setdefault("parameters", [])
    if method == "get" and _is_json(answers.get("200")):
        parameters.append(_header("If-None-Match", "An ETag: 304 where the answer is still the same."))
        answers["304"] = {"description": "Not changed since If-None-Match."}
        answers["200"].setdefault("headers", {})["ETag"] = _text("Names this answer.")
    if method in ("put", "patch", "delete") and _is_json(_responses(methods.get("get")).get("200")):
        parameters.append(_header("If-Match", "An ETag of a GET: 412 where the thing has changed since."))
        _error(answers, "412")
    if method == "post" and not owns_key(call):
        told = "The same key and request of the same token gets the first one's answer, and does nothing."
        parameters.append(_header("Idempotency-Key", told, KEY_CHARS))
    for status in _errors_of(path, method, call):
        _error(answers, status)
    _as_problems(answers)
    for status, answer in answers.items():
        if status.startswith("2"):
            _success_headers(answer, paged="after" in names)
    if not parameters:
        del call["parameters"]


def _around(answers: dict[str, Any]) -> None:
    """What stands around the interfaces of other bodies answers as ours does: limits, tokens, what cannot be read."""
    for status in ("401", "403", "413", "422", "423", "429", "503"):
        answer = answers.setdefault(status, {"description": _ERRORS[status]})
        answer.setdefault("content", {})[PROBLEM] = {"schema": {"$ref": "#/components/schemas/ErrorBody"}}


def _errors_of(path: str, method: str, call: Mapping[str, Any]) -> list[str]:
    if path.endswith("/health"):
        return ["503"]
    found = list(_EVERYWHERE)
    if "{" in path or method != "get":
        found.append("404")
    if method in _WRITES:
        found += ["409", "423"]
    if "requestBody" in call:
        found += ["400", "413", "415"]
    return found


def _error(answers: dict[str, Any], status: str) -> None:
    answer = answers.setdefault(status, {"description": _ERRORS.get(status, "")})
    answer["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    if status == "429":
        answer["headers"] = {"Retry-After": _whole("Seconds after which to ask again.")}


def _as_problems(answers: dict[str, Any]) -> None:
    """Errors that routes describe themselves are problems too."""
    for status in [status for status in answers if status[0] in "45"]:
        _error(answers, status)


def _success_headers(answer: dict[str, Any], *, paged: bool) -> None:
    headers = answer.setdefault("headers", {})
    headers.update({name: _whole(told) for name, told in _RATE_HEADERS.items()})
    if paged:
        headers["Link"] = _text('The next page, with rel="next"; absent on the last one.')


def _is_json(answer: Mapping[str, Any] | None) -> bool:
    return answer is not None and "application/json" in answer.get("content", {})


def _responses(call: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = {} if call is None else call["responses"]
    return found


def _parameters(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.get("parameters", [])
    return found


def _header(name: str, told: str, most: int = 1_000) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": most, "pattern": r"^[!-~]+$"}
    return {"name": name, "in": "header", "required": False, "description": told, "schema": schema}


def _text(told: str) -> dict[str, Any]:
    return {"description": told, "schema": {"type": "string"}}


def _whole(told: str) -> dict[str, Any]:
    return {"description": told, "schema": {"type": "integer"}}
