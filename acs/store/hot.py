"""What both hot drivers share: checks, the columns, and the pure arithmetic from old row and Inform to new row.

The rule of this file: no SQL is run here and nothing waits.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from acs.errors import AcsError, InvalidInput, Replayed
from acs.store import devices
from acs.store.instants import instant, micros, micros_or_none
from acs.store.limits import DEFAULT_LIMIT, LIMITS, check_text
from acs.store.operations import changed_values, new_row
from acs.store.records import (
    OperationRecord,
    SessionCommit,
    SessionCommitted,
    SessionOpened,
    SessionOpening,
    Sighting,
)

Item = SessionOpening | SessionCommit
Outcome = SessionOpened | SessionCommitted

#: The columns of a device's hot row, in order: those of DeviceRecord, then what tells a repeated Inform.
COLUMNS = (
    *devices.COLUMNS, "last_session_id", "last_events", "last_retry_count", "last_current_time", "last_values",
    "stored_session_id",
)  # fmt: skip
_AT = {name: place for place, name in enumerate(COLUMNS)}
_LAST_INFORM, _LAST_BOOT, _UPTIME, _UPTIME_AT = (
    _AT[name] for name in ("last_inform_at", "last_boot_at", "uptime_s", "uptime_at")
)
_INFORM_JSON, _SESSION, _EVENTS, _RETRY, _CURRENT_TIME, _VALUES, _STORED = (
    _AT[name]
    for name in (
        "inform_json", "last_session_id", "last_events", "last_retry_count", "last_current_time", "last_values",
        "stored_session_id",
    )
)  # fmt: skip
_SOFTWARE, _HARDWARE, _ADDRESS = _AT["software_version"], _AT["hardware_version"], _AT["address"]
#: What every Inform changes; all other columns change seldom.
TOUCHED = (
    "last_inform_at", "uptime_s", "uptime_at", "last_session_id", "last_events", "last_retry_count",
    "last_current_time",
)  # fmt: skip
_touched_of = itemgetter(*(_AT[name] for name in TOUCHED))
#: What an Inform may change besides: written only when it did.
SELDOM = (
    "manufacturer", "root", "software_version", "hardware_version", "connection_request_url", "address", "namespace",
    "last_boot_at", "inform_json", "last_values",
)  # fmt: skip
_seldom_of = itemgetter(*(_AT[name] for name in SELDOM))
#: The texts of an Inform that go to columns of the same name.
_IDENTITY = (
    "manufacturer", "root", "software_version", "hardware_version", "connection_request_url", "address", "namespace",
)  # fmt: skip
_IDENTITY_AT = tuple(_AT[name] for name in _IDENTITY)
_identity_of = attrgetter(*_IDENTITY)
_stored_identity = itemgetter(*_IDENTITY_AT)
_TEXTS = ("key", "oui", "product_class", "serial_number", "session_id", *_IDENTITY)
_texts_of = attrgetter(*_TEXTS)
_VALUE_FIELDS = ("parameter name", "parameter value", "parameter type")
_EVENT_FIELDS = ("event code", "event command_key")
_NAME, _VALUE, _TYPE, _CODE, _KEY = (LIMITS.get(name, DEFAULT_LIMIT) for name in (*_VALUE_FIELDS, *_EVENT_FIELDS))
#: The smallest of the limits of an Inform's other texts.
_SHORT = min(LIMITS.get(name, DEFAULT_LIMIT) for name in _TEXTS)

#: Events that tell of a boot: TR-069 Amendment 6, table 8.
_BOOT_EVENTS = frozenset({"0 BOOTSTRAP", "1 BOOT", "M Reboot"})
#: A retry is told by its RetryCount within this time: the tenth and later retries come up to 43 minutes apart
#: (TR-069 Amendment 6, §3.2.1.1), with a retry interval multiplier up to some hours.
_RETRY_WINDOW = timedelta(hours=6) // timedelta(microseconds=1)
#: Without a RetryCount, the same CurrentTime is the same Inform only this soon after.
_SAME_TIME_WINDOW = timedelta(seconds=60) // timedelta(microseconds=1)
#: A CurrentTime before this is an unset clock, which may well show the same time after each boot.
_CLOCK_IS_SET = 946_684_800_000_000

#: Microseconds by which two tellings of one boot may differ: clocks drift, and an Inform may be sent again.
_SAME_BOOT = 120_000_000

#: Parameters of Informs kept per device, the newest: an Inform carries some ten; active notification may add more.
MAX_INFORM_VALUES = 128
#: Characters of them all.
MAX_INFORM_JSON = 65_536
_MAX_EVENTS = 64
_MAX_VALUES = 1000
_MAX_SQL_INT = 2**31 - 1


@dataclass(slots=True)
class Plan:
    """What a batch writes and answers: the drivers fill in rows and operations, and run it."""

    #: key → hot row, as it is after the openings so far
    rows: dict[str, list[Any]] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)
    #: keys whose seldom columns changed
    changed: set[str] = field(default_factory=set)
    #: keys whose stored session is void
    unstored: set[str] = field(default_factory=set)
    #: (device, at, session_id, code, command_key)
    events: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    #: keys of devices that are only recorded
    quarantined: set[str] = field(default_factory=set)
    #: (device, since, actor, reason) of new devices that go into quarantine
    quarantines: list[tuple[str, int, str, str]] = field(default_factory=list)

    def touched(self) -> list[tuple[Any, ...]]:
        """Rows for UPDATE, sorted by key: TOUCHED, then the key; those of `changed` come from `seldom`."""
        return [(*_touched_of(row), key) for key, row in sorted(self.rows.items()) if key not in self.created]

    def seldom(self) -> list[tuple[Any, ...]]:
        """Rows for UPDATE, sorted by key: SELDOM, then the key."""
        return [(*_seldom_of(self.rows[key]), key) for key in sorted(self.changed - self.created)]

    def new(self) -> list[tuple[Any, ...]]:
        """Rows for INSERT, sorted by key: COLUMNS."""
        return [tuple(self.rows[key]) for key in sorted(self.created)]


def check(item: Item) -> None:
    """Refuse what the databases could not hold, before it can harm a batch.

    Raises:
        InvalidInput: the message names the field.
    """
    if isinstance(item, SessionOpening):
        _check_opening(item)
    else:
        check_text("session_id", item.session_id)
        _check_number("uptime_s", item.uptime_s)
        for change in item.transitions:
            changed_values(change)
        for operation in item.operations:
            new_row(operation)


def split_replayed(
    openings: Sequence[SessionOpening], known: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, AcsError]]:
    """Return the nonces to remember with their counts, and the error of each opening that is refused, by its place.

    `known` holds the highest counts so far. Of two openings with one nonce in one batch the first is taken.
    """
    claims: dict[int, int] = {}
    refused: dict[int, AcsError] = {}
    for place, opening in enumerate(openings):
        if opening.nonce is None:
            continue
        id_, count = opening.nonce
        if id_ in claims or count <= known.get(id_, 0):
            refused[place] = replayed()
        else:
            claims[id_] = count
    return claims, refused


def replayed() -> AcsError:
    """Return the error of an opening whose digest answer was used before."""
    return Replayed("the digest answer was used before")


def apply(plan: Plan, opening: SessionOpening) -> tuple[bool, bool, str | None, Sighting | None]:
    """Take an opening into the plan and return (created, repeated, previous software version, what disagrees).

    `plan.rows` holds the device's row if it is known; openings of one device in one batch follow each other.
    """
    at = micros(opening.at)
    events = _digest(chain.from_iterable(opening.events))
    row = plan.rows.get(opening.key)
    created = row is None
    previous: str | None = None
    earlier: Sighting | None = None
    repeated = False
    if row is None:
        row = _new_row(opening, at)
        plan.rows[opening.key] = row
        plan.created.add(opening.key)
        if opening.quarantine is not None:
            plan.quarantined.add(opening.key)
            plan.quarantines.append((opening.key, at, "policy", opening.quarantine))
    else:
        previous = row[_SOFTWARE]
        repeated = _is_repeated(row, opening, at, events)
        earlier = _disagreeing(row, opening, at)
    _touch(row, opening, at, events, plan)
    if not repeated:
        plan.events.extend(
            (opening.key, at, opening.session_id, code, command_key) for code, command_key in opening.events
        )
    return created, repeated, previous, earlier


def opened(
    plan: Plan,
    opening: SessionOpening,
    told: tuple[bool, bool, str | None, Sighting | None],
    operations: Sequence[OperationRecord],
) -> SessionOpened:
    """Return the answer to an opening."""
    created, repeated, previous, earlier = told
    device = devices.record(plan.rows[opening.key])
    quarantined = opening.key in plan.quarantined
    return SessionOpened(device, tuple(operations), created, repeated, previous, quarantined, earlier)


def _touch(row: list[Any], opening: SessionOpening, at: int, events: int, plan: Plan) -> None:
    key = opening.key
    row[_LAST_INFORM], row[_SESSION], row[_EVENTS] = at, opening.session_id, events
    row[_RETRY], row[_CURRENT_TIME] = opening.retry_count, micros_or_none(opening.current_time)
    if opening.uptime_s is not None:
        row[_UPTIME], row[_UPTIME_AT] = opening.uptime_s, at
    if row[_STORED] is not None:
        row[_STORED] = None
        plan.unstored.add(key)
    said = _identity_of(opening)
    if _stored_identity(row) != said:
        for place, value in zip(_IDENTITY_AT, said, strict=True):
            row[place] = value
        plan.changed.add(key)
    for code, _ in opening.events:
        if code in _BOOT_EVENTS:
            row[_LAST_BOOT] = at
            plan.changed.add(key)
    if opening.values:
        values = _digest(chain.from_iterable(opening.values))
        if row[_VALUES] != values:
            row[_VALUES] = values
            row[_INFORM_JSON] = _merged_values(row[_INFORM_JSON], opening, at)
            plan.changed.add(key)


def _disagreeing(row: Sequence[Any], opening: SessionOpening, at: int) -> Sighting | None:
    """What was told before, where one box can hardly have told both; None where the Informs go together.

    An uptime that went on, or a boot since the last Inform, go together; so does a device that tells no uptime.
    """
    uptime_s, known_s = opening.uptime_s, row[_UPTIME]
    if row[_ADDRESS] == opening.address and row[_HARDWARE] == opening.hardware_version:
        if uptime_s is None or known_s is None:
            return None
        booted, known_at = at - uptime_s * 1_000_000, row[_UPTIME_AT]
        if abs(booted - known_at + known_s * 1_000_000) < _SAME_BOOT or booted > known_at - _SAME_BOOT:
            return None
    uptime_at = None if row[_UPTIME_AT] is None else instant(row[_UPTIME_AT])
    return Sighting(instant(row[_LAST_INFORM]), row[_ADDRESS], row[_HARDWARE], known_s, uptime_at)


def _is_repeated(row: list[Any], opening: SessionOpening, at: int, events: int) -> bool:
    if row[_SESSION] == opening.session_id:
        return True
    if row[_EVENTS] != events:
        return False
    since = at - row[_LAST_INFORM]
    if opening.retry_count > row[_RETRY]:
        return bool(since <= _RETRY_WINDOW)
    current_time = micros_or_none(opening.current_time)
    if current_time is None or current_time < _CLOCK_IS_SET:
        return False
    return bool(current_time == row[_CURRENT_TIME] and since <= _SAME_TIME_WINDOW)


def _new_row(opening: SessionOpening, at: int) -> list[Any]:
    known = {name: getattr(opening, name) for name in (*_IDENTITY, "key", "oui", "product_class", "serial_number")}
    known |= {"first_seen_at": at, "inform_json": "{}", "last_values": 0}
    return [known.get(name) for name in COLUMNS]


def _merged_values(stored: str, opening: SessionOpening, at: int) -> str:
    known: dict[str, list[Any]] = json.loads(stored)
    for name, value, type_ in opening.values:
        former = known.get(name)
        if former is None or former[0] != value or former[1] != type_:
            known.pop(name, None)
            known[name] = [value, type_, at]
    for name in list(known)[: len(known) - MAX_INFORM_VALUES] if len(known) > MAX_INFORM_VALUES else ():
        del known[name]  # the value that changed longest ago
    text = json.dumps(known, separators=(",", ":"))
    return text if len(text) <= MAX_INFORM_JSON else _newest(known)


def _newest(known: Mapping[str, list[Any]]) -> str:
    """The values that changed last, where there is room for them; each is written once, however great."""
    kept: list[str] = []
    room = MAX_INFORM_JSON - 2
    for name, value in reversed(list(known.items())):
        text = f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}"
        if len(text) < room:
            room -= len(text) + 1
            kept.append(text)
    return f"{{{','.join(reversed(kept))}}}"


def _digest(parts: Iterable[str]) -> int:
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _check_opening(opening: SessionOpening) -> None:
    if len(opening.events) > _MAX_EVENTS:
        raise InvalidInput(f"events: the Inform carries {len(opening.events)}; at most {_MAX_EVENTS} are stored")
    if len(opening.values) > _MAX_VALUES:
        raise InvalidInput(f"values: the Inform carries {len(opening.values)}; at most {_MAX_VALUES} are stored")
    _check_number("retry_count", opening.retry_count)
    _check_number("uptime_s", opening.uptime_s)
    texts = _texts_of(opening)
    if _plain(texts, opening):
        return
    for name, text in zip(_TEXTS, texts, strict=True):
        check_text(name, text)
    for names, each in ((_VALUE_FIELDS, opening.values), (_EVENT_FIELDS, opening.events)):
        for texts_of_one in each:
            for name, text in zip(names, texts_of_one, strict=True):
                check_text(name, text)


def _plain(texts: Sequence[str], opening: SessionOpening) -> bool:
    """Whether, as nearly always, everything is short and ASCII: found in a few calls, whatever the Inform's length."""
    for name, value, type_ in opening.values:
        if len(name) > _NAME or len(value) > _VALUE or len(type_) > _TYPE:
            return False
    for code, command_key in opening.events:
        if len(code) > _CODE or len(command_key) > _KEY:
            return False
    joined = "".join([*texts, *chain.from_iterable(opening.values), *chain.from_iterable(opening.events)])
    return joined.isascii() and "\0" not in joined and max(map(len, texts)) <= _SHORT


def _check_number(name: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= _MAX_SQL_INT:
        raise InvalidInput(f"{name} is {value}; it must be from 0 to {_MAX_SQL_INT}")


def wants_nothing(commit: SessionCommit) -> bool:
    """Whether a commit changes nothing that is stored: the end of most sessions."""
    return not (
        commit.transitions
        or commit.operations
        or commit.tree is not None
        or commit.session is not None
        or commit.uptime_s is not None
        or (commit.ended and commit.stored)
    )
