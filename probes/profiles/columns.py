"""The named forms of a column's value: how a raw SNMP value becomes a fact. Every form is a choice in a profile file.

The rule: sentinels come first, a code or a value that the column does not explain is unreadable and keeps its raw form.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import tzinfo
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from probes.facts import FACTS, Quality
from probes.profiles import decode
from probes.profiles.decode import Decoded, Raw
from probes.units import signed

#: an OID in numbers
OidText = Annotated[str, Field(pattern=r"^1(\.\d+)+$")]

#: named patterns of numbers inside text; the first group is the number
TEXT_FORMS: Mapping[str, str] = {
    # "0.03 mW (-14.61 dBm)"
    "dbm-in-parentheses": r"\((-?\d+(?:\.\d+)?) dBm\)",
    # "30.67 C", "-14.61 dBm", "11.65"
    "leading-number": r"^\s*(-?\d+(?:\.\d+)?)",
}


class Strict(BaseModel):
    """A table of a profile file: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Column(Strict, ABC):
    """What every column has. `index` says what its rows are; `fact` is empty for a column that is only looked up."""

    oid: OidText
    index: Literal["port", "ont", "uni", "scalar"] = "ont"
    #: the index scheme of the column's table when it is not the profile's own: a name of `[indexes]`
    by: str = ""
    #: further numbers behind the row's index
    tail: Annotated[str, Field(pattern=r"^(\d+(\.\d+)*)?$")] = ""
    fact: str = ""
    unit: str = ""
    #: raw values that say "no value"; numbers or text
    sentinels: tuple[int | str, ...] = ()
    #: numbers between the ONT's index and the UNI's
    before_uni: Annotated[str, Field(pattern=r"^(\d+(\.\d+)*)?$")] = ""
    #: for `index = "uni"`: how many UNIs are asked
    instances: Annotated[int, Field(ge=1, le=8)] = 1
    #: of several instances, the value that stands for all as soon as one has it
    prefer: str = ""
    #: the fact that lists the value of every instance, "1 up, 2 down"
    each_fact: str = ""
    #: the fact that takes the raw code when no table knows it
    unknown_fact: str = ""
    #: the column that answers where this one is not in the node
    fallback: str = ""
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _facts_exist(self) -> Self:
        for name in filter(None, (self.fact, self.unknown_fact, self.each_fact)):
            if name not in FACTS:
                raise ValueError(f"{name} is no fact; probes/facts.py lists them")
        if self.fact and FACTS[self.fact].unit != self.unit:
            raise ValueError(f"{self.fact} is in {FACTS[self.fact].unit or 'no unit'}, not {self.unit or 'no unit'}")
        return self

    def decoded(self, raw: Raw, zone: tzinfo) -> Decoded:
        """The value behind a raw one; sentinels first."""
        known = decode.plain_text(raw) if isinstance(raw, bytes) else raw
        return decode.missing(raw) if known in self.sentinels else self._understand(raw, zone)

    def more(self, raw: Raw) -> Mapping[str, Decoded]:
        """Further facts that the same raw value tells of, by name."""
        return {}

    @abstractmethod
    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded: ...


class EnumColumn(_Column):
    """Codes of a vendor and what they mean. A code that is not listed is unreadable, never a guess."""

    kind: Literal["enum"]
    values: Mapping[str, str]
    #: further facts of the same code: fact → code → value
    also: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _values_are_allowed(self) -> Self:
        for name, values in {self.fact: self.values, **self.also}.items():
            allowed = FACTS[name].values if name in FACTS else ()
            if name and name not in FACTS:
                raise ValueError(f"{name} is no fact; probes/facts.py lists them")
            wrong = sorted(set(values.values()) - set(allowed)) if allowed else []
            if wrong:
                raise ValueError(f"{name} is one of {', '.join(allowed)}; not {', '.join(wrong)}")
        return self

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        meaning = self.values.get(str(raw)) if isinstance(raw, int) else None
        return decode.good(meaning, raw) if meaning is not None else decode.unreadable(raw)

    def more(self, raw: Raw) -> Mapping[str, Decoded]:
        """The facts of `also` for this code."""
        key = str(raw) if isinstance(raw, int) else ""
        return {name: decode.good(values[key], raw) for name, values in self.also.items() if key in values}


