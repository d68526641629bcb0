"""What a vendor profile of an access node may hold, and how it is found. A wrong profile is refused with file and key.

A profile is data: OIDs, named index schemes, scales, sentinels, code tables. Vendors are files beside this one:
`olt/<vendor>-<family>.toml`, every column with its unit and its source.
"""

import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from probes.errors import ProfileError
from probes.facts import FACTS
from probes.profiles import decode
from probes.profiles.decode import Decoded, Raw

#: varbinds in the one GET that reads an ONT: what the slowest nodes answer without a second thought
MAX_ONT_VARBINDS = 12

_FOLDER = Path(__file__).parent


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BitField(_Strict):
    """Where a number sits in a packed index: its lowest bit and its width."""

    shift: Annotated[int, Field(ge=0, lt=32)]
    bits: Annotated[int, Field(gt=0, le=32)]


class IndexExample(_Strict):
    """A worked example of an index, checked when the profile is loaded."""

    frame: int
    slot: int
    port: int
    index: int


class PackedBits(_Strict):
    """Index scheme `packed-bits`: frame, slot and port of a PON port in one number, and its type."""

    scheme: Literal["packed-bits"]
    type: Annotated[int, Field(ge=0)]
    type_shift: Annotated[int, Field(ge=0, lt=32)]
    frame: BitField
    slot: BitField
    port: BitField
    example: IndexExample
    source: str

    def encode(self, frame: int, slot: int, port: int) -> int:
        """The index of a PON port.

        Raises:
            ProfileError: a number that does not fit its field.
        """
        index = self.type << self.type_shift
        for name, field, value in (("frame", self.frame, frame), ("slot", self.slot, slot), ("port", self.port, port)):
            if not 0 <= value < 1 << field.bits:
                raise ProfileError(f"{name} {value} does not exist here: 0 to {(1 << field.bits) - 1} do")
            index |= value << field.shift
        return index

    def parse(self, index: int) -> tuple[int, int, int] | None:
        """Frame, slot and port of an index; None when it is not a PON port. Negative forms of 32 bits are taken too."""
        index &= 0xFFFFFFFF
        frame, slot, port = (
            index >> field.shift & (1 << field.bits) - 1 for field in (self.frame, self.slot, self.port)
        )
        return (frame, slot, port) if self.encode(frame, slot, port) == index else None

    @model_validator(mode="after")
    def _example_holds(self) -> Self:
        example = self.example
        computed = self.encode(example.frame, example.slot, example.port)
        if computed != example.index:
            raise ValueError(f"the example says {example.index}, the fields give {computed}")
        return self


class _Column(_Strict, ABC):
    """What every column has. `index` says what its rows are; `fact` is empty for a column that is only looked up."""

    oid: Annotated[str, Field(pattern=r"^1(\.\d+)+$")]
    index: Literal["port", "ont", "uni"] = "ont"
    fact: str = ""
    unit: str = ""
    sentinels: tuple[int, ...] = ()
    #: for `index = "uni"`: how many UNIs are asked
    instances: Annotated[int, Field(ge=1, le=8)] = 1
    #: of several instances, the value that stands for all as soon as one has it
    prefer: str = ""
    #: the fact that takes the raw code when no table knows it
    unknown_fact: str = ""
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _facts_exist(self) -> Self:
        for name in filter(None, (self.fact, self.unknown_fact)):
            if name not in FACTS:
                raise ValueError(f"{name} is no fact; probes/facts.py lists them")
        if self.fact and FACTS[self.fact].unit != self.unit:
            raise ValueError(f"{self.fact} is in {FACTS[self.fact].unit or 'no unit'}, not {self.unit or 'no unit'}")
        return self

    def decoded(self, raw: Raw, zone: tzinfo) -> Decoded:
        """The value behind a raw one; sentinels first."""
        return decode.missing(raw) if raw in self.sentinels else self._understand(raw, zone)

    @abstractmethod
    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded: ...


class EnumColumn(_Column):
    """A code with a table of meanings. A code outside the table is unreadable."""

    kind: Literal["enum"]
    values: Mapping[str, str]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        meaning = self.values.get(str(raw)) if isinstance(raw, int) else None
        return decode.good(meaning, raw) if meaning is not None else decode.unreadable(raw)


class NumberColumn(_Column):
    """`raw * scale + offset`, in the column's unit. Outside `minimum` … `maximum` it is unreadable."""

    kind: Literal["number"]
    scale: float = 1.0
    offset: float = 0.0
    minimum: float
    maximum: float

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        if not isinstance(raw, (int, float)):
            return decode.unreadable(raw)
        value = round(raw * self.scale + self.offset, 3)
        return decode.good(value, raw) if self.minimum <= value <= self.maximum else decode.unreadable(raw)


