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
    #: leaves without which it is not let into the network, whatever is written: login, password, VLAN
    keys: tuple[str, ...] = ()
    #: what else carries it, below the object that holds the table
    link: tuple[str, ...] = ()
    #: the subscriber's own session: where there is one, it tells whether the line is up
    session: bool = False
    source: str

    def names(self, leaf: str) -> bool:
        """Whether people write into this leaf what the connection is for."""
        return any(fnmatchcase(leaf.upper(), says.upper()) for says in self.says)


class Stack(_Strict):
    """How rows name what they rest on: leaves with paths; and of what they rest on, the switch and what else counts.

    `home`: objects that are the subscriber's, so that nothing below them is looked for.
    """

    rests: tuple[str, ...]
    home: tuple[str, ...]
    on: str
    keys: tuple[str, ...]
    source: str


class WaysFile(_Strict):
    """The data of this file, `ways.toml`."""

    named: tuple[str, ...]
    why: dict[Literal["en", "ru"], str]
    stack: Stack
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
        is_on = not is_off(self.leaves.get(self.way.on, "1"))
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
            for pattern in ways_file().named
        )


def is_off(value: object) -> bool:
    """Whether a switch is written so."""
    return str(value).strip().lower() in _OFF


def connections(values: Mapping[str, str]) -> list[Connection]:
    """The connections of a device, by their rows."""
    leaves: dict[str, tuple[Way, dict[str, str]]] = {}
    for name, value in values.items():
        for pattern, way in way_patterns():
            if (found := pattern.match(name)) is not None:
                leaves.setdefault(found[0], (way, {}))[1][name[len(found[0]) :]] = value
    return [Connection(row, way, known) for row, (way, known) in sorted(leaves.items())]


def carriers(values: Mapping[str, str], host: str) -> Iterator[Connection]:
    """The connections that carry management, or may: at this address, named for it, or with no other that works."""
    found = connections(values)
    for one in found:
        if one.is_at(host) or one.is_named or not any(other.works for other in found if other.row != one.row):
            yield one


def line_is_up(values: Mapping[str, str]) -> bool | None:
    """Whether the subscriber's connection says that it is up; None where none says so or not, as of a bridge."""
    telling = [one for one in connections(values) if one.is_meant and one.is_up is not None]
    telling = [one for one in telling if one.way.session] or telling
    telling = [one for one in telling if not one.is_named] or telling
    return any(one.is_up for one in telling) if telling else None


def tells_of_a_line(name: str) -> bool:
    """Whether a parameter tells what a connection is and whether it is up."""
    for pattern, way in way_patterns():
        if (found := pattern.match(name)) is not None:
            leaf = name[found.end() :]
            return leaf == way.on or leaf in way.up or leaf in way.routed or way.names(leaf)
    return False


@cache
def ways_file() -> WaysFile:
    """The data, read once."""
    return WaysFile.model_validate(tomllib.loads((resources.files(__package__) / "ways.toml").read_text("utf-8")))


@cache
def way_patterns() -> tuple[tuple[re.Pattern[str], Way], ...]:
    """What the rows of each table look like."""
    return tuple((re.compile(re.escape(way.path).replace(r"\*", r"\d+")), way) for way in ways_file().way)