class TextEnumColumn(EnumColumn):
    """As `enum`, where the node writes words; capital letters and spaces around do not matter."""

    kind: Literal["text-enum"]  # type: ignore[assignment]  # a narrower name for the same form

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        meaning = self.values.get(decode.plain_text(raw).lower())
        return decode.good(meaning, raw) if meaning is not None else decode.unreadable(raw)

    def more(self, raw: Raw) -> Mapping[str, Decoded]:
        """The facts of `also` for this word."""
        key = decode.plain_text(raw).lower()
        return {name: decode.good(values[key], raw) for name, values in self.also.items() if key in values}


class CodeNumberColumn(_Column):
    """Codes that stand for numbers in the column's unit, as speeds do; `also` as in `enum`."""

    kind: Literal["code-number"]
    values: Mapping[str, float]
    also: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        meaning = self.values.get(str(raw)) if isinstance(raw, int) else None
        return decode.good(meaning, raw) if meaning is not None else decode.unreadable(raw)

    def more(self, raw: Raw) -> Mapping[str, Decoded]:
        """The facts of `also` for this code."""
        return {name: decode.good(values[str(raw)], raw) for name, values in self.also.items() if str(raw) in values}


class _Bounded(_Column):
    """`raw * scale + offset`, in the column's unit. Outside `minimum` … `maximum` it is unreadable."""

    scale: float = 1.0
    offset: float = 0.0
    minimum: float
    maximum: float

    def _bounded(self, number: float, raw: Raw) -> Decoded:
        value = round(number, 3)
        return decode.good(value, raw) if self.minimum <= value <= self.maximum else decode.unreadable(raw)


class NumberColumn(_Bounded):
    """A whole number. With `bits` it is two's complement of that width, whatever the node calls it."""

    kind: Literal["number"]
    bits: Annotated[int, Field(ge=8, le=32)] | None = None

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        if not isinstance(raw, (int, float)):
            return decode.unreadable(raw)
        if self.bits is not None and not 0 <= raw < 1 << self.bits and not -(1 << self.bits - 1) <= raw < 0:
            return decode.unreadable(raw)
        number = signed(int(raw), self.bits) if self.bits is not None and raw >= 0 else raw
        return self._bounded(number * self.scale + self.offset, raw)


class CountColumn(_Column):
    """A counter or a count: a whole number, never negative; `scale` turns it into the fact's unit."""

    kind: Literal["count"]
    #: after this many bits the counter begins again at 0
    bits: Literal[32, 64] = 32

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.good(raw, raw) if isinstance(raw, int) and raw >= 0 else decode.unreadable(raw)


class RangeScale(Strict):
    """Raw values from `least` to `most` have this scale."""

    least: int
    most: int
    scale: float


