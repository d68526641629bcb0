"""A visit: one CWMP session as the server holds it in memory, and what an Inform says, ready for the store.

The one rule: everything durable of a visit is in the store before an answer leaves; what is here can be lost.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Final, NamedTuple

from acs.cwmp.identity import device_key
from acs.cwmp.messages import Inform
from acs.cwmp.quirks import NO_QUIRKS, Quirk
from acs.cwmp.session import Session, State
from acs.errors import ProtocolError
from acs.services.kinds import Kind
from acs.services.plans import Plan
from acs.store.limits import GREATEST_NUMBER
from acs.store.records import DeviceRecord, OperationRecord, OperationTransition, SessionOpening, TreeUpdate

#: Longest identity part of TR-069 (A.3.3.1) is 64; twice that is borne.
IDENTITY_LENGTH: Final = 128
UPTIME: Final = "DeviceInfo.UpTime"
#: Names that the weakest devices take at once.
FEW: Final = 20
_EMPTY_ANSWER: Final = frozenset({Quirk.EMPTY_ANSWER})


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom the CPE proved to be: `device` when the credential belongs to one device, None for a shared one."""

    username: str
    device: str | None = None
    #: the name must be one of the device's own: it came from a certificate, or with a shared password
    names_device: bool = False
    #: a certificate authority vouches for the name
    certified: bool = False
    #: (id, count) of the digest nonce that was used
    nonce: tuple[int, int] | None = None
    #: the credential was given to the device and proves now for the first time that the device keeps it
    unproven: bool = False

    @property
    def proved(self) -> bool:
        """Whether it was proved which device it is, not only that it knows a shared password."""
        return self.device is not None or self.certified


class Arrival(NamedTuple):
    """How a POST came in. `principal` None = the endpoint is open."""

    now: datetime
    address: str
    principal: Principal | None = None
    #: why the device is only recorded if it is new; None: it is taken in
    quarantine: str | None = None
    #: the device gets a credential of its own
    own_credentials: bool = False


