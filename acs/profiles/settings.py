"""What can be set on a device, by meaning: which parameter of this model is the Wi-Fi name, and in which row.

    [[target]]    a table whose rows a person means: networks, ports, connections, forwardings
    [[setting]]   one meaning → its parameter; several of one name stand in the order of trust, the first that the
                  device shows counts

The rule of this file: a meaning is only what the device shows; a path that it never gave is not tried.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from acs.cwmp import paths

Text = Annotated[str, Field(min_length=1, max_length=500)]
Pattern = Annotated[str, Field(min_length=3, max_length=256, pattern=r"^[A-Za-z][A-Za-z0-9_.*-]*$")]
Meaning = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z_]+)+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(_Strict):
    """A table whose rows a person chooses among. `path` ends in "*."; an empty table is known by its parent."""

    name: Annotated[str, Field(pattern=r"^[a-z]+$")]
    path: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.*-]*\.\*\.$")]
    #: the leaf by which people know a row, such as SSID
    title: Text | None = None
    #: leaves that a row must have with one of these values
    where: dict[str, tuple[str, ...]] = {}
    #: a leaf that says that a row is in use: such rows come first
    in_use: Text | None = None
    source: Text

    @property
    def table(self) -> str:
        """The path of the table itself, with * for the rows above it."""
        return self.path[: -len("*.")]


class Setting(_Strict):
    """One meaning and its parameter."""

    name: Meaning
    path: Pattern
    #: the target whose row is chosen; none: the setting stands once in a device
    target: Annotated[str, Field(pattern=r"^[a-z]+$")] | None = None
    #: the leaf of the target's row that names the row of this parameter (SSID.*.LowerLayers → Radio)
    by: Text | None = None
    #: the leaf of this parameter's row that names the target's row (AccessPoint.*.SSIDReference → SSID)
    back: Text | None = None
    #: what a value is; the length of an `octets` is counted in UTF-8, an `ascii` has printable ASCII characters alone
    type: Literal["text", "octets", "ascii", "integer", "boolean", "addresses"] = "text"
    min: int | None = None
    max: int | None = None
    #: the leaf of the same row that lists what the device takes
    allowed_by: Text | None = None
    #: our word → the value of this model
    codes: dict[str, str] = {}
    #: only shown, never set
    read_only: bool = False
    source: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.by is not None and self.back is not None:
            raise ValueError("give by or back, not both")
        if (self.by or self.back) and self.target is None:
            raise ValueError("by and back need a target")
        if self.type == "integer" and self.codes:
            raise ValueError("codes are for text")
        return self


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a target: its path, its number among the rows, what people call it, whether it is in use."""

    path: str
    number: int
    title: str
    in_use: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting stands on this device."""

    setting: Setting
    path: str
    #: what the device takes; None where it does not say
    allowed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a value: a code, whose text `acs/services/actions/words.toml` has, and what it speaks of."""

    code: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every target and setting of a profile, what its base knows included."""

    targets: tuple[Target, ...] = ()
    settings: tuple[Setting, ...] = ()
    _by_name: dict[str, tuple[Setting, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for setting in self.settings:
            self._by_name[setting.name] = (*self._by_name.get(setting.name, ()), setting)

    def over(self, base: "Settings") -> "Settings":
        """These before those of the base: what a profile refines is tried first."""
        return Settings((*self.targets, *base.targets), (*self.settings, *base.settings))

    def rows(self, target: str, values: Mapping[str, str]) -> list[Row]:
        """The rows of a target that the device shows; those in use keep their number."""
        found: list[Row] = []
        for each in self.targets:
            if each.name == target:
                found.extend(_rows(each, values, len(found)))
        return found

    def tables(self, target: str, values: Mapping[str, str]) -> list[str]:
        """The paths of the tables of a target, where the device shows them or their parents."""
        return [path for each in self.targets if each.name == target for path in _tables(each, values)]

    def possible_tables(self, target: str, values: Mapping[str, str]) -> list[str]:
        """Where tables of a target would stand: below every parent that the device shows, empty ones included."""
        found: dict[str, None] = {}
        for each in self.targets:
            if each.name != target:
                continue
            parent = each.table[:-1].rpartition(".")[0] + "."
            last = each.table[len(parent) :]
            if "*" not in parent:
                found[each.table] = None
                continue
            found |= dict.fromkeys(f"{match[0]}{last}" for name in values if (match := _regex(parent).match(name)))
        return list(found)

    def place(self, name: str, values: Mapping[str, str], row: str = "") -> Place | None:
        """Where a meaning stands, in the row chosen; None where the device shows no such parameter."""
        for setting in self._by_name.get(name, ()):
            path = _path_of(setting, self._target_path(setting), values, row)
            if path is not None:
                return Place(setting, path, _allowed(setting, path, values))
        return None

    def places(self, name: str, values: Mapping[str, str]) -> list[Place]:
        """Every parameter of a meaning that the device shows, in all rows; all settings of the name count."""
        found = [
            Place(setting, path) for setting in self._by_name.get(name, ()) for path in _matching(setting.path, values)
        ]
        return list({place.path: place for place in found}.values())

    def leaf(self, name: str) -> str | None:
        """The last part of a meaning's path, for a row that is still to be made; None where no profile gives one."""
        return next((setting.path.rpartition(".")[2] for setting in self._by_name.get(name, ())), None)

    def setting(self, name: str) -> Setting | None:
        """The first setting of a meaning."""
        return next(iter(self._by_name.get(name, ())), None)

    def _target_path(self, setting: Setting) -> str:
        return next((t.path for t in self.targets if t.name == setting.target), "")


