"""Calls to CPEs: the GET of a connection request, to an address that was checked before.

The one rule: the connection goes to the checked address, whatever the name in the URL resolves to by then; no
redirect is followed, and nothing of the body is read.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError, ConnectionRefusedError, NoRouteError, TCPTimedOutError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IReactorTCP, IStreamClientEndpoint
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.client import URI, Agent, ResponseFailed, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from zope.interface import implementer  # type: ignore[import-untyped] # it ships no types

from acs.server.bridge import result_of
from acs.services.targets import Target
from acs.services.waking.methods import CallFailed, Reply, Result

#: Bytes of an answer that are read: status, headers and what of the body came along with them.
ANSWER_BYTES: Final = 262_144


class _Bounded(ProtocolWrapper):
    """Ends a connection that brings more than any answer needs: the parser would keep every header."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        self._received = getattr(self, "_received", 0) + len(data)
        if self._received > ANSWER_BYTES:
            self.abortConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call] # Twisted has no type here


@implementer(IStreamClientEndpoint)
class _BoundedEndpoint:
    """An endpoint whose connections are bounded."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def connect(self, factory: Any) -> Any:
        """Connect, and give the factory's own protocol."""
        wrapping = WrappingFactory(factory)  # type: ignore[no-untyped-call] # Twisted has no type here
        wrapping.protocol = _Bounded
        return self._endpoint.connect(wrapping).addCallback(lambda wrapper: wrapper.wrappedProtocol)


@implementer(IAgentEndpointFactory)
class _Pinned:
    """Leads every request of one Agent to one checked address."""

    def __init__(self, reactor: IReactorTCP, address: str, port: int, timeout_s: float) -> None:
        self._reactor = reactor
        self._address = address
        self._port = port
        self._timeout_s = timeout_s

    def endpointForURI(self, _uri: URI) -> IStreamClientEndpoint:
        """The checked address, whatever the URI says."""
        endpoint = TCP6ClientEndpoint if ip_address(self._address).version == 6 else TCP4ClientEndpoint
        bounded = _BoundedEndpoint(endpoint(self._reactor, self._address, self._port, timeout=self._timeout_s))
        return bounded  # type: ignore[return-value] # declared by zope


class TwistedCaller:
    """Performs connection requests on Twisted's HTTP client; `connect_timeout_s` is for the connection alone."""

    def __init__(self, reactor: IReactorTCP, connect_timeout_s: float = 3.0) -> None:
        self._reactor = reactor
        self._connect_timeout_s = connect_timeout_s

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a host.

        Raises:
            CallFailed: the name does not resolve.
        """
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label is empty or too long
            raise CallFailed(Result.FAILED, f"the name {host!r} does not resolve") from error
        return [str(entry[4][0]) for entry in found]

    async def get(self, address: str, target: Target, authorization: str | None) -> Reply:
        """GET the target at the checked address.

        Raises:
            CallFailed: no HTTP answer came; refused, timed out and broken off are told apart.
        """
        pinned = _Pinned(self._reactor, address, target.port, self._connect_timeout_s)
        agent = Agent.usingEndpointFactory(self._reactor, pinned)  # type: ignore[no-untyped-call] # Twisted has no type here
        host = f"[{target.host}]" if ":" in target.host else target.host
        url = f"http://{host}:{target.port}{target.uri}".encode("ascii")
        headers = Headers({b"User-Agent": [b"secondline"]})
        if authorization is not None:
            headers.addRawHeader(b"Authorization", authorization.encode("utf-8"))
        try:
            response = await result_of(agent.request(b"GET", url, headers))
        except ConnectionRefusedError as error:
            raise CallFailed(Result.REFUSED, "nothing listens there: the CPE is off or its URL is old") from error
        except (ConnectTimeoutError, TCPTimedOutError) as error:
            raise CallFailed(Result.TIMED_OUT, "no connection: the device is off, cut off, or behind NAT") from error
        except NoRouteError as error:
            raise CallFailed(Result.NO_ROUTE, "the network knows no way there; look at the server's routes") from error
        except ConnectError as error:
            raise CallFailed(Result.TIMED_OUT, f"no way there: {error}") from error
        except (ResponseNeverReceived, ResponseFailed) as error:
            raise CallFailed(Result.CLOSED, "the CPE closed the connection instead of an answer") from error
        return _reply(response)


def _reply(response: IResponse) -> Reply:
    """Status and challenge; the rest of the response is not waited for."""
    challenges = response.headers.getRawHeaders(b"WWW-Authenticate", [])
    response._transport.loseConnection()  # the body is not wanted, and IResponse has no public way to say so
    challenge = b", ".join(challenges).decode("latin-1") if challenges else None
    return Reply(response.code, challenge)
