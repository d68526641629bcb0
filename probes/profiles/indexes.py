"""Index schemes: how a node numbers its PON ports and ONTs in its tables. Each is a named choice with a worked example.

    packed-bits   numbers in one integer               decimal   numbers in the decimal digits of one integer
    dotted        a number per place, `1.3.12`         if-name   the ifIndex whose name says the place
    serial        the ONT's serial is the index        row       rows that only their columns explain
    template      the rows of the profile's own scheme with numbers around   mac-below-port   port and the ONT's MAC

The rule: the example of a scheme is computed when the profile is loaded; a scheme that does not give it is refused.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probes.errors import ProfileError
from probes.profiles.columns import OidText, Strict

_PLACES = ("frame", "slot", "port", "ont")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a node as its index says it; `ont` None is the port itself. What the index leaves out is 0."""

    frame: int
    slot: int
    port: int
    ont: int | None = None


class BitField(Strict):
    """Where a number sits in a packed index: its lowest bit and its width; `base` is the number that is written 0."""

    shift: Annotated[int, Field(ge=0, lt=32)]
    bits: Annotated[int, Field(gt=0, le=32)]
    base: Annotated[int, Field(ge=0, le=1)] = 0

    def put(self, name: str, number: int) -> int:
        """The number in its place."""
        if not 0 <= number - self.base < 1 << self.bits:
            raise ProfileError(
                f"{name} {number} does not exist here: {self.base} to {(1 << self.bits) - 1 + self.base} do"
            )
        return number - self.base << self.shift

    def take(self, index: int) -> int:
        """The number in an index."""
        return (index >> self.shift & (1 << self.bits) - 1) + self.base


class IndexExample(Strict):
    """A worked example of an index, checked when the profile is loaded."""

    frame: int = 0
    slot: int = 0
    port: int
    ont: int | None = None
    #: the whole index behind the column's OID
    index: int | str


class _Scheme(Strict, ABC):
    source: str

    @property
    def below_port(self) -> bool:
        """Whether the rows of a port's ONTs lie below the port's own index, so that one port can be walked."""
        return False

    @abstractmethod
    def parse_row(self, suffix: str) -> Spot | None:
        """The place of a row; None when it is no row of this scheme."""


class _Computed(_Scheme):
    """A scheme that needs nothing but the place."""

    example: IndexExample

    @abstractmethod
    def port_row(self, frame: int, slot: int, port: int) -> str:
        """The index of a port, or what the rows of its ONTs begin with."""

    @abstractmethod
    def ont_row(self, frame: int, slot: int, port: int, ont: int) -> str:
        """The index of an ONT."""

    def uni_row(self, frame: int, slot: int, port: int, ont: int, uni: int) -> str:
        """The index of one of an ONT's Ethernet ports."""
        return f"{self.ont_row(frame, slot, port, ont)}.{uni}"

    @model_validator(mode="after")
    def _example_holds(self) -> Self:
        one = self.example
        place = (one.frame, one.slot, one.port)
        computed = self.port_row(*place) if one.ont is None else self.ont_row(*place, one.ont)
        if computed != str(one.index):
            raise ValueError(f"the example says {one.index}, the fields give {computed}")
        return self


class PackedBits(_Computed):
    """Index scheme `packed-bits`: frame, slot and port of a PON port in one number, and its type.

    The ONT's number follows behind a dot, or sits in the number too (`ont`), and then the UNI's may (`uni`).
    """

    scheme: Literal["packed-bits"]
    type: Annotated[int, Field(ge=0)] = 0
    type_shift: Annotated[int, Field(ge=0, lt=32)] = 0
    frame: BitField | None = None
    slot: BitField | None = None
    port: BitField
    ont: BitField | None = None
    uni: BitField | None = None

    @property
    def below_port(self) -> bool:
        """Rows lie below the port only where the ONT's number is a part of its own."""
        return self.ont is None

    def encode(self, frame: int, slot: int, port: int) -> int:
        """The index of a PON port.

        Raises:
            ProfileError: a number that does not fit its field.
        """
        index = self.type << self.type_shift
        for name, field, value in (("frame", self.frame, frame), ("slot", self.slot, slot), ("port", self.port, port)):
            index |= field.put(name, value) if field is not None else 0
        return index

    def parse(self, index: int) -> tuple[int, int, int] | None:
        """Frame, slot and port of an index; None when it is not a PON port. Negative forms of 32 bits are taken too."""
        index &= 0xFFFFFFFF
        frame, slot, port = (0 if field is None else field.take(index) for field in (self.frame, self.slot, self.port))
        try:
            return (frame, slot, port) if self.encode(frame, slot, port) == index else None
        except ProfileError:
            return None

    def port_row(self, frame: int, slot: int, port: int) -> str:
        """The port's number."""
        return str(self.encode(frame, slot, port))

    def ont_row(self, frame: int, slot: int, port: int, ont: int) -> str:
        """The port's number and the ONT's, in one or in two."""
        index = self.encode(frame, slot, port)
        return f"{index}.{ont}" if self.ont is None else str(index | self.ont.put("ont", ont))

    def uni_row(self, frame: int, slot: int, port: int, ont: int, uni: int) -> str:
        """The ONT's index and the UNI's number, in one or in two."""
        row = self.ont_row(frame, slot, port, ont)
        return f"{row}.{uni}" if self.uni is None else str(int(row) | self.uni.put("uni", uni))

    def parse_row(self, suffix: str) -> Spot | None:
        """The place of a row, with its ONT where the index has one."""
        first, _, rest = suffix.partition(".")
        if not first.isdigit() or not (rest.isdigit() or not rest):
            return None
        index, ont = int(first), int(rest) if rest else None
        if self.ont is not None:
            ont = self.ont.take(index)
            index &= ~(((1 << self.ont.bits) - 1) << self.ont.shift)
        place = self.parse(index)
        return None if place is None else Spot(*place, ont)