@dataclass(slots=True, eq=False)
class Visit:
    """One session of one device. The edge keeps its own marks here: `busy` while a POST is served, and on the loop's
    clock `begun_at`, `expires_at`, and `adrift_at`, from when on nobody believes that the CPE comes back; `carrier`."""

    session: Session
    key: str
    root: str
    arrival: Arrival
    events: tuple[tuple[str, str], ...]
    retry_count: int
    uptime_s: float | None
    #: as the store knows it once the Inform is on disk
    device: DeviceRecord
    #: operations to be done, oldest first, with their kind
    due: deque[tuple[OperationRecord, Kind]] = field(default_factory=deque)
    #: the ids of those among them that nobody calls the device for, because this session took them; see `offers`
    offered: set[str] = field(default_factory=set)
    #: the ids of those whose turn it was, whatever became of them
    met: set[str] = field(default_factory=set)
    #: the one whose turn it is, until its first request may leave
    turn: tuple[OperationRecord, Kind] | None = None
    #: reboots of which only the uptime can tell whether they happened
    unresolved: list[OperationRecord] = field(default_factory=list)
    #: what `plan` serves: an operation, or None when the plan reads the uptime or the device's methods
    running: OperationRecord | None = None
    kind: Kind | None = None
    plan: Plan | None = None
    #: what the CPE was told in confidence by the last request
    told: tuple[str, ...] = field(default=(), repr=False)
    #: changes to be written before the next answer leaves
    pending: list[OperationTransition] = field(default_factory=list)
    #: operations that followed from others, to be written with them
    wanted: list[OperationRecord] = field(default_factory=list)
    #: values read, to be written with them
    tree: TreeUpdate | None = None
    #: nothing more is asked in this session: the CPE promised a reboot, or a test that begins when it is over
    closing: bool = False
    #: the CPE promised a reboot
    rebooting: bool = False
    #: how the device wants to be spoken to
    quirks: frozenset[Quirk] = NO_QUIRKS
    #: when the server's own clock was last set; see `clock.Steadiness`
    clock_set_at: datetime | None = None
    #: what the device said when it was asked before something that must not happen now; None: not asked
    looked: dict[str, str] | None = None
    looking: bool = False
    #: a stored form exists
    stored: bool = False
    posts: int = 1
    faults: int = 0
    last_post_at: datetime | None = None
    busy: bool = False
    #: the connection of its last POST; None where it is a proxy's, which others share
    carrier: object = None
    begun_at: float = 0.0
    expires_at: float = 0.0
    adrift_at: float = inf
    #: the CPE went away and did not come back at once; it still may
    adrift: bool = False

    @property
    def bearing(self) -> frozenset[Quirk]:
        """The quirks for what comes in: an empty POST is a refusal, but never that of what may happen all the same."""
        once = self.kind is not None and self.kind.reboots
        return self.quirks if once else self.quirks | _EMPTY_ANSWER

    @property
    def comes_by_itself(self) -> bool:
        """Whether the CPE reboots, or may, so that a call would find nobody."""
        return self.rebooting or (self.kind is not None and self.kind.reboots)

    @property
    def codes(self) -> frozenset[str]:
        """The event codes of its Inform."""
        return frozenset(code for code, _ in self.events)

    def names_at_once(self, usual: int) -> int:
        """How many names one GetParameterValues may carry to this device."""
        if Quirk.SINGLE_NAMES in self.quirks:
            return 1
        return min(usual, FEW) if Quirk.FEW_NAMES in self.quirks else usual

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to ask: an empty POST can be answered by 204 without a look at the store."""
        return self.plan is None and not (self.due or self.unresolved or self.pending or self.tree or self.stored)

    @property
    def takes_work(self) -> bool:
        """Whether an operation requested now can still be done in this session."""
        return not self.closing and self.session.state not in (State.GRACE, State.ENDED)


def opening_of(inform: Inform, session: Session, arrival: Arrival) -> SessionOpening:
    """What the Inform says, in the store's words.

    Raises:
        ProtocolError: it does not say who it is, or says it at absurd length (fault 8003).
    """
    device = inform.device_id
    _check_identity(device.oui, device.product_class, device.serial_number)
    values = {parameter.name: parameter.value for parameter in inform.parameter_list}
    root = _root(values)
    uptime = values.get(root + UPTIME)
    return SessionOpening(
        key=session.device or device_key(device),
        manufacturer=device.manufacturer[:IDENTITY_LENGTH],
        oui=device.oui,
        product_class=device.product_class,
        serial_number=device.serial_number,
        root=root,
        software_version=values.get(root + "DeviceInfo.SoftwareVersion", "")[:IDENTITY_LENGTH],
        hardware_version=values.get(root + "DeviceInfo.HardwareVersion", "")[:IDENTITY_LENGTH],
        connection_request_url=values.get(root + "ManagementServer.ConnectionRequestURL", "").strip()[:1024],
        address=arrival.address,
        namespace=session.namespace,
        at=arrival.now,
        session_id=session.id,
        events=tuple((event.event_code, event.command_key) for event in inform.event),
        retry_count=min(max(inform.retry_count, 0), GREATEST_NUMBER),
        values=tuple((p.name, p.value, p.type) for p in inform.parameter_list),
        uptime_s=parse_uptime(uptime) if uptime is not None else None,
        current_time=inform.current_time,
        nonce=arrival.principal.nonce if arrival.principal is not None else None,
        quarantine=arrival.quarantine,
        management_url=values.get(root + "ManagementServer.URL", ""),
    )


def parse_uptime(text: str) -> int | None:
    """Seconds of uptime in a parameter's text; None when it is no count, or no device ever ran so long."""
    text = text.strip()
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
    return None if seconds is None or seconds > GREATEST_NUMBER else seconds


def _check_identity(oui: str, product_class: str, serial_number: str) -> None:
    for name, part in (("OUI", oui), ("ProductClass", product_class), ("SerialNumber", serial_number)):
        if len(part) > IDENTITY_LENGTH:
            raise ProtocolError(f"{name} has {len(part)} characters", status_hint=200, fault_code=8003)
    if not oui or not serial_number:
        raise ProtocolError("the Inform names no OUI or no serial number", status_hint=200, fault_code=8003)


def _root(values: dict[str, str]) -> str:
    """The data-model root that the Inform uses, such as "Device."; empty when it carries no parameter."""
    for name in values:
        head, dot, _ = name.partition(".")
        if dot and head and len(head) <= IDENTITY_LENGTH:
            return f"{head}."
    return ""
