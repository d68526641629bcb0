"""What the store gives and takes: frozen values, one per stored thing. Instants are aware UTC; ids are text.

The rule of this file: no SQL and no I/O; the columns of `schema.py` carry the same names.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Scalar = str | int | float | bool


class OperationState(StrEnum):
    """Where an operation is.

    queued → sent → succeeded | failed | unknown | queued (refused for now); unknown → sent | succeeded | failed;
    queued → cancelled | expired
    """

    #: waits for a session
    QUEUED = "queued"
    #: its RPC left, or was about to leave
    SENT = "sent"
    #: the RPC may or may not have left; evidence will settle it
    UNKNOWN = "unknown"
    #: done
    SUCCEEDED = "succeeded"
    #: ended without effect, or with a fault; `detail` says why
    FAILED = "failed"
    #: its deadline passed before it was sent
    EXPIRED = "expired"
    #: taken back by its actor before it was sent
    CANCELLED = "cancelled"


#: States that nothing leaves.
FINAL_STATES = frozenset(
    {OperationState.SUCCEEDED, OperationState.FAILED, OperationState.EXPIRED, OperationState.CANCELLED}
)
#: States in which a session of the device has something to do with the operation.
DUE_STATES = (OperationState.QUEUED, OperationState.SENT, OperationState.UNKNOWN)


class StepName(StrEnum):
    """What happened to an operation, in the order in which it may happen."""

    #: written down
    QUEUED = "queued"
    #: the CPE was asked to connect
    CONNECTION_REQUEST_SENT = "connection_request_sent"
    #: one method did not reach it; the next one follows
    CONNECTION_REQUEST_TRIED = "connection_request_tried"
    #: the CPE could not be reached
    CONNECTION_REQUEST_FAILED = "connection_request_failed"
    #: the CPE accepted the request
    CONNECTION_REQUEST_ACCEPTED = "connection_request_accepted"
    #: the CPE opened a session
    SESSION_OPENED = "session_opened"
    #: the RPC was written as sent, and left
    RPC_SENT = "rpc_sent"
    #: the CPE answered the RPC
    RPC_ANSWERED = "rpc_answered"
    #: the CPE refused it for now; it is asked again later
    REFUSED = "refused"
    #: the CPE reported how it ended: TransferComplete, DUStateChangeComplete, `M ScheduleInform`
    REPORTED = "reported"
    #: somebody wants the test broken off that the CPE runs
    CANCEL_WANTED = "cancel_wanted"
    #: the CPE reported its boot
    BOOT_SEEN = "boot_seen"
    #: it cannot be known whether the RPC arrived
    UNKNOWN = "unknown"
    #: proven never to have arrived, and sent again
    RESENT = "resent"
    #: ended: done
    SUCCEEDED = "succeeded"
    #: ended: not done
    FAILED = "failed"
    #: ended: deadline
    EXPIRED = "expired"
    #: ended: taken back
    CANCELLED = "cancelled"


class DeviceRecord(NamedTuple):
    """One CPE: identity and the hot columns of its last Inform. `line` is the id of the line it is bound to."""

    key: str
    manufacturer: str
    oui: str
    product_class: str
    serial_number: str
    root: str
    software_version: str
    hardware_version: str
    connection_request_url: str
    address: str
    namespace: str
    first_seen_at: datetime
    last_inform_at: datetime
    #: when an Inform last carried `0 BOOTSTRAP`, `1 BOOT` or `M Reboot`
    last_boot_at: datetime | None
    #: seconds of uptime that the CPE last told, and when
    uptime_s: int | None
    uptime_at: datetime | None
    line: str | None
    #: JSON object: name → [value, type, changed at in µs]; `known_values` reads it
    inform_json: str = "{}"

    def known_values(self) -> dict[str, tuple[str, str]]:
        """name → (value, xsd type) of the parameters that Informs carried, newest value each."""
        return {name: (entry[0], entry[1]) for name, entry in json.loads(self.inform_json).items()}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and its secret in clear: a password, or an HA1, as the caller stored it."""

    username: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """What somebody wanted done on one device, and what became of it."""

    id: str
    device: str
    kind: str
    arguments: Mapping[str, Json]
    state: OperationState
    #: unique, at most 32 characters: what the CPE gives back in its events
    command_key: str
    created_at: datetime
    deadline_at: datetime
    actor: str
    reason: str = ""
    ticket: str | None = None
    idempotency_key: str | None = None
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    finished_at: datetime | None = None
    #: how often its RPC was written as sent
    attempts: int = 0
    fault_code: int | None = None
    fault_string: str | None = None
    result: Json = None
    #: why it ended, or why its state is unknown
    detail: str = ""
    #: how many steps are stored
    steps: int = 0


