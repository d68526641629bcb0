"""What a profile of an access node may hold, and how it is found. A wrong profile is refused with file and key.

A profile is data: OIDs, named index schemes, scales, sentinels, code tables. Vendors are files beside this one:
`olt/<vendor>-<family>.toml`, `switch/…`, `dslam/…`, every column with its unit and its source.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from probes.errors import ProfileError
from probes.profiles.columns import Column, OidText, Strict
from probes.profiles.indexes import BitField, Computed, Index, Indexes, IndexExample, PackedBits, SerialKey
from probes.profiles.ports import DslamProfile, NodeProfile, SwitchProfile, known_columns
from probes.profiles.profile_files import read_as, tables

__all__ = [
    "AccessProfile",
    "BitField",
    "DslamProfile",
    "IndexExample",
    "PackedBits",
    "SwitchProfile",
    "load_dslams",
    "load_profile",
    "load_profiles",
    "load_switches",
    "match",
]

#: varbinds in the one GET that reads an ONT: what the slowest nodes answer without a second thought
MAX_ONT_VARBINDS = 12

_FOLDER = Path(__file__).parent
_Profile = TypeVar("_Profile", bound=NodeProfile)


class Reads(Strict):
    """Which columns are read together, by name."""

    #: the one GET of an ONT
    ont: tuple[str, ...]
    #: a second GET of an ONT, when more is wanted
    ont_detail: tuple[str, ...] = ()
    #: a GET after the first one, for tables whose index is the MAC that the first one gave
    ont_by_mac: tuple[str, ...] = ()
    #: walked below the port, for they cost the node nothing
    port_walk: tuple[str, ...]
    #: asked of each ONT that is online, for the node asks the ONT itself
    port_light: tuple[str, ...] = ()
    #: one GET of the port itself
    port: tuple[str, ...] = ()


class Unprovisioned(Strict):
    """The table of serials that nobody provisioned; its rows below a port are what waits there."""

    oid: OidText
    fact: str
    #: `gpon-serial`, `serial-text` or `mac`: what the rows hold
    form: Literal["gpon-serial", "serial-text", "mac"] = "gpon-serial"
    list_fact: str = ""
    source: str


class PortFault(Strict):
    """A PON port is at fault when its own light (a column of `reads.port`) is below a limit."""

    column: str
    below: float
    fact: str
    source: str


class History(Strict):
    """The table of an ONT's last falls, rows behind the ONT's index; columns by name."""

    up: str
    down: str
    cause: str
    #: how many rows the node keeps
    rows: Annotated[int, Field(ge=1, le=50)]


class AccessProfile(NodeProfile):
    """How one family of OLTs is read."""

    kind: Literal["olt"]
    index: Index
    #: further index schemes of the node's tables, by the name that columns use
    indexes: Indexes = Field(default_factory=dict)
    columns: Mapping[str, Column]
    reads: Reads
    #: the column of `reads.port_walk` that names the ONTs of a port; empty where the index holds the serial
    serial_column: str = ""
    unprovisioned: Unprovisioned | None = None
    port_fault: PortFault | None = None
    history: History | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for group, names in self.reads.model_dump().items():
            known_columns(group, names, self.columns)
        if self.serial_column not in self.reads.port_walk and not isinstance(self.index, SerialKey):
            raise ValueError(f"serial_column {self.serial_column!r} must be one of reads.port_walk")
        if self.port_fault and self.port_fault.column not in self.reads.port:
            raise ValueError(f"port_fault.column {self.port_fault.column!r} must be one of reads.port")
        if self.history:
            lost = {self.history.up, self.history.down, self.history.cause} - self.columns.keys()
            if lost:
                raise ValueError(f"history names {', '.join(sorted(lost))}, which [columns] does not have")
        return self

    @model_validator(mode="after")
    def _column_links_exist(self) -> Self:
        for name, column in self.columns.items():
            if column.by and column.by not in self.indexes:
                raise ValueError(f"columns.{name}.by is {column.by!r}, which [indexes] does not have")
            if column.fallback and column.fallback not in self.columns:
                raise ValueError(f"columns.{name}.fallback is {column.fallback!r}, which [columns] does not have")
        return self

    @model_validator(mode="after")
    def _reads_are_small(self) -> Self:
        for group in ("ont", "ont_detail", "ont_by_mac", "port_light"):
            total = sum(self.columns[name].instances for name in getattr(self.reads, group))
            if total > MAX_ONT_VARBINDS:
                raise ValueError(f"reads.{group} asks {total} varbinds in one GET; at most {MAX_ONT_VARBINDS}")
        return self

    def scheme(self, by: str) -> Index:
        """The index scheme of a column, by the name that it uses; empty is the profile's own."""
        return self.indexes[by] if by else self.index

    @property
    def computed(self) -> bool:
        """Whether the rows of an ONT follow from its place alone."""
        return isinstance(self.index, Computed)


def load_profile(path: Path) -> AccessProfile:
    """The profile of OLTs in one file.

    Raises:
        ProfileError: names the file, every wrong key, and what is wrong with it.
    """
    return read_as(AccessProfile, path, _tree)


def load_profiles(folder: Path | None = None) -> dict[str, AccessProfile]:
    """Every profile of OLTs by id: the packaged ones, or those of another folder.

    Raises:
        ProfileError: a file is wrong, or two files have one id.
    """
    return dict(_load_all(AccessProfile, folder or _FOLDER / "olt"))


def load_switches(folder: Path | None = None) -> dict[str, SwitchProfile]:
    """Every profile of access switches by id. Raises as `load_profiles`."""
    return dict(_load_all(SwitchProfile, folder or _FOLDER / "switch"))


def load_dslams(folder: Path | None = None) -> dict[str, DslamProfile]:
    """Every profile of DSLAMs by id. Raises as `load_profiles`."""
    return dict(_load_all(DslamProfile, folder or _FOLDER / "dslam"))


def match(profiles: Mapping[str, _Profile], sys_object_id: str, sys_descr: str) -> _Profile | None:
    """The profile whose sysObjectID prefix and sysDescr text fit, the longest prefix first; None when none does."""
    fitting = [
        (profile.match.fits(sys_object_id, sys_descr), profile)
        for profile in profiles.values()
        if not profile.match.by_name_only
    ]
    best = max(fitting, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] > 0 else None


def _tree(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of a file over those of the file that it `extends`; a table of the child is laid over the parent's."""
    tree = tables(path)
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    base = path.with_name(f"{parent}.toml")
    if base in seen or not base.exists():
        raise ProfileError(f"{path}: extends {parent!r}, which is no file beside it; name one without .toml")
    return _overlaid(_tree(base, (*seen, path)), tree)


def _overlaid(base: dict[str, Any], over: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """`over` upon `base`: [columns] by column, everything else by table; an empty table takes the parent's away."""
    found = dict(base)
    for key, value in over.items():
        mergeable = depth == 0 and key in ("columns", "reads", "indexes")
        if mergeable and isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = {**found[key], **value}
        elif value == {}:
            found.pop(key, None)
        else:
            found[key] = value
    if "columns" in found:
        found["columns"] = {name: column for name, column in found["columns"].items() if column != {}}
    return found


@cache
def _load_all(kind: type[_Profile], folder: Path) -> dict[str, _Profile]:
    found: dict[str, _Profile] = {}
    for path in sorted(folder.glob("*.toml")):
        profile = read_as(kind, path, _tree)
        if profile.id in found:
            raise ProfileError(f"{path}: id {profile.id!r} is taken by another profile; give it one of its own")
        found[profile.id] = profile
    return found
