"""The words of connection requests: methods, results, and what the server room must offer to make them.

The one rule: every result has a stable code; the explanation beside it is for a person, and never holds a secret.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from acs.cwmp.stun import Endpoint
from acs.services.targets import Target
from acs.store.records import OperationStep, StepName


class Method(StrEnum):
    """A way to wake a CPE."""

    #: GET of the ConnectionRequestURL (TR-069 §3.2.2)
    HTTP = "http"
    #: a signed datagram through the NAT binding that STUN keeps open (Annex G)
    UDP = "udp"
    #: an IQ through an XMPP server (Annex K)
    XMPP = "xmpp"


class Result(StrEnum):
    """How a connection request ended."""

    #: the CPE will open a session within 30 s, or has opened one
    ACCEPTED = "accepted"
    #: 401 to right-looking credentials: the CPE has others
    UNAUTHORIZED = "unauthorized"
    #: 503: the CPE is in a session or limits the rate
    BUSY = "busy"
    #: nothing listens at the URL
    REFUSED = "refused"
    #: no answer in time: off, or cut off
    TIMED_OUT = "timed_out"
    #: the network knows no way to the address
    NO_ROUTE = "no_route"
    #: the address that the CPE told is one behind a NAT, which nobody outside can call
    NAT = "nat"
    #: 404: the URL is an old one
    NOT_FOUND = "not_found"
    #: a redirect, which is never followed
    REDIRECTED = "redirected"
    #: the CPE closed the connection instead of an answer
    CLOSED = "closed"
    #: a datagram has no answer, and no session came
    UNANSWERED = "unanswered"
    #: the CPE is not connected to the XMPP server, or refuses to answer there
    OFFLINE = "offline"
    #: the server itself is not connected to the XMPP server
    NO_XMPP = "no_xmpp"
    #: the device never told how it can be called
    NO_URL = "no_url"
    #: the address leads where the configuration does not allow a call
    NOT_ALLOWED = "not_allowed"
    #: the device was called as often as it may be
    LIMITED = "limited"
    #: the device accepted a request a moment ago; its session is on its way
    AWAITED = "awaited"
    #: the CPE accepted and opened no session in time
    NO_SESSION = "no_session"
    #: an answer that is none of the above
    FAILED = "failed"


#: Results after which another method is no use now: the CPE is there, and coming or busy.
SETTLED = frozenset({Result.ACCEPTED, Result.AWAITED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try and what came of it, in words for the engineer. `answer` is what came back, such as "503"."""

    result: Result
    explanation: str
    method: Method | None = None
    target: str = ""
    answer: str = ""
    duration_ms: int = 0

    @property
    def line(self) -> str:
        """The try in one line, as a step of an operation tells it: method, code, time, explanation."""
        return f"{self.method or 'none'} {self.result} {self.duration_ms} ms: {self.explanation}"


#: Steps whose detail is the line of an attempt.
_TOLD = frozenset(
    {
        StepName.CONNECTION_REQUEST_TRIED,
        StepName.CONNECTION_REQUEST_FAILED,
        StepName.CONNECTION_REQUEST_ACCEPTED,
    }
)


def code_of(step: OperationStep) -> str:
    """The result's code in a step that tells of a connection request; empty for every other step."""
    words = step.detail.split(" ", 2)
    return words[1] if step.name in _TOLD and len(words) == 3 and words[1] in set(Result) else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, and the challenge of a 401."""

    status: int
    challenge: str | None = None


class CallFailed(Exception):
    """No answer came. `result` says which kind of failure it was."""

    def __init__(self, result: Result, message: str) -> None:
        super().__init__(message)
        self.result = result


class Caller(Protocol):
    """Performs the GET; lives in the server room, because it opens sockets."""

    def resolve(self, host: str) -> Awaitable[Sequence[str]]:
        """The addresses of a host name; an address literal gives itself."""

    def get(self, address: str, target: Target, authorization: str | None) -> Awaitable[Reply]:
        """GET the target at a checked address, following no redirect.

        Raises:
            CallFailed: no HTTP answer came.
        """


class Datagrams(Protocol):
    """Sends datagrams from the socket of the STUN server."""

    def send(self, datagram: bytes, to: Endpoint) -> Awaitable[None]:
        """Send one, from here or through the process that owns the socket.

        Raises:
            CallFailed: it cannot be sent.
        """


@dataclass(frozen=True, slots=True)
class XmppReply:
    """What a CPE answered to an IQ: "result", or the condition of an error. `repeated`: it carried our query again."""

    condition: str
    repeated: bool = False


class Messenger(Protocol):
    """Asks CPEs through an XMPP server."""

    @property
    def connected(self) -> bool:
        """Whether the server is connected to the XMPP server."""

    def ask(self, jid: str, username: str, password: str, timeout_s: float) -> Awaitable[XmppReply]:
        """Send the connection request and give the answer.

        Raises:
            CallFailed: no answer came, or there is no connection to the XMPP server.
        """

    def make_account(self, name: str, password: str) -> Awaitable[None]:
        """Make an account for a CPE, or give it this password, as the XMPP server's administrator.

        Raises:
            CallFailed: the XMPP server refused, or there is no connection to it.
        """
