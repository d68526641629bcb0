"""What takes a connection away from a device: its switch, its mode, its row, its keys, and all that it rests on. Pure.

    Device.IP.Interface.1. ─► Device.PPP.Interface.1. ─► Device.Ethernet.VLANTermination.1. ─► Device.Ethernet.Link.1. …

The rule of this file: a write that leaves what is there takes nothing away.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal

from acs.profiles.protection.ways import Connection, is_off, way_patterns, ways_file


def may_cut(name: str) -> bool:
    """Whether a write of this parameter, row or object could take a connection away: a quick look at the name alone."""
    if name.endswith("."):
        return _may_hold(name)
    if any(pattern.match(name) for pattern, _ in way_patterns()):
        return True
    stack, leaf = ways_file().stack, name.rpartition(".")[2]
    if leaf == stack.on or _is_among(leaf, stack.keys):
        return True
    return any(_is_link(name, way.path, way.link) for _, way in way_patterns())


def why_kept() -> Mapping[Literal["en", "ru"], str]:
    """Why a connection that carries management is neither deleted nor changed by one person."""
    return ways_file().why


def cuts(values: Mapping[str, str], carrier: Connection, name: str, value: object = None) -> bool:
    """Whether a write takes a connection away; for a row or object ending in a point, whether its deletion does.

    `values`: what is known of the device, path → value.
    """
    rests = _stack(values, carrier.row)
    if name.endswith("."):
        return any(row.startswith(name) for row in rests)
    if value is not None and values.get(name) == _text(value):
        return False
    row, leaf = name.rpartition(".")[0] + ".", name.rpartition(".")[2]
    if name.startswith(carrier.row):
        return _cuts_row(carrier, name[len(carrier.row) :], value)
    if row in rests:
        stack = ways_file().stack
        return (leaf == stack.on and is_off(value)) or _is_among(leaf, stack.keys)
    holder = carrier.row.rstrip(".").rsplit(".", 2)[0] + "."
    return name.startswith(holder) and _is_among(name[len(holder) :], carrier.way.link)


def _cuts_row(carrier: Connection, leaf: str, value: object) -> bool:
    routed = carrier.way.routed.get(leaf)
    if leaf == carrier.way.on:
        return is_off(value)
    return (routed is not None and str(value) not in routed) or _is_among(leaf, carrier.way.keys)


def _stack(values: Mapping[str, str], row: str) -> set[str]:
    """The row, those that name it as what they rest on, and those that it rests on, each ending in a point."""
    leaves, home = ways_file().stack.rests, ways_file().stack.home
    above = [
        name.rpartition(".")[0] + "."
        for name, value in values.items()
        if name.rpartition(".")[2] in leaves and row in _rows(value)
    ]
    found, left = {row, *above}, [row]
    while left:
        here = left.pop()
        named = {each for leaf in leaves for each in _rows(values.get(here + leaf, ""))}
        below = {each for each in named if not each.startswith(home)} - found
        found |= below
        left += sorted(below)
    return found


def _rows(value: str) -> list[str]:
    """The rows that a list of paths names. Source: TR-106 3.2.3, path names of rows without their last point."""
    return [part.strip().rstrip(".") + "." for part in value.split(",") if part.strip()]


def _may_hold(row: str) -> bool:
    """Whether a connection, or something that one rests on, may stand in this row or below this object."""
    parts = row.rstrip(".").split(".")
    if parts[0] == "Device":  # what rests on what is told by the device alone
        return True
    return any(
        all(there in ("*", part) for there, part in zip(way.path.split("."), parts, strict=False))
        for _, way in way_patterns()
    )


def _is_link(name: str, table: str, link: tuple[str, ...]) -> bool:
    """Whether a parameter stands where a link of such a table does, whatever the numbers of the rows."""
    holder = table.rstrip(".").split(".")[:-2]
    parts = name.split(".")
    fits = len(parts) > len(holder) and all(there in ("*", part) for there, part in zip(holder, parts, strict=False))
    return fits and _is_among(".".join(parts[len(holder) :]), link)


def _is_among(leaf: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(leaf.upper(), pattern.upper()) for pattern in patterns)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
