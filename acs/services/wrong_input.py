"""What a check of an input found, in words that name the place and say what to do. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: errors of one input that are told
_SHOWN = 20
#: where FastAPI says that something stands; a body's members are named without it
_BODY = "body"
#: kinds of error that want an object of JSON
_NO_OBJECT = frozenset({"dict_type", "model_type", "model_attributes_type"})
#: kinds of error that want one of a few words, and a word as pydantic lists it
_CHOICES = frozenset({"literal_error", "enum"})
_QUOTED = re.compile(r"'([^']*)'")
#: what is said of a member that a body does not have
_NO_FIELD = "there is no such field; GET /api/v1/openapi.json lists those that there are"
#: header → what to write into it
_HEADERS: Mapping[str, str] = {
    "idempotency-key": "a word of your own for this one question, and the same word when you send it again",
}


def wrong_input(found: Sequence[Mapping[str, Any]]) -> str:
    """What pydantic found wrong, one `place: what` a line.

    Source: the error types of pydantic-core; FastAPI's `json_invalid` has the position as its last place.
    """
    told = [_line(one) for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        told.append(f"and {len(found) - _SHOWN} more errors")
    return "\n".join(told)


def _line(error: Mapping[str, Any]) -> str:
    kind, loc = str(error.get("type", "")), tuple(error.get("loc", ()))
    if kind == "json_invalid":
        why = (error.get("ctx") or {}).get("error", "it cannot be read")
        return f"{_BODY}: it is no JSON ({why}, character {loc[-1] if loc else 0}); send one JSON document"
    place = ".".join(str(part) for part in loc if part != _BODY) or _BODY
    if kind == "missing":
        return f"{place}: {_missing(loc)}"
    if kind == "extra_forbidden":
        return f"{place}: {_NO_FIELD}"
    if kind in _CHOICES:
        return f"{place}: write one of {_choices(str((error.get('ctx') or {}).get('expected', '')))}"
    if kind in _NO_OBJECT:
        return f"{place}: {_no_object(place, error.get('input'))}"
    return f"{place}: {error.get('msg', 'it cannot be used')}"


def _choices(expected: str) -> str:
    """What may be written, from pydantic's "'quick', 'normal' or 'full'"."""
    return ", ".join(_QUOTED.findall(expected)) or expected.replace(" or ", ", ")


def _missing(loc: Sequence[Any]) -> str:
    if len(loc) == 2 and loc[0] == "header":
        what = _HEADERS.get(str(loc[1]).lower())
        return f"the header is missing; send {loc[1]}: {what}" if what else "the header is missing; send it"
    return "it is missing; send a body" if tuple(loc) == (_BODY,) else "it is missing; add it"


def _no_object(place: str, value: Any) -> str:
    if place == _BODY and isinstance(value, str | bytes):
        return "it was not read as JSON; send a JSON object with the header Content-Type: application/json"
    return "here a JSON object is wanted, {…}; send one"
