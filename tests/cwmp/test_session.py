"""Any walk through the session table stays legal, at both ends at once, and a stored session is the same session."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.cwmp.messages import (
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Inform,
    InformResponse,
    Message,
    Reboot,
    RebootResponse,
    SoapFault,
    TransferComplete,
    TransferCompleteResponse,
)
from acs.cwmp.quirks import Quirk
from acs.cwmp.session import CPE_STEPS, TRANSITIONS, Role, Session, State
from acs.cwmp.soap import NS_1_0, NS_1_2, Envelope, decode, encode
from acs.cwmp.structs import DeviceId
from acs.errors import ProtocolError

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
DEVICE = DeviceId("ACME", "001122", "Set-Top-Box", "S 1")
INFORM = Inform(DEVICE)
MESSAGES: tuple[Message | None, ...] = (
    None,
    INFORM,
    InformResponse(),
    TransferComplete("k"),
    TransferCompleteResponse(),
    GetRPCMethods(),
    GetRPCMethodsResponse(("Inform",)),
    GetParameterValues(("Device.",)),
    GetParameterValuesResponse(),
    Reboot("k"),
    RebootResponse(),
    SoapFault(9001, "no", "Server"),
    SoapFault(8005, "again", "Server"),
    SoapFault(8003, "no", "Client"),
)


def acs() -> Session:
    return Session.new("s1", Role.ACS, NOW)


def cpe() -> Session:
    return Session.new("s1", Role.CPE, NOW)


def turned() -> Session:
    """An ACS session in which the CPE has handed over the turn."""
    return acs().receive(INFORM).send(InformResponse()).receive(None)


def test_every_state_and_step_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    for steps in TRANSITIONS.values():
        assert set(steps) <= CPE_STEPS or not set(steps) & CPE_STEPS, "only one end speaks in a state"


def test_every_state_can_be_reached_and_every_one_but_the_end_can_be_left() -> None:
    reached = {State.OPENING}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(State)
    assert [state for state, steps in TRANSITIONS.items() if not steps] == [State.ENDED]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(MESSAGES)), max_size=40))
def test_any_walk_stays_legal_at_both_ends(moves: list[tuple[bool, Message | None]]) -> None:
    ends = {Role.ACS: acs(), Role.CPE: cpe()}
    for by_cpe, message in moves:
        sender, receiver = (Role.CPE, Role.ACS) if by_cpe else (Role.ACS, Role.CPE)
        before = ends[sender].state
        try:
            sent = ends[sender].send(message, envelope_id="i", operation=None)
        except ProtocolError:
            with pytest.raises(ProtocolError):
                ends[receiver].receive(message, envelope_id="i")
            continue
        received = ends[receiver].receive(message, envelope_id="i", strict_id=True)
        assert sent.state is received.state
        assert sent.state in TRANSITIONS[before].values()
        assert sent.outstanding == received.outstanding
        assert (sent.outstanding is None) == (sent.state not in (State.INFORMED, State.CPE_ASKED, State.ACS_ASKED))
        ends = {sender: sent, receiver: received}
        for end in ends.values():
            assert Session.from_bytes(end.to_bytes()) == end


@settings(deadline=None)
@given(st.sampled_from(State), st.sampled_from(Role), st.none() | st.text(max_size=5), st.booleans())
def test_a_stored_session_comes_back_equal_in_every_state(
    state: State, role: Role, text: str | None, held: bool
) -> None:
    session = Session("id", role, state, NOW, None, NS_1_2, text, None, 60 if held else None, held, 7)
    assert Session.from_bytes(session.to_bytes()) == session


def test_a_whole_session_as_in_the_standard() -> None:
    session = acs().receive_envelope(
        Envelope(INFORM, "1", NS_1_2, session_timeout_s=60, supported_versions=("1.0", "1.4"))
    )
    assert (session.device, session.version, session.namespace) == ("001122-Set%2DTop%2DBox-S%201", "1.4", NS_1_2)
    assert session.session_timeout_s == 60
    session = session.send(InformResponse(), envelope_id="1")
    session = session.receive(TransferComplete("k"), envelope_id="2").send(TransferCompleteResponse(), envelope_id="2")
    session = session.receive(None)
    assert session.state is State.ACS_TURN
    session = session.send(GetParameterValues(("Device.",)), operation="op1", envelope_id=session.next_envelope_id)
    assert session.outstanding is not None
    assert (session.outstanding.rpc, session.outstanding.operation) == ("GetParameterValues", "op1")
    session = session.receive(GetParameterValuesResponse(), envelope_id="null")
    session = session.send(Reboot("k"), operation="op2").receive(SoapFault(9001)).send(None)
    assert session.complete
    assert session.end().state is State.ENDED


def test_after_204_the_cpe_may_still_ask_and_hand_over_again() -> None:
    session = turned().send(None)
    assert session.complete
    assert session.receive(None).send(None).complete, "extra empty POSTs are answered with 204"
    asked = session.receive(TransferComplete("k"))
    assert not asked.complete
    assert asked.send(TransferCompleteResponse()).receive(None).send(None).complete


def test_request_before_inform_is_refused() -> None:
    with pytest.raises(ProtocolError, match="begins with an Inform") as caught:
        acs().receive(TransferComplete("k"))
    assert caught.value.fault_code == 8003


@pytest.mark.parametrize("session", [turned(), acs().receive(INFORM), turned().send(None), turned().send(Reboot())])
def test_an_inform_inside_a_session_opens_another(session: Session) -> None:
    with pytest.raises(ProtocolError, match="a session of its own"):
        session.receive(INFORM)


def test_the_acs_asks_only_when_it_has_the_turn() -> None:
    for session in (
        acs(),
        acs().receive(INFORM),
        acs().receive(INFORM).send(InformResponse()),
        turned().send(Reboot()),
    ):
        with pytest.raises(ProtocolError):
            session.send(Reboot("k"))


def test_an_answer_must_be_to_what_was_asked() -> None:
    session = turned().send(Reboot("k"), envelope_id="7")
    with pytest.raises(ProtocolError, match="no answer to Reboot"):
        session.receive(GetParameterValuesResponse())
    with pytest.raises(ProtocolError, match="'8'"):
        session.receive(RebootResponse(), envelope_id="8", strict_id=True)
    assert session.receive(RebootResponse(), envelope_id="8").state is State.ACS_TURN


def test_an_empty_answer_is_taken_only_from_a_device_with_the_quirk() -> None:
    session = turned().send(Reboot("k"))
    with pytest.raises(ProtocolError):
        session.receive(None)
    assert session.receive(None, quirks=frozenset({Quirk.EMPTY_ANSWER})).state is State.ACS_TURN


def test_retry_lets_the_cpe_send_the_same_again() -> None:
    retry = SoapFault(8005, "Retry request", "Server")
    assert acs().receive(INFORM).send(retry).receive(INFORM).send(InformResponse()).state is State.CPE_TURN
    assert acs().receive(INFORM).send(SoapFault(8004)).state is State.ENDED
    session = acs().receive(INFORM).send(InformResponse()).receive(TransferComplete("k")).send(retry)
    assert session.receive(TransferComplete("k")).state is State.CPE_ASKED


def test_a_cpe_that_is_held_sends_no_request() -> None:
    session = cpe().send_envelope(Envelope(INFORM, "1"))
    session = session.receive_envelope(Envelope(InformResponse(), "1", hold_requests=True))
    with pytest.raises(ProtocolError, match="holds requests"):
        session.send(TransferComplete("k"))
    session = session.send(None).receive_envelope(Envelope(GetRPCMethods(), "2"))
    assert not session.held


def test_an_rpc_of_the_other_end_is_refused() -> None:
    with pytest.raises(ProtocolError) as caught:
        acs().receive(INFORM).send(InformResponse()).receive(Reboot("k"))
    assert caught.value.fault_code == 8000
    with pytest.raises(ProtocolError):
        turned().send(TransferComplete("k"))


def test_no_common_version_and_no_serial_number_are_faults() -> None:
    with pytest.raises(ProtocolError) as caught:
        acs().receive_envelope(Envelope(INFORM, "1", NS_1_0, supported_versions=("2.0",)))
    assert (caught.value.fault_code, caught.value.status_hint) == (8006, 200)
    with pytest.raises(ProtocolError) as caught:
        acs().receive_envelope(Envelope(Inform(), "1"))
    assert caught.value.fault_code == 8003


def test_both_ends_over_the_wire() -> None:
    us, them = acs(), cpe()
    opening = Envelope(INFORM, "1", NS_1_2)
    them = them.send_envelope(opening)
    us = us.receive_envelope(decode(encode(opening)))
    answer = Envelope(InformResponse(), "1", us.namespace)
    us, them = us.send_envelope(answer), them.receive_envelope(decode(encode(answer)))
    us, them = us.receive_envelope(None), them.send_envelope(None)
    us, them = us.send_envelope(None), them.receive_envelope(None)
    assert us.state is them.state is State.GRACE
    assert us.device == them.device
