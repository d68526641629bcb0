"""From a notification to an alarm: what happened, and where in the node. Trap profiles and access profiles say it.

    trap OID known to a trap profile ──► its kind, place and serial from the varbinds that the profile names
    otherwise                        ──► varbinds of columns that the node's access profile knows (run state, cause)
    otherwise                        ──► an alarm of kind `other`, kept with its OID

The rule: pure; no vendor is known here; a trap that says less than the profile expects is still an alarm, with less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probes.facts import Quality
from probes.profiles import decode
from probes.profiles.columns import Column, OidText, Strict
from probes.profiles.indexes import IfName, Spot
from probes.profiles.profile_files import read_as
from probes.profiles.schema import AccessProfile
from probes.snmp.notification import Notification
from probes.snmp.target import Oid, Value
from probes.snmp.wire import VarBind

_FOLDER = Path(__file__).parent / "profiles" / "traps"
_RUN_STATE, _CAUSE = "ont.run_state", "ont.last_down_cause"


class AlarmKind(StrEnum):
    """What an alarm tells of."""

    #: an ONT lost its light
    ONT_LOS = "ont_los"
    #: an ONT told with its last power that it has no more
    ONT_DYING_GASP = "ont_dying_gasp"
    #: an ONT went, and nothing says why
    ONT_DOWN = "ont_down"
    #: an ONT came
    ONT_UP = "ont_up"
    #: an ONT that nobody provisioned
    ONT_UNKNOWN = "ont_unknown"
    #: a PON port lost the light of all its ONTs
    PON_LOS = "pon_los"
    #: a PON port has light again
    PON_UP = "pon_up"
    #: an interface went down
    LINK_DOWN = "link_down"
    #: an interface came up
    LINK_UP = "link_up"
    #: a far end told of its end over Ethernet OAM
    PEER_DYING_GASP = "peer_dying_gasp"
    #: the node started, its configuration may be another one
    COLD_START = "cold_start"
    #: the node started again as it was
    WARM_START = "warm_start"
    #: somebody asked the node with wrong credentials
    AUTH_FAILURE = "auth_failure"
    #: whatever else
    OTHER = "other"


#: an end of a trouble → the troubles that it ends
CLEARS: Mapping[AlarmKind, tuple[AlarmKind, ...]] = {
    AlarmKind.ONT_UP: (AlarmKind.ONT_LOS, AlarmKind.ONT_DYING_GASP, AlarmKind.ONT_DOWN),
    AlarmKind.PON_UP: (AlarmKind.PON_LOS,),
    AlarmKind.LINK_UP: (AlarmKind.LINK_DOWN,),
}
_BY_CAUSE = {"los": AlarmKind.ONT_LOS, "dgi": AlarmKind.ONT_DYING_GASP}
_BY_STATE = {"online": AlarmKind.ONT_UP, "offline": AlarmKind.ONT_DOWN}


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a notification says. Of the place whatever is known; all None is the node itself."""

    kind: AlarmKind
    trap: Oid
    spot: Spot | None = None
    if_index: int | None = None
    name: str = ""
    serial: str = ""
    detail: str = ""

    @property
    def clears(self) -> bool:
        """Whether it is the end of a trouble."""
        return self.kind in CLEARS

    @property
    def place(self) -> str:
        """Where in the node, in words: `0/1/3 ont 5`, `if 17`, a serial; empty is the node itself."""
        if self.spot is not None:
            port = f"{self.spot.frame}/{self.spot.slot}/{self.spot.port}"
            return port if self.spot.ont is None else f"{port} ont {self.spot.ont}"
        if self.serial:
            return self.serial
        return f"if {self.if_index}" if self.if_index is not None else self.name


class Pick(Strict):
    """Which varbind says something: the first one whose OID begins with `below`; its value, or its row."""

    below: OidText
    #: `value` of the varbind, or the `row` behind the OID
    part: Literal["value", "row"] = "value"
    #: of a row or a text: which number of it, counted from 0; None takes all of it
    number: Annotated[int, Field(ge=0)] | None = None

    def of(self, varbinds: Sequence[VarBind]) -> Value | None:
        """What it says; None where the notification has no such varbind."""
        for one in varbinds:
            if one.oid == self.below or one.oid.startswith(self.below + "."):
                told: Value | None = one.oid[len(self.below) + 1 :] if self.part == "row" else one.value
                return told if self.number is None or told is None else self._numbered(told)
        return None

    def _numbered(self, told: Value) -> Value | None:
        text = decode.plain_text(told) if not isinstance(told, (int, float)) else str(told)
        numbers = [part for part in text.replace("/", ".").replace(":", ".").split(".") if part.isdigit()]
        return int(numbers[self.number]) if self.number is not None and self.number < len(numbers) else None


