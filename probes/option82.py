"""Where a relay says that a subscriber is: the circuit id and remote id of DHCP option 82, and of PPPoE's tag. Pure.

    circuit id + remote id ─► format (data) ─► Place: node or its MAC, frame, slot, port, ONT, VLAN

Sources: RFC 3046 (the sub-options), TR-101 issue 2 3.9.3 and TR-156 (the texts); each vendor's form names its own in
`profiles/circuit_ids.toml`. The rule of this file: what fits no format is no place; nothing is guessed.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from probes.errors import ProfileError

#: octets of an identifier: a sub-option has no more (RFC 3046, 2.0)
MAX_OCTETS = 255
_FORMATS = Path(__file__).parent / "profiles" / "circuit_ids.toml"
_NUMBERS = ("frame", "slot", "port", "ont", "vlan")
#: IEEE 802.1Q: 0 is no VLAN, and 4095 is reserved; an untagged port may tell 0
_VLANS = range(4095)
#: the type and length of a text in a remote or circuit id that is given by hand: 01 N TEXT
_BY_HAND = 1


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a relay tells it; what it does not tell is None or empty. `mac` is the relay's own."""

    format: str
    node: str = ""
    mac: str = ""
    frame: int | None = None
    slot: int | None = None
    port: int | None = None
    ont: int | None = None
    vlan: int | None = None


@dataclass(frozen=True, slots=True)
class _Text:
    id: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Binary:
    id: str
    #: fixed octets, or (name, length)
    parts: tuple[bytes | tuple[str, int], ...]

    @property
    def length(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else part[1] for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Formats:
    texts: tuple[_Text, ...]
    binaries: tuple[_Binary, ...]
    remotes: tuple[_Binary, ...]


def decode_place(circuit: bytes, remote: bytes = b"") -> Place | None:
    """The place that a circuit id tells, with the node that the remote id names; None where no format fits."""
    if not circuit or len(circuit) > MAX_OCTETS or len(remote) > MAX_OCTETS:
        return None
    place = _of_text(_text(circuit)) or _of_bytes(circuit)
    if place is None:
        return None
    if place.node or place.mac:
        return place
    node, mac = _of_remote(remote)
    return replace(place, node=node, mac=mac)


def octets_of(text: str) -> bytes:
    """An identifier as systems write it: hexadecimal (0x…, or with colons, or an even run of digits), else its text.

    Raises:
        ValueError: hexadecimal is announced with 0x and is none.
    """
    written = text.strip()
    if written[:2].lower() == "0x":
        return bytes.fromhex(written[2:])
    bare = written.replace(":", "").replace("-", "")
    if len(bare) >= 8 and len(bare) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", bare):
        return bytes.fromhex(bare)
    return written.encode()


def _text(octets: bytes) -> str:
    """The identifier as text; empty where it is none. One that was set by hand leads with type and length."""
    if len(octets) > 2 and octets[0] == _BY_HAND and octets[1] == len(octets) - 2:
        octets = octets[2:]
    try:
        text = octets.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        return ""
    return text.strip() if text.isprintable() else ""


def _of_text(text: str) -> Place | None:
    for form in _formats().texts if text else ():
        found = form.pattern.fullmatch(text)
        if found is not None:
            return _place(form.id, found.groupdict())
    return None


def _of_bytes(octets: bytes) -> Place | None:
    """A text of the same length is none of these: its first octets are no VLAN."""
    for form in _formats().binaries:
        parts = _split(form, octets)
        if parts is not None and int(parts.get("vlan", 1)) in _VLANS:
            return _place(form.id, parts)
    return None


def _of_remote(octets: bytes) -> tuple[str, str]:
    """The name and the MAC of the relay; one of them is empty, or both."""
    for form in _formats().remotes:
        parts = _split(form, octets)
        if parts is not None:
            return "", str(parts["mac"])
    return _text(octets), ""


def _split(form: _Binary, octets: bytes) -> dict[str, str | int] | None:
    if len(octets) != form.length:
        return None
    at, found = 0, dict[str, str | int]()
    for part in form.parts:
        length = len(part) if isinstance(part, bytes) else part[1]
        piece = octets[at : at + length]
        at += length
        if isinstance(part, bytes):
            if piece != part:
                return None
        elif part[0] == "mac":
            found["mac"] = piece.hex(":")
        else:
            found[part[0]] = int.from_bytes(piece)
    return found


def _place(form: str, parts: Mapping[str, str | int | None]) -> Place:
    numbers = {name: int(parts[name] or 0) for name in _NUMBERS if parts.get(name) is not None}
    if parts.get("module"):
        numbers["slot"] = int(parts["module"] or 0)
    return Place(form, str(parts.get("node") or ""), str(parts.get("mac") or ""), **numbers)


@cache
def _formats() -> _Formats:
    return parse_formats(_FORMATS.read_text(encoding="utf-8"))


def parse_formats(text: str) -> _Formats:
    """Read the formats; each must read its own example.

    Raises:
        ProfileError: a format is no pattern, or does not read its example.
    """
    tree = tomllib.loads(text)
    try:
        texts = tuple(_Text(one["id"], re.compile(one["pattern"], re.IGNORECASE)) for one in tree["text"])
        binaries = tuple(_Binary(one["id"], _parts(one["bytes"])) for one in tree["binary"])
        remotes = tuple(_Binary(one["id"], _parts(one["bytes"])) for one in tree["remote"])
    except (re.error, ValueError, KeyError) as error:
        raise ProfileError(f"circuit_ids.toml: {error}") from error
    for form, said in zip(texts, tree["text"], strict=True):
        if form.pattern.fullmatch(said["example"]) is None:
            raise ProfileError(f"circuit_ids.toml: {form.id} does not read its example {said['example']!r}")
    for binary, said in zip((*binaries, *remotes), (*tree["binary"], *tree["remote"]), strict=True):
        if _split(binary, bytes.fromhex(said["example"])) is None:
            raise ProfileError(f"circuit_ids.toml: {binary.id} does not read its example {said['example']!r}")
    return _Formats(texts, binaries, remotes)


def _parts(written: Sequence[str]) -> tuple[bytes | tuple[str, int], ...]:
    """`"00"` is an octet that must be there, `"vlan:2"` two octets with a name."""
    found: list[bytes | tuple[str, int]] = []
    for one in written:
        name, colon, length = one.partition(":")
        found.append((name, int(length)) if colon else bytes.fromhex(name))
    return tuple(found)
