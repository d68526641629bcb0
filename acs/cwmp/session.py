"""Who may send what when: one table of the conversation, for both ends of it.

The one rule: a Session changes only by a row of TRANSITIONS. It is a small frozen value that any process can store and
take up again; a CPE that comes back on another connection goes on where it was. (A named tuple, not a dataclass: what a
session makes by the half dozen costs a seventh so; see docs/decisions/0300.)

    OPENING --Inform--> INFORMED --InformResponse--> CPE_TURN --empty--> ACS_TURN --204--> GRACE
                                                      |    ^              |    ^             |
                                          CPE request v    | answer       v    | answer      | CPE request, empty
                                                     CPE_ASKED          ACS_ASKED            v as from CPE_TURN

Source: TR-069 Amendment 6, §3.7.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from acs.cwmp.envelope import NS_1_0, Envelope
from acs.cwmp.identity import DeviceKey, device_key
from acs.cwmp.messages import ACS_REQUESTS, CPE_REQUESTS, GetRPCMethods, Inform, Message, SoapFault, rpc_name
from acs.cwmp.quirks import NO_QUIRKS, Quirk
from acs.cwmp.versions import negotiate
from acs.errors import ProtocolError


class Role(StrEnum):
    """Which end of the conversation we are."""

    #: The auto-configuration server.
    ACS = "acs"
    #: The device (the simulator and the tests).
    CPE = "cpe"


class State(StrEnum):
    """Where the conversation is."""

    #: Nothing was said yet: only an Inform may come.
    OPENING = "opening"
    #: An Inform waits for its answer.
    INFORMED = "informed"
    #: The CPE may send its own requests, or hand over the turn with an empty POST.
    CPE_TURN = "cpe_turn"
    #: A request of the CPE waits for its answer.
    CPE_ASKED = "cpe_asked"
    #: The ACS may send a request, or end with 204.
    ACS_TURN = "acs_turn"
    #: A request of the ACS waits for its answer.
    ACS_ASKED = "acs_asked"
    #: 204 was sent: complete, but a CPE may still send a request of its own.
    GRACE = "grace"
    #: Over.
    ENDED = "ended"


class Step(StrEnum):
    """What travels, by who sends it."""

    #: CPE: opens the session.
    INFORM = "inform"
    #: CPE: a request of its own.
    CPE_REQUEST = "cpe_request"
    #: CPE: the response or fault to a request of the ACS.
    CPE_ANSWER = "cpe_answer"
    #: CPE: a POST without a message.
    CPE_EMPTY = "cpe_empty"
    #: CPE: the same in place of an answer, where the device's quirk `empty_answer` allows it.
    CPE_NO_ANSWER = "cpe_no_answer"
    #: ACS: a request.
    ACS_REQUEST = "acs_request"
    #: ACS: the response to the request of the CPE.
    ACS_ANSWER = "acs_answer"
    #: ACS: a fault to the request of the CPE.
    ACS_FAULT = "acs_fault"
    #: ACS: fault 8005, upon which the CPE sends the same request again.
    ACS_RETRY = "acs_retry"
    #: ACS: 204.
    ACS_EMPTY = "acs_empty"


CPE_STEPS: Final = frozenset({Step.INFORM, Step.CPE_REQUEST, Step.CPE_ANSWER, Step.CPE_EMPTY, Step.CPE_NO_ANSWER})

#: State → what may happen → the state after it. Everything else breaks the protocol.
TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = MappingProxyType(
    {
        State.OPENING: {Step.INFORM: State.INFORMED},
        State.INFORMED: {
            Step.ACS_ANSWER: State.CPE_TURN,
            Step.ACS_RETRY: State.OPENING,
            Step.ACS_FAULT: State.ENDED,
        },
        State.CPE_TURN: {Step.CPE_REQUEST: State.CPE_ASKED, Step.CPE_EMPTY: State.ACS_TURN},
        State.CPE_ASKED: {
            Step.ACS_ANSWER: State.CPE_TURN,
            Step.ACS_RETRY: State.CPE_TURN,
            Step.ACS_FAULT: State.CPE_TURN,
        },
        State.ACS_TURN: {Step.ACS_REQUEST: State.ACS_ASKED, Step.ACS_EMPTY: State.GRACE},
        State.ACS_ASKED: {Step.CPE_ANSWER: State.ACS_TURN, Step.CPE_NO_ANSWER: State.ACS_TURN},
        State.GRACE: {Step.CPE_REQUEST: State.CPE_ASKED, Step.CPE_EMPTY: State.ACS_TURN},
        State.ENDED: {},
    }
)

_RETRY_REQUEST = 8005
_ASKING = frozenset({Step.INFORM, Step.CPE_REQUEST, Step.ACS_REQUEST})
_ACS_REQUEST_NAMES = frozenset(cls.__name__ for cls in ACS_REQUESTS)
_CPE_REQUEST_NAMES = frozenset(cls.__name__ for cls in CPE_REQUESTS)


class Outstanding(NamedTuple):
    """The request that waits for its answer; in INFORMED and CPE_ASKED the CPE's, in ACS_ASKED the ACS's."""

    rpc: str
    envelope_id: str | None = None
    #: The operation that the ACS's request serves.
    operation: str | None = None


class Session(NamedTuple):
    """One session, Inform to 204, as a value. `device` and `version` are None until the Inform."""

    id: str
    role: Role
    state: State
    opened_at: datetime
    device: DeviceKey | None = None
    namespace: str = NS_1_0
    version: str | None = None
    outstanding: Outstanding | None = None
    #: How long the CPE waits between POST and answer, when it said so.
    session_timeout_s: int | None = None
    #: Whether the ACS holds the CPE's own requests back.
    held: bool = False
    #: Messages and empty POSTs in both directions so far.
    steps: int = 0

    @classmethod
    def new(cls, id: str, role: Role, now: datetime) -> "Session":
        """A session in which nothing was said yet. `id` is minted by the caller, `now` is aware UTC."""
        return cls(id, role, State.OPENING, now)

    @property
    def complete(self) -> bool:
        """Whether the session ended well: 204 was sent and nothing is outstanding."""
        return self.state is State.GRACE

    @property
    def next_envelope_id(self) -> str:
        """An envelope id for our next request, unique in the session."""
        return f"{self.id[:24]}-{self.steps}"

    def receive(
        self,
        message: Message | None,
        *,
        envelope_id: str | None = None,
        strict_id: bool = False,
        quirks: frozenset[Quirk] = NO_QUIRKS,
    ) -> "Session":
        """The session after the peer's message, or its empty POST or 204 (None).

        An answer is matched by its name and by the order of things; `strict_id` demands the right id too, which real
        CPEs do not always give. An Inform inside a session is refused: it opens a new one, which is the caller's. Of
        the device's quirks, `empty_answer` lets an empty POST stand for the refusal of our request.

        Raises:
            ProtocolError: the peer may not send this now.
        """
        step = self._step(message, sending=False)
        if step is Step.CPE_EMPTY and self.state is State.ACS_ASKED and Quirk.EMPTY_ANSWER in quirks:
            step = Step.CPE_NO_ANSWER
        return self._advance(step, message, envelope_id, strict_id=strict_id)

    def send(
        self, message: Message | None, *, operation: str | None = None, envelope_id: str | None = None
    ) -> "Session":
        """The session after we sent a message, or an empty POST or 204 (None).

        Raises:
            ProtocolError: we may not send this now.
        """
        step = self._step(message, sending=True)
        if self.role is Role.CPE and step is Step.CPE_REQUEST and self.held:
            raise ProtocolError("the ACS holds requests: the CPE may send only an empty POST or an answer now")
        return self._advance(step, message, envelope_id, operation)

    def receive_envelope(
        self, envelope: Envelope | None, *, strict_id: bool = False, quirks: frozenset[Quirk] = NO_QUIRKS
    ) -> "Session":
        """Like `receive`, and takes device, namespace, version, time limit and hold from the headers.

        Raises:
            ProtocolError: the peer may not send this now, or (fault 8006) there is no common CWMP version.
        """
        if envelope is None:
            return self.receive(None, quirks=quirks)
        after = self.receive(envelope.message, envelope_id=envelope.id, strict_id=strict_id)
        if isinstance(envelope.message, Inform):
            return after._informed(envelope, envelope.message)
        if self.role is Role.CPE:
            return after._replace(held=envelope.hold_requests)
        return after

    def send_envelope(self, envelope: Envelope | None, *, operation: str | None = None) -> "Session":
        """Like `send`, with the headers of an envelope."""
        if envelope is None:
            return self.send(None)
        after = self.send(envelope.message, operation=operation, envelope_id=envelope.id)
        if isinstance(envelope.message, Inform):
            return after._informed(envelope, envelope.message)
        if self.role is Role.ACS and after.held is not envelope.hold_requests:
            return after._replace(held=envelope.hold_requests)
        return after

    def end(self) -> "Session":
        """The session, over: nothing may be sent or received any more."""
        return self._replace(state=State.ENDED, outstanding=None)

    def to_bytes(self) -> bytes:
        """The stored form; `from_bytes` gives an equal session."""
        asked = self.outstanding._asdict() if self.outstanding is not None else None
        form = self._asdict() | {"opened_at": self.opened_at.isoformat(), "outstanding": asked}
        return json.dumps(form, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Session":
        """The session that `to_bytes` stored."""
        fields = json.loads(stored)
        fields["role"] = Role(fields["role"])
        fields["state"] = State(fields["state"])
        fields["opened_at"] = datetime.fromisoformat(fields["opened_at"])
        if fields["outstanding"] is not None:
            fields["outstanding"] = Outstanding(**fields["outstanding"])
        return cls(**fields)

    def _step(self, message: Message | None, *, sending: bool) -> Step:
        return _step(message, by_cpe=sending is (self.role is Role.CPE))

    def _advance(
        self,
        step: Step,
        message: Message | None,
        envelope_id: str | None,
        operation: str | None = None,
        *,
        strict_id: bool = False,
    ) -> "Session":
        state = TRANSITIONS[self.state].get(step)
        if state is None:
            raise ProtocolError(
                self._complaint(step, rpc_name(message)), fault_code=8003 if message is not None else None
            )
        said = Outstanding(rpc_name(message), envelope_id, operation) if message is not None else None
        if said is not None and step not in _ASKING:
            self._match(said, strict_id=strict_id)
            said = None
        # Written out: `_replace` costs four times as much, and every session comes here four times.
        return Session(
            self.id,
            self.role,
            state,
            self.opened_at,
            self.device,
            self.namespace,
            self.version,
            said,
            self.session_timeout_s,
            self.held,
            self.steps + 1,
        )

    def _match(self, said: Outstanding, *, strict_id: bool) -> None:
        asked = self.outstanding
        assert asked is not None
        if said.rpc not in ("Fault", f"{asked.rpc}Response"):
            raise ProtocolError(f"{said.rpc} is no answer to {asked.rpc}, which waits for one")
        if strict_id and said.envelope_id != asked.envelope_id:
            raise ProtocolError(
                f"{said.rpc} has id {said.envelope_id!r}; {asked.rpc} was sent with {asked.envelope_id!r}"
            )

    def _complaint(self, step: Step, what: str) -> str:
        if step is Step.INFORM:
            return f"session {self.id} is {self.state}: an Inform opens a session of its own"
        if self.state is State.OPENING:
            return f"{what} before an Inform: a session begins with an Inform"
        allowed = ", ".join(TRANSITIONS[self.state]) or "nothing"
        return f"{what} ({step}) in state {self.state} of session {self.id}; now may come: {allowed}"

    def _informed(self, envelope: Envelope, inform: Inform) -> "Session":
        if not inform.device_id.serial_number:
            raise ProtocolError("the Inform names no serial number", status_hint=200, fault_code=8003)
        negotiated = negotiate(
            envelope.namespace,
            envelope.supported_versions,
            has_session_timeout=envelope.session_timeout_s is not None,
        )
        if negotiated is None:
            offered = ", ".join(envelope.supported_versions)
            raise ProtocolError(f"no common CWMP version: the CPE offers {offered}", status_hint=200, fault_code=8006)
        return Session(
            self.id,
            self.role,
            self.state,
            self.opened_at,
            device_key(inform.device_id),
            envelope.namespace,
            negotiated.version,
            self.outstanding,
            envelope.session_timeout_s,
            self.held,
            self.steps,
        )


def _step(message: Message | None, *, by_cpe: bool) -> Step:
    """What a message is when this end sends it."""
    if message is None:
        return Step.CPE_EMPTY if by_cpe else Step.ACS_EMPTY
    if isinstance(message, SoapFault):
        if by_cpe:
            return Step.CPE_ANSWER
        return Step.ACS_RETRY if message.fault_code == _RETRY_REQUEST else Step.ACS_FAULT
    if isinstance(message, Inform) and by_cpe:
        return Step.INFORM
    name = rpc_name(message)
    if name in (_CPE_REQUEST_NAMES if by_cpe else _ACS_REQUEST_NAMES):
        return Step.CPE_REQUEST if by_cpe else Step.ACS_REQUEST
    if isinstance(message, GetRPCMethods) or not name.endswith("Response"):
        side = "a CPE" if by_cpe else "an ACS"
        raise ProtocolError(f"{name} is not an RPC that {side} may send", fault_code=8000 if by_cpe else None)
    return Step.CPE_ANSWER if by_cpe else Step.ACS_ANSWER
