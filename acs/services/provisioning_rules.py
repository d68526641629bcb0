"""Which rules of provisioning match a device, and what they want of it. Pure.

    rules + what is known of the device ──► Desired: per rule its parameters and notifications, and what is left out

The rule of this file: the same rules and the same device always give the same wish; of two rules that want one
parameter differently the one with the greater `priority` is heard, then the one whose id comes first.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from acs.cwmp.writing import writable
from acs.profiles.globs import none_or_like, tagged
from acs.secret_names import is_secret
from acs.services.provisioning_form import (
    FIELD,
    NOTIFICATIONS,
    CredentialWish,
    FirmwareWish,
    LineMatch,
    Match,
    Rule,
    Value,
    ordered,
    rule_digest,
)
from acs.store.records import Credentials, LineRecord

#: The phase that periodic Informs are counted from.
_PHASE: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule may look at. `events` are those of the session that runs, empty outside of one."""

    key: str
    oui: str
    manufacturer: str
    product_class: str
    serial_number: str
    root: str
    software_version: str
    hardware_version: str
    tags: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    line: LineRecord | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """One parameter as it shall be. `type` None: as the device reports it."""

    value: str | int | float | bool = field(repr=False)
    type: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class RuleWish:
    """What one rule wants of one device. `digest` names the rule's content: a changed rule has another one."""

    rule: str
    digest: str
    values: Mapping[str, Wish] = field(default_factory=dict)
    notifications: Mapping[str, int] = field(default_factory=dict)
    firmware: FirmwareWish | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """What all rules together want of one device, by priority. `left_out`: rule → why it wants nothing after all."""

    rules: tuple[RuleWish, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Every parameter that shall have a value."""
        return tuple(name for wish in self.rules for name in wish.values)


def wishes(
    rules: Iterable[Rule],
    subject: Subject,
    *,
    secrets: Mapping[str, str] | None = None,
    credentials: Mapping[str, Credentials] | None = None,
    stopped: Mapping[str, str] | None = None,
    digests: Mapping[str, str] | None = None,
) -> Desired:
    """What these rules want of this device.

    Args:
        secrets: file name → value, of the rules' secret files.
        credentials: `connection_request` and `cwmp` → the device's own; a rule that wants absent ones is left out.
        stopped: rule → why it is stopped for this device.
        digests: rule → its `rule_digest`, for a caller that asks often; absent ones are made.
    """
    taken: set[str] = set()
    noticed: set[str] = set()
    found: list[RuleWish] = []
    left_out: dict[str, str] = {}
    for rule in ordered(rules):
        if not rule.enabled or not matches(rule.match, subject):
            continue
        if stopped and rule.id in stopped:
            left_out[rule.id] = stopped[rule.id]
            continue
        try:
            wish = _wish(rule, subject, secrets or {}, credentials or {}, (digests or {}).get(rule.id))
        except _Lacking as lacking:
            left_out[rule.id] = str(lacking)
            continue
        values = {name: value for name, value in wish.values.items() if name not in taken}
        notifications = {name: word for name, word in wish.notifications.items() if name not in noticed}
        taken.update(values)
        noticed.update(notifications)
        found.append(RuleWish(wish.rule, wish.digest, values, notifications, wish.firmware))
    return Desired(tuple(found), left_out)


def matches(match: Match, subject: Subject) -> bool:
    """Whether the rule is for this device now."""
    texts = (
        (match.oui, subject.oui),
        (match.manufacturer, subject.manufacturer),
        (match.product_class, subject.product_class),
        (match.software_version, subject.software_version),
        (match.hardware_version, subject.hardware_version),
    )
    return (
        all(none_or_like((text,), globs) for globs, text in texts)
        and match.root in (None, subject.root)
        and tagged(subject.tags, match.tags, match.without_tags)
        and none_or_like(subject.events, match.events)
        and (match.line is None or (subject.line is not None and _matches_line(match.line, subject.line)))
    )


def phase_of(key: str, interval_s: int) -> datetime:
    """The device's own moment of the interval, by a hash of its key: the same for ever, and even over a fleet."""
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=b"informs").digest(), "big")
    return _PHASE + timedelta(seconds=number % interval_s)


