"""What is fuzzed: everything that reads bytes of strangers, each as a function of those bytes.

The one rule: a target raises only when something is wrong with us; ProtocolError is how bad input is told.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from acs.config import CwmpSection
from acs.cwmp import auth, lightweight, stun, stun_server, udp_request
from acs.cwmp.envelope import Limits
from acs.cwmp.shapes import Shapes
from acs.cwmp.soap import Decoder, Envelope, decode, encode
from acs.errors import InvalidInput, ProtocolError
from acs.server.bodies import envelope_of
from acs.server.http import Connection, Shared
from acs.server.http_messages import Request
from acs.server.limits import Admission

LIMITS = Limits(max_bytes=200_000, max_elements=5_000, max_depth=20)
SHAPES = Shapes(LIMITS)
CONFIG = CwmpSection.model_validate({"limits": {"body_bytes": 200_000, "inflated_bytes": 400_000}})
HERE = stun.Endpoint("198.51.100.5", 3478)
THERE = stun.Endpoint("203.0.113.7", 40001)


def _outcome(read: Callable[[], Envelope | None]) -> tuple[Envelope | None, str]:
    """What reading gives: the envelope, or that it was refused."""
    try:
        return read(), ""
    except ProtocolError as error:
        return None, f"{error.status_hint} {error.fault_code}"


def codec(data: bytes) -> None:
    """A body is read the same at once, in pieces, and by its shape; what was read can be written and read again."""
    found = _outcome(lambda: decode(data, LIMITS))
    for _ in range(3):  # a shape is learned from the second of its kind
        shaped = _outcome(lambda: SHAPES.decode(data))
        assert shaped == found, (shaped, found)
    pieces = _outcome(lambda: _in_pieces(data))
    assert (pieces[0] is None) == (found[0] is None), (pieces, found)
    assert pieces[0] == found[0], (pieces, found)
    if found[0] is not None:
        try:
            again = encode(found[0])
        except InvalidInput:
            return
        assert decode(again) is not None


def _in_pieces(data: bytes) -> Envelope | None:
    decoder = Decoder(LIMITS)
    for at in range(0, len(data), 100):
        decoder.feed(data[at : at + 100])
    return decoder.finish()


class _Loop:
    """The parts of a loop that a connection uses; no time passes."""

    def time(self) -> float:
        return 0.0

    def call_later(self, _delay: float, _call: Callable[..., None], *_arguments: Any) -> None:
        return None


class _Transport:
    """A peer that takes everything."""

    def __init__(self) -> None:
        self.closed = False
        self.written = 0

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return ("192.0.2.1", 1)

    def write(self, data: bytes) -> None:
        assert data.startswith(b"HTTP/1.1 ")
        self.written += 1

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        return None

    resume_reading = pause_reading


def http(data: bytes) -> None:
    """A connection takes any bytes, cut anywhere, answers each request once, and keeps within its limits."""
    handled: list[Request] = []

    def handle(connection: Connection, request: Request) -> None:
        handled.append(request)
        try:
            coding = request.headers.get(b"content-encoding", b"")
            _run(envelope_of(request.body, coding, SHAPES))
        except ProtocolError as error:
            connection.respond(error.status_hint if error.status_hint in (200, 413, 415) else 400)
        else:
            connection.respond(204)

    shared = Shared(CONFIG.limits, Admission(CONFIG), handle, lambda _connection, _request: None)
    transport = _Transport()
    connection = Connection(shared, _Loop())  # type: ignore[arg-type] # as much of a loop as it needs
    connection.connection_made(transport)  # type: ignore[arg-type] # as much of a transport as it needs
    step = 1 + data[0] * 16 if data else 1
    for at in range(1, len(data), step):
        connection.data_received(data[at : at + step])
        if transport.closed:
            break
    connection.eof_received()
    connection.overdue(1e9)
    connection.connection_lost(None)
    assert not shared.open
    assert transport.written >= len(handled)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that only ever gives way."""
    try:
        while True:
            work.send(None)
    except StopIteration as done:
        return done.value


def stun_messages(data: bytes) -> None:
    """The STUN server answers or drops any datagram, and its answers can be read."""
    try:
        asked = stun_server.examine(data, THERE)
    except ProtocolError:
        return
    for secret, demand in ((None, False), (None, True), ("secret", True), ("secret", False)):
        verdict = stun_server.respond(asked, HERE, secret, demand_proof=demand)
        if verdict.answer is not None:
            stun.decode(verdict.answer.data)


def datagrams(data: bytes) -> None:
    """UDP connection requests and lightweight notifications are read or refused."""
    for parse in (udp_request.parse, lightweight.parse):
        try:
            parse(data)
        except ProtocolError:
            continue


def headers(data: bytes) -> None:
    """Authorization and WWW-Authenticate headers are read or refused."""
    text = data.decode("latin-1")
    response = auth.parse_authorization(text)
    if isinstance(response, auth.DigestResponse):
        auth.verify(response, "POST", "0" * 32)
    try:
        challenge = auth.parse_challenge(text)
    except ProtocolError:
        return
    auth.answer(challenge, "GET", "/x", "user", "secret", "cnonce")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "codec": codec,
    "http": http,
    "stun": stun_messages,
    "datagrams": datagrams,
    "headers": headers,
}
