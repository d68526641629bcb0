"""Which connection of a device carries its management, as far as its tree tells. Pure.

The rule of this file: where nothing tells, the only connection that is up carries it; an address alone acquits none:
behind NAT or a proxy a device is reached at another one than its own.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict

#: Values of a switch that is off (TR-106, boolean).
_OFF = frozenset({"0", "false"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Way(_Strict):
    """A table of connections. `up`, `routed`: leaf → values; `says`: leaves where people write what it is for."""

    path: str
    on: str
    up: dict[str, tuple[str, ...]]
    routed: dict[str, tuple[str, ...]] = {}
    address: tuple[str, ...]
    says: tuple[str, ...]
    #: the subscriber's own session: where there is one, it tells whether the line is up
    session: bool = False
    source: str

    def names(self, leaf: str) -> bool:
        """Whether people write into this leaf what the connection is for."""
        return any(fnmatchcase(leaf.upper(), says.upper()) for says in self.says)


class _File(_Strict):
    named: tuple[str, ...]
    why: dict[Literal["en", "ru"], str]
    way: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection with its leaves: name below the row → value."""

    row: str
    way: Way
    leaves: Mapping[str, str]

    @property
    def works(self) -> bool:
        """Whether it is up and routed; where it does not say whether it is up, whether it is on."""
        return self.is_meant and self.is_up is not False

    @property
    def is_meant(self) -> bool:
        """Whether it is on and routed."""
        is_on = self.leaves.get(self.way.on, "1").lower() not in _OFF
        return is_on and all(self.leaves.get(leaf, values[0]) in values for leaf, values in self.way.routed.items())

    @property
    def is_up(self) -> bool | None:
        """Whether it says that it is up, by the first leaf that tells; None where none does."""
        said = [self.leaves[leaf] in values for leaf, values in self.way.up.items() if self.leaves.get(leaf)]
        return said[0] if said else None

    def is_at(self, host: str) -> bool:
        """Whether it has this address."""
        return bool(host) and any(self.leaves.get(leaf) == host for leaf in self.way.address)

    @property
    def is_named(self) -> bool:
        """Whether its name or its list of services says that it is for management."""
        return any(
            fnmatchcase(value.upper(), pattern)
            for leaf, value in self.leaves.items()
            if self.way.names(leaf)
            for pattern in _file().named
        )


def connections(values: Mapping[str, str]) -> list[Connection]:
    """The connections of a device, by their rows."""
    leaves: dict[str, tuple[Way, dict[str, str]]] = {}
    for name, value in values.items():
        for pattern, way in _patterns():
            if (found := pattern.match(name)) is not None:
                leaves.setdefault(found[0], (way, {}))[1][name[len(found[0]) :]] = value
    return [Connection(row, way, known) for row, (way, known) in sorted(leaves.items())]


def carriers(values: Mapping[str, str], host: str) -> Iterator[Connection]:
    """The connections that carry management, or may: at this address, named for it, or with no other that works."""
    found = connections(values)
    for one in found:
        if one.is_at(host) or one.is_named or not any(other.works for other in found if other.row != one.row):
            yield one


def concerns_a_way(name: str) -> bool:
    """Whether a parameter stands in the row of a connection, or a row or object may hold one."""
    if not name.endswith("."):
        return any(pattern.match(name) for pattern, _ in _patterns())
    parts = name.rstrip(".").split(".")
    return any(
        all(there in ("*", part) for there, part in zip(way.path.split("."), parts, strict=False))
        for _, way in _patterns()
    )


def why_kept() -> Mapping[Literal["en", "ru"], str]:
    """Why a connection that carries management is neither deleted nor switched by one person."""
    return _file().why


def cuts(carrier: Connection, name: str, value: object = None) -> bool:
    """Whether a write takes a connection away: a row or object above it that is deleted, or a switch of its own."""
    if name.endswith("."):
        return carrier.row.startswith(name)
    if not name.startswith(carrier.row):
        return False
    leaf, written = name[len(carrier.row) :], str(value)
    routed = carrier.way.routed.get(leaf)
    return (leaf == carrier.way.on and written.lower() in _OFF) or (routed is not None and written not in routed)


def line_is_up(values: Mapping[str, str]) -> bool | None:
    """Whether the subscriber's connection says that it is up; None where none says so or not, as of a bridge."""
    telling = [one for one in connections(values) if one.is_meant and one.is_up is not None]
    telling = [one for one in telling if one.way.session] or telling
    telling = [one for one in telling if not one.is_named] or telling
    return any(one.is_up for one in telling) if telling else None


def tells_of_a_line(name: str) -> bool:
    """Whether a parameter tells what a connection is and whether it is up."""
    for pattern, way in _patterns():
        if (found := pattern.match(name)) is not None:
            leaf = name[found.end() :]
            return leaf == way.on or leaf in way.up or leaf in way.routed or way.names(leaf)
    return False


@cache
def _file() -> _File:
    return _File.model_validate(tomllib.loads((resources.files(__package__) / "ways.toml").read_text("utf-8")))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Way], ...]:
    return tuple((re.compile(re.escape(way.path).replace(r"\*", r"\d+")), way) for way in _file().way)