@dataclass(frozen=True, slots=True)
class OperationStep:
    """One step of an operation; `n` counts from 1 without gaps."""

    operation_id: str
    n: int
    at: datetime
    name: StepName
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OperationTransition:
    """A guarded change: happens only if the operation's state is one of `from_states` at that moment.

    Derived from it: `rpc_sent` and `resent` set sent_at and count an attempt; `rpc_answered` sets answered_at; a
    final `to_state` sets finished_at. With `to_state` None the state stays, and the rest is written under the guard.
    """

    operation_id: str
    from_states: tuple[OperationState, ...]
    to_state: OperationState | None
    at: datetime
    step: StepName
    step_detail: str = ""
    fault_code: int | None = None
    fault_string: str | None = None
    result: Json = None
    #: replaces the operation's `detail` when not None
    detail: str | None = None
    #: when set, also requires that the operation was not answered yet
    only_unanswered: bool = False
    #: when not None, also requires that it was sent so many times: nobody sent it since it was read
    attempts: int | None = None


class SessionOpening(NamedTuple):
    """What an Inform says, as the session hot path stores it before InformResponse leaves."""

    key: str
    manufacturer: str
    oui: str
    product_class: str
    serial_number: str
    root: str
    software_version: str
    hardware_version: str
    connection_request_url: str
    address: str
    namespace: str
    at: datetime
    session_id: str
    #: (event code, command key), in the Inform's order
    events: tuple[tuple[str, str], ...]
    retry_count: int = 0
    #: (name, value, xsd type)
    values: tuple[tuple[str, str, str], ...] = ()
    uptime_s: int | None = None
    #: the Inform's CurrentTime; None when unknown or not believable
    current_time: datetime | None = None
    #: (id, count) of the digest nonce that this Inform used up; refused when the count was used before
    nonce: tuple[int, int] | None = None
    #: why the device goes into quarantine if it is new; None: it is admitted
    quarantine: str | None = None
    #: what it tells as ManagementServer.URL; empty where the Inform does not carry it
    management_url: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What tells one box from another with the same identity. `uptime_s` None: it does not tell."""

    at: datetime
    address: str
    hardware_version: str
    uptime_s: int | None
    uptime_at: datetime | None


class SessionOpened(NamedTuple):
    """What the store knows once the Inform is on disk."""

    device: DeviceRecord
    #: operations of the device that are queued, sent or unknown, oldest first
    operations: tuple[OperationRecord, ...]
    #: the device was not known before
    created: bool
    #: the CPE sent this Inform again: its events were stored before and are not stored twice
    repeated: bool
    #: the software version before this Inform; None for a new device
    previous_software_version: str | None
    #: the device is only recorded: nothing is read of it or set on it
    quarantined: bool = False
    #: what the device told the time before, where this Inform does not go with it: see `services/clones.py`
    earlier: "Sighting | None" = None


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """Parameter values that a session read: name → (value, xsd type)."""

    values: Mapping[str, tuple[str, str]]
    read_at: datetime
    #: partial paths that were read whole: known names below them that are not in `values` are gone; ("",) = all
    replaced_paths: tuple[str, ...] = ()
    #: names below them that exist all the same: they were read before, or the device refuses their values
    existing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionCommit:
    """What a session changes, in one durable step."""

    key: str
    session_id: str
    at: datetime
    transitions: tuple[OperationTransition, ...] = ()
    tree: TreeUpdate | None = None
    #: new operations of the device, stored with their first step; their ids and command keys must be new
    operations: tuple[OperationRecord, ...] = ()
    #: the session's stored form, for a CPE that comes back on another connection; None leaves what is stored
    session: bytes | None = None
    #: the session is over: its stored form, if any, is removed
    ended: bool = False
    #: a stored form of this session may exist (it was resumed, or `session` was given before)
    stored: bool = False
    #: uptime read in this session
    uptime_s: int | None = None


@dataclass(frozen=True, slots=True)
class SessionCommitted:
    """For each transition of the commit: the step that was written, or None where the guard refused."""

    steps: tuple[OperationStep | None, ...]


@dataclass(frozen=True, slots=True)
class StoredSession:
    """The stored form of a session that may be resumed on another connection."""

    device: str
    session_id: str
    session: bytes
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event code of one Inform."""

    id: int
    device: str
    at: datetime
    session_id: str
    code: str
    command_key: str