class InstantColumn(_Column):
    """A DateAndTime; without an offset of its own it is in the node's local time."""

    kind: Literal["date-and-time"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.instant(raw, zone)


class SerialColumn(_Column):
    """A PON serial of eight octets."""

    kind: Literal["gpon-serial"]

    def _understand(self, raw: Raw, zone: tzinfo) -> Decoded:
        return decode.gpon_serial(raw)


Column = Annotated[EnumColumn | NumberColumn | InstantColumn | SerialColumn, Field(discriminator="kind")]


class Match(_Strict):
    """How a node is recognised: one of the sysObjectID prefixes, and the text in its sysDescr."""

    sys_object_ids: Annotated[tuple[str, ...], Field(min_length=1)]
    sys_descr: str
    source: str

    def fits(self, sys_object_id: str, sys_descr: str) -> bool:
        """Whether a node that says this of itself belongs to the family."""
        known = any(sys_object_id == prefix or sys_object_id.startswith(prefix + ".") for prefix in self.sys_object_ids)
        return known and self.sys_descr in sys_descr


class Reads(_Strict):
    """Which columns are read together, by name."""

    #: the one GET of an ONT
    ont: tuple[str, ...]
    #: a second GET of an ONT, when more is wanted
    ont_detail: tuple[str, ...] = ()
    #: walked below the port, for they cost the node nothing
    port_walk: tuple[str, ...]
    #: asked of each ONT that is online, for the node asks the ONT itself
    port_light: tuple[str, ...] = ()
    #: one GET of the port itself
    port: tuple[str, ...] = ()


class Unprovisioned(_Strict):
    """The table of serials that nobody provisioned; its rows below a port are what waits there."""

    oid: Annotated[str, Field(pattern=r"^1(\.\d+)+$")]
    fact: str
    source: str


class PortFault(_Strict):
    """A PON port is at fault when its own light (a column of `reads.port`) is below a limit."""

    column: str
    below: float
    fact: str
    source: str


class AccessProfile(_Strict):
    """How one family of access nodes is read."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    kind: Literal["olt"]
    title: Mapping[Literal["ru", "en"], str]
    match: Match
    index: PackedBits
    columns: Mapping[str, Column]
    reads: Reads
    #: the column of `reads.port_walk` that names the ONTs of a port
    serial_column: str
    unprovisioned: Unprovisioned | None = None
    port_fault: PortFault | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for group, names in self.reads.model_dump().items():
            unknown = [name for name in names if name not in self.columns]
            if unknown:
                raise ValueError(f"reads.{group} names {', '.join(unknown)}, which [columns] does not have")
        if self.serial_column not in self.reads.port_walk:
            raise ValueError(f"serial_column {self.serial_column!r} must be one of reads.port_walk")
        if self.port_fault and self.port_fault.column not in self.reads.port:
            raise ValueError(f"port_fault.column {self.port_fault.column!r} must be one of reads.port")
        return self

    @model_validator(mode="after")
    def _reads_are_small(self) -> Self:
        for group in ("ont", "ont_detail", "port_light"):
            total = sum(self.columns[name].instances for name in getattr(self.reads, group))
            if total > MAX_ONT_VARBINDS:
                raise ValueError(f"reads.{group} asks {total} varbinds in one GET; at most {MAX_ONT_VARBINDS}")
        return self


def load_profile(path: Path) -> AccessProfile:
    """The profile in one file.

    Raises:
        ProfileError: names the file, every wrong key, and what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return AccessProfile.model_validate(tomllib.loads(text))
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}; give the path of a readable profile") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: not TOML: {error}; correct that line") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'profile'}: {one['msg']}" for one in error.errors(include_url=False)
        )
        raise ProfileError(f"{path}: {wrong}; correct these keys") from error


def load_profiles(folder: Path | None = None) -> dict[str, AccessProfile]:
    """Every profile of OLTs by id: the packaged ones, or those of another folder.

    Raises:
        ProfileError: a file is wrong, or two files have one id.
    """
    found: dict[str, AccessProfile] = {}
    for path in sorted((folder or _FOLDER / "olt").glob("*.toml")):
        profile = load_profile(path)
        if profile.id in found:
            raise ProfileError(f"{path}: id {profile.id!r} is taken by another profile; give it one of its own")
        found[profile.id] = profile
    return found


def match(profiles: Mapping[str, AccessProfile], sys_object_id: str, sys_descr: str) -> AccessProfile | None:
    """The profile whose sysObjectID prefix and sysDescr text fit; None when no family is known."""
    fitting = (profile for profile in profiles.values() if profile.match.fits(sys_object_id, sys_descr))
    return next(fitting, None)
