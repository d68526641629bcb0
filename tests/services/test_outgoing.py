"""Why another system was not reached is told with its address and what to do."""

import socket
from ipaddress import ip_network

import httpx
import pytest

from acs.services.deliveries import Fault, NotTaken
from acs.services.outgoing import Outgoing


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (httpx.ConnectError("All connection attempts failed"), "nobody answers at 127.0.0.1:9 "),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] expired"), "TLS with 127.0.0.1:9 failed "),
        (httpx.RemoteProtocolError("Server disconnected"), "127.0.0.1:9 broke off: RemoteProtocolError: "),
        (socket.gaierror(-2, "Name or service not known"), "there is no host 127.0.0.1 "),
        (TimeoutError(), "no answer within 5 s from 127.0.0.1:9"),
    ],
    ids=["refused", "tls", "broken-off", "no-name", "slow"],
)
async def test_who_was_not_reached_and_where_to_look(error: Exception, told: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    outgoing = Outgoing([ip_network("127.0.0.0/8")], transport=httpx.MockTransport(fail))
    with pytest.raises(NotTaken) as caught:
        await outgoing.call("GET", "http://127.0.0.1:9/x", timeout_s=5)
    assert str(caught.value).startswith(told)
    assert caught.value.fault is Fault.AWAY


async def test_our_own_machine_is_called_only_where_it_is_listed() -> None:
    with pytest.raises(NotTaken) as caught:
        await Outgoing([], key="tmf.plain_networks").call("GET", "http://127.0.0.1:9/x")
    assert str(caught.value) == '127.0.0.1 is this very machine; add "127.0.0.1" to tmf.plain_networks'
    assert caught.value.fault is Fault.LATER
