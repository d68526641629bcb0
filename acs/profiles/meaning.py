"""What the text of a parameter means: type, unit, sentinels. Shared by single readings and by columns of tables.

The rule of this file: text that means nothing gives None; what was sent is kept by the caller.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from acs.profiles.convert import CONVERSIONS, boolean, number
from acs.profiles.globs import like
from probes.facts import Scalar

Text = Annotated[str, Field(min_length=1, max_length=500)]
Path_ = Annotated[str, Field(min_length=3, max_length=256, pattern=r"^[A-Za-z][A-Za-z0-9_.*-]*$")]
Bounds = tuple[float, float]

#: what separates the entries of a list; some vendors write one entry per processor core with semicolons
_ENTRIES = re.compile(r"[,;]")


class Strict(BaseModel):
    """Frozen, and no key that is not named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Meaning(Strict):
    """How the text of one parameter becomes a value in the unit of its fact or column."""

    #: a comma-separated list, oldest first: its last entry counts
    last_of_list: bool = False
    #: a list of numbers (per processor core): the greatest counts
    max_of_list: bool = False
    #: entries of a list that mean nothing and are left out ("0.0.0.0" among DNS servers)
    without: tuple[str, ...] = ()
    #: `positive` is whether the number is above zero
    as_: Literal["number", "integer", "boolean", "positive", "text"] = Field("number", alias="as")
    convert: str = "as_sent"
    codes: dict[str, str | bool | float] = Field(default_factory=dict)
    sentinels: tuple[float | str, ...] = ()
    #: texts that mean nothing, with `*` at will ("fe80:*" where a global address is asked for)
    unlike: tuple[str, ...] = ()
    #: outside of it a number is garbage of the sensor
    between: Bounds | None = None
    #: true becomes false and the other way round ("advertised" to "hidden")
    inverted: bool = False

    @field_validator("convert")
    @classmethod
    def _known_conversion(cls, value: str) -> str:
        if value not in CONVERSIONS:
            raise ValueError(f"unknown conversion; one of {', '.join(CONVERSIONS)}")
        return value


def value_of(meaning: Meaning, raw: str, whole: str | None = None) -> Scalar | None:
    """The value of a parameter's text, or of its share in `whole` in per cent; None if the text means nothing."""
    text = _entry(meaning, raw)
    if _is_sentinel(meaning, text):
        return None
    if meaning.codes:
        return _coded(meaning, text)
    if meaning.as_ == "text":
        return text or None
    if meaning.as_ == "boolean":
        said = boolean(text)
        return said if said is None else said != meaning.inverted
    return _numeric(meaning, text, whole)


def _coded(meaning: Meaning, text: str) -> Scalar | None:
    """A code's value; some devices write them in another case than the standard has it."""
    known = meaning.codes.get(text)
    if known is not None:
        return known
    return {code.lower(): value for code, value in meaning.codes.items()}.get(text.lower())


def _entry(meaning: Meaning, raw: str) -> str:
    text = raw.strip()
    if meaning.without:
        text = ",".join(entry for part in text.split(",") if (entry := part.strip()) not in meaning.without)
    if meaning.last_of_list:
        return text.rsplit(",", 1)[-1].strip()
    if meaning.max_of_list:
        numbers = [(value, entry) for entry in _ENTRIES.split(text) if (value := number(entry)) is not None]
        return max(numbers)[1].strip() if numbers else text
    return text


def _numeric(meaning: Meaning, text: str, whole: str | None) -> Scalar | None:
    value = number(text)
    if value is not None and whole is not None:
        total = number(_entry(meaning, whole))
        value = 100.0 * value / total if total else None
    if value is not None:
        value = CONVERSIONS[meaning.convert](value)
    if value is None or (meaning.between is not None and not meaning.between[0] <= value <= meaning.between[1]):
        return None
    return whole_number(meaning, value)


def whole_number(meaning: Meaning, value: float) -> Scalar:
    """A number as its meaning wants it: above zero or not, rounded, or with three digits."""
    if meaning.as_ == "positive":
        return value > 0
    return round(value) if meaning.as_ == "integer" else round(value, 3)


def _is_sentinel(meaning: Meaning, text: str) -> bool:
    if meaning.unlike and like(text, meaning.unlike):
        return True
    if not meaning.sentinels:
        return False
    value = number(text)
    return any(text == mark if isinstance(mark, str) else value == mark for mark in meaning.sentinels)
