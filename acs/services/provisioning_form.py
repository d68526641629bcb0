"""Rules of provisioning as people write them: the form of their files, and how rules stand to each other. Pure.

The rule of this file: what is wrong with a rule is told when it is read, not when a device comes.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

#: Parameters of one rule: more is a configuration file, which the kind `download` brings.
PARAMETERS: Final = 500
#: The notification of a parameter, by the word that a rule uses (TR-069 A.3.2.4).
NOTIFICATIONS: Final[Mapping[str, int]] = {
    "off": 0,
    "passive": 1,
    "active": 2,
    "passive-lightweight": 3,
    "passive-and-passive-lightweight": 4,
    "active-lightweight": 5,
    "passive-and-active-lightweight": 6,
}
#: a field in braces in a value
FIELD: Final = re.compile(r"\{([^{}]*)\}")
#: What may stand in braces in a value.
FIELDS: Final = (
    "device.oui", "device.product_class", "device.serial_number", "device.manufacturer", "device.software_version",
    "device.hardware_version", "line.id", "line.address", "line.node", "line.account", "line.pppoe_login",
    "line.gpon_serial", "line.technology",
)  # fmt: skip

Text = Annotated[str, Field(min_length=1, max_length=200)]
Globs = Annotated[tuple[Text, ...], Field(max_length=100)]


def _parameter(name: str) -> str:
    if not re.fullmatch(r"\.?[A-Za-z][A-Za-z0-9_.:\[\]-]{0,254}", name) or name.endswith("."):
        raise ValueError(
            f"{name!r} is no parameter; write its whole name, or a point and the rest, such as "
            ".ManagementServer.PeriodicInformInterval"
        )
    return name


Parameter = Annotated[str, AfterValidator(_parameter)]


class Strict(BaseModel):
    """Frozen, and no key that is not named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LineMatch(Strict):
    """Attributes of the device's line; a device on no line matches none of them. Texts may hold `*`."""

    technology: tuple[Literal["pon", "fttb", "dsl"], ...] = ()
    #: topology paths: every line on or below one of them, such as olt-1 or olt-1/0/3
    scope: Globs = ()
    #: any of the services that are sold on the line
    services: Globs = ()
    account: Globs = ()
    address: Globs = ()


class Match(Strict):
    """Which devices the rule is for: every key given must match; texts without regard to case, `*` at will."""

    oui: Globs = ()
    manufacturer: Globs = ()
    product_class: Globs = ()
    software_version: Globs = ()
    hardware_version: Globs = ()
    root: Literal["Device.", "InternetGatewayDevice."] | None = None
    #: tags that it must all have
    tags: Globs = ()
    #: tags of which it may have none
    without_tags: Globs = ()
    #: events that bring the rule up, such as 1 BOOT; empty = first contact, reset, and every change
    events: Globs = ()
    line: LineMatch | None = None


class Value(Strict):
    """A value with its type, or one that stands in a file beside the rules."""

    value: str | int | float | bool | None = None
    #: name of a file in the folder of the rules whose one line is the value; nobody else may read it
    secret_file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$")] | None = None
    #: such as xsd:unsignedInt; without it the type is the one that the device itself reports
    type: Annotated[str, Field(pattern=r"^xsd:[A-Za-z0-9]{1,30}$")] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.value is None) == (self.secret_file is None):
            raise ValueError("write either value or secret_file")
        return self


class Periodic(Strict):
    """Periodic Informs: every device of the fleet at its own moment of the interval."""

    interval_s: Annotated[int, Field(ge=30, le=604_800)]
    #: give each device a moment by a hash of its key, so that a fleet's Informs come evenly
    spread: bool = True


class CredentialWish(Strict):
    """Random credentials of the device's own, made once and kept sealed."""

    #: for connection requests, from us to the device
    connection_request: bool = False
    #: for its sessions, from the device to us
    cwmp: bool = False


class FirmwareWish(Strict):
    """The firmware that the device shall have: fetched once when its version is another one."""

    version: Text
    #: id of a file in the file server
    file: Text


class Rule(Strict):
    """One rule."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Annotated[str, Field(max_length=200)] = ""
    enabled: bool = True
    #: the greater one is heard where two rules want one parameter
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    match: Match
    values: Annotated[dict[Parameter, str | int | float | bool | Value], Field(max_length=PARAMETERS)] = {}
    notifications: Annotated[dict[Parameter, str], Field(max_length=PARAMETERS)] = {}
    periodic: Periodic | None = None
    credentials: CredentialWish = CredentialWish()
    firmware: FirmwareWish | None = None

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        for name, word in self.notifications.items():
            if word not in NOTIFICATIONS:
                raise ValueError(f"notifications.{name}: {word!r} is none of {', '.join(NOTIFICATIONS)}")
        for name, value in self.values.items():
            _check_template(name, value.value if isinstance(value, Value) else value)
        anything = self.values or self.notifications or self.periodic or self.firmware
        if not (anything or self.credentials.connection_request or self.credentials.cwmp):
            raise ValueError("the rule wants nothing; write values, notifications, periodic, credentials or firmware")
        return self


class RuleFile(Strict):
    """One file of rules."""

    rule: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=1_000)]


def ordered(rules: Iterable[Rule]) -> list[Rule]:
    """The rules in the order in which they are heard."""
    return sorted(rules, key=lambda rule: (-rule.priority, rule.id))


def rule_digest(rule: Rule) -> str:
    """What tells this content of a rule from another."""
    return hashlib.sha256(rule.model_dump_json().encode()).hexdigest()[:16]


def event_globs(rules: Iterable[Rule]) -> frozenset[str]:
    """Every event that some rule waits for."""
    return frozenset(glob for rule in rules if rule.enabled for glob in rule.match.events)


def conflicts(rules: Sequence[Rule]) -> list[str]:
    """Parameters that rules of the same priority want: the id decides, which nobody sees in the files."""
    by_name: dict[tuple[int, str], list[str]] = {}
    for rule in ordered(rules):
        for name in rule.values:
            by_name.setdefault((rule.priority, name), []).append(rule.id)
    return [
        f"{name}: wanted by {', '.join(ids)} with the same priority {priority}; give the more special one a greater "
        "priority"
        for (priority, name), ids in by_name.items()
        if len(ids) > 1
    ]


def _check_template(name: str, value: object) -> None:
    for found in FIELD.finditer(value) if isinstance(value, str) else ():
        if found[1] not in FIELDS:
            raise ValueError(f"values.{name}: {{{found[1]}}} is not known; it may be one of {', '.join(FIELDS)}")
