"""The door of the store: every text has a greatest length here, and only text that both databases can hold passes.

The rule of this file: a limit is written once, in LIMITS, by the name of the record's field; the error names it.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache

from acs.errors import InvalidInput
from acs.store.records import Json

#: Greatest length of a text field that LIMITS does not name, in characters.
DEFAULT_LIMIT = 256

#: Field name → greatest length in characters. TR-069 Amendment 6 Annex A gives the lengths of what an Inform
#: carries (64 for most); they are doubled or more here, because CPEs exceed them.
LIMITS: Mapping[str, int] = {
    "key": 512,
    "device": 512,
    "subject": 512,
    "connection_request_url": 1024,
    "software_version": 128,
    "hardware_version": 128,
    "event code": 64,
    "command_key": 32,
    "parameter name": 512,
    "parameter value": 65536,
    "parameter type": 64,
    "reason": 1024,
    "detail": 4096,
    "step_detail": 4096,
    "fault_string": 4096,
    "last_error": 2048,
    "address": 512,
    "scope": 512,
    "secret": 4096,
    "pppoe_login": 256,
    "value": 4096,
    "session_id": 128,
    "uri": 2048,
}

#: Greatest whole number, either way: a column of 32 bits.
GREATEST_NUMBER = 2**31 - 1

#: Greatest size of a JSON document (operation arguments and results, ticket bodies, verdicts), in characters.
JSON_LIMIT = 4_000_000
#: what holds itself is found by its depth
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


def check_text(name: str, text: str, limit: int | None = None) -> str:
    """Return the text itself.

    Raises:
        InvalidInput: too long, or it holds a NUL or half of a surrogate pair; the message names the field.
    """
    greatest = LIMITS.get(name, DEFAULT_LIMIT) if limit is None else limit
    if len(text) > greatest:
        raise InvalidInput(f"{name} has {len(text)} characters; at most {greatest} are stored")
    if not storable(text):
        raise InvalidInput(f"{name} holds a NUL or an unpaired surrogate, which is not text that can be stored")
    return text


def storable(text: str) -> bool:
    """Whether both databases can hold the text: no NUL and nothing that UTF-8 cannot write."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_record(record: object) -> None:
    """Check every text and whole number of a record, by the field's name.

    Raises:
        InvalidInput: see `check_text`.
    """
    for name in _field_names(type(record)):  # type: ignore[arg-type] # a class is hashable
        value = getattr(record, name)
        if isinstance(value, str):
            check_text(name, value)
        elif type(value) is int and name != "value":  # a fact's value is stored as JSON
            check_number(name, value)
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, str):
                    check_text(name, item)


def check_number(name: str, value: int) -> None:
    """Refuse a whole number that a column of 32 bits cannot hold.

    Raises:
        InvalidInput: the message names the field.
    """
    if not -GREATEST_NUMBER <= value <= GREATEST_NUMBER:
        raise InvalidInput(f"{name} is {value}; whole numbers up to {GREATEST_NUMBER} are stored")


def json_text(name: str, value: Json | Mapping[str, Json]) -> str:
    """Return the value as JSON text that both databases can hold.

    Raises:
        InvalidInput: it is no JSON value, or is greater than JSON_LIMIT.
    """
    try:
        text = _JSON.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} cannot be stored as JSON: {error}") from error
    if len(text) > JSON_LIMIT:
        raise InvalidInput(f"{name} is {len(text)} characters of JSON; at most {JSON_LIMIT} are stored")
    return text


@cache
def _field_names(record_type: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(record_type))
