"""xsd types and Python values: what a parameter's text means, and how a value is written.

The one rule: reading is lenient and never raises; what cannot be understood is None, never a guess.

Source: TR-106 (data types), TR-069 Amendment 6 §A.2.1; the oddities are those of real CPEs.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from acs.cwmp.structs import ParameterValueStruct

#: A typed parameter value; None: empty, unknown time, or not a value of its type.
PythonValue = str | int | bool | bytes | Decimal | datetime | None

#: How Unknown Time is written.
UNKNOWN_TIME: Final = "0001-01-01T00:00:00Z"

#: Types that are not text: white space around their values means nothing.
STRING: Final = "xsd:string"

_CANONICAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        name.lower(): f"xsd:{name}"
        for name in (
            "string", "int", "unsignedInt", "long", "unsignedLong", "boolean", "dateTime", "base64Binary", "hexBinary",
            "decimal", "float", "double", "integer", "short", "unsignedShort", "byte", "unsignedByte", "anyURI",
            "normalizedString", "token", "anySimpleType", "nonNegativeInteger",
        )
    }
    | {"base64": "soap-enc:base64", "": STRING}
)  # fmt: skip
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DATE_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[Tt ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9})\d*)?)?)?"
    r"\s*(?:([Zz])|([+-])(\d{2}):?(\d{2})?)?",
    re.ASCII,
)
_USUAL_LENGTHS: Final = frozenset({len("2026-01-02T03:04:05Z"), len("2026-01-02T03:04:05+00:00")})
_FALSE = frozenset({"0", "false", "", "no", "off", "disabled"})


def normal_type(sent: str | None) -> str:
    """The xsd type of a Value in canonical spelling ("xsd:unsignedInt"); absent or empty means xsd:string.

    Prefixes are ours whatever the CPE bound; a type that the standard does not know ("xsd:json") keeps its name.
    """
    if not sent:
        return STRING
    known = COMMON_TYPES.get(sent)
    if known is not None:
        return known
    local = "".join(character for character in sent.rpartition(":")[2] if character.isascii() and character.isalnum())
    return _CANONICAL.get(local.lower(), f"xsd:{local}")


#: Types in canonical spelling, each its own value: a look-up tells what needs no work. A plain dict: this is hot.
COMMON_TYPES: Final[Mapping[str, str]] = {name: name for name in _CANONICAL.values()}


def python_value(parameter: ParameterValueStruct) -> PythonValue:
    """The typed value of a parameter; a string stays as it is, and what is not a value of its type is None."""
    reader = _READERS.get(parameter.type)
    return reader(parameter.value) if reader is not None else parameter.value


def parse_boolean(text: str) -> bool:
    """Whether the text says true; everything but 0, false, no, off and nothing does."""
    return text.strip().lower() not in _FALSE


def parse_integer(text: str) -> int | None:
    """The whole number in the text, white space and leading zeros borne; None when there is none."""
    if text.isdecimal() and text.isascii() and len(text) <= 20:
        return int(text)
    stripped = text.strip()
    return int(stripped) if _INTEGER.fullmatch(stripped) else None


def parse_datetime(text: str | None) -> datetime | None:
    """The instant as aware UTC, without zone taken as UTC; None for Unknown Time, year 1 (uptime) and nonsense."""
    stripped = text.strip() if text else ""
    if len(stripped) in _USUAL_LENGTHS and stripped.isascii():
        with_zone = _usual(stripped)
        if with_zone is not None:
            return with_zone if with_zone.year > 1 else None
    found = _DATE_TIME.fullmatch(stripped)
    if found is None or int(found[1]) <= 1:
        return None
    try:
        return _instant(found)
    except (ValueError, OverflowError):
        return None


def format_datetime(value: datetime | None) -> str:
    """The instant as CWMP writes it, in UTC with "Z"; None is Unknown Time."""
    if value is None:
        return UNKNOWN_TIME
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_bytes(text: str) -> bytes | None:
    """The bytes of a base64 text, white space borne; None when it is none."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _usual(text: str) -> datetime | None:
    """The instant of "…T…Z" or "…T…+hh:mm", in UTC; None when it is not like that."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _instant(found: re.Match[str]) -> datetime:
    fraction = (found[7] or "").ljust(6, "0")[:6]
    zone: timezone = UTC
    if found[9]:
        offset = timedelta(hours=int(found[10]), minutes=int(found[11] or 0))
        zone = timezone(-offset if found[9] == "-" else offset)
    local = datetime(
        int(found[1]), int(found[2]), int(found[3]), int(found[4] or 0), int(found[5] or 0), int(found[6] or 0),
        int(fraction), tzinfo=zone,
    )  # fmt: skip
    return local.astimezone(UTC)


def _boolean(text: str) -> bool | None:
    return parse_boolean(text) if text.strip() else None


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _hexadecimal(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


_READERS: Final[Mapping[str, Callable[[str], PythonValue]]] = MappingProxyType(
    dict.fromkeys(
        (
            "xsd:int", "xsd:unsignedInt", "xsd:long", "xsd:unsignedLong", "xsd:integer", "xsd:short",
            "xsd:unsignedShort", "xsd:byte", "xsd:unsignedByte", "xsd:nonNegativeInteger",
        ),
        parse_integer,
    )
    | {
        "xsd:boolean": _boolean,
        "xsd:dateTime": parse_datetime,
        "xsd:base64Binary": parse_bytes,
        "soap-enc:base64": parse_bytes,
        "xsd:hexBinary": _hexadecimal,
        "xsd:decimal": _decimal,
        "xsd:float": _decimal,
        "xsd:double": _decimal,
    }
)  # fmt: skip