@dataclass(frozen=True, slots=True)
class Tree:
    """Every parameter known of a device: name → (value, xsd type).

    `read_at` is the last whole or partial read; `times` says of each name when its value was read, or came in an
    Inform: a partial read makes nothing else younger.
    """

    values: Mapping[str, tuple[str, str]]
    read_at: datetime | None
    times: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One subscriber's access line."""

    id: str
    technology: str
    address: str = ""
    node: str = ""
    frame: int | None = None
    slot: int | None = None
    port: int | None = None
    splitter: str = ""
    ont: int | None = None
    gpon_serial: str = ""
    account: str = ""
    services: tuple[str, ...] = ()
    pppoe_login: str = ""
    cable_length_m: float | None = None
    device_serials: tuple[str, ...] = ()

    def topology_path(self) -> str:
        """`node/frame/slot/port/splitter`, ending where nothing more is known."""
        parts: list[str] = []
        for part in (self.node, self.frame, self.slot, self.port, self.splitter):
            if part is None or part == "":
                break
            parts.append(str(part))
        return "/".join(parts)

    def scopes(self) -> tuple[str, ...]:
        """Every scope that covers the line: its topology path and the prefixes of that, and `line:ID`."""
        parts = self.topology_path().split("/") if self.node else []
        return (*("/".join(parts[:n]) for n in range(1, len(parts) + 1)), f"line:{self.id}")


@dataclass(frozen=True, slots=True)
class ContextFact:
    """What another system says about a line, with its source and time."""

    line: str
    name: str
    value: Scalar
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of the history of a line or a device; `subject` is the line's id or the device's key."""

    subject: str
    name: str
    value: float
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """One open incident of a source's snapshot. `scope` is a topology path prefix or `line:ID`."""

    source: str
    id: str
    scope: str
    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class PlannedWorkRecord:
    """One planned work of a source's snapshot. `scope` is a topology path prefix or `line:ID`."""

    source: str
    id: str
    scope: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class AccessNode:
    """An OLT, switch or DSLAM and how to read it. `credentials` are kept sealed (community, or SNMPv3's names)."""

    name: str
    address: str
    updated_at: datetime
    port: int = 161
    profile: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


class LineTestState(StrEnum):
    """Where a line test is: running → done | failed."""

    #: gathering facts
    RUNNING = "running"
    #: its verdict is stored
    DONE = "done"
    #: ended without a verdict; `detail` says why
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LineTestRecord:
    """One line test: who asked, the snapshot of all facts, and the verdict."""

    id: str
    line: str
    state: LineTestState
    created_at: datetime
    deadline_at: datetime
    actor: str
    depth: str = "normal"
    service: str | None = None
    ticket: str | None = None
    finished_at: datetime | None = None
    facts: Json = None
    verdict: Json = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """One ticket event that was taken. `line` None: the line it names is not known; `detail` says so.

    `outside_id`: its number in its own system, where that is another one's id here; None where it is the id.
    """

    id: str
    event_id: str
    received_at: datetime
    source: str
    body: Json
    line: str | None = None
    line_test: str | None = None
    detail: str = ""
    outside_id: str | None = None

    @property
    def number(self) -> str:
        """What the system that it came from calls it."""
        return self.id if self.outside_id is None else self.outside_id


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A role for some lines as it was given; without groups: for all lines."""

    role: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One API token; only its hash is known. `person` is whose sign-in it is; "" for a program's token."""

    id: str
    name: str
    token_hash: str = field(repr=False)
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    grants: tuple[GrantRecord, ...] = ()
    person: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who did what to which thing, and for which ticket. `hash` is its link of the chain; "" from before the chain."""

    at: datetime
    actor: str
    action: str
    target: str
    detail: Json = None
    id: int | None = None
    ticket: str = ""
    hash: str = ""