class RangedColumn(_Bounded):
    """A number whose scale its size tells, because two firmwares write two units. The ranges must not meet."""

    kind: Literal["number-by-range"]
    ranges: Annotated[tuple[RangeScale, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        ordered = sorted(self.ranges, key=lambda one: one.least)
        if any(left.most >= right.least for left, right in pairwise(ordered)):
            raise ValueError("two ranges meet: a raw value must have one scale")
        return self

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        if not isinstance(raw, int):
            return decode.unreadable(raw)
        scale = next((one.scale for one in self.ranges if one.least <= raw <= one.most), None)
        return decode.unreadable(raw) if scale is None else self._bounded(raw * scale + self.offset, raw)


class PowerColumn(_Bounded):
    """A linear power: `10 * log10(raw * scale) + offset` dBm. Zero is no light, and that has no level."""

    kind: Literal["linear-power"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        if not isinstance(raw, (int, float)) or raw < 0:
            return decode.unreadable(raw)
        return decode.missing(raw) if raw == 0 else self._bounded(10 * math.log10(raw * self.scale) + self.offset, raw)


class TextNumberColumn(_Bounded):
    """A number inside text, found by a named form."""

    kind: Literal["text-number"]
    form: str

    @model_validator(mode="after")
    def _form_exists(self) -> Self:
        if self.form not in TEXT_FORMS:
            raise ValueError(f"form is one of {', '.join(TEXT_FORMS)}, not {self.form!r}")
        return self

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        found = re.search(TEXT_FORMS[self.form], decode.plain_text(raw)) if isinstance(raw, (bytes, str)) else None
        return (
            decode.unreadable(raw)
            if found is None
            else self._bounded(float(found.group(1)) * self.scale + self.offset, raw)
        )


class InstantColumn(_Column):
    """A DateAndTime; without an offset of its own it is in the node's local time."""

    kind: Literal["date-and-time"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.instant(raw, zone)


class TextInstantColumn(_Column):
    """A date and time in words, `2026-11-20 18:02:11`, in the node's local time unless an offset follows."""

    kind: Literal["text-time"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.text_instant(raw, zone)


class SerialColumn(_Column):
    """A PON serial of eight octets."""

    kind: Literal["gpon-serial"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.gpon_serial(raw)


class SerialTextColumn(_Column):
    """A PON serial that the node writes as text, in any of the usual forms."""

    kind: Literal["serial-text"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.serial_text(raw)


class MacColumn(_Column):
    """A MAC address, six octets or text; on EPON it names the ONT."""

    kind: Literal["mac"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.mac(raw)


class MacOrSerialColumn(_Column):
    """What names an ONT on a node with EPON and GPON ports: a MAC, or a PON serial."""

    kind: Literal["mac-or-serial"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        found = decode.mac(raw)
        return found if found.quality is not Quality.UNREADABLE else decode.serial_text(raw)


class TextColumn(_Column):
    """Text as the node writes it; empty text is missing."""

    kind: Literal["text"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        text = decode.plain_text(raw)
        return decode.good(text, raw) if text else decode.missing(raw)


class BitsColumn(_Column):
    """BITS (the first octet's highest bit is bit 0): the meaning of the first bit of `values` that is set.

    `joined` gives all of them; `none` is the value when no named bit is set; `texts` are for agents that write a word
    instead of bits.
    """

    kind: Literal["bits"]
    values: Mapping[str, str]
    none: str = ""
    joined: bool = False
    texts: Mapping[str, str] = {}
    also: Mapping[str, Mapping[str, str]] = {}
    #: for each fact of `also`: the value when none of its bits is set
    also_none: Mapping[str, str] = {}

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        word = decode.plain_text(raw) if isinstance(raw, bytes) else ""
        if word.lower() in self.texts:
            return decode.good(self.texts[word.lower()], raw)
        bits = decode.bits_of(raw)
        if bits is None:
            return decode.unreadable(raw)
        named = [meaning for bit, meaning in self.values.items() if int(bit) in bits]
        value = "+".join(named) if self.joined else next(iter(named), "")
        if not value and not self.none:
            return decode.missing(raw)
        return decode.good(value or self.none, raw)

    def more(self, raw: Raw) -> Mapping[str, Decoded]:
        """The facts of `also`: the first bit of each that is set."""
        bits = decode.bits_of(raw)
        if bits is None or (isinstance(raw, bytes) and decode.plain_text(raw).lower() in self.texts):
            return {}
        found = {}
        for name, values in self.also.items():
            value = next((meaning for bit, meaning in values.items() if int(bit) in bits), self.also_none.get(name))
            if value:
                found[name] = decode.good(value, raw)
        return found


class MacListColumn(_Column):
    """A blob of records of ten octets: port type, port, VLAN (2), MAC (6); zeros are empty. Counts and lists MACs."""

    kind: Literal["mac-records"]
    count_fact: str = ""

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.mac_records(raw)

    def more(self, raw: Raw) -> Mapping[str, Decoded]:
        """How many different MACs there are."""
        found = decode.mac_records(raw)
        if not self.count_fact or not isinstance(found.value, str):
            return {}
        return {self.count_fact: decode.good(len(found.value.split(", ")) if found.value else 0, raw)}


Column = Annotated[
    EnumColumn
    | TextEnumColumn
    | CodeNumberColumn
    | NumberColumn
    | CountColumn
    | RangedColumn
    | PowerColumn
    | TextNumberColumn
    | InstantColumn
    | TextInstantColumn
    | SerialColumn
    | SerialTextColumn
    | MacColumn
    | MacOrSerialColumn
    | TextColumn
    | BitsColumn
    | MacListColumn,
    Field(discriminator="kind"),
]