class When(Strict):
    """A condition: what a varbind must say for the rule to hold."""

    pick: Pick
    equals: tuple[int | str, ...]

    def holds(self, varbinds: Sequence[VarBind]) -> bool:
        """Whether it says so."""
        told = self.pick.of(varbinds)
        return (decode.plain_text(told) if isinstance(told, bytes) else told) in self.equals


class TrapRule(Strict):
    """One trap that is known: its OID, what it tells, and where the place stands in it."""

    trap: OidText
    kind: AlarmKind
    when: tuple[When, ...] = ()
    #: the row or number that the access profile of the node reads as a place
    place: Pick | None = None
    frame: Pick | None = None
    slot: Pick | None = None
    port: Pick | None = None
    ont: Pick | None = None
    if_index: Pick | None = None
    name: Pick | None = None
    serial: Pick | None = None
    #: how the serial is written
    serial_form: Literal["gpon-serial", "serial-text", "mac"] = "gpon-serial"
    source: Annotated[str, Field(min_length=1)]


class TrapProfile(Strict):
    """The traps of one standard or family. `example`s are read when the profile is loaded."""

    id: str
    title: str
    rules: Annotated[tuple[TrapRule, ...], Field(min_length=1)]
    examples: tuple["TrapExample", ...] = ()

    @model_validator(mode="after")
    def _examples_hold(self) -> Self:
        known = Traps.of([self])
        for one in self.examples:
            found = known.alarm(one.notification(), None)
            if (found.kind, found.place) != (one.kind, one.place):
                raise ValueError(f"the example of {one.trap} is read as {found.kind} at {found.place!r}")
        return self


class TrapExample(Strict):
    """A worked example: a notification in short, and what it is read as."""

    trap: OidText
    varbinds: Mapping[OidText, int | str] = {}
    kind: AlarmKind
    place: str = ""

    def notification(self) -> Notification:
        """The notification that the example writes down."""
        from probes.snmp.target import Version  # noqa: PLC0415 - only examples make notifications

        told = (
            VarBind(oid, text.encode() if isinstance(text, str) else text, 0) for oid, text in self.varbinds.items()
        )
        return Notification(Version.V2C, self.trap, tuple(told))


_SERIALS = {"gpon-serial": decode.gpon_serial, "serial-text": decode.serial_text, "mac": decode.mac}


@dataclass(frozen=True, slots=True)
class Traps:
    """Every trap that is known, by its OID."""

    rules: Mapping[Oid, Sequence[TrapRule]]
    #: access profile → column OID → names of columns: a storm asks a thousand times a second
    _columns: dict[str, dict[Oid, list[str]]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, profiles: Sequence[TrapProfile]) -> "Traps":
        """The traps of these profiles; where two know one trap, the later one is tried first."""
        found: dict[Oid, list[TrapRule]] = {}
        for profile in profiles:
            for rule in reversed(profile.rules):
                found.setdefault(rule.trap, []).insert(0, rule)
        return cls(found)

    def alarm(self, told: Notification, profile: AccessProfile | None) -> Alarm:
        """What a notification says; `profile` is that of the node that sent it, where it is known.

        It never raises: where a number of it is none, or has no end, the notification is an alarm of no known place.
        """
        try:
            return self._read(told, profile)
        except (ValueError, OverflowError):
            return Alarm(AlarmKind.OTHER, told.trap)

    def _read(self, told: Notification, profile: AccessProfile | None) -> Alarm:
        for rule in self.rules.get(told.trap, ()):
            if all(when.holds(told.varbinds) for when in rule.when):
                alarm = _by_rule(rule, told, profile)
                break
        else:
            alarm = Alarm(AlarmKind.OTHER, told.trap)
        if profile is None:
            return alarm
        read = self._by_columns(told, profile)
        if read is None:
            return alarm
        kind = read.kind if alarm.kind in (AlarmKind.OTHER, AlarmKind.ONT_DOWN) else alarm.kind
        return replace(read, kind=kind, if_index=alarm.if_index, serial=alarm.serial or read.serial, name=alarm.name)

    def _by_columns(self, told: Notification, profile: AccessProfile) -> Alarm | None:
        """What the node's own columns say, where a notification carries some of them."""
        known = self._columns.get(profile.id)
        if known is None:
            known = self._columns[profile.id] = _by_oid(profile)
        spot, serial, state, cause = None, "", None, None
        for one in told.varbinds:
            for name in _columns_of(one.oid, known) if one.value is not None else ():
                column = profile.columns[name]
                row = one.oid[len(column.oid) + 1 :].removesuffix(f".{column.tail}" if column.tail else "")
                spot = spot or (profile.scheme(column.by).parse_row(row) if column.index == "ont" else None)
                value = _good_text(column, one)
                serial = value if value and name == profile.serial_column else serial
                state = value if value and column.fact == _RUN_STATE else state
                cause = value if value and column.fact == _CAUSE else cause
        if spot is None and not serial:
            return None
        kind = _BY_STATE.get(state or "", AlarmKind.OTHER)
        if kind is not AlarmKind.ONT_UP and cause in _BY_CAUSE:
            kind = _BY_CAUSE[cause]
        return Alarm(kind, told.trap, spot, serial=serial)