def periodic_values(root: str, key: str, interval_s: int, *, spread: bool) -> dict[str, Wish]:
    """The parameters of periodic Informs (TR-069 §3.2.3.1: PeriodicInformTime is the phase)."""
    server = f"{root}ManagementServer."
    values = {
        f"{server}PeriodicInformEnable": Wish(value=True, type="xsd:boolean"),
        f"{server}PeriodicInformInterval": Wish(interval_s, "xsd:unsignedInt"),
    }
    if spread:
        phase = phase_of(key, interval_s)
        values[f"{server}PeriodicInformTime"] = Wish(phase.strftime("%Y-%m-%dT%H:%M:%SZ"), "xsd:dateTime")
    return values


def digest_of(desired: Desired, key: bytes) -> str:
    """A keyed digest of everything wanted: two wishes with one digest are the same."""
    told = [
        [
            wish.rule,
            wish.digest,
            {name: [type(each.value).__name__, str(each.value), each.type] for name, each in wish.values.items()},
            dict(wish.notifications),
            [wish.firmware.version, wish.firmware.file] if wish.firmware else None,
        ]
        for wish in desired.rules
    ]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class _Lacking(Exception):
    """Something that the rule needs is not known of this device."""


def _wish(
    rule: Rule,
    subject: Subject,
    secrets: Mapping[str, str],
    credentials: Mapping[str, Credentials],
    digest: str | None,
) -> RuleWish:
    values: dict[str, Wish] = {}
    for name, given in rule.values.items():
        full = _full(name, subject.root)
        if full is not None:
            values[full] = _value(full, given, subject, secrets)
    if rule.periodic is not None:
        values |= periodic_values(subject.root, subject.key, rule.periodic.interval_s, spread=rule.periodic.spread)
    values |= _credential_values(rule.credentials, subject, credentials)
    notifications = {
        full: NOTIFICATIONS[word]
        for name, word in rule.notifications.items()
        if (full := _full(name, subject.root)) is not None
    }
    return RuleWish(rule.id, digest or rule_digest(rule), values, notifications, rule.firmware)


def _full(name: str, root: str) -> str | None:
    """The whole name for this device; None for one of the other data model."""
    if name.startswith("."):
        return root + name[1:]
    return name if name.startswith(root) else None


def _value(name: str, given: str | float | bool | Value, subject: Subject, secrets: Mapping[str, str]) -> Wish:
    kind, secret = None, is_secret(name)
    if isinstance(given, Value):
        kind = given.type
        if given.secret_file is not None:
            if given.secret_file not in secrets:
                raise _Lacking(f"{name}: the file {given.secret_file} is not beside the rules")
            return Wish(secrets[given.secret_file], kind, secret=True)
        assert given.value is not None
        given = given.value
    if isinstance(given, str) and "{" in given:
        given = FIELD.sub(lambda found: _filled(name, found[1], subject), given)
    if isinstance(given, str) and not writable(given):
        raise _Lacking(f"{name}: its value holds a character that XML cannot carry")
    return Wish(given, kind, secret)


def _filled(name: str, path: str, subject: Subject) -> str:
    what, _, attribute = path.partition(".")
    if what == "line" and subject.line is None:
        raise _Lacking(f"{name}: the device is on no line, so {{{path}}} is not known")
    text = str(getattr(subject if what == "device" else subject.line, attribute))
    if not text:
        raise _Lacking(f"{name}: {{{path}}} is empty for this device")
    return text


def _credential_values(
    wish: CredentialWish, subject: Subject, credentials: Mapping[str, Credentials]
) -> dict[str, Wish]:
    values: dict[str, Wish] = {}
    for kind, wanted, prefix in (
        ("connection_request", wish.connection_request, "ConnectionRequest"),
        ("cwmp", wish.cwmp, ""),
    ):
        if wanted:
            own = credentials.get(kind)
            if own is None:
                raise _Lacking(f"the {kind} credentials of the device are not there yet")
            server = f"{subject.root}ManagementServer.{prefix}"
            values[f"{server}Username"] = Wish(own.username, "xsd:string")
            values[f"{server}Password"] = Wish(own.secret, "xsd:string", secret=True)
    return values


def _matches_line(match: LineMatch, line: LineRecord) -> bool:
    return (
        (not match.technology or line.technology in match.technology)
        and none_or_like(line.scopes(), match.scope)
        and none_or_like(line.services, match.services)
        and none_or_like((line.account,), match.account)
        and none_or_like((line.address,), match.address)
    )