class Decimal(_Computed):
    """Index scheme `decimal`: places stand in the decimal digits, `30701001` is slot 3, port 07, ONT 01, and 001."""

    scheme: Literal["decimal"]
    slot: Annotated[int, Field(gt=0)]
    port: Annotated[int, Field(gt=0)]
    ont: Annotated[int, Field(gt=0)]
    add: Annotated[int, Field(ge=0)] = 0

    def port_row(self, frame: int, slot: int, port: int) -> str:
        """The port's number."""
        return str(slot * self.slot + port * self.port)

    def ont_row(self, frame: int, slot: int, port: int, ont: int) -> str:
        """The ONT's number."""
        return str(slot * self.slot + port * self.port + ont * self.ont + self.add)

    def parse_row(self, suffix: str) -> Spot | None:
        """The place in the digits."""
        if not suffix.isdigit():
            return None
        slot, rest = divmod(int(suffix) - self.add, self.slot)
        port, rest = divmod(rest, self.port)
        ont, rest = divmod(rest, self.ont)
        return Spot(0, slot, port, ont) if slot >= 0 and not rest else None


class Dotted(_Computed):
    """Index scheme `dotted`: a number per place, in the order of `parts`; digits in `parts` stand for themselves."""

    scheme: Literal["dotted"]
    parts: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _parts_are_places(self) -> Self:
        wrong = [part for part in self.parts if part not in _PLACES and not part.isdigit()]
        if wrong or self.parts[-1] != "ont":
            raise ValueError(f"parts are {', '.join(_PLACES)} and numbers, with ont at the end; not {self.parts}")
        return self

    @property
    def below_port(self) -> bool:
        """The ONT's number is always the last."""
        return True

    def port_row(self, frame: int, slot: int, port: int) -> str:
        """All but the ONT's number."""
        numbers = {"frame": frame, "slot": slot, "port": port}
        return ".".join(str(numbers.get(part, part)) for part in self.parts[:-1])

    def ont_row(self, frame: int, slot: int, port: int, ont: int) -> str:
        """All numbers."""
        return f"{self.port_row(frame, slot, port)}.{ont}"

    def parse_row(self, suffix: str) -> Spot | None:
        """The place, where the row has as many numbers as the scheme."""
        numbers = suffix.split(".")
        if len(numbers) != len(self.parts):
            return None
        named = dict(zip(self.parts, numbers, strict=True))
        if any(part != number for part, number in named.items() if part.isdigit()):
            return None
        frame, slot, port, ont = (int(named.get(name, 0)) for name in _PLACES)
        return Spot(frame, slot, port, ont)


class NameExample(Strict):
    """A name and the place it means."""

    name: str
    frame: int = 0
    slot: int = 0
    port: int
    ont: int | None = None