def _by_oid(profile: AccessProfile) -> dict[Oid, list[str]]:
    found: dict[Oid, list[str]] = {}
    for name, column in profile.columns.items():
        found.setdefault(column.oid, []).append(name)
    return found


def _columns_of(oid: Oid, known: Mapping[Oid, list[str]]) -> list[str]:
    """The columns that an OID may be a row of: the longest of their OIDs that it begins with."""
    at = oid.rfind(".")
    while at > 0:
        found = known.get(oid[:at])
        if found is not None:
            return found
        at = oid.rfind(".", 0, at)
    return []


def _good_text(column: Column, one: VarBind) -> str:
    found = column.decoded(one.value, UTC) if one.value is not None else None
    return found.value if found is not None and found.quality is Quality.OK and isinstance(found.value, str) else ""


def _by_rule(rule: TrapRule, told: Notification, profile: AccessProfile | None) -> Alarm:
    varbinds = told.varbinds
    if_index = _whole(rule.if_index, varbinds)
    spot = _spot(rule, varbinds)
    where = rule.place or rule.if_index
    at = where.of(varbinds) if where is not None else None
    if spot is None and profile is not None and at is not None:
        spot = _placed(profile, str(at & 0xFFFFFFFF) if isinstance(at, int) else decode.plain_text(at))
    if spot is not None and spot.ont is None and (ont := _whole(rule.ont, varbinds)) is not None:
        spot = replace(spot, ont=ont)
    return Alarm(
        _of_port(rule.kind, spot),
        told.trap,
        spot,
        if_index,
        _text(rule.name, varbinds),
        _serial(rule, varbinds),
    )


def _of_port(kind: AlarmKind, spot: Spot | None) -> AlarmKind:
    """A link that is a PON port of the node is one; a link that is an ONT is an ONT."""
    if spot is None:
        return kind
    if kind is AlarmKind.LINK_DOWN:
        return AlarmKind.PON_LOS if spot.ont is None else AlarmKind.ONT_DOWN
    if kind is AlarmKind.LINK_UP:
        return AlarmKind.PON_UP if spot.ont is None else AlarmKind.ONT_UP
    return kind


def _spot(rule: TrapRule, varbinds: Sequence[VarBind]) -> Spot | None:
    port = _whole(rule.port, varbinds)
    if port is None:
        return None
    return Spot(_whole(rule.frame, varbinds) or 0, _whole(rule.slot, varbinds) or 0, port, _whole(rule.ont, varbinds))


def _placed(profile: AccessProfile, row: str) -> Spot | None:
    index = profile.index
    return index.spot_of(row) if isinstance(index, IfName) else index.parse_row(row)


def _whole(pick: Pick | None, varbinds: Sequence[VarBind]) -> int | None:
    told = pick.of(varbinds) if pick is not None else None
    if isinstance(told, int):
        # packed numbers of 32 bits are places, and no ifIndex that anybody would look for
        return told if -(2**31) <= told < 2**31 else None
    text = decode.plain_text(told) if told is not None and not isinstance(told, float) else ""
    return int(text) if text.isdigit() and len(text) < 10 else None


def _text(pick: Pick | None, varbinds: Sequence[VarBind]) -> str:
    told = pick.of(varbinds) if pick is not None else None
    return "" if told is None else decode.plain_text(told)[:128] if not isinstance(told, float) else str(told)


def _serial(rule: TrapRule, varbinds: Sequence[VarBind]) -> str:
    told = rule.serial.of(varbinds) if rule.serial is not None else None
    if told is None:
        return ""
    found = _SERIALS[rule.serial_form](told).value
    return found if isinstance(found, str) else ""


def load_traps(folder: Path | None = None) -> Traps:
    """The packaged traps, and those of a folder of the operator's, which are tried first.

    Raises:
        ProfileError: names the file, every wrong key, and what is wrong with it.
    """
    return Traps.of([*_profiles(_FOLDER), *(_profiles(folder) if folder is not None else ())])


@cache
def _profiles(folder: Path) -> tuple[TrapProfile, ...]:
    return tuple(read_as(TrapProfile, path) for path in sorted(folder.glob("*.toml")))