#: What a profile without any has.
NO_SETTINGS = Settings()


def problem(place: Place, value: str) -> Wrong | None:
    """What is wrong with a value for a setting; None where it can be tried."""
    setting = place.setting
    least, most = setting.min, setting.max
    if setting.codes and value not in setting.codes:
        return Wrong("value_one_of", {"words": ", ".join(setting.codes)})
    if setting.type == "integer" and not _within(value, least, most):
        return Wrong("value_whole_number", {"least": least, "most": most})
    size = _size(setting, value)
    if size is not None and not _within(str(size), least, most):
        return Wrong(f"value_{setting.type}", {"least": least or 0, "most": most, "size": size})
    if setting.type == "ascii" and not (value.isascii() and value.isprintable()):
        return Wrong("value_ascii", {"least": least or 0, "most": most, "size": size})
    if setting.type == "addresses" and not all(_is_address(part.strip()) for part in value.split(",")):
        return Wrong("value_addresses", {})
    wire = setting.codes.get(value, value)
    if place.allowed and wire not in place.allowed:
        return Wrong("value_taken", {"words": ", ".join(place.allowed)})
    return None


def _size(setting: Setting, value: str) -> int | None:
    """How long a text is, in what its standard counts; None for what is no text."""
    if setting.type == "octets":
        return len(value.encode())
    return len(value) if setting.type in ("text", "ascii") else None


def _within(text: str, least: int | None, most: int | None) -> bool:
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit() or len(text) > 12:
        return False
    return (least is None or int(text) >= least) and (most is None or int(text) <= most)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _rows(target: Target, values: Mapping[str, str], before: int) -> Iterator[Row]:
    found: dict[tuple[int, ...], str] = {}
    for name in values:
        match = _regex(target.path).match(name)
        if match is not None:
            found[tuple(int(number) for number in match.groups())] = match[0]
    number = before
    for _, path in sorted(found.items()):
        if any(values.get(path + leaf, "").strip() not in said for leaf, said in target.where.items()):
            continue
        number += 1
        used = target.in_use is None or values.get(path + target.in_use, "").strip().lower() in ("1", "true")
        yield Row(path, number, values.get(path + target.title, "") if target.title else "", used)


def _tables(target: Target, values: Mapping[str, str]) -> list[str]:
    """Known by a row, by the number of their rows, or by a leaf of their parent."""
    parent = target.table[:-1].rpartition(".")[0] + "."
    regex = _regex(parent)
    last = target.table[len(parent) :]
    counted = {f"{m[0]}{last}" for name in values if (m := regex.match(name)) and name.startswith(m[0] + last[:-1])}
    return sorted(counted, key=paths.reading_order)


def _path_of(setting: Setting, target: str, values: Mapping[str, str], row: str) -> str | None:
    if not row:
        return next(iter(_matching(setting.path, values)), None)
    if setting.by is not None:
        named = [part.strip().rstrip(".") + "." for part in values.get(row + setting.by, "").split(",")]
        return next((p for p in _matching(setting.path, values) if any(p.startswith(name) for name in named)), None)
    if setting.back is not None:
        return next((p for p in _matching(setting.path, values) if _names_row(p, setting, values, row)), None)
    if target and not setting.path.startswith(target):
        return None
    path = row + setting.path[len(target) :]
    if "*" in path:
        return next((p for p in _matching(setting.path, values) if p.startswith(row)), None)
    return path if path in values else None


def _names_row(path: str, setting: Setting, values: Mapping[str, str], row: str) -> bool:
    match = _regex(setting.path.rpartition("*.")[0] + "*.").match(path)
    return match is not None and values.get(match[0] + str(setting.back), "").rstrip(".") == row.rstrip(".")


def _allowed(setting: Setting, path: str, values: Mapping[str, str]) -> tuple[str, ...] | None:
    if setting.allowed_by is None:
        return None
    said = values.get(path.rpartition(".")[0] + "." + setting.allowed_by, "").strip()
    return tuple(_spread(said)) or None


def _spread(text: str) -> Iterator[str]:
    """The parts of a list; "1-13" is thirteen of them (TR-181, PossibleChannels)."""
    for part in (piece.strip() for piece in text.split(",")):
        ends = re.fullmatch(r"(\d{1,3})-(\d{1,3})", part)
        if ends is not None:
            yield from (str(n) for n in range(int(ends[1]), int(ends[2]) + 1))
        elif part:
            yield part


def _matching(pattern: str, values: Iterable[str]) -> list[str]:
    if "*" not in pattern:
        return [pattern] if pattern in values else []
    regex = _regex(pattern)
    return sorted((name for name in values if regex.fullmatch(name)), key=paths.reading_order)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", r"(\d+)"))