class IfName(_Scheme):
    """Index scheme `if-name`: the index is the ifIndex whose name matches; the pattern's groups are the places.

    Where only ports have names, an ONT's index is the port's plus the ONT's number (`ont_add`), or the port's and then
    the ONT's number (`ont_rows`).
    """

    scheme: Literal["if-name"]
    #: the column of names
    names: OidText = "1.3.6.1.2.1.31.1.1.1.1"
    port: str
    ont: str = ""
    ont_add: bool = False
    ont_rows: bool = False
    examples: Annotated[tuple[NameExample, ...], Field(min_length=1)]

    @property
    def below_port(self) -> bool:
        """Where the ONT's number follows the port's index."""
        return self.ont_rows

    def spot_of(self, name: str) -> Spot | None:
        """The place that a name means; None when it is no PON port and no ONT."""
        for pattern in filter(None, (self.ont, self.port)):
            found = re.fullmatch(pattern, name.strip("\0 "), re.IGNORECASE)
            if found is not None:
                told = {key: int(text) for key, text in found.groupdict().items() if text is not None}
                return Spot(told.get("frame", 0), told.get("slot", 0), told["port"], told.get("ont"))
        return None

    def parse_row(self, suffix: str) -> Spot | None:
        """Rows say nothing here: the names do."""
        return None

    @model_validator(mode="after")
    def _examples_hold(self) -> Self:
        for one in self.examples:
            found = self.spot_of(one.name)
            if found != Spot(one.frame, one.slot, one.port, one.ont):
                raise ValueError(f"the example {one.name!r} is read as {found}")
        return self


class SerialExample(Strict):
    """A serial and the row it has."""

    slot: int = 0
    serial: str
    row: str


class SerialKey(_Scheme):
    """Index scheme `serial`: the ONT's serial behind its length, and numbers before it.

    `form` octets: 4 letters and 4 octets; text: the letters as written. `port_column` and `ont_column` say the place.
    """

    scheme: Literal["serial"]
    #: `slot` or numbers
    before: tuple[str, ...] = ()
    form: Literal["octets", "text"]
    port_column: OidText
    ont_column: OidText | None = None
    example: SerialExample

    def row_of(self, slot: int, serial: str) -> str:
        """The row of a serial in its canonical form.

        Raises:
            ProfileError: a serial that is none.
        """
        text = serial.encode("ascii", "replace")
        if self.form == "octets":
            try:
                text = bytes.fromhex(serial) if len(serial) == 16 else text[:4] + bytes.fromhex(serial[4:])
            except ValueError as error:
                raise ProfileError(f"{serial} is no PON serial: write four letters and eight digits") from error
        before = [str(slot) if part == "slot" else part for part in self.before]
        return ".".join([*before, str(len(text)), *(str(octet) for octet in text)])

    def serial_of(self, suffix: str) -> str | None:
        """The serial in a row, in its canonical form; None when the row has none."""
        numbers = [int(part) for part in suffix.split(".") if part.isdigit()][len(self.before) :]
        if not numbers or len(numbers) != numbers[0] + 1 or any(number > 255 for number in numbers):
            return None
        octets = bytes(numbers[1:])
        if self.form == "octets":
            return octets[:4].decode("ascii", "replace") + octets[4:].hex().upper()
        return octets.decode("ascii", "replace").upper()

    def parse_row(self, suffix: str) -> Spot | None:
        """Rows say the serial, and columns say the place."""
        return None

    @model_validator(mode="after")
    def _example_holds(self) -> Self:
        one = self.example
        if self.row_of(one.slot, one.serial) != one.row or self.serial_of(one.row) != one.serial:
            raise ValueError(f"the example {one.serial} is read as {self.row_of(one.slot, one.serial)}")
        return self


class Rows(_Scheme):
    """Index scheme `row`: a number of the node's own. The serial finds an ONT, `port_column` its port where it is."""

    scheme: Literal["row"]
    port_column: OidText | None = None
    ont_column: OidText | None = None

    def parse_row(self, suffix: str) -> Spot | None:
        """Rows say nothing here."""
        return None


class MacBelowPort(_Scheme):
    """Index scheme `mac-below-port`: the row of the port in the profile's own scheme, then the six octets of a MAC."""

    scheme: Literal["mac-below-port"]

    def parse_row(self, suffix: str) -> Spot | None:
        """Rows say a MAC."""
        return None


class Template(_Scheme):
    """Index scheme `template`: `{port}` is the port's row in the profile's own scheme, `{ont}` the ONT's number."""

    scheme: Literal["template"]
    row: str

    @model_validator(mode="after")
    def _row_has_both(self) -> Self:
        if "{ont}" not in self.row or re.sub(r"{port}|{ont}|[\d.]", "", self.row):
            raise ValueError("row is made of {port}, {ont}, numbers and dots")
        return self

    def parse_row(self, suffix: str) -> Spot | None:
        """Rows are only built here."""
        return None


#: schemes that need nothing but the place
Computed = PackedBits | Decimal | Dotted
Index = Annotated[
    PackedBits | Decimal | Dotted | IfName | SerialKey | Rows | MacBelowPort | Template, Field(discriminator="scheme")
]
Indexes = Mapping[str, Index]
